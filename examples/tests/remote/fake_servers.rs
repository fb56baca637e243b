//! fake_servers, as a script in any language meets them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use calsync_google::fake::FakeGoogle;
use calsync_outlook::fake::FakeOutlook;
use serde_json::{Value, json};

use crate::connect::{Waiting, browse};
use crate::desk::{ANNA, Desk, EVE, MIA, at_server, program, secret_variable};
use crate::services::Service;

/// fake_servers, and what they told.
struct Served {
    program: Child,
    told: Value,
}

impl Served {
    fn with(options: &[&str]) -> Self {
        let mut command = Command::new(program("fake_servers"));
        command.args(["--google-port", "0", "--outlook-port", "0", "--print-tokens"]);
        for user in [ANNA, EVE, MIA] {
            command.args(["--user", user]);
        }
        let mut program = command.args(options).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { program, told: serde_json::from_str(&line).unwrap() }
    }

    fn url<S: Service>(&self) -> &str {
        self.told[S::KIND]["url"].as_str().unwrap()
    }

    /// The user's row: `email`, `access_token`, `refresh_token`.
    fn user<S: Service>(&self, email: &str) -> &Value {
        let users = self.told[S::KIND]["users"].as_array().unwrap();
        users.iter().find(|user| user["email"] == email).unwrap()
    }

    /// What the API answers to a GET.
    fn get<S: Service>(&self, email: &str, path: &str) -> (u16, Value) {
        let token = self.user::<S>(email)["access_token"].as_str().unwrap();
        let head = format!("GET {}{path} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n", S::API);
        exchange(self.url::<S>(), &head, "")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }
}

/// Status and JSON of an answer to that request.
fn exchange(url: &str, head: &str, body: &str) -> (u16, Value) {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    write!(stream, "{head}Host: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// Both at once, with every second answer to an insert lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_in_another_process_delivers_to_both() {
    let served = Served::with(&["--drop-after-insert", "2"]);
    let mut desk = Desk::<FakeGoogle>::new().await;
    for (profile, kind, email) in [(0, "google", ANNA), (1, "outlook", EVE), (2, "outlook", MIA)] {
        let user = match kind {
            "google" => served.user::<FakeGoogle>(email),
            _ => served.user::<FakeOutlook>(email),
        };
        let row = &mut desk.world["profiles"][profile];
        row["calendar_provider"] = json!(kind);
        row["calendar_access_token"] = user["access_token"].clone();
        row["calendar_refresh_token"] = user["refresh_token"].clone();
    }
    let run = || {
        let mut command = desk.program("quickstart");
        command.args(["--attempts", "1", "--retry"]);
        command.args(at_server::<FakeGoogle>(served.url::<FakeGoogle>()));
        command.args(at_server::<FakeOutlook>(served.url::<FakeOutlook>()));
        command.env(secret_variable::<FakeOutlook>(), FakeOutlook::CLIENT_SECRET);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, printed) = run();
    assert!(code == Some(3) && printed.contains("failed"), "{printed}");
    let delivered = (0..5).any(|_| run().0 == Some(0));
    assert!(delivered && run().1.contains("nothing to do"));
    let (status, events) = served.get::<FakeGoogle>(ANNA, "/calendars/primary/events");
    assert_eq!((status, events["items"].as_array().unwrap().len()), (200, 3));
    for email in [EVE, MIA] {
        let (status, events) = served.get::<FakeOutlook>(email, "/me/events");
        assert_eq!((status, events["value"].as_array().unwrap().len()), (200, 3), "{email}");
    }
}

with_each_service! {
    the_consent_page_is_passed_over
    limits_and_lives_are_as_asked_for
}

/// A browser that only follows redirects gets there, as the first user.
async fn the_consent_page_is_passed_over<S: Service>() {
    let served = Served::with(&["--auto-consent"]);
    let desk = Desk::<S>::new().await;
    let mut command = desk.program(&format!("connect_{}", S::KIND));
    command.args(["--client", S::CLIENT_ID, "--profile", "1"]);
    command.args([&format!("--{}-url", S::KIND), served.url::<S>()]);
    let waiting = Waiting::of(command);
    let answer = browse(&waiting.page);
    let location = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    assert!(browse(location).contains("Connected."));
    let (code, out, error) = waiting.end();
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("(primary)"), "{out}");
}

async fn limits_and_lives_are_as_asked_for<S: Service>() {
    let served = Served::with(&["--per-minute", "1", "--token-life", "7"]);
    // Ten a minute together where ten minutes are counted.
    let statuses: Vec<u16> = (0..11).map(|_| served.get::<S>(ANNA, S::CALENDARS).0).collect();
    let allowed = if S::KIND == "outlook" { 10 } else { 1 };
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), allowed, "{statuses:?}");

    let user = served.user::<S>(ANNA);
    let form = format!(
        "grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={}",
        S::CLIENT_ID,
        S::CLIENT_SECRET,
        user["refresh_token"].as_str().unwrap()
    );
    let head =
        format!("POST {} HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n", S::TOKEN_PATH);
    let (status, tokens) = exchange(served.url::<S>(), &head, &form);
    assert_eq!((status, &tokens["expires_in"]), (200, &json!(7)), "{tokens}");
}
