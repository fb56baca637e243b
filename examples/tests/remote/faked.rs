//! Without a server's URL: the fake in the program, which remembers.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::desk::{ANNA, AS_PLANNED, Desk, text_of};
use crate::services::Service;

impl<S: Service> Desk<S> {
    fn run_faked(&self) -> String {
        let output = self.program("quickstart").output().unwrap();
        let printed = text_of(&output);
        assert_eq!(output.status.code(), Some(0), "{printed}");
        assert!(printed.starts_with(&format!("{} is faked in this process", S::NAME)), "{printed}");
        printed
    }

    fn faked_file(&self) -> PathBuf {
        self.file(&format!("fake-{}.json", S::KIND))
    }

    fn faked(&self) -> Value {
        serde_json::from_slice(&fs::read(self.faked_file()).unwrap()).unwrap()
    }

    /// The calendars and starts of somebody's events there.
    fn faked_events(&self, email: &str) -> Vec<(String, String)> {
        let theirs = S::restored(&self.faked()).events().into_iter().filter(|event| event.owner == email);
        theirs.map(|event| (event.calendar, event.start)).collect()
    }
}

with_each_service! {
    it_remembers_from_run_to_run
    what_it_remembers_is_its_owners_alone
    its_events_are_not_taken_for_those_of_a_server
    two_connections_of_one_person_are_two_accounts
    what_it_cannot_read_is_one_clear_line_and_left_alone
}

async fn it_remembers_from_run_to_run<S: Service>() {
    let mut desk = Desk::<S>::new().await;
    desk.run_faked();
    assert_eq!(desk.faked_events(ANNA).len(), 3);
    assert!(!desk.file("tokens.key").exists() && desk.state().get("tokens").is_none(), "it needs no tokens");
    let before = (desk.faked(), desk.state());
    let printed = desk.run_faked();
    assert!(printed.contains("nothing to do"), "{printed}");
    assert_eq!((desk.faked(), desk.state()), before);

    desk.move_to(14);
    assert!(desk.run_faked().contains("3 updated"));
    let moved = ("primary".to_owned(), "2027-01-21T14:00".to_owned());
    assert!(desk.faked_events(ANNA).contains(&moved), "{:?}", desk.faked_events(ANNA));

    desk.world["profiles"][0]["calendar_provider"] = json!("apple");
    let printed = desk.run_faked();
    assert!(printed.contains("3 created, 3 removed"), "{printed}");
    assert_eq!(desk.faked_events(ANNA), [], "she left, and her events with her");
    assert_eq!(S::restored(&desk.faked()).deleted(), 3);
    let printed = desk.run_faked();
    assert!(printed.contains("nothing to do"), "{printed}");
    assert_eq!(desk.service.count_all(), 0, "nobody else was asked");
}

async fn what_it_remembers_is_its_owners_alone<S: Service>() {
    #[cfg(unix)]
    {
        let desk = Desk::<S>::new().await;
        let name = format!("fake-{}.json.tmp", S::KIND);
        let victim = desk.plant_links(&[&name, "report.json.tmp"]);
        desk.run_faked();
        assert_eq!(fs::read_to_string(victim).unwrap(), "the victim's own");
        assert!(desk.faked_file().exists());
        desk.assert_private();
    }
}

async fn its_events_are_not_taken_for_those_of_a_server<S: Service>() {
    let desk = Desk::<S>::new().await;
    desk.run_faked();
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(AS_PLANNED);
    let state = desk.state();
    let output = desk.program("quickstart").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
    assert!(error.contains(&format!("--{}-url", S::KIND)), "{error}");
    assert_eq!(desk.state(), state);
}

async fn two_connections_of_one_person_are_two_accounts<S: Service>() {
    let mut desk = Desk::<S>::new().await;
    desk.world["profiles"][0]["connections"] =
        json!([{"id": "work", "provider": S::KIND, "calendar_id": S::OTHER_CALENDAR}]);
    desk.run_faked();
    let calendars = |email| desk.faked_events(email).into_iter().map(|(calendar, _)| calendar);
    assert_eq!(calendars(ANNA).collect::<Vec<_>>(), ["primary"; 3]);
    assert_eq!(calendars(&format!("work+{ANNA}")).collect::<Vec<_>>(), [S::OTHER_CALENDAR; 3]);
}

async fn what_it_cannot_read_is_one_clear_line_and_left_alone<S: Service>() {
    let desk = Desk::<S>::new().await;
    desk.run_faked();
    let state = desk.state();
    for damaged in ["{", "[]", r#"{"version": 99}"#] {
        fs::write(desk.faked_file(), damaged).unwrap();
        let output = desk.program("quickstart").output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(error.contains(&format!("fake-{}.json", S::KIND)), "{error}");
        assert_eq!(fs::read_to_string(desk.faked_file()).unwrap(), damaged);
        assert_eq!(desk.state(), state);
    }
}
