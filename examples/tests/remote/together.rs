//! A person with Google, Outlook and a folder at once: each copy is right, and each fails alone.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use calsync_core::fake::{Fault, FaultRule};
use calsync_core::http::LoopbackServer;
use calsync_google::fake::FakeGoogle;
use calsync_outlook::fake::FakeOutlook;
use http::StatusCode;
use serde_json::{Value, json};

use crate::desk::{Desk, EVE, at_server, holds_token, secret_variable, text_of};
use crate::services::Service;

const PLANNED: [&str; 3] = ["2027-01-21T10:00", "2027-01-22T10:00", "2027-01-23T10:00"];
const MOVED: [&str; 3] = ["2027-01-21T14:00", "2027-01-22T10:00", "2027-01-23T10:00"];

/// The desk at Google, with Eve at Outlook and in a folder besides.
struct Together {
    desk: Desk<FakeGoogle>,
    outlook: FakeOutlook,
    outlook_server: LoopbackServer,
}

impl Together {
    async fn new() -> Self {
        let mut desk = Desk::<FakeGoogle>::new().await;
        let outlook = FakeOutlook::new();
        let tokens = Service::tokens(&outlook, EVE);
        desk.world["profiles"][1]["connections"] = json!([
            {"id": "office", "provider": "outlook", "calendar_id": "primary",
                "access_token": tokens.access_token.expose(), "refresh_token": tokens.refresh_token.expose()},
            {"id": "phone", "provider": "apple", "calendar_id": "home"}]);
        let server = LoopbackServer::start(outlook.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self { desk, outlook, outlook_server: server }
    }

    /// Quickstart, asking both servers.
    fn quickstart(&self) -> Command {
        self.with_outlook(self.desk.quickstart())
    }

    fn with_outlook(&self, mut command: Command) -> Command {
        command.args(at_server::<FakeOutlook>(self.outlook_server.base_url()));
        command.env(secret_variable::<FakeOutlook>(), FakeOutlook::CLIENT_SECRET);
        command
    }

    fn run(&self) -> (Option<i32>, String) {
        let output = self.quickstart().output().unwrap();
        let printed = text_of(&output);
        let state = fs::read_to_string(self.desk.file("state.json")).unwrap();
        for text in [&printed, &state] {
            assert!(!holds_token::<FakeGoogle>(text) && !holds_token::<FakeOutlook>(text), "{text}");
        }
        (output.status.code(), printed)
    }

    /// Runs until all is delivered, and once more: there is nothing to do, and nobody is asked
    /// anything.
    fn deliver(&self) {
        let delivered = (0..5).any(|_| self.run().0 == Some(0));
        assert!(delivered, "never delivered: {}", self.run().1);
        let asked = (self.desk.service.count_all(), self.outlook.count_all());
        assert!(self.run().1.contains("nothing to do"));
        assert_eq!((self.desk.service.count_all(), self.outlook.count_all()), asked);
    }

    fn folder(&self) -> PathBuf {
        self.desk.file("2/home")
    }

    /// When Eve's events begin, at Google, at Outlook and in her folder.
    fn copies(&self) -> [Vec<String>; 3] {
        let files = fs::read_dir(self.folder()).into_iter().flatten().map(|entry| entry.unwrap().path());
        let in_folder = files.map(|file| {
            let text = fs::read_to_string(file).unwrap();
            let at = text.split("DTSTART;TZID=Europe/London:").nth(1).unwrap();
            format!("{}-{}-{}:{}", &at[..4], &at[4..6], &at[6..11], &at[11..13])
        });
        let starts = |service: Vec<crate::services::Seen>| {
            service.into_iter().filter(|event| event.owner == EVE).map(|event| event.start).collect()
        };
        let mut copies = [
            starts(Service::events(&self.desk.service)),
            starts(Service::events(&self.outlook)),
            in_folder.collect::<Vec<_>>(),
        ];
        copies.iter_mut().for_each(|copy| copy.sort());
        copies
    }

    fn break_one(&self, which: usize) {
        let down = Fault::status(StatusCode::SERVICE_UNAVAILABLE);
        match which {
            0 => self.desk.service.fault(FaultRule::new(down).always()),
            1 => self.outlook.fault(FaultRule::new(down).always()),
            _ => {
                fs::create_dir_all(self.desk.file("2")).unwrap();
                let _moved = fs::rename(self.folder(), self.desk.file("2/away"));
                fs::write(self.folder(), "a file where the folder belongs").unwrap();
            }
        }
    }

    fn mend(&self) {
        self.desk.service.clear_faults();
        self.outlook.clear_faults();
        if self.folder().is_file() {
            fs::remove_file(self.folder()).unwrap();
            let _moved = fs::rename(self.desk.file("2/away"), self.folder());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_copy_is_right() {
    let mut company = Together::new().await;
    company.deliver();
    assert_eq!(company.copies(), [PLANNED; 3]);
    let state = company.desk.state();
    assert_eq!((&state["google"], &state["outlook"]), (&json!("server"), &json!("server")));

    company.desk.move_to(14);
    company.deliver();
    assert_eq!(company.copies(), [MOVED; 3]);

    for order in company.desk.world["orders"].as_array_mut().unwrap() {
        order["status"] = json!("cancelled");
    }
    company.deliver();
    assert_eq!(company.copies(), [const { Vec::<String>::new() }; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fails_alone() {
    for failing in 0..3 {
        // From the first run on.
        let company = Together::new().await;
        company.break_one(failing);
        let (code, printed) = company.run();
        assert!(code == Some(3) && printed.contains(" failed"), "{printed}");
        for (which, copy) in company.copies().into_iter().enumerate() {
            assert_eq!(copy.len(), if which == failing { 0 } else { 3 }, "{failing} fails, {which}");
        }
        company.mend();
        company.deliver();
        assert_eq!(company.copies(), [PLANNED; 3], "{failing} failed");

        // In the middle of its life.
        company.break_one(failing);
        company.desk.move_to(14);
        assert_eq!(company.run().0, Some(3));
        company.mend();
        for (which, copy) in company.copies().into_iter().enumerate() {
            assert_eq!(copy, if which == failing { PLANNED } else { MOVED }, "{failing} fails, {which}");
        }
        company.deliver();
        assert_eq!(company.copies(), [MOVED; 3], "{failing} failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_grant_at_one_waits_alone() {
    for is_google in [true, false] {
        let mut company = Together::new().await;
        let (kind, dead) = if is_google { ("google", 0) } else { ("outlook", 1) };
        match is_google {
            true => Service::revoke(&company.desk.service, EVE),
            false => Service::revoke(&company.outlook, EVE),
        }
        let (code, printed) = company.run();
        // Without a state nothing is written to a calendar that could not be listed.
        let waits = printed.lines().filter(|line| line.starts_with(&format!("! {kind} of profile 2 ")));
        assert!(code == Some(3) && waits.count() == 1, "{kind}: {printed}");
        for (which, copy) in company.copies().into_iter().enumerate() {
            assert_eq!(copy.len(), if which == dead { 0 } else { 3 }, "{kind} is dead, {which}");
        }
        let eve = &mut company.desk.world["profiles"][1];
        let set = |row: &mut Value, prefix: &str, tokens: calsync_core::fake::oauth::FakeTokens| {
            row[format!("{prefix}access_token")] = json!(tokens.access_token.expose());
            row[format!("{prefix}refresh_token")] = json!(tokens.refresh_token.expose());
        };
        match is_google {
            true => set(eve, "calendar_", Service::tokens(&company.desk.service, EVE)),
            false => set(&mut eve["connections"][0], "", Service::tokens(&company.outlook, EVE)),
        }
        company.deliver();
        assert_eq!(company.copies(), [PLANNED; 3], "{kind}");
    }
}

/// One at a server, the other in the program, as for a first event in a real calendar.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_and_a_fake_go_side_by_side() {
    let company = Together::new().await;
    let desk = &company.desk;
    assert_eq!(desk.run_until_delivered(), 1);
    assert!(desk.run().1.starts_with("Outlook is faked in this process"));
    let [google, outlook, folder] = company.copies();
    assert_eq!(
        (google, outlook.len(), folder),
        (PLANNED.map(str::to_owned).to_vec(), 0, PLANNED.map(str::to_owned).to_vec())
    );
    let state = desk.state();
    assert_eq!((&state["google"], &state["outlook"]), (&json!("server"), &json!("faked")));
    assert!(desk.file("fake-outlook.json").exists() && !desk.file("fake-google.json").exists());

    // Outlook's turn: what stood at the fake is not taken for what stands there, and Google has
    // nothing to do with it.
    let asked = desk.service.count_all();
    company.deliver();
    assert_eq!(company.copies(), [PLANNED; 3]);
    assert_eq!(desk.service.count_all(), asked);

    let before = desk.state();
    let output = desk.quickstart().output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
    assert!(error.contains("its Outlook events stand at a server; name it with --outlook-url"), "{error}");
    assert_eq!(desk.state(), before);
}

/// One file holds the tokens of both.
#[tokio::test(flavor = "multi_thread")]
async fn connecting_at_one_leaves_the_others_tokens_alone() {
    let mut company = Together::new().await;
    let long_ago = json!("2020-01-01T00:00:00Z");
    company.desk.world["profiles"][1]["calendar_token_expires_at"] = long_ago.clone();
    company.desk.world["profiles"][1]["connections"][0]["token_expires_at"] = long_ago;
    company.deliver();
    let eves = |state: &Value, kind: &str| {
        let is_it = |row: &&Value| row["grant"]["person"]["profile"] == 2 && row["grant"]["provider"] == kind;
        state["tokens"].as_array().unwrap().iter().find(is_it).cloned()
    };
    let before = company.desk.state();
    for kind in ["google", "outlook"] {
        assert!(eves(&before, kind).unwrap()["sealed"].is_string(), "{kind}");
    }

    let mut command = company.desk.program("connect_outlook");
    command.args(["--client", FakeOutlook::CLIENT_ID, "--outlook-url", company.outlook_server.base_url()]);
    command.args(["--profile", "2", "--connection", "office", "--revoke"]);
    assert!(command.output().unwrap().status.success());
    let after = company.desk.state();
    assert_eq!(eves(&after, "google"), eves(&before, "google"));
    assert_eq!(eves(&after, "outlook"), None);
    assert_eq!(after["appointments"], before["appointments"]);
}
