//! A server that has bad luck: run again until all is delivered, and every event stands once.

use std::process::Stdio;
use std::time::Duration;

use calsync_core::fake::{Fault, FaultRule};
use http::StatusCode;
use serde_json::json;

use crate::desk::{ANNA, AS_PLANNED, Desk, EVE};
use crate::services::Service;

with_each_service! {
    everybody_gets_their_events_once_and_a_second_run_asks_nothing
    changes_are_followed_in_place_and_a_cancellation_empties_the_calendars
    connections_that_drop_after_storing_double_nothing
    a_run_that_is_killed_doubles_nothing
    a_removal_whose_answer_is_lost_is_a_removal
    a_server_that_throttles_gets_the_rest_later
    servers_that_talk_nonsense_are_asked_again
    what_fails_for_a_moment_is_delivered_by_the_same_run
    an_event_deleted_by_hand_comes_back_with_the_next_change
    an_event_deleted_by_hand_before_anybody_knew_of_it_comes_back
    a_server_that_is_not_there_loses_nothing
    urls_that_cannot_be_trusted_are_one_clear_line
    a_dry_run_asks_and_writes_nothing
}

async fn everybody_gets_their_events_once_and_a_second_run_asks_nothing<S: Service>() {
    let desk = Desk::<S>::new().await;
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(AS_PLANNED);
    assert_eq!(
        desk.service.count_all(),
        3 + 9,
        "one listing a calendar, for there was no state; one call an event"
    );
    desk.assert_at_rest();
    assert!(!desk.file(&format!("fake-{}.json", S::KIND)).exists());
}

async fn changes_are_followed_in_place_and_a_cancellation_empties_the_calendars<S: Service>() {
    let mut desk = Desk::<S>::new().await;
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
    assert!(desk.service.events().is_empty());
    desk.assert_at_rest();
}

async fn connections_that_drop_after_storing_double_nothing<S: Service>() {
    let desk = Desk::<S>::new().await;
    desk.service.fault(FaultRule::new(Fault::DropAfter).with_method(S::CREATE).with_every(2));
    assert_eq!(desk.run_until_delivered(), 2);
    desk.assert_delivered(AS_PLANNED);
    desk.service.clear_faults();
    desk.assert_at_rest();

    desk.service.fault(FaultRule::new(Fault::DropAfter).with_method(S::UPDATE).with_times(2));
    desk.move_to(14);
    assert!(desk.run_until_delivered() > 1);
    desk.assert_delivered(["14:00", "10:00", "10:00"]);
    desk.assert_at_rest();
    assert_eq!(desk.service.deleted(), 0, "nothing had to be cleaned up");
}

/// What it had made by then is found again.
async fn a_run_that_is_killed_doubles_nothing<S: Service>() {
    let desk = Desk::at(S::waiting()).await;
    let stuck = Fault::Delay(Duration::from_secs(600));
    desk.service.fault(FaultRule::new(stuck).with_method(S::CREATE).after(2).always());
    let mut run = desk.quickstart().stdout(Stdio::null()).spawn().unwrap();
    while run.try_wait().unwrap().is_none() && desk.service.events().len() < 2 {
        let _passed = tokio::time::timeout(Duration::from_millis(10), std::future::pending::<()>()).await;
    }
    assert!(run.try_wait().unwrap().is_none(), "it ended before it was killed");
    run.kill().unwrap();
    run.wait().unwrap();
    desk.service.clear_faults();
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(AS_PLANNED);
    assert_eq!(desk.service.deleted(), 0, "nothing had to be cleaned up");
    desk.assert_at_rest();
}

async fn a_removal_whose_answer_is_lost_is_a_removal<S: Service>() {
    let mut desk = Desk::<S>::new().await;
    desk.run_until_delivered();
    desk.world["orders"][0]["status"] = json!("cancelled");
    desk.service.fault(FaultRule::new(Fault::DropAfter).with_method(S::DELETE).with_times(2));
    assert_eq!(desk.run_until_delivered(), 2);
    assert_eq!(desk.service.events().len(), 6);
}

async fn a_server_that_throttles_gets_the_rest_later<S: Service>() {
    let desk = Desk::<S>::new().await;
    let [first, then] = S::throttled();
    desk.service.fault(FaultRule::new(first).with_method(S::CREATE).after(1).with_times(3));
    desk.service.fault(FaultRule::new(then).with_method(S::CREATE).after(2).with_times(3));
    let (code, printed) = desk.run();
    assert_eq!(code, Some(3), "{printed}");
    assert!(
        (printed.contains("6 failed") || printed.contains("6 outcome unknown"))
            && printed.contains("too many calls"),
        "{printed}"
    );
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(AS_PLANNED);
    desk.assert_at_rest();
}

async fn servers_that_talk_nonsense_are_asked_again<S: Service>() {
    for fault in [
        Fault::status(StatusCode::BAD_GATEWAY),
        Fault::status(StatusCode::SERVICE_UNAVAILABLE).after(),
        Fault::Html,
        Fault::Cut,
        Fault::WithoutId,
        Fault::Redirect("http://127.0.0.1:9/elsewhere".to_owned()),
    ] {
        let desk = Desk::<S>::new().await;
        desk.service.fault(FaultRule::new(fault.clone()).with_times(4));
        assert!(desk.run_until_delivered() > 1, "{fault:?}");
        desk.assert_delivered(AS_PLANNED);
        desk.assert_at_rest();
    }
}

async fn what_fails_for_a_moment_is_delivered_by_the_same_run<S: Service>() {
    let desk = Desk::<S>::new().await;
    desk.service.fault(FaultRule::new(Fault::DropAfter).with_method(S::CREATE).with_times(2));
    let output = desk.patient_quickstart().output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", crate::desk::text_of(&output));
    desk.assert_delivered(AS_PLANNED);
    desk.assert_at_rest();
}

async fn an_event_deleted_by_hand_comes_back_with_the_next_change<S: Service>() {
    let desk = Desk::<S>::new().await;
    desk.run_until_delivered();
    desk.service.delete(ANNA, &desk.first_event(ANNA).id);
    desk.assert_at_rest();
    desk.move_to(14);
    desk.run_until_delivered();
    desk.assert_delivered(["14:00", "10:00", "10:00"]);
    desk.assert_at_rest();
}

async fn an_event_deleted_by_hand_before_anybody_knew_of_it_comes_back<S: Service>() {
    for service in S::after_deletion() {
        let desk = Desk::at(service).await;
        desk.service.fault(FaultRule::new(Fault::DropAfter).with_method(S::CREATE).with_times(9));
        assert_eq!(desk.run().0, Some(3));
        desk.service.delete(EVE, &desk.first_event(EVE).id);
        assert_eq!(desk.run_until_delivered(), 1);
        desk.assert_delivered(AS_PLANNED);
        desk.assert_at_rest();
    }
}

async fn a_server_that_is_not_there_loses_nothing<S: Service>() {
    let desk = Desk::<S>::new().await;
    let output = {
        let mut command = desk.program("quickstart");
        command.args([&url_option::<S>(), "http://127.0.0.1:9"]).output().unwrap()
    };
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(AS_PLANNED);
}

async fn urls_that_cannot_be_trusted_are_one_clear_line<S: Service>() {
    let desk = Desk::<S>::new().await;
    let url_option = url_option::<S>();
    for (name, url) in [
        (url_option.as_str(), "http://calendar.example.org"),
        (&url_option, "ftp://127.0.0.1"),
        (&url_option, "nonsense"),
        (S::TOKEN_OPTION, "http://tokens.example.org/token"),
    ] {
        let mut command = desk.quickstart();
        if name == url_option {
            command = desk.program("quickstart");
        }
        let output = command.args([name, url]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{url}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(!desk.out().exists(), "{url}");
    }
    assert_eq!(desk.service.count_all(), 0);
}

async fn a_dry_run_asks_and_writes_nothing<S: Service>() {
    let mut desk = Desk::<S>::new().await;
    desk.world["profiles"][0]["calendar_token_expires_at"] = json!("2020-01-01T00:00:00Z");
    let output = desk.quickstart().arg("--dry-run").output().unwrap();
    assert!(output.status.success());
    let would = format!("create for customer in {} of profile 1", S::KIND);
    assert!(String::from_utf8(output.stdout).unwrap().contains(&would));
    assert_eq!(desk.service.count_all(), 0);
    assert!(!desk.out().exists());
}

fn url_option<S: Service>() -> String {
    format!("--{}-url", S::KIND)
}
