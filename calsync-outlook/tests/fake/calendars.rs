//! Calendars, mailbox settings, time zones and schedules.

use serde_json::json;

use crate::client::{ANNA, IMMUTABLE, Stage, at, encoded, id, timed, timed_with};

#[tokio::test]
async fn a_calendar_is_created_listed_updated_and_deleted() {
    let stage = Stage::new();
    for bad in [json!({}), json!({"name": " "})] {
        stage.call("POST", "me/calendars", Some(bad)).await.is_refused(400, "ErrorPropertyValidationFailure");
    }
    stage.call("POST", "me/calendars", Some(json!({"title": "x"}))).await.is_refused(400, "RequestBodyRead");
    let made = stage
        .call("POST", "me/calendars", Some(json!({"name": "Bookings", "color": "lightTeal"})))
        .await
        .created();
    let path = format!("me/calendars/{}", encoded(id(&made)));
    assert_eq!(
        (&made["color"], &made["canEdit"], &made["isDefaultCalendar"]),
        (&json!("lightTeal"), &json!(true), &json!(false))
    );
    let again = stage.call("POST", "me/calendars", Some(json!({"name": "bookings"}))).await;
    again.is_refused(409, "ErrorFolderExists");
    let list = stage.call_with("GET", "me/calendars", None, &[IMMUTABLE]).await.ok();
    let names: Vec<&str> =
        list["value"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Calendar", "Bookings"]);
    assert_eq!(list["value"][1]["id"], made["id"], "calendars have no other id");
    assert_eq!(list["value"][0]["owner"]["address"], ANNA);
    let renamed = stage.call("PATCH", &path, Some(json!({"name": "Jobs"}))).await.ok();
    assert_eq!((&renamed["name"], &renamed["color"]), (&json!("Jobs"), &json!("lightTeal")));
    assert_eq!(stage.call("GET", &format!("{path}?$select=name"), None).await.ok()["name"], "Jobs");
    assert_eq!(stage.call("GET", "me/calendar", None).await.ok()["isDefaultCalendar"], true);
    let page = stage.call("GET", "me/calendars?$top=1", None).await.ok();
    let rest = stage.call("GET", page["@odata.nextLink"].as_str().unwrap(), None).await.ok();
    assert_eq!(rest["value"][0]["name"], "Jobs");

    stage.call("POST", &format!("{path}/events"), Some(timed("x"))).await.created();
    assert_eq!(stage.call("DELETE", &path, None).await.status, 204);
    stage.call("GET", &path, None).await.is_refused(404, "ErrorItemNotFound");
    stage.call("GET", &format!("{path}/events"), None).await.is_refused(404, "ErrorItemNotFound");
    stage.call("DELETE", "me/calendar", None).await.is_refused(400, "ErrorDeleteDistinguishedFolder");
    let default = format!("me/calendars/{}", id(&list["value"][0]));
    stage.call("DELETE", &default, None).await.is_refused(400, "ErrorDeleteDistinguishedFolder");
    assert_eq!(stage.outlook.calendars().len(), 1);
}

#[tokio::test]
async fn a_mailbox_has_a_zone_or_an_empty_one() {
    let stage = Stage::new();
    let settings = stage.call("GET", "me/mailboxSettings", None).await.ok();
    assert_eq!(settings["timeZone"], "GMT Standard Time");
    stage.anna.sets_time_zone("");
    assert_eq!(stage.call("GET", "me/mailboxSettings/timeZone", None).await.ok()["value"], "");
    stage.call("GET", "me/mailboxSettings/nothing", None).await.is_refused(400, "RequestBroker--ParseUri");
    let windows = stage.call("GET", "me/outlook/supportedTimeZones", None).await.ok();
    let iana = "me/outlook/supportedTimeZones(TimeZoneStandard=microsoft.graph.timeZoneStandard'Iana')";
    let iana = stage.call("GET", iana, None).await.ok();
    let has = |list: &serde_json::Value, name: &str| {
        list["value"].as_array().unwrap().iter().any(|zone| zone["alias"] == name)
    };
    assert!(
        has(&windows, "W. Europe Standard Time") && has(&windows, "UTC") && !has(&windows, "Europe/Berlin")
    );
    assert!(has(&iana, "Europe/Berlin"));
    let me = stage.call("GET", "me", None).await.ok();
    assert_eq!((&me["userPrincipalName"], &me["id"]), (&json!(ANNA), &json!(stage.anna.id())));
}

#[tokio::test]
async fn a_schedule_shows_when_people_are_busy() {
    let stage = Stage::new();
    let bo = stage.outlook.user("bo@example.org");
    let slot = |from: &str, to: &str, show_as: &str| {
        let at = |time: &str| at(&format!("2026-12-03T{time}:00"), "UTC");
        timed_with("x", json!({"start": at(from), "end": at(to), "showAs": show_as}))
    };
    for (from, to, show_as) in [
        ("09:00", "10:00", "busy"),
        ("09:30", "10:30", "oof"),
        ("11:00", "11:30", "free"),
        ("11:30", "12:00", "tentative"),
    ] {
        assert!(bo.adds_event("primary", slot(from, to, show_as)).is_some());
    }
    let ask = |from: &str, to: &str, interval: i64| {
        json!({
            "schedules": ["bo@example.org", "nobody@example.org"], "availabilityViewInterval": interval,
            "startTime": at(&format!("2026-12-03T{from}:00"), "UTC"), "endTime": at(&format!("2026-12-03T{to}:00"), "UTC"),
        })
    };
    let response = stage.call("POST", "me/calendar/getSchedule", Some(ask("08:30", "12:00", 30))).await.ok();
    assert_eq!(response["value"][0]["availabilityView"], "0233001");
    assert_eq!(response["value"][0]["scheduleItems"].as_array().unwrap().len(), 3);
    assert!(response["value"][1]["error"]["responseCode"].is_string());
    for bad in [ask("12:00", "08:30", 30), ask("08:30", "12:00", 4), json!({"schedules": []})] {
        stage
            .call("POST", "me/calendar/getSchedule", Some(bad))
            .await
            .is_refused(400, "ErrorInvalidParameter");
    }
    stage.anna.is_personal();
    let personal = stage.call("POST", "me/calendar/getSchedule", Some(ask("08:30", "12:00", 30))).await;
    personal.is_refused(404, "MailboxNotEnabledForRESTAPI");
}
