//! The reference host as its users meet it: run, run again, change something, run again; and bad
//! input.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// When it runs: some days before the appointments, whatever the day of the test.
const NOW: &str = "2027-01-11T08:00:00Z";

/// A world file, an out folder, and the program.
struct Desk {
    folder: TempDir,
    world: Value,
}

impl Desk {
    /// A small company: Eve (managed by Mia) cleans for Anna, who has two calendars; Adam is there
    /// too.
    fn new() -> Self {
        let profile = |id: i64, name: &str| {
            json!({"id": id, "name": name, "email": format!("{id}@example.org"), "calendar_sync_enabled": true,
                "calendar_provider": "apple", "calendar_calendar_id": "home",
                "calendar_access_token": "SECRET", "calendar_refresh_token": "SECRET",
                "calendar_sync_settings": {"auto_sync": true, "sync_direction": "outbound", "colour": "red"}})
        };
        let mut anna = profile(1, "Anna");
        anna["connections"] =
            json!([{"id": "second", "provider": "apple", "calendar_id": "family", "access_token": "SECRET"}]);
        let world = json!({
            "namespace": "test-shop", "time_zone": "Europe/London",
            "profiles": [anna, profile(2, "Eve"), profile(3, "Mia"), profile(4, "Adam")],
            "customers": [{"id": 1, "name": "Anna", "email": "anna@example.org", "phone": null, "profile_id": 1}],
            "services": [{"id": 5, "name": "Deep clean", "duration": 90}, {"id": 6, "name": "Windows", "duration": 60}],
            "staff": [
                {"id": 3, "name": "Eve", "phone": "07700 900123", "profile_id": 2, "manager_id": 4},
                {"id": 4, "name": "Mia", "phone": null, "profile_id": 3, "manager_id": null},
                {"id": 5, "name": "Adam", "phone": null, "profile_id": 4, "manager_id": null}],
            "admins": [],
            "orders": [{"id": 1, "order_number": "ORD-1", "status": "confirmed", "customer_id": 1, "guest_name": null,
                "guest_email": null, "guest_phone": null, "address_line1": "1 High St", "city": "Leeds",
                "postcode": "LS1 1AA", "notes": "Ring twice, please", "scheduled_date": "2027-01-20",
                "scheduled_time": "10:00", "items": [{"id": 1, "service_id": 5, "staff_id": 3, "appointment_id": null}]}]
        });
        Self { folder: TempDir::new().unwrap(), world }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn run_with(&self, options: &[&str]) -> Output {
        let world = self.folder.path().join("world.json");
        fs::write(&world, serde_json::to_string_pretty(&self.world).unwrap()).unwrap();
        let mut command = Command::new(program());
        command.arg("--world").arg(world).arg("--out").arg(self.out()).args(options);
        if !options.contains(&"--now") {
            command.args(["--now", NOW]);
        }
        command.output().unwrap()
    }

    /// Runs it, expects that something is not well, and gives what it printed.
    fn run_with_problems(&self, options: &[&str]) -> String {
        let output = self.run_with(options);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The host's disk is gone; the calendars are not.
    fn loses_its_state(&self) {
        fs::remove_file(self.out().join("state.json")).unwrap();
    }

    /// More orders like the first, of the same people.
    fn orders(&mut self, number: i64) {
        let orders = self.world["orders"].as_array_mut().unwrap();
        for id in 2..=number {
            let mut order = orders[0].clone();
            (order["id"], order["order_number"]) = (json!(id), json!(format!("ORD-{id}")));
            order["items"][0]["id"] = json!(id);
            orders.push(order);
        }
    }

    /// Runs it, expects all well, and gives what it printed.
    fn run(&self) -> String {
        let output = self.run_with(&[]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn state(&self) -> Value {
        serde_json::from_slice(&fs::read(self.out().join("state.json")).unwrap()).unwrap()
    }

    /// Edits the one appointment, as the host would.
    fn edit(&self, field: &str, value: Value) {
        let mut state = self.state();
        state["appointments"][0][field] = value;
        fs::write(self.out().join("state.json"), state.to_string()).unwrap();
    }

    /// Every calendar file: person, calendar, and what it says.
    fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for person in fs::read_dir(self.out())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir() && !path.ends_with("invitations"))
        {
            for calendar in fs::read_dir(&person).unwrap().map(|entry| entry.unwrap().path()) {
                for file in fs::read_dir(&calendar).unwrap().map(|entry| entry.unwrap().path()) {
                    let name = file.strip_prefix(self.out()).unwrap().display().to_string();
                    files.insert(name, fs::read_to_string(&file).unwrap().replace("\r\n ", ""));
                }
            }
        }
        files
    }

    /// Which calendars have how many files.
    fn calendars(&self) -> Vec<String> {
        self.files().keys().map(|file| Path::new(file).parent().unwrap().display().to_string()).collect()
    }

    fn content(&self, calendar: &str) -> String {
        let files = self.files();
        let mut of_calendar = files.iter().filter(|(name, _)| name.starts_with(&format!("{calendar}/")));
        let (_, content) = of_calendar.next().unwrap_or_else(|| panic!("nothing in {calendar}"));
        assert_eq!(of_calendar.next(), None, "one event in {calendar}");
        content.clone()
    }
}

/// The program is built along with the tests, beside them.
fn program() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let target = here.parent().and_then(Path::parent).unwrap();
    target.join("examples").join(format!("quickstart{}", std::env::consts::EXE_SUFFIX))
}

#[test]
fn everybody_gets_their_event_once() {
    let desk = Desk::new();
    desk.run();
    assert_eq!(desk.calendars(), ["1/family", "1/home", "2/home", "3/home"]);
    assert!(desk.content("1/home").contains("SUMMARY:Service: Deep clean\r\n"));
    assert!(desk.content("2/home").contains("SUMMARY:Deep clean at Anna's\r\n"));
    assert!(desk.content("3/home").contains("SUMMARY:Eve - Deep clean\r\n"));
    assert!(desk.content("2/home").contains("DTSTART;TZID=Europe/London:20270120T100000\r\n"));
    let (files, state) = (desk.files(), desk.state());
    let printed = desk.run();
    assert!(printed.contains("nothing to do"), "{printed}");
    assert_eq!(desk.files(), files);
    assert_eq!(desk.state(), state);
}

#[test]
fn no_token_is_written_anywhere() {
    let desk = Desk::new();
    let printed = desk.run();
    assert!(!printed.contains("SECRET"));
    for file in ["state.json", "report.json"] {
        let text = fs::read_to_string(desk.out().join(file)).unwrap();
        assert!(!text.contains("SECRET"), "{file}");
        assert!(file != "state.json" || text.contains("colour"), "unknown settings are kept");
    }
}

#[test]
fn a_move_is_followed_in_place() {
    let desk = Desk::new();
    desk.run();
    let names: Vec<String> = desk.files().into_keys().collect();
    desk.edit("start_time", json!("2027-01-21T14:00:00Z"));
    desk.edit("end_time", json!("2027-01-21T15:30:00+00:00"));
    desk.run();
    assert_eq!(desk.files().into_keys().collect::<Vec<_>>(), names);
    for calendar in ["1/home", "1/family", "2/home", "3/home"] {
        let content = desk.content(calendar);
        assert!(content.contains("DTSTART;TZID=Europe/London:20270121T140000\r\n"), "{content}");
        assert!(content.contains("SEQUENCE:2\r\n"), "{content}");
    }
    assert!(desk.run().contains("nothing to do"));
}

#[test]
fn a_job_that_changes_hands_changes_calendars_and_comes_back() {
    let desk = Desk::new();
    desk.run();
    desk.edit("staff_id", json!(5));
    desk.run();
    assert_eq!(desk.calendars(), ["1/family", "1/home", "4/home"], "Adam has no manager");
    assert!(desk.content("1/home").contains("Staff: Adam"));
    desk.edit("staff_id", json!(3));
    desk.run();
    assert_eq!(desk.calendars(), ["1/family", "1/home", "2/home", "3/home"]);
    desk.edit("service_id", json!(6));
    desk.run();
    assert!(desk.content("2/home").contains("SUMMARY:Windows at Anna's\r\n"));
}

#[test]
fn a_cancellation_empties_the_calendars_and_a_reconfirmation_fills_them() {
    let mut desk = Desk::new();
    desk.run();
    desk.edit("status", json!("cancelled"));
    desk.run();
    assert_eq!(desk.files().len(), 0);
    assert!(desk.run().contains("nothing to do"));
    desk.edit("status", json!("confirmed"));
    desk.run();
    assert_eq!(desk.files().len(), 4);

    desk.world["orders"][0]["status"] = json!("cancelled");
    desk.run();
    assert_eq!((desk.files().len(), &desk.state()["appointments"][0]["status"]), (0, &json!("cancelled")));
    desk.world["orders"][0]["status"] = json!("confirmed");
    desk.run();
    assert_eq!(desk.files().len(), 4);
    assert_eq!(desk.state()["appointments"].as_array().unwrap().len(), 1);
}

#[test]
fn settings_are_followed() {
    let mut desk = Desk::new();
    desk.run();
    desk.world["profiles"][1]["calendar_sync_enabled"] = json!(false);
    desk.world["profiles"][0]["calendar_calendar_id"] = json!("work");
    desk.world["profiles"][0]["connections"] = json!([]);
    desk.world["admins"] = json!([4]);
    desk.run();
    assert_eq!(desk.calendars(), ["1/work", "3/home", "4/home"]);
    assert!(desk.content("4/home").contains("SUMMARY:Eve - Deep clean\r\n"));
}

#[test]
fn a_provider_that_is_not_there_is_reported_and_no_failure() {
    let mut desk = Desk::new();
    desk.world["profiles"][1]["calendar_provider"] = json!("caldav");
    let printed = desk.run();
    assert!(printed.contains("no provider registered for caldav"), "{printed}");
    assert_eq!(desk.calendars(), ["1/family", "1/home", "3/home"]);
}

#[test]
fn a_row_of_older_code_is_taken_over() {
    let mut desk = Desk::new();
    desk.run();
    let mut state = desk.state();
    let row = state["appointments"][0].as_object_mut().unwrap();
    row.remove("calendar_ledger");
    row.insert("calendar_event_id".to_owned(), json!({"apple": "event_789"}));
    row.insert("calendar_synced_to".to_owned(), json!(["apple"]));
    desk.world["profiles"][2]["calendar_calendar_id"] = json!("old");
    fs::remove_dir_all(desk.out()).unwrap();
    fs::create_dir_all(desk.out().join("3/old")).unwrap();
    fs::write(desk.out().join("state.json"), state.to_string()).unwrap();
    let old = desk.content_of_older_code();
    fs::write(desk.out().join("3/old/event_789.ics"), old).unwrap();
    desk.run();
    let files = desk.files();
    assert!(files["3/old/event_789.ics"].contains("SUMMARY:Eve - Deep clean\r\n"), "{files:?}");
    assert_eq!(desk.calendars(), ["1/family", "1/home", "2/home", "3/old"]);
    assert_eq!(desk.state()["appointments"][0]["calendar_event_id"], json!({"apple": "event_789"}));
    assert!(desk.run().contains("nothing to do"));
}

impl Desk {
    fn content_of_older_code(&self) -> &'static str {
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//old//EN\r\nBEGIN:VEVENT\r\nUID:event_789\r\nDTSTAMP:20260101T000000Z\r\n\
         DTSTART:20270120T100000Z\r\nSUMMARY:old\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    }
}

#[test]
fn a_dry_run_writes_nothing_and_says_what_it_would() {
    let desk = Desk::new();
    let output = desk.run_with(&["--dry-run"]);
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("create for staff in apple of profile 2"), "{printed}");
    assert!(printed.contains("a run lists 5 calendars first"), "{printed}");
    assert!(!desk.out().exists());
}

#[test]
fn what_cannot_be_delivered_is_exit_3_and_heals() {
    let desk = Desk::new();
    fs::create_dir_all(desk.out()).unwrap();
    fs::write(desk.out().join("2"), "a file where Eve's folder belongs").unwrap();
    let output = desk.run_with(&[]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(desk.calendars(), ["1/family", "1/home", "3/home"], "the others have theirs");
    fs::remove_file(desk.out().join("2")).unwrap();
    desk.run();
    assert_eq!(desk.calendars(), ["1/family", "1/home", "2/home", "3/home"]);
    assert!(desk.run().contains("nothing to do"));
}

#[test]
fn a_world_that_cannot_be_used_is_one_clear_line_and_nothing_is_written() {
    type Spoil = fn(&mut Value);
    let cases: Vec<(&str, Spoil)> = vec![
        ("namespace", |world| {
            world.as_object_mut().unwrap().remove("namespace");
        }),
        ("namespace: is empty", |world| world["namespace"] = json!(" ")),
        ("time_zone: no time zone is called `Europe/Londn`", |world| {
            world["time_zone"] = json!("Europe/Londn")
        }),
    ];
    for (message, spoil) in cases {
        let mut desk = Desk::new();
        spoil(&mut desk.world);
        let output = desk.run_with(&[]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains("world.json: ") && error.contains(message), "{message}: {error}");
        assert!(!desk.out().exists(), "{message}: something was written");
    }
}

#[test]
fn a_bad_record_is_one_clear_line_and_costs_nobody_else_anything() {
    type Spoil = fn(&mut Value);
    let cases: Vec<(&str, Spoil)> = vec![
        ("service 5: duration: must be more than zero", |world| world["services"][0]["duration"] = json!(0)),
        ("service 5: duration: must be more than zero", |world| {
            world["services"][0]["duration"] = json!(-30)
        }),
        ("service 5: duration: cannot be read", |world| world["services"][0]["duration"] = json!("90")),
        ("order 1: scheduled_date: is missing", |world| world["orders"][0]["scheduled_date"] = json!(null)),
        ("order 1: scheduled_date: cannot be read", |world| {
            world["orders"][0]["scheduled_date"] = json!("2027-02-30")
        }),
        ("order 1: scheduled_time: cannot be read", |world| {
            world["orders"][0]["scheduled_time"] = json!("25:00")
        }),
        ("the year 3000", |world| world["orders"][0]["scheduled_date"] = json!("3000-01-01")),
        ("the year 1899", |world| world["orders"][0]["scheduled_date"] = json!("1899-12-31")),
        ("profile 2: calendar_calendar_id: cannot be read", |world| {
            world["profiles"][1]["calendar_calendar_id"] = json!("../../x")
        }),
        ("profile 2: calendar_sync_enabled: cannot be read", |world| {
            world["profiles"][1]["calendar_sync_enabled"] = json!("perhaps")
        }),
        ("profile 1: connections[0].calendar_id: cannot be read", |world| {
            world["profiles"][0]["connections"][0]["calendar_id"] = json!("a\u{0}b")
        }),
        ("profile 2: id: is used twice", |world| world["profiles"][0]["id"] = json!(2)),
        ("order 1: id: is used twice", |world| {
            let order = world["orders"][0].clone();
            world["orders"].as_array_mut().unwrap().push(order);
        }),
        ("service_id: there is no service 99", |world| {
            world["orders"][0]["items"][0]["service_id"] = json!(99)
        }),
        ("order item 1: appointment_id: there is no appointment 10", |world| {
            world["orders"][0]["items"][0]["appointment_id"] = json!(10);
        }),
        ("there is no staff 99", |world| world["orders"][0]["items"][0]["staff_id"] = json!(99)),
        ("there is no customer 99", |world| world["orders"][0]["customer_id"] = json!(99)),
        ("there is no profile 99", |world| world["staff"][0]["profile_id"] = json!(99)),
        ("there is no profile 99", |world| world["admins"] = json!([99])),
        ("order 1.5: id: cannot be read", |world| world["orders"][0]["id"] = json!(1.5)),
        ("order 1: items[0].id: cannot be read", |world| world["orders"][0]["items"][0]["id"] = json!("")),
    ];
    for (message, spoil) in cases {
        let mut desk = Desk::new();
        desk.world["services"]
            .as_array_mut()
            .unwrap()
            .push(json!({"id": 7, "name": "Sound", "duration": 30}));
        let mut zoe = desk.world["profiles"][3].clone();
        (zoe["id"], zoe["name"]) = (json!(9), json!("Zoe"));
        desk.world["profiles"].as_array_mut().unwrap().push(zoe);
        desk.world["staff"].as_array_mut().unwrap().push(json!({"id": 9, "name": "Zoe", "phone": null,
            "profile_id": 9, "manager_id": null}));
        let mut sound = desk.world["orders"][0].clone();
        (sound["id"], sound["order_number"], sound["customer_id"]) = (json!(2), json!("ORD-2"), json!(null));
        sound["items"] = json!([{"id": 2, "service_id": 7, "staff_id": 9, "appointment_id": null}]);
        desk.world["orders"].as_array_mut().unwrap().push(sound);
        spoil(&mut desk.world);
        let output = desk.run_with(&[]);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(3), "{message}: {printed}");
        let said: Vec<&str> = printed.lines().filter(|line| line.starts_with("! ")).collect();
        let is_it = |line: &&&str| line.contains(message) && line.contains("world.json: ");
        assert_eq!(said.iter().filter(is_it).count(), 1, "{message}: {printed}");
        assert!(!printed.contains("SECRET") && !printed.contains("anna@"), "{printed}");
        assert!(desk.calendars().contains(&"9/home".to_owned()), "{message}: the sound order is delivered");
    }
}

#[test]
fn a_bad_row_of_the_state_is_named_and_written_back_as_it_is() {
    let desk = Desk::new();
    desk.run();
    let (good, files) = (desk.state(), desk.files());
    type Spoil = fn(&mut Value);
    let cases: Vec<(&str, Spoil)> = vec![
        ("end_time: must be later than start_time", |row| row["end_time"] = row["start_time"].clone()),
        ("start_time: cannot be read", |row| row["start_time"] = json!("2027-01-20T10:00:00")),
        ("end_time: the year 3000", |row| row["end_time"] = json!("3000-01-01T00:00:00Z")),
        ("staff_id: there is no staff 99", |row| row["staff_id"] = json!(99)),
        ("order_id: there is no order 99", |row| row["order_id"] = json!(99)),
        ("time_zone: cannot be read", |row| row["time_zone"] = json!("Mars/Olympus")),
    ];
    for (message, spoil) in cases {
        let mut state = good.clone();
        spoil(&mut state["appointments"][0]);
        fs::write(desk.out().join("state.json"), state.to_string()).unwrap();
        let output = desk.run_with(&[]);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(3), "{message}: {printed}");
        let said = printed.lines().filter(|line| line.starts_with("! ") && line.contains(message));
        assert_eq!(said.count(), 1, "{message}: {printed}");
        assert_eq!(desk.state()["appointments"], state["appointments"], "{message}");
        assert_eq!(desk.files(), files);
    }
}

#[test]
fn hostile_text_is_cut_and_cleaned() {
    let mut desk = Desk::new();
    desk.world["orders"][0]["notes"] =
        json!(format!("{}\u{0}\u{7}", "n\r\nATTENDEE:mailto:evil@example.org ".repeat(30_000)));
    desk.world["customers"][0]["name"] = json!("Anna\r\nATTENDEE:mailto:evil@example.org");
    desk.run();
    for (name, content) in desk.files() {
        assert!(!content.lines().any(|line| line.starts_with("ATTENDEE")), "{name}");
        assert!(content.len() < 20_000 && content.contains('…'), "{name}: {}", content.len());
    }
    assert!(desk.run().contains("nothing to do"));
}

#[test]
fn a_calendar_that_becomes_another_kind_loses_no_event() {
    let mut desk = Desk::new();
    desk.run();
    desk.world["profiles"][1]["calendar_provider"] = json!("invitation");
    desk.run();
    assert!(desk.out().join("invitations/2/home").read_dir().unwrap().count() == 1);
    desk.world["profiles"][1]["calendar_provider"] = json!("apple");
    desk.run();
    assert!(desk.content("2/home").contains("SUMMARY:Deep clean at Anna's\r\n"));
}

#[test]
fn a_time_no_calendar_can_hold_is_refused_before_anything_is_written() {
    let desk = Desk::new();
    for now in ["9999-01-01T00:00:00Z", "0001-01-01T00:00:00Z"] {
        let output = desk.run_with(&["--now", now]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(!desk.out().exists());
    }
}

#[test]
fn a_file_named_for_two_things_is_left_alone() {
    let desk = Desk::new();
    let world = desk.folder.path().join("world.json");
    for option in ["--state", "--report"] {
        let output = desk.run_with(&[option, world.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(fs::read_to_string(&world).unwrap().contains("orders") && !desk.out().exists());
    }
}

#[test]
fn two_at_once_leave_one_whole_state() {
    let desk = Desk::new();
    desk.run_with(&["--dry-run"]);
    let world = desk.folder.path().join("world.json");
    for _ in 0..10 {
        let start = || {
            let mut command = Command::new(program());
            command.arg("--world").arg(&world).arg("--out").arg(desk.out()).args(["--now", NOW]);
            command.spawn().unwrap()
        };
        for mut process in [start(), start()] {
            let code = process.wait().unwrap().code();
            assert!(matches!(code, Some(0 | 2)), "{code:?}");
        }
        assert_eq!(desk.state()["appointments"].as_array().unwrap().len(), 1);
    }
    assert!(desk.run().contains("nothing to do"));
    assert_eq!(desk.calendars(), ["1/family", "1/home", "2/home", "3/home"]);
}

/// A program that syncs Eve's folder spoiled her file: a second event beside it would be double,
/// and a forgotten one would stay.
#[test]
fn a_file_that_cannot_be_read_is_held_and_said_until_it_is_mended() {
    let desk = Desk::new();
    desk.run();
    let name = desk.files().into_keys().find(|name| name.starts_with("2/home/")).unwrap();
    let file = desk.out().join(&name);
    let spoil = || {
        let spoilt = format!("{}<!-- synced -->", fs::read_to_string(&file).unwrap());
        fs::write(&file, &spoilt).unwrap();
        spoilt
    };
    let changes = [("start_time", json!("2027-01-20T09:00:00Z")), ("status", json!("cancelled"))];
    for (field, value) in changes {
        let (spoilt, before) = (spoil(), desk.files().len());
        desk.edit(field, value);
        let output = desk.run_with(&["--attempts", "1"]);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(3), "{printed}");
        assert!(printed.contains("unreadable_file"), "{printed}");
        assert_eq!(fs::read_to_string(&file).unwrap(), spoilt);
        assert!(desk.files().len() <= before && desk.calendars().contains(&"2/home".to_owned()));
        fs::write(&file, spoilt.replace("<!-- synced -->", "")).unwrap();
        let output = desk.run_with(&["--retry"]);
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(desk.files().len(), 0);
}

#[cfg(unix)]
#[test]
fn its_files_and_folders_are_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    let elsewhere = desk.folder.path().join("kept/state.json");
    let report = desk.folder.path().join("told/report.json");
    let paths = [("--state", &elsewhere), ("--report", &report)];
    let options: Vec<&str> =
        paths.iter().flat_map(|(option, path)| [*option, path.to_str().unwrap()]).collect();
    assert!(desk.run_with(&options).status.success());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for file in [&elsewhere, &report] {
        assert_eq!((mode(file), mode(file.parent().unwrap())), (0o600, 0o700), "{file:?}");
    }
    assert_eq!(mode(&desk.out()), 0o700);
    // One that others could read before they cannot read any more.
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(desk.run_with(&options).status.success());
    assert_eq!(mode(&elsewhere), 0o600);
}

#[cfg(unix)]
#[test]
fn no_planted_link_is_written_through() {
    let desk = Desk::new();
    fs::create_dir_all(desk.out()).unwrap();
    let victim = desk.folder.path().join("victim.json");
    fs::write(&victim, "the victim's own").unwrap();
    for name in ["state.json.tmp", "report.json.tmp", "report.json"] {
        std::os::unix::fs::symlink(&victim, desk.out().join(name)).unwrap();
    }
    desk.run();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "the victim's own");
    assert!(!fs::symlink_metadata(desk.out().join("report.json")).unwrap().is_symlink());
}

#[test]
fn what_a_killed_run_left_half_written_goes() {
    let desk = Desk::new();
    desk.run();
    let (leftover, theirs) = (desk.out().join(".quickstart-x1Y2z3.tmp"), desk.out().join("notes.tmp"));
    fs::write(&leftover, "{").unwrap();
    fs::write(&theirs, "mine").unwrap();
    desk.run();
    assert!(!leftover.exists() && theirs.exists());
}

/// Two states with one out folder share the calendars and what the fakes remember.
#[cfg(unix)]
#[test]
fn all_that_is_shared_is_locked() {
    let desk = Desk::new();
    desk.run();
    let (state, files) = (desk.state(), desk.files());
    let other = desk.folder.path().join("other/state.json");
    for options in [&[][..], &["--state", other.to_str().unwrap()]] {
        let lock = fs::File::open(desk.out()).unwrap();
        lock.lock().unwrap();
        let output = desk.run_with(options);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(error.contains("another quickstart or connect is at work"), "{error}");
        drop(lock);
        assert!(!other.exists());
        assert_eq!((desk.state(), desk.files()), (state.clone(), files.clone()));
    }
    assert!(desk.run().contains("nothing to do"));
}

#[test]
fn a_folder_that_cannot_be_locked_is_an_error() {
    let desk = Desk::new();
    // Something that is no folder, and a name that no folder can have.
    let no_folder = desk.folder.path().join("world.json/state.json");
    let too_long = desk.folder.path().join("x".repeat(300)).join("state.json");
    for state in [no_folder, too_long] {
        let output = desk.run_with(&["--dry-run", "--state", state.to_str().unwrap()]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
    }
}

#[test]
fn a_row_that_lost_its_item_is_not_doubled() {
    let desk = Desk::new();
    desk.run();
    desk.edit("order_item_id", json!(null));
    let state = desk.state();
    let output = desk.run_with(&[]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{printed}");
    assert!(printed.contains("has lost its order_item_id"), "{printed}");
    assert_eq!(desk.state()["appointments"], state["appointments"]);
}

/// The events are those of a later generation, which only a look into the calendars tells.
#[test]
fn a_lost_state_doubles_nothing() {
    let desk = Desk::new();
    desk.run();
    for status in ["cancelled", "confirmed"] {
        desk.edit("status", json!(status));
        desk.run();
    }
    let files = desk.files();
    desk.loses_its_state();
    let printed = desk.run();
    assert!(!printed.contains("created,") && !printed.contains(" created\n"), "{printed}");
    assert_eq!(desk.files().into_keys().collect::<Vec<_>>(), files.into_keys().collect::<Vec<_>>());
    assert!(desk.run().contains("nothing to do"));
    // What was found is kept right from then on.
    desk.edit("status", json!("cancelled"));
    desk.run();
    assert_eq!(desk.files().len(), 0);
}

/// What is in a calendar that cannot be read is not known: a write could double it.
#[test]
fn a_lost_state_writes_nothing_where_nothing_could_be_listed() {
    let desk = Desk::new();
    desk.run();
    let name = desk.files().into_keys().find(|name| name.starts_with("2/home/")).unwrap();
    let (home, away) = (desk.out().join("2/home"), desk.folder.path().join("away"));
    desk.loses_its_state();
    fs::rename(&home, &away).unwrap();
    fs::write(&home, "a file where the folder belongs").unwrap();
    for _ in 0..2 {
        let printed = desk.run_with_problems(&["--attempts", "1"]);
        let said = printed.lines().filter(|line| line.starts_with("! apple of profile 2 "));
        assert_eq!(said.filter(|line| line.contains("not listed")).count(), 1, "{printed}");
    }
    fs::remove_file(&home).unwrap();
    fs::rename(&away, &home).unwrap();
    desk.run();
    assert_eq!(desk.calendars(), ["1/family", "1/home", "2/home", "3/home"]);
    assert!(desk.files().contains_key(&name));
    assert!(desk.run().contains("nothing to do"));
}

#[test]
fn orphans_are_named_and_go_on_a_word() {
    let mut desk = Desk::new();
    desk.orders(2);
    desk.run();
    let orders = desk.world["orders"].clone();
    let files = desk.files();
    desk.world["orders"].as_array_mut().unwrap().remove(0);
    desk.loses_its_state();
    let printed = desk.run_with_problems(&[]);
    let named = printed.lines().filter(|line| line.starts_with("! ") && line.contains("--remove-orphans"));
    assert_eq!(named.count(), 4, "{printed}");
    assert_eq!(desk.files().len(), files.len());

    // An order that cannot be read may be the one that they belong to.
    desk.world["orders"] = orders.clone();
    desk.world["orders"][0]["scheduled_date"] = json!("2027-02-30");
    desk.loses_its_state();
    let printed = desk.run_with_problems(&["--remove-orphans"]);
    assert!(printed.contains("scheduled_date") && printed.contains("once every record"), "{printed}");
    assert_eq!(desk.files().len(), files.len());

    desk.world["orders"] = orders;
    desk.world["orders"].as_array_mut().unwrap().remove(0);
    let output = desk.run_with(&["--remove-orphans"]);
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("4 removed"));
    assert_eq!(desk.calendars(), ["1/family", "1/home", "2/home", "3/home"]);
    let output = desk.run_with(&["--remove-orphans"]);
    assert!(output.status.success() && desk.files().len() == 4, "nothing is left to remove: {output:?}");
}

/// An import that cancels everything is more often a mistake than not.
#[test]
fn many_removals_at_once_wait_for_a_word() {
    let mut desk = Desk::new();
    desk.orders(27);
    desk.run();
    let files = desk.files();
    assert_eq!(files.len(), 27 * 4);
    for order in &mut desk.world["orders"].as_array_mut().unwrap()[1..] {
        order["status"] = json!("cancelled");
    }
    desk.world["orders"][0]["notes"] = json!("Use the side door");
    for _ in 0..2 {
        let printed = desk.run_with_problems(&[]);
        let held = printed.lines().filter(|line| line.starts_with("! held: "));
        assert_eq!(held.filter(|line| line.contains("--allow-deletes")).count(), 1, "{printed}");
        assert_eq!(desk.files().len(), files.len());
        let told = desk.files().into_values().filter(|content| content.contains("side door")).count();
        assert_eq!(told, 4, "what is no removal goes on");
    }
    let output = desk.run_with(&["--allow-deletes"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(desk.calendars(), ["1/family", "1/home", "2/home", "3/home"]);
    assert!(desk.run().contains("nothing to do"));
}

#[test]
fn verify_puts_right_what_people_did_to_events() {
    let desk = Desk::new();
    desk.run();
    let files = desk.files();
    let of = |calendar: &str| {
        let name = files.keys().find(|name| name.starts_with(calendar)).unwrap();
        desk.out().join(name)
    };
    fs::remove_file(of("2/home")).unwrap();
    let theirs = fs::read_to_string(of("3/home")).unwrap().replace("Eve - Deep clean", "Something else");
    fs::write(of("3/home"), theirs).unwrap();
    assert!(desk.run().contains("nothing to do"), "calendars are not looked into without need");
    let output = desk.run_with(&["--verify"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(desk.calendars(), ["1/family", "1/home", "2/home", "3/home"]);
    assert!(desk.content("2/home").contains("SUMMARY:Deep clean at Anna's\r\n"));
    assert!(desk.content("3/home").contains("SUMMARY:Eve - Deep clean\r\n"));
    assert!(desk.run().contains("nothing to do"));
}
