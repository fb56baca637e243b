//! The connects, with a test that plays the browser.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use calsync_core::fake::oauth::Decision;
use calsync_outlook::fake::FakeOutlook;
use serde_json::{Value, json};

use crate::desk::{ANNA, AS_PLANNED, Desk, at_server, holds_token, secret_variable};
use crate::services::Service;

/// A connect, waiting for the browser.
pub struct Waiting {
    program: Child,
    out: BufReader<std::process::ChildStdout>,
    pub page: String,
}

impl<S: Service> Desk<S> {
    /// Anna is to connect: she has no tokens yet.
    async fn without_annas() -> Self {
        let mut desk = Self::new().await;
        desk.world["profiles"][0]["calendar_access_token"] = json!(null);
        desk.world["profiles"][0]["calendar_refresh_token"] = json!(null);
        desk
    }

    pub fn connect_program(&self, options: &[&str]) -> Command {
        let mut command = self.program(&format!("connect_{}", S::KIND));
        command.args(["--client", S::CLIENT_ID, "--profile", "1"]);
        command.arg(format!("--{}-url", S::KIND)).arg(self.server.base_url()).args(options);
        command
    }

    /// Starts it, and waits for the page's URL.
    fn connect(&self) -> Waiting {
        Waiting::of(self.connect_program(&[]))
    }
}

impl Waiting {
    pub fn of(mut command: Command) -> Self {
        let mut program = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(program.stdout.take().unwrap());
        let mut page = String::new();
        while !page.trim().starts_with("http") {
            page.clear();
            assert_ne!(out.read_line(&mut page).unwrap(), 0, "it ended before it gave a page");
        }
        Self { program, out, page: page.trim().to_owned() }
    }

    /// Decides on the page, and follows the redirect.
    fn decide(&self, service: &impl Service, decision: &Decision) -> String {
        browse(&self.back(service, decision))
    }

    /// Decides on the page: where that leads.
    fn back(&self, service: &impl Service, decision: &Decision) -> String {
        service.consent(&self.page, ANNA, decision).unwrap()
    }

    fn stop(mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }

    pub fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut error) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        self.program.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        (self.program.wait().unwrap().code(), out, error)
    }
}

/// What a browser gets from that URL on loopback.
pub fn browse(url: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    let at = rest.find(['/', '?']).unwrap();
    let (host, target) = rest.split_at(at);
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nConnection: close\r\n\r\n")
        .unwrap();
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

with_each_service! {
    somebody_connects_and_the_next_run_uses_it
    a_first_connect_needs_no_run_before
    a_connect_costs_the_state_nothing
    a_connect_after_the_state_was_lost_doubles_nothing
    a_consent_that_is_none_is_said_in_words_and_stores_nothing
    a_callback_that_is_not_ours_ends_nothing
    a_person_who_does_not_come_back_is_waited_for_only_so_long
    a_wrong_secret_is_the_hosts_to_mend
    a_grant_given_back_is_forgotten_here
    connections_that_are_not_there_are_one_clear_line
}

async fn somebody_connects_and_the_next_run_uses_it<S: Service>() {
    let desk = Desk::<S>::without_annas().await;
    let (code, printed) = desk.run();
    assert!(
        code == Some(3) && printed.contains("of profile 1 (connection default): not listed"),
        "{printed}"
    );

    let waiting = desk.connect();
    assert!(redirect_of(&waiting.page).starts_with(S::REDIRECT), "{}", waiting.page);
    // Browsers open connections ahead, and ask for things that are not here.
    let host = redirect_of(&waiting.page);
    let _idle = TcpStream::connect(host.strip_prefix("http://").unwrap().trim_end_matches('/')).unwrap();
    assert!(browse(&format!("{}/favicon.ico", host.trim_end_matches('/'))).starts_with("HTTP/1.1 404"));
    let page = waiting.decide(&desk.service, &Decision::Allow);
    assert!(page.contains("Connected."), "{page}");
    let (code, out, error) = waiting.end();
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains(&desk.service.listed(ANNA)), "{out}");
    assert!(out.contains(&format!("The account is {ANNA}")), "{out}");
    let next = at_server::<S>(desk.server.base_url()).join(" ");
    assert!(out.contains(&format!("cargo run --example quickstart -- {next}")), "{out}");
    for text in [&out, &error, &desk.state().to_string()] {
        assert!(!holds_token::<S>(text), "{text}");
    }

    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(AS_PLANNED);
    desk.assert_at_rest();
}

async fn a_first_connect_needs_no_run_before<S: Service>() {
    let mut desk = Desk::<S>::without_annas().await;
    for other in 1..3 {
        desk.world["profiles"][other]["calendar_sync_enabled"] = json!(false);
        desk.world["profiles"][other]["calendar_access_token"] = json!(null);
        desk.world["profiles"][other]["calendar_refresh_token"] = json!(null);
    }
    let waiting = desk.connect();
    waiting.decide(&desk.service, &Decision::Allow);
    assert_eq!(waiting.end().0, Some(0));
    assert_eq!(desk.run_until_delivered(), 1);
    assert_eq!(desk.events_of(ANNA).len(), 3);
    desk.assert_at_rest();
}

async fn a_connect_costs_the_state_nothing<S: Service>() {
    let desk = Desk::<S>::new().await;
    desk.run_until_delivered();
    let before = desk.state();
    let waiting = desk.connect();
    waiting.decide(&desk.service, &Decision::Allow);
    assert_eq!(waiting.end().0, Some(0));
    let after = desk.state();
    assert_eq!((&after["appointments"], &after["profiles"]), (&before["appointments"], &before["profiles"]));
    desk.assert_at_rest();
}

/// Tokens alone are no state: the calendars are listed still.
async fn a_connect_after_the_state_was_lost_doubles_nothing<S: Service>() {
    let mut desk = Desk::<S>::new().await;
    for status in ["confirmed", "cancelled", "confirmed"] {
        for order in desk.world["orders"].as_array_mut().unwrap() {
            order["status"] = json!(status);
        }
        desk.run_until_delivered();
    }
    let ids = |desk: &Desk<S>| desk.service.events().into_iter().map(|event| event.id).collect::<Vec<_>>();
    let before = ids(&desk);
    std::fs::remove_file(desk.file("state.json")).unwrap();
    let waiting = desk.connect();
    waiting.decide(&desk.service, &Decision::Allow);
    assert_eq!(waiting.end().0, Some(0));
    assert_eq!(desk.run_until_delivered(), 1);
    assert_eq!(ids(&desk), before);
    desk.assert_delivered(AS_PLANNED);
    desk.assert_at_rest();
}

async fn a_consent_that_is_none_is_said_in_words_and_stores_nothing<S: Service>() {
    let (permission, said) = S::TOO_LITTLE;
    let only = Decision::AllowOnly(vec![permission.to_owned()]);
    for (decision, words) in [(Decision::Deny, "consent was refused"), (only, said)] {
        let desk = Desk::<S>::without_annas().await;
        let waiting = desk.connect();
        let page = waiting.decide(&desk.service, &decision);
        assert!(page.contains(words), "{words}: {page}");
        let (code, out, error) = waiting.end();
        assert_eq!((code, error.lines().count()), (Some(3), 1), "{out}{error}");
        assert!(error.contains(words), "{words}: {error}");
        assert!(!desk.file("state.json").exists());
    }
}

/// Any page and any program on the machine can guess the port.
async fn a_callback_that_is_not_ours_ends_nothing<S: Service>() {
    let desk = Desk::<S>::without_annas().await;
    let waiting = desk.connect();
    let host = redirect_of(&waiting.page);
    for query in ["?state=forged&code=stolen", "?state=a&state=b&code=c", "?error=access_denied", "?"] {
        let page = browse(&format!("{host}{query}"));
        assert!(page.starts_with("HTTP/1.1 400") && page.contains("a page of an earlier try"), "{page}");
    }
    let right = waiting.back(&desk.service, &Decision::Allow);
    let state = right.split(['?', '&']).find(|pair| pair.starts_with("state=")).unwrap();
    let twice = browse(&format!("{host}?{state}&{state}&error=access_denied"));
    assert!(twice.starts_with("HTTP/1.1 400"), "{twice}");
    // More browsers than are served at once, which say nothing; and one that does not come to an
    // end.
    let address = host.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
    let idle: Vec<_> = (0..40).map(|_| TcpStream::connect(&address).unwrap()).collect();
    drop(idle);
    let mut endless = TcpStream::connect(&address).unwrap();
    let sent = endless.write_all(&[b'x'; 1 << 20]);
    let mut answer = String::new();
    assert!(sent.is_err() || endless.read_to_string(&mut answer).is_err() || answer.is_empty(), "{answer}");

    assert!(browse(&right).contains("Connected."));
    let (code, _, error) = waiting.end();
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(AS_PLANNED);
}

async fn a_person_who_does_not_come_back_is_waited_for_only_so_long<S: Service>() {
    let desk = Desk::<S>::without_annas().await;
    let waiting = Waiting::of(desk.connect_program(&["--wait", "1"]));
    browse(&format!("{}?state=forged&code=stolen", redirect_of(&waiting.page)));
    let (code, out, error) = waiting.end();
    assert_eq!((code, error.lines().count()), (Some(3), 1), "{out}{error}");
    assert!(error.contains("nobody came back"), "{error}");
    assert!(!desk.file("state.json").exists());
}

async fn a_wrong_secret_is_the_hosts_to_mend<S: Service>() {
    let desk = Desk::<S>::without_annas().await;
    let mut command = desk.connect_program(&[]);
    command.env(secret_variable::<S>(), "wrong");
    let waiting = Waiting::of(command);
    waiting.decide(&desk.service, &Decision::Allow);
    let (code, _, error) = waiting.end();
    assert_eq!(code, Some(3), "{error}");
    assert!(error.contains(&secret_variable::<S>()) && !error.contains("wrong;"), "{error}");
}

async fn a_grant_given_back_is_forgotten_here<S: Service>() {
    let desk = Desk::<S>::without_annas().await;
    let waiting = desk.connect();
    waiting.decide(&desk.service, &Decision::Allow);
    assert_eq!(waiting.end().0, Some(0));
    desk.run_until_delivered();

    let output = desk.connect_program(&["--revoke"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains(S::DISCONNECTED));
    desk.move_to(14);
    let (code, printed) = desk.run();
    assert!(code == Some(3) && printed.contains("Anna (customer): waiting"), "{printed}");
    let output = desk.connect_program(&["--revoke"]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("nothing to give back"));
}

async fn connections_that_are_not_there_are_one_clear_line<S: Service>() {
    let desk = Desk::<S>::new().await;
    for (options, words) in [
        (["--profile", "99"], &"there is no profile 99".to_owned()),
        (["--connection", "work"], &format!("profile 1 has no {} connection called work", S::KIND)),
    ] {
        let mut command = desk.program(&format!("connect_{}", S::KIND));
        command.args(["--client", "x", &format!("--{}-url", S::KIND), desk.server.base_url()]);
        if options[0] != "--profile" {
            command.args(["--profile", "1"]);
        }
        let output = command.args(options).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(error.contains(words), "{error}");
    }
}

/// Browsers look for Microsoft's `localhost` at either address first.
#[tokio::test(flavor = "multi_thread")]
async fn localhost_is_there_at_both_addresses() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let desk = Desk::<FakeOutlook>::without_annas().await;
    for address in ["127.0.0.1", "[::1]"] {
        let waiting = desk.connect();
        let back = waiting.back(&desk.service, &Decision::Allow);
        let page = browse(&back.replace("localhost", address));
        assert!(page.contains("Connected."), "{address}: {page}");
        assert_eq!(waiting.end().0, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_somebody_else_has_is_not_given_out() {
    let desk = Desk::<FakeOutlook>::without_annas().await;
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(somebody) = std::net::TcpListener::bind(address) else { continue };
        let port = somebody.local_addr().unwrap().port().to_string();
        let output = desk.connect_program(&["--port", &port]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(error.contains("--port") && output.stdout.is_empty(), "{error}");
    }
}

/// An app of one organization is refused elsewhere, when people connect and when tokens are
/// refreshed.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_of_one_organization_names_it() {
    let desk = Desk::<FakeOutlook>::without_annas().await;
    desk.service.set(|settings| settings.single_tenant = Some(FakeOutlook::TENANT.to_owned()));
    let waiting = desk.connect();
    assert_eq!(desk.service.consent(&waiting.page, ANNA, &Decision::Allow), None, "the page is refused");
    waiting.stop();

    let waiting = Waiting::of(desk.connect_program(&["--tenant", FakeOutlook::TENANT]));
    assert!(waiting.page.contains(&format!("/{}/oauth2/v2.0/authorize?", FakeOutlook::TENANT)));
    waiting.decide(&desk.service, &Decision::Allow);
    let (code, out, error) = waiting.end();
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains(&format!(" --outlook-tenant {}", FakeOutlook::TENANT)), "{out}");

    desk.service.expire_access_tokens();
    let (code, printed) = desk.run();
    assert!(code == Some(3) && printed.contains("configuration is wrong"), "{printed}");
    let output = desk.quickstart().args(["--outlook-tenant", FakeOutlook::TENANT]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    desk.assert_delivered(AS_PLANNED);
}

/// The grant lives on at Microsoft until the person takes it away; what this host knew of it is
/// gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_only_the_person_can_take_away_is_forgotten_here() {
    let desk = Desk::<FakeOutlook>::without_annas().await;
    let waiting = desk.connect();
    waiting.decide(&desk.service, &Decision::Allow);
    assert_eq!(waiting.end().0, Some(0));
    let asked = desk.service.count_all();
    let output = desk.connect_program(&["--revoke"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("https://account.live.com/consent/Manage"), "{said}");
    assert_eq!(desk.service.count_all(), asked, "Microsoft has nothing to ask");
    let of_anna = |row: &Value| row["grant"]["person"]["profile"] == 1 && row.get("sealed").is_some();
    assert!(!desk.state()["tokens"].as_array().unwrap().iter().any(of_anna), "{}", desk.state()["tokens"]);
}
