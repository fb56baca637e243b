//! Tokens that run out, are rotated, are lost or stolen.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use calsync_core::fake::{Fault, FaultRule};
use http::StatusCode;
use serde_json::{Value, json};

use crate::desk::{ANNA, AS_PLANNED, Desk, EVE};
use crate::services::Service;

impl<S: Service> Desk<S> {
    /// Every access token in the world file has run out long ago.
    fn expire(&mut self) {
        for profile in self.world["profiles"].as_array_mut().unwrap() {
            profile["calendar_token_expires_at"] = json!("2020-01-01T00:00:00Z");
        }
    }

    fn assert_refused(&self, words: &str) {
        let (state, asked) = (fs::read_to_string(self.file("state.json")).unwrap(), self.service.count_all());
        let output = self.quickstart().output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(error.contains(words), "{words}: {error}");
        assert_eq!(fs::read_to_string(self.file("state.json")).unwrap(), state, "the state was touched");
        assert_eq!(self.service.count_all(), asked, "somebody was asked");
    }
}

with_each_service! {
    a_token_refused_in_mid_run_is_refreshed_and_kept_sealed
    a_key_is_not_written_through_a_link
    tokens_that_ran_out_are_refreshed_once_and_used_from_then_on
    a_rotated_refresh_token_is_never_lost
    a_rotated_refresh_token_survives_a_run_that_is_killed
    a_run_that_is_killed_while_it_lists_costs_the_state_nothing
    a_token_endpoint_that_is_down_blames_nobody
    a_dead_grant_waits_for_its_person_and_wakes_when_they_connect
    somebody_without_tokens_waits_until_there_are_some
    the_worlds_token_wins_once_it_is_another
    sealed_tokens_that_do_not_open_are_one_clear_line
}

async fn a_token_refused_in_mid_run_is_refreshed_and_kept_sealed<S: Service>() {
    let desk = Desk::<S>::new().await;
    desk.service.fault(FaultRule::new(S::refused()).with_user(ANNA).after(1));
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(AS_PLANNED);
    assert_eq!(desk.service.token_refreshes(), 1);
    desk.assert_at_rest();
    let sealed: Vec<Value> = desk.state()["tokens"].as_array().unwrap().clone();
    let sealed: Vec<_> = sealed.iter().filter(|row| row.get("sealed").is_some()).collect();
    assert_eq!(sealed.len(), 1, "the others use the world's still");
    assert!(sealed[0]["sealed"].as_str().unwrap().starts_with("cs1."));
    #[cfg(unix)]
    desk.assert_private();
    // With the key a run opens what another sealed.
    desk.move_to(14);
    assert_eq!(desk.run_until_delivered(), 1);
    assert_eq!(desk.service.token_refreshes(), 1);
}

async fn a_key_is_not_written_through_a_link<S: Service>() {
    #[cfg(unix)]
    {
        let mut desk = Desk::<S>::new().await;
        desk.expire();
        let victim = desk.plant_links(&["tokens.key.tmp", "state.json.tmp"]);
        assert_eq!(desk.run_until_delivered(), 1);
        assert_eq!(fs::read_to_string(victim).unwrap(), "the victim's own");
        assert!(!fs::symlink_metadata(desk.file("tokens.key")).unwrap().is_symlink());
    }
}

async fn tokens_that_ran_out_are_refreshed_once_and_used_from_then_on<S: Service>() {
    let mut desk = Desk::<S>::new().await;
    desk.expire();
    assert_eq!(desk.run_until_delivered(), 1);
    assert_eq!(desk.service.token_refreshes(), 3);
    desk.move_to(14);
    assert_eq!(desk.run_until_delivered(), 1);
    assert_eq!(desk.service.token_refreshes(), 3);
}

async fn a_rotated_refresh_token_is_never_lost<S: Service>() {
    let mut desk = Desk::<S>::new().await;
    desk.service.rotate();
    desk.expire();
    // The API is down after the tokens were rotated.
    desk.service.fault(FaultRule::new(Fault::NotSent).with_path(S::API).always());
    assert_eq!(desk.run().0, Some(3));
    desk.service.clear_faults();
    for hour in 14..17 {
        desk.service.expire_access_tokens();
        desk.move_to(hour);
        assert_eq!(desk.run_until_delivered(), 1);
    }
    desk.assert_delivered(["16:00", "10:00", "10:00"]);
}

async fn a_rotated_refresh_token_survives_a_run_that_is_killed<S: Service>() {
    let mut desk = Desk::at(S::waiting()).await;
    desk.service.rotate();
    desk.expire();
    let stuck = Fault::Delay(Duration::from_secs(600));
    desk.service.fault(FaultRule::new(stuck).with_path(S::API).always());
    let mut run = desk.quickstart().stdout(Stdio::null()).spawn().unwrap();
    let are_sealed = || {
        let state = fs::read_to_string(desk.file("state.json")).unwrap_or_default();
        state.matches("\"sealed\"").count() == 3
    };
    while run.try_wait().unwrap().is_none() && !are_sealed() {
        let _passed = tokio::time::timeout(Duration::from_millis(10), std::future::pending::<()>()).await;
    }
    assert!(run.try_wait().unwrap().is_none(), "they were not saved while they were needed");
    assert_eq!(
        desk.state()["appointments"].as_array().unwrap().len(),
        3,
        "nor in the place of anything else"
    );
    run.kill().unwrap();
    run.wait().unwrap();
    desk.service.clear_faults();
    desk.service.expire_access_tokens();
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(AS_PLANNED);
    desk.assert_at_rest();
}

/// A listing comes before anything else that is saved, and may be what needs new tokens.
async fn a_run_that_is_killed_while_it_lists_costs_the_state_nothing<S: Service>() {
    let desk = Desk::at(S::waiting()).await;
    desk.run_until_delivered();
    let before = desk.state();
    desk.service.expire_access_tokens();
    let refused = FaultRule::new(S::refused()).with_path(S::API).with_times(1);
    desk.service.fault(refused);
    let stuck = Fault::Delay(Duration::from_secs(600));
    desk.service.fault(FaultRule::new(stuck).with_path(S::API).after(1).always());
    let mut run = desk.quickstart().arg("--verify").stdout(Stdio::null()).spawn().unwrap();
    let is_sealed = || fs::read_to_string(desk.file("state.json")).unwrap_or_default().contains("\"sealed\"");
    while run.try_wait().unwrap().is_none() && !is_sealed() {
        let _passed = tokio::time::timeout(Duration::from_millis(10), std::future::pending::<()>()).await;
    }
    assert!(run.try_wait().unwrap().is_none(), "it ended before it was killed");
    run.kill().unwrap();
    run.wait().unwrap();
    desk.service.clear_faults();
    let ids = |state: &Value| -> Vec<(Value, Value)> {
        let rows = state["appointments"].as_array().unwrap().iter();
        let rows = rows.flat_map(|row| row["calendar_ledger"]["deliveries"].as_array().unwrap());
        let id = |row: &Value| [row, &row["before"]].iter().find_map(|it| it.get("remote_id").cloned());
        rows.map(|row| (row["target"].clone(), id(row).unwrap())).collect()
    };
    assert_eq!(ids(&before).len(), 9);
    assert_eq!(ids(&desk.state()), ids(&before));
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(AS_PLANNED);
    assert_eq!(desk.service.deleted(), 0);
    desk.assert_at_rest();
}

async fn a_token_endpoint_that_is_down_blames_nobody<S: Service>() {
    let mut desk = Desk::<S>::new().await;
    desk.expire();
    desk.service
        .fault(FaultRule::new(Fault::status(StatusCode::SERVICE_UNAVAILABLE)).with_path("/token").always());
    let (code, printed) = desk.run();
    assert_eq!(code, Some(3), "{printed}");
    assert!(!printed.contains("connect the calendar again"), "{printed}");
    desk.service.clear_faults();
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(AS_PLANNED);
}

async fn a_dead_grant_waits_for_its_person_and_wakes_when_they_connect<S: Service>() {
    let mut desk = Desk::<S>::new().await;
    assert_eq!(desk.run_until_delivered(), 1);
    desk.service.revoke(ANNA);
    desk.move_to(14);
    let (code, printed) = desk.run();
    assert_eq!(code, Some(3), "{printed}");
    let waits = "- Anna (customer): waiting: the person has to connect the calendar again";
    assert!(printed.contains(waits), "{printed}");
    let asked = desk.service.count_all();
    let output = desk.patient_quickstart().output().unwrap();
    let (code, printed) = (output.status.code(), String::from_utf8(output.stdout).unwrap());
    assert!(code == Some(3) && printed.contains(waits), "{printed}");
    assert_eq!(desk.service.count_all(), asked, "a dead grant is not tried again");

    let tokens = desk.service.tokens(ANNA);
    desk.world["profiles"][0]["calendar_access_token"] = json!(tokens.access_token.expose());
    desk.world["profiles"][0]["calendar_refresh_token"] = json!(tokens.refresh_token.expose());
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(["14:00", "10:00", "10:00"]);
    desk.assert_at_rest();
}

async fn somebody_without_tokens_waits_until_there_are_some<S: Service>() {
    let mut desk = Desk::<S>::new().await;
    let eve = desk.world["profiles"][1].clone();
    desk.world["profiles"][1]["calendar_access_token"] = json!(null);
    desk.world["profiles"][1]["calendar_refresh_token"] = json!(null);
    let (code, printed) = desk.run();
    assert!(
        code == Some(3) && printed.contains("of profile 2 (connection default): not listed"),
        "{printed}"
    );
    desk.world["profiles"][1] = eve;
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(AS_PLANNED);
}

async fn the_worlds_token_wins_once_it_is_another<S: Service>() {
    let mut desk = Desk::<S>::new().await;
    desk.expire();
    desk.run_until_delivered();
    // Eve connects anew, and everything she granted before is dead.
    desk.service.revoke(EVE);
    let tokens = desk.service.tokens(EVE);
    desk.world["profiles"][1]["calendar_access_token"] = json!(tokens.access_token.expose());
    desk.world["profiles"][1]["calendar_refresh_token"] = json!(tokens.refresh_token.expose());
    desk.move_to(14);
    assert_eq!(desk.run_until_delivered(), 1);
    desk.assert_delivered(["14:00", "10:00", "10:00"]);
}

async fn sealed_tokens_that_do_not_open_are_one_clear_line<S: Service>() {
    let mut desk = Desk::<S>::new().await;
    desk.expire();
    desk.run_until_delivered();
    let (key, good) = (fs::read_to_string(desk.file("tokens.key")).unwrap(), desk.state());
    // Whatever is wrong with the tokens, nothing else of a run is begun either.
    desk.move_to(14);
    let moved = desk.state();

    fs::remove_file(desk.file("tokens.key")).unwrap();
    desk.assert_refused("tokens.key: is not there");
    for (text, words) in [("nonsense", "must be 32 bytes"), (&"A".repeat(43), "was changed")] {
        fs::write(desk.file("tokens.key"), text).unwrap();
        for_owner_only(&desk);
        desk.assert_refused(words);
    }
    fs::write(desk.file("tokens.key"), &key).unwrap();
    for_owner_only(&desk);

    // Anna's row under Eve's name.
    let mut swapped = moved.clone();
    swapped["tokens"][1]["sealed"] = good["tokens"][0]["sealed"].clone();
    desk.write_state(&swapped);
    desk.assert_refused(&format!("{} of profile 2 (connection default)", S::KIND));

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        desk.write_state(&moved);
        fs::set_permissions(desk.file("tokens.key"), fs::Permissions::from_mode(0o640)).unwrap();
        desk.assert_refused("others can read the key");
        for_owner_only(&desk);
    }
    desk.write_state(&moved);
    assert_eq!(desk.run_until_delivered(), 1);

    // The way out of a lost key that the error names.
    fs::remove_file(desk.file("tokens.key")).unwrap();
    let mut without = desk.state();
    without.as_object_mut().unwrap().remove("tokens");
    desk.write_state(&without);
    desk.move_to(15);
    assert_eq!(desk.run_until_delivered(), 1);
    assert_eq!(desk.service.count(S::CREATE), 9);
}

fn for_owner_only<S: Service>(desk: &Desk<S>) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(desk.file("tokens.key"), fs::Permissions::from_mode(0o600)).unwrap();
    }
}
