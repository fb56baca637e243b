//! A small company whose people use Google Calendar, a server that plays Google, and the program.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use calsync_core::http::LoopbackServer;
use calsync_google::fake::{FakeEvent, FakeGoogle};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const ANNA: &str = "anna@example.org";
pub const EVE: &str = "eve@example.org";
pub const MIA: &str = "mia@example.org";
/// What connects ask for; quickstart's scope.
pub const SCOPES: &[&str] = &["calendar.events.owned"];

/// A world file, an out folder, and a server that plays Google.
pub struct Desk {
    folder: TempDir,
    pub world: Value,
    pub google: FakeGoogle,
    pub server: LoopbackServer,
}

impl Desk {
    /// Eve (managed by Mia) cleans for Anna, three times.
    pub async fn new() -> Self {
        Self::at(FakeGoogle::new()).await
    }

    /// The same, with that fake for a server.
    pub async fn at(google: FakeGoogle) -> Self {
        let profile = |id: i64, name: &str, email: &str| {
            let tokens = google.user(email).tokens(SCOPES);
            json!({"id": id, "name": name, "email": email, "calendar_sync_enabled": true,
                "calendar_provider": "google", "calendar_calendar_id": "primary",
                "calendar_access_token": tokens.access_token.expose(),
                "calendar_refresh_token": tokens.refresh_token.expose(),
                "calendar_sync_settings": {"auto_sync": true, "sync_direction": "outbound"}})
        };
        let order = |id: i64| {
            json!({"id": id, "order_number": format!("ORD-{id}"), "status": "confirmed", "customer_id": 1,
                "address_line1": "1 High St", "city": "Leeds", "postcode": "LS1 1AA", "notes": "Tea & <biscuits>",
                "scheduled_date": format!("2027-01-2{id}"), "scheduled_time": "10:00",
                "items": [{"id": id, "service_id": 5, "staff_id": 3, "appointment_id": null}]})
        };
        let world = json!({
            "namespace": "test-shop", "time_zone": "Europe/London",
            "profiles": [profile(1, "Anna", ANNA), profile(2, "Eve", EVE), profile(3, "Mia", MIA)],
            "customers": [{"id": 1, "name": "Anna", "email": ANNA, "phone": null, "profile_id": 1}],
            "services": [{"id": 5, "name": "Deep clean", "duration": 90}],
            "staff": [
                {"id": 3, "name": "Eve", "phone": "07700 900123", "profile_id": 2, "manager_id": 4},
                {"id": 4, "name": "Mia", "phone": null, "profile_id": 3, "manager_id": null}],
            "admins": [], "orders": [order(1), order(2), order(3)]
        });
        let server = LoopbackServer::start(google.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self { folder: TempDir::new().unwrap(), world, google, server }
    }

    pub fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// The program of that name, on this company.
    pub fn program(&self, name: &str) -> Command {
        let world = self.folder.path().join("world.json");
        fs::write(&world, serde_json::to_string_pretty(&self.world).unwrap()).unwrap();
        let mut command = Command::new(program(name));
        command.arg("--world").arg(world).arg("--out").arg(self.out());
        command.env("GOOGLE_CLIENT_SECRET", FakeGoogle::CLIENT_SECRET);
        command
    }

    /// Quickstart, asking the server.
    pub fn quickstart(&self) -> Command {
        let mut command = self.program("quickstart");
        command.args(["--google-url", self.server.base_url(), "--google-client", FakeGoogle::CLIENT_ID]);
        command
    }

    /// Runs it, and gives how it ended and what it printed. No token is in anything that it wrote or printed.
    pub fn run(&self) -> (Option<i32>, String) {
        let output = self.quickstart().output().unwrap();
        let printed = text_of(&output);
        for file in ["state.json", "report.json"] {
            let text = fs::read_to_string(self.out().join(file)).unwrap_or_default();
            assert!(!text.contains("ya29.") && !text.contains("1//"), "a token in {file}");
        }
        assert!(!printed.contains("ya29.") && !printed.contains("1//"), "a token in {printed}");
        (output.status.code(), printed)
    }

    /// Runs it again and again until all is delivered, a few times at the most. Gives how often it ran.
    pub fn run_until_delivered(&self) -> usize {
        for runs in 1..=5 {
            match self.run() {
                (Some(0), _) => return runs,
                (Some(3), _) => {}
                other => panic!("{other:?}"),
            }
        }
        panic!("never delivered: {}", self.run().1)
    }

    /// Runs it once more: there is nothing to do, and nobody is asked anything.
    pub fn assert_at_rest(&self) {
        let (asked, state) = (self.google.count_all(), self.state());
        let (code, printed) = self.run();
        assert_eq!(code, Some(0), "{printed}");
        assert!(printed.contains("nothing to do"), "{printed}");
        assert_eq!(self.google.count_all(), asked, "a run with nothing to do asked something");
        assert_eq!(self.state(), state);
    }

    /// Everybody has every event exactly once, at those times of the day, and nobody got a mail.
    pub fn assert_delivered(&self, times: [&str; 3]) {
        let mut summaries: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for event in self.google.events() {
            let start = event.json["start"]["dateTime"].as_str().unwrap().to_owned();
            let text = event.text("summary").unwrap().to_owned();
            assert!(event.json.get("attendees").is_none());
            assert!(
                event.text("description").unwrap().contains("Tea &amp; &lt;biscuits&gt;"),
                "{}",
                event.json
            );
            summaries.entry(event.calendar).or_default().push((start, text));
        }
        let expected =
            [(ANNA, "Service: Deep clean"), (EVE, "Deep clean at Anna's"), (MIA, "Eve - Deep clean")];
        for (who, text) in expected {
            let mut theirs = summaries.remove(who).unwrap_or_default();
            theirs.sort();
            let wanted: Vec<_> = times
                .iter()
                .zip(1..)
                .map(|(time, day)| (format!("2027-01-2{day}T{time}:00Z"), text.to_owned()))
                .collect();
            assert_eq!(theirs, wanted, "{who}");
        }
        assert!(summaries.is_empty(), "{summaries:?}");
        assert!(self.google.mails().is_empty() && self.google.invitations() == 0);
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.out().join(name)
    }

    pub fn state(&self) -> Value {
        serde_json::from_slice(&fs::read(self.file("state.json")).unwrap()).unwrap()
    }

    pub fn write_state(&self, state: &Value) {
        fs::write(self.file("state.json"), state.to_string()).unwrap();
    }

    /// Moves the first appointment to that time of its day.
    pub fn move_to(&self, hour: u32) {
        let mut state = self.state();
        let row = &mut state["appointments"][0];
        row["start_time"] = json!(format!("2027-01-21T{hour:02}:00:00Z"));
        row["end_time"] = json!(format!("2027-01-21T{hour:02}:45:00Z"));
        self.write_state(&state);
    }

    /// The event of the first appointment in somebody's calendar.
    pub fn first_event(&self, email: &str) -> FakeEvent {
        let of_day =
            |event: &FakeEvent| event.json["start"]["dateTime"].as_str().unwrap().contains("2027-01-21");
        self.google.user(email).events("primary").into_iter().find(of_day).unwrap()
    }
}

pub fn text_of(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// The programs are built along with the tests, beside them.
fn program(name: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let target = here.parent().and_then(Path::parent).unwrap();
    target.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
