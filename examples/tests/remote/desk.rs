//! A small company whose people use one service, a server that plays it, and the programs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use calsync_core::http::LoopbackServer;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::services::{Seen, Service};

pub const ANNA: &str = "anna@example.org";
pub const EVE: &str = "eve@example.org";
pub const MIA: &str = "mia@example.org";

/// When quickstart runs: some days before the appointments, whatever the day of the test.
const NOW: &str = "2027-01-11T08:00:00Z";

pub const AS_PLANNED: [&str; 3] = ["10:00"; 3];

/// A world file, an out folder, and a server.
pub struct Desk<S> {
    folder: TempDir,
    pub world: Value,
    pub service: S,
    pub server: LoopbackServer,
}

impl<S: Service> Desk<S> {
    /// Eve (managed by Mia) cleans for Anna, three times.
    pub async fn new() -> Self {
        Self::at(S::new()).await
    }

    /// The same, with that fake for a server.
    pub async fn at(service: S) -> Self {
        let profile = |id: i64, name: &str, email: &str| {
            let tokens = service.tokens(email);
            json!({"id": id, "name": name, "email": email, "calendar_sync_enabled": true,
                "calendar_provider": S::KIND, "calendar_calendar_id": "primary",
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
        let server = LoopbackServer::start(service.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self { folder: TempDir::new().unwrap(), world, service, server }
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
        command.env(secret_variable::<S>(), S::CLIENT_SECRET);
        if name == "quickstart" {
            command.args(["--now", NOW]);
        }
        command
    }

    /// Quickstart, asking the server, and trying nothing twice: what one run leaves open, the next
    /// one has to find, which does not wait for the next attempt.
    pub fn quickstart(&self) -> Command {
        let mut command = self.patient_quickstart();
        command.args(["--attempts", "1", "--retry"]);
        command
    }

    /// Quickstart as anybody runs it.
    pub fn patient_quickstart(&self) -> Command {
        let mut command = self.program("quickstart");
        command.args(at_server::<S>(self.server.base_url()));
        command
    }

    /// Runs it, and gives how it ended and what it printed. No token is in anything that it wrote
    /// or printed.
    pub fn run(&self) -> (Option<i32>, String) {
        let output = self.quickstart().output().unwrap();
        let printed = text_of(&output);
        for file in ["state.json", "report.json"] {
            let text = fs::read_to_string(self.out().join(file)).unwrap_or_default();
            assert!(!holds_token::<S>(&text), "a token in {file}");
        }
        assert!(!holds_token::<S>(&printed), "a token in {printed}");
        (output.status.code(), printed)
    }

    /// Runs it again and again until all is delivered, a few times at the most. Gives how often it
    /// ran.
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
        let (asked, state) = (self.service.count_all(), self.state());
        let (code, printed) = self.run();
        assert_eq!(code, Some(0), "{printed}");
        assert!(printed.contains("nothing to do"), "{printed}");
        assert_eq!(self.service.count_all(), asked, "a run with nothing to do asked something");
        assert_eq!(self.state(), state);
    }

    /// Everybody has every event exactly once, at those times of the day, and nobody got a mail.
    pub fn assert_delivered(&self, times: [&str; 3]) {
        let mut titles: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for event in self.service.events() {
            assert_eq!((event.guests, event.calendar.as_str()), (0, "primary"), "{event:?}");
            assert!(event.text.contains(S::NOTES), "{event:?}");
            titles.entry(event.owner).or_default().push((event.start, event.title));
        }
        let expected =
            [(ANNA, "Service: Deep clean"), (EVE, "Deep clean at Anna's"), (MIA, "Eve - Deep clean")];
        for (who, title) in expected {
            let mut theirs = titles.remove(who).unwrap_or_default();
            theirs.sort();
            let wanted: Vec<_> = times
                .iter()
                .zip(1..)
                .map(|(time, day)| (format!("2027-01-2{day}T{time}"), title.to_owned()))
                .collect();
            assert_eq!(theirs, wanted, "{who}");
        }
        assert!(titles.is_empty(), "{titles:?}");
        assert_eq!(self.service.told(), 0);
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.out().join(name)
    }

    /// No other user of the machine can read a file of the host's.
    #[cfg(unix)]
    pub fn assert_private(&self) {
        use std::os::unix::fs::PermissionsExt as _;
        let mut files = 0;
        for entry in fs::read_dir(self.out()).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                let mode = entry.metadata().unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{entry:?}");
                files += 1;
            }
        }
        assert!(files >= 3, "{files}");
    }

    /// Links where a host could write on its way, to a file that is somebody else's.
    #[cfg(unix)]
    pub fn plant_links(&self, names: &[&str]) -> PathBuf {
        let victim = self.folder.path().join("victim");
        fs::write(&victim, "the victim's own").unwrap();
        fs::create_dir_all(self.out()).unwrap();
        for name in names {
            std::os::unix::fs::symlink(&victim, self.file(name)).unwrap();
        }
        victim
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

    /// The events in somebody's calendars.
    pub fn events_of(&self, email: &str) -> Vec<Seen> {
        self.service.events().into_iter().filter(|event| event.owner == email).collect()
    }

    /// The event of the first appointment in somebody's calendar.
    pub fn first_event(&self, email: &str) -> Seen {
        let of_day = |event: &Seen| event.start.contains("2027-01-21");
        self.events_of(email).into_iter().find(of_day).unwrap()
    }
}

/// The options that have quickstart ask a server.
pub fn at_server<S: Service>(url: &str) -> [String; 4] {
    let option = |what: &str| format!("--{}-{what}", S::KIND);
    [option("url"), url.to_owned(), option("client"), S::CLIENT_ID.to_owned()]
}

pub fn secret_variable<S: Service>() -> String {
    format!("{}_CLIENT_SECRET", S::KIND.to_uppercase())
}

/// Whether anything in a text begins as the service's tokens do.
pub fn holds_token<S: Service>(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_./".contains(c));
    words.into_iter().any(|word| S::TOKENS.iter().any(|token| word.starts_with(token)))
}

pub fn text_of(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// The programs are built along with the tests, beside them.
pub fn program(name: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let target = here.parent().and_then(Path::parent).unwrap();
    target.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
