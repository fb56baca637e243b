//! A stored ledger that is not valid is a typed error that names its field and row.

use calsync_core::model::Appointment;
use serde_json::{Value, json};

use crate::shop::Shop;

async fn stored() -> Value {
    let mut shop = Shop::new(2);
    shop.sync().await;
    serde_json::to_value(&shop.appointments[0]).unwrap()
}

fn error(value: Value) -> String {
    serde_json::from_value::<Appointment>(value).unwrap_err().to_string()
}

#[tokio::test]
async fn a_stored_ledger_loads_again() {
    let value = stored().await;
    let again: Appointment = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(serde_json::to_value(&again).unwrap(), value);
}

#[tokio::test]
async fn a_ledger_of_a_newer_format_names_it() {
    let mut value = stored().await;
    value["calendar_ledger"]["format"] = json!(2);
    assert!(error(value).contains("format: 2 is newer than 1"));
}

#[tokio::test]
async fn doubled_rows_and_rows_of_another_appointment_are_errors_that_name_the_row() {
    let mut value = stored().await;
    let row = value["calendar_ledger"]["deliveries"][0].clone();
    value["calendar_ledger"]["deliveries"].as_array_mut().unwrap().push(row);
    let error_text = error(value);
    assert!(
        error_text.contains("deliveries[1]: an earlier row has the same target and calendar"),
        "{error_text}"
    );

    let mut value = stored().await;
    value["id"] = json!(4711);
    assert!(error(value).contains("deliveries[0]: belongs to another appointment or namespace"));

    let mut value = stored().await;
    value["calendar_ledger"]["namespace"] = json!("another-shop");
    assert!(error(value).contains("deliveries[0]: belongs to another appointment or namespace"));
}

#[tokio::test]
async fn numbers_too_large_for_a_column_are_errors_that_name_the_field() {
    for field in ["version", "revision"] {
        let mut value = stored().await;
        value["calendar_ledger"][field] = json!(u64::MAX);
        assert!(error(value).contains(&format!("{field}: is too large")));
    }
}

#[tokio::test]
async fn a_ledger_that_was_cut_off_is_an_error_and_not_an_empty_one() {
    let text = serde_json::to_string(&stored().await).unwrap();
    for length in [text.len() - 1, text.len() / 2, text.len() / 3] {
        assert!(serde_json::from_str::<Appointment>(&text[..length]).is_err());
    }
    for missing in ["format", "version", "revision"] {
        let mut value = stored().await;
        value["calendar_ledger"].as_object_mut().unwrap().remove(missing);
        assert!(error(value).contains(missing), "{missing}");
    }
}

#[tokio::test]
async fn the_version_rises_with_every_change_and_only_then() {
    let mut shop = Shop::new(1);
    let version = |shop: &Shop| shop.appointments[0].ledger.version();
    assert_eq!(version(&shop), 0);
    let begun = shop.plan(0).begin(&mut shop.appointments[0]).unwrap();
    assert_eq!(version(&shop), 1);
    let report = shop.syncer.run(begun).await;
    shop.appointments[0].record(&report);
    assert_eq!(version(&shop), 2);
    shop.appointments[0].record(&report);
    assert_eq!(version(&shop), 3, "recorded again, by a host that could not save");
    shop.sync().await;
    assert_eq!(version(&shop), 3, "a quiet run");
    shop.appointments[0].ledger.doubt();
    assert_eq!(version(&shop), 4);
}

#[tokio::test]
async fn the_index_shows_why_a_row_is_held_and_until_when() {
    let mut shop = Shop::new(1);
    shop.provider.script([calsync_core::testing::Fault::Before(calsync_core::error::ErrorKind::Forbidden)]);
    shop.sync().await;
    let rows: Vec<_> = shop.appointments[0].ledger.index(shop.now()).collect();
    assert_eq!((rows[0].state, rows[0].hold), ("absent", Some("forbidden")));
    assert!(rows[0].next_attempt_at.is_some());
    let json = serde_json::to_value(&rows[0]).unwrap();
    assert_eq!((json["provider"].as_str(), json["hold"].as_str()), (Some("memory"), Some("forbidden")));
}
