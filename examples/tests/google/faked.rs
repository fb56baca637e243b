//! Without `--google-url`: the Google in the program, which remembers.

use serde_json::{Value, json};

use crate::desk::{ANNA, Desk, text_of};

impl Desk {
    fn run_faked(&self) -> String {
        let output = self.program("quickstart").output().unwrap();
        let printed = text_of(&output);
        assert_eq!(output.status.code(), Some(0), "{printed}");
        assert!(printed.starts_with("Google is faked in this process"), "{printed}");
        printed
    }

    fn faked(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.file("fake-google.json")).unwrap()).unwrap()
    }

    /// The events in somebody's calendar there: status and start.
    fn faked_events(&self, email: &str) -> Vec<(String, String)> {
        let faked = self.faked();
        let events = faked["calendars"][email]["events"].as_object().unwrap().values();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let of = |event: &Value| (text(&event["body"]["status"]), text(&event["body"]["start"]["dateTime"]));
        let mut events: Vec<_> = events.map(of).collect();
        events.sort();
        events
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_remembers_from_run_to_run() {
    let mut desk = Desk::new().await;
    desk.run_faked();
    assert_eq!(desk.faked_events(ANNA).len(), 3);
    assert!(!desk.file("tokens.key").exists() && desk.state().get("tokens").is_none(), "it needs no tokens");
    let before = (desk.faked(), desk.state());
    assert!(desk.run_faked().contains("nothing to do"));
    assert_eq!((desk.faked(), desk.state()), before);

    desk.move_to(14);
    assert!(desk.run_faked().contains("3 updated"));
    let moved = ("confirmed".to_owned(), "2027-01-21T14:00:00Z".to_owned());
    assert!(desk.faked_events(ANNA).contains(&moved), "{:?}", desk.faked_events(ANNA));

    desk.world["profiles"][0]["calendar_provider"] = json!("apple");
    desk.run_faked();
    let statuses: Vec<String> = desk.faked_events(ANNA).into_iter().map(|(status, _)| status).collect();
    assert_eq!(statuses, ["cancelled"; 3], "she left, and her events with her");
    assert!(desk.run_faked().contains("nothing to do"));
    assert_eq!(desk.google.count_all(), 0, "nobody else was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_events_are_not_taken_for_those_of_a_server() {
    let desk = Desk::new().await;
    desk.run_faked();
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(["10:00"; 3]);
    let state = desk.state();
    let output = desk.program("quickstart").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
    assert!(error.contains("--google-url"), "{error}");
    assert_eq!(desk.state(), state);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_connections_of_one_person_are_two_accounts() {
    let mut desk = Desk::new().await;
    let calendar = "team@group.calendar.google.com";
    desk.world["profiles"][0]["connections"] =
        json!([{"id": "work", "provider": "google", "calendar_id": calendar}]);
    desk.run_faked();
    assert_eq!((desk.faked_events(ANNA).len(), desk.faked_events(calendar).len()), (3, 3));
    assert_eq!(desk.faked()["calendars"][calendar]["owner"], json!(format!("work+{ANNA}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_cannot_read_is_one_clear_line_and_left_alone() {
    let desk = Desk::new().await;
    desk.run_faked();
    let state = desk.state();
    for damaged in ["{", "[]", r#"{"version": 99}"#] {
        std::fs::write(desk.file("fake-google.json"), damaged).unwrap();
        let output = desk.program("quickstart").output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(error.contains("fake-google.json"), "{error}");
        assert_eq!(std::fs::read_to_string(desk.file("fake-google.json")).unwrap(), damaged);
        assert_eq!(desk.state(), state);
    }
}
