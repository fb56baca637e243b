//! connect_google, with a test that plays the browser.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use calsync_google::fake::{Decision, FakeGoogle};
use serde_json::json;

use crate::desk::{ANNA, Desk};

/// connect_google, waiting for the browser.
struct Waiting {
    program: Child,
    out: BufReader<std::process::ChildStdout>,
    page: String,
}

impl Desk {
    /// Anna is to connect: she has no tokens yet.
    async fn without_annas() -> Self {
        let mut desk = Self::new().await;
        desk.world["profiles"][0]["calendar_access_token"] = json!(null);
        desk.world["profiles"][0]["calendar_refresh_token"] = json!(null);
        desk
    }

    fn connect_google(&self, options: &[&str]) -> std::process::Command {
        let mut command = self.program("connect_google");
        command.args([
            "--client",
            FakeGoogle::CLIENT_ID,
            "--google-url",
            self.server.base_url(),
            "--profile",
            "1",
        ]);
        command.args(options);
        command
    }

    /// Starts it, and waits for the page's URL.
    fn connect(&self) -> Waiting {
        let mut command = self.connect_google(&[]);
        let mut program = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(program.stdout.take().unwrap());
        let mut page = String::new();
        while !page.trim().starts_with("http") {
            page.clear();
            assert_ne!(out.read_line(&mut page).unwrap(), 0, "it ended before it gave a page");
        }
        Waiting { program, out, page: page.trim().to_owned() }
    }
}

impl Waiting {
    /// Decides on the page, and follows the redirect.
    fn decide(&self, google: &FakeGoogle, decision: &Decision) -> String {
        browse(&google.consent(&self.page, ANNA, decision).unwrap())
    }

    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut error) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        self.program.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        (self.program.wait().unwrap().code(), out, error)
    }
}

/// What a browser gets from that URL on loopback.
fn browse(url: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    let at = rest.find(['/', '?']).unwrap();
    let (host, target) = rest.split_at(at);
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Where the page sends people back to.
fn redirect_of(page: &str) -> String {
    let at = page.find("redirect_uri=").unwrap() + "redirect_uri=".len();
    let encoded = page[at..].split('&').next().unwrap();
    encoded.replace("%3A", ":").replace("%2F", "/")
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_connects_and_the_next_run_uses_it() {
    let desk = Desk::without_annas().await;
    let (code, printed) = desk.run();
    assert!(code == Some(3) && printed.contains("Anna (customer): waiting"), "{printed}");

    let waiting = desk.connect();
    // Browsers open connections ahead, and ask for things that are not here.
    let host = redirect_of(&waiting.page);
    let _idle = TcpStream::connect(host.strip_prefix("http://").unwrap().trim_end_matches('/')).unwrap();
    assert!(browse(&format!("{}/favicon.ico", host.trim_end_matches('/'))).starts_with("HTTP/1.1 404"));
    let page = waiting.decide(&desk.google, &Decision::Allow);
    assert!(page.contains("Connected."), "{page}");
    let (code, out, error) = waiting.end();
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains(&format!("{ANNA}  {ANNA} (primary)")), "{out}");
    assert!(out.contains("cargo run --example quickstart -- --google-url http://127.0.0.1:"), "{out}");
    for text in [&out, &error, &desk.state().to_string()] {
        assert!(!text.contains("ya29.") && !text.contains("1//"), "{text}");
    }

    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(["10:00"; 3]);
    desk.assert_at_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_connect_needs_no_run_before() {
    let mut desk = Desk::without_annas().await;
    for other in 1..3 {
        desk.world["profiles"][other]["calendar_sync_enabled"] = json!(false);
        desk.world["profiles"][other]["calendar_access_token"] = json!(null);
        desk.world["profiles"][other]["calendar_refresh_token"] = json!(null);
    }
    let waiting = desk.connect();
    waiting.decide(&desk.google, &Decision::Allow);
    assert_eq!(waiting.end().0, Some(0));
    assert_eq!(desk.run_until_delivered(), 1);
    assert_eq!(desk.google.user(ANNA).events("primary").len(), 3);
    desk.assert_at_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_is_none_is_said_in_words_and_stores_nothing() {
    let only = Decision::AllowOnly(vec!["calendar.calendarlist.readonly".to_owned()]);
    let cases = [
        (Some(Decision::Deny), "consent was refused"),
        (Some(only), "unticked that is needed: https://www.googleapis.com/auth/calendar.events.owned"),
        (None, "page of an earlier try"),
    ];
    for (decision, words) in cases {
        let desk = Desk::without_annas().await;
        let waiting = desk.connect();
        let page = match &decision {
            Some(decision) => waiting.decide(&desk.google, decision),
            None => browse(&format!("{}?state=forged&code=stolen", redirect_of(&waiting.page))),
        };
        assert!(page.contains(words), "{words}: {page}");
        let (code, out, error) = waiting.end();
        assert_eq!((code, error.lines().count()), (Some(3), 1), "{out}{error}");
        assert!(error.contains(words), "{words}: {error}");
        assert!(!desk.file("state.json").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_the_hosts_to_mend() {
    let desk = Desk::without_annas().await;
    let mut command = desk.connect_google(&[]);
    let mut program = command
        .env("GOOGLE_CLIENT_SECRET", "wrong")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(program.stdout.take().unwrap());
    let mut page = String::new();
    while !page.trim().starts_with("http") {
        page.clear();
        assert_ne!(out.read_line(&mut page).unwrap(), 0);
    }
    let waiting = Waiting { program, out, page: page.trim().to_owned() };
    waiting.decide(&desk.google, &Decision::Allow);
    let (code, _, error) = waiting.end();
    assert_eq!(code, Some(3), "{error}");
    assert!(error.contains("GOOGLE_CLIENT_SECRET") && !error.contains("wrong;"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_given_back_is_dead_at_google_and_forgotten_here() {
    let desk = Desk::without_annas().await;
    let waiting = desk.connect();
    waiting.decide(&desk.google, &Decision::Allow);
    assert_eq!(waiting.end().0, Some(0));
    desk.run_until_delivered();

    let output = desk.connect_google(&["--revoke"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("was given back"));
    desk.move_to(14);
    let (code, printed) = desk.run();
    assert!(code == Some(3) && printed.contains("Anna (customer): waiting"), "{printed}");
    let output = desk.connect_google(&["--revoke"]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("nothing to give back"));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_not_there_are_one_clear_line() {
    let desk = Desk::new().await;
    for (options, words) in [
        (["--profile", "99"], "there is no profile 99"),
        (["--connection", "work"], "profile 1 has no google connection called work"),
    ] {
        let mut command = desk.program("connect_google");
        command.args(["--client", "x", "--google-url", desk.server.base_url()]);
        if options[0] != "--profile" {
            command.args(["--profile", "1"]);
        }
        let output = command.args(options).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(error.contains(words), "{error}");
    }
}
