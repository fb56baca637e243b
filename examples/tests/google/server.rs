//! A server that has bad luck: run again until all is delivered, and every event stands once.

use calsync_google::fake::{ApiMethod, Fault, FaultRule, google_error};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::desk::{ANNA, Desk, EVE};

const AS_PLANNED: [&str; 3] = ["10:00"; 3];

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_their_events_once_and_a_second_run_asks_nothing() {
    let desk = Desk::new().await;
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(AS_PLANNED);
    assert_eq!(desk.google.count_all(), 9, "one call an event");
    desk.assert_at_rest();
    assert!(!desk.file("fake-google.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_followed_in_place_and_a_cancellation_empties_the_calendars() {
    let mut desk = Desk::new().await;
    desk.run_until_delivered();
    let id = desk.first_event(ANNA).id;
    desk.move_to(14);
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(["14:00", "10:00", "10:00"]);
    assert_eq!(desk.first_event(ANNA).id, id);
    for order in desk.world["orders"].as_array_mut().unwrap() {
        order["status"] = json!("cancelled");
    }
    assert_eq!(desk.run_until_delivered(), 1);
    assert!(desk.google.events().is_empty());
    desk.assert_at_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_drop_after_storing_double_nothing() {
    let desk = Desk::new().await;
    desk.google.fault(FaultRule::new(Fault::DropAfter).with_method(ApiMethod::EventsInsert).with_every(2));
    assert_eq!(desk.run_until_delivered(), 2);
    desk.assert_delivered(AS_PLANNED);
    desk.google.no_faults();
    desk.assert_at_rest();

    desk.google.fault(FaultRule::new(Fault::DropAfter).with_method(ApiMethod::EventsPatch).with_times(2));
    desk.move_to(14);
    assert!(desk.run_until_delivered() > 1);
    desk.assert_delivered(["14:00", "10:00", "10:00"]);
    desk.assert_at_rest();
    assert_eq!(desk.google.tombstones().len(), 0, "nothing had to be cleaned up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_whose_answer_is_lost_is_a_removal() {
    let mut desk = Desk::new().await;
    desk.run_until_delivered();
    desk.world["orders"][0]["status"] = json!("cancelled");
    desk.google.fault(FaultRule::new(Fault::DropAfter).with_method(ApiMethod::EventsDelete).with_times(2));
    assert_eq!(desk.run_until_delivered(), 2);
    assert_eq!(desk.google.events().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_throttles_gets_the_rest_later() {
    let desk = Desk::new().await;
    let message = "Rate Limit Exceeded";
    let limited = google_error(StatusCode::FORBIDDEN, "rateLimitExceeded", message);
    desk.google.fault(FaultRule::new(limited).after(1).with_times(3));
    let too_many = google_error(StatusCode::TOO_MANY_REQUESTS, "rateLimitExceeded", message);
    let too_many = too_many.with_header(RETRY_AFTER, HeaderValue::from_static("1"));
    desk.google.fault(FaultRule::new(too_many).after(2).with_times(3));
    let (code, printed) = desk.run();
    assert_eq!(code, Some(3), "{printed}");
    assert!(printed.contains("6 failed") && printed.contains("too many calls"), "{printed}");
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(AS_PLANNED);
    desk.assert_at_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_talk_nonsense_are_asked_again() {
    for fault in [
        Fault::status(StatusCode::BAD_GATEWAY),
        Fault::status(StatusCode::SERVICE_UNAVAILABLE).after(),
        Fault::Html,
        Fault::Cut,
        Fault::WithoutId,
        Fault::Redirect("http://127.0.0.1:9/elsewhere".to_owned()),
    ] {
        let desk = Desk::new().await;
        desk.google.fault(FaultRule::new(fault.clone()).with_times(4));
        assert!(desk.run_until_delivered() > 1, "{fault:?}");
        desk.assert_delivered(AS_PLANNED);
        desk.assert_at_rest();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_deleted_by_hand_comes_back_with_the_next_change() {
    let desk = Desk::new().await;
    desk.run_until_delivered();
    let (anna, lost) = (desk.google.user(ANNA), desk.first_event(ANNA).id);
    assert!(anna.deletes_event("primary", &lost));
    desk.assert_at_rest();
    desk.move_to(14);
    desk.run_until_delivered();
    desk.assert_delivered(["14:00", "10:00", "10:00"]);
    desk.assert_at_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_deleted_by_hand_before_anybody_knew_of_it_comes_back() {
    for forbidden in [false, true] {
        let desk = Desk::new().await;
        desk.google.set(|settings| settings.revive_forbidden = forbidden);
        desk.google
            .fault(FaultRule::new(Fault::DropAfter).with_method(ApiMethod::EventsInsert).with_times(9));
        assert_eq!(desk.run().0, Some(3));
        let lost = desk.first_event(EVE).id;
        assert!(desk.google.user(EVE).deletes_event("primary", &lost));
        assert_eq!(desk.run_until_delivered(), 1);
        desk.assert_delivered(AS_PLANNED);
        desk.assert_at_rest();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_loses_nothing() {
    let desk = Desk::new().await;
    let output = {
        let mut command = desk.program("quickstart");
        command.args(["--google-url", "http://127.0.0.1:9"]).output().unwrap()
    };
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(AS_PLANNED);
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_that_cannot_be_trusted_are_one_clear_line() {
    let desk = Desk::new().await;
    for (name, url) in [
        ("--google-url", "http://calendar.example.org"),
        ("--google-url", "ftp://127.0.0.1"),
        ("--google-url", "nonsense"),
        ("--google-token-url", "http://tokens.example.org/token"),
    ] {
        let mut command = desk.quickstart();
        if name == "--google-url" {
            command = desk.program("quickstart");
        }
        let output = command.args([name, url]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{url}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(!desk.out().exists(), "{url}");
    }
    assert_eq!(desk.google.count_all(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_asks_and_writes_nothing() {
    let mut desk = Desk::new().await;
    desk.world["profiles"][0]["calendar_token_expires_at"] = json!("2020-01-01T00:00:00Z");
    let output = desk.quickstart().arg("--dry-run").output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("create for customer in google of profile 1"));
    assert_eq!(desk.google.count_all(), 0);
    assert!(!desk.out().exists());
}
