//! Bodies, locations, meetings, guests.

use serde_json::{Value, json};

use crate::client::{Stage, id, timed, timed_with};

const TEXT: (&str, &str) = ("Prefer", "outlook.body-content-type=\"text\"");

fn body(kind: &str, content: &str) -> Value {
    json!({"body": {"contentType": kind, "content": content}})
}

#[tokio::test]
async fn a_body_is_returned_as_html_unless_text_is_preferred() {
    let stage = Stage::new();
    let event = stage.create(timed_with("x", body("text", "Hall B\nTea & <cake>"))).await;
    let html = event["body"]["content"].as_str().unwrap();
    assert_eq!(event["body"]["contentType"], "html");
    assert!(
        html.starts_with("<html>\r\n<head>") && html.contains("Hall B<br>\r\nTea &amp; &lt;cake&gt;"),
        "{html}"
    );
    assert_eq!(event["bodyPreview"], "Hall B\r\nTea & <cake>");
    let path = format!("me/events/{}", id(&event));
    let text = stage.call_with("GET", &path, None, &[TEXT]).await;
    assert_eq!(text.header("preference-applied"), Some(TEXT.1));
    assert_eq!(text.ok()["body"], json!({"contentType": "text", "content": "Hall B\r\nTea & <cake>\r\n"}));

    let html = stage.call("PATCH", &path, Some(body("html", "<p>Hall <b>C</b></p><p>Keys</p>"))).await.ok();
    assert!(
        html["body"]["content"]
            .as_str()
            .unwrap()
            .contains("<body>\r\n<p>Hall <b>C</b></p><p>Keys</p>\r\n</body>")
    );
    let text = stage.call_with("PATCH", &path, Some(json!({})), &[TEXT]).await.ok();
    assert_eq!(text["body"]["content"], "Hall C\r\nKeys\r\n");
    let long = stage.create(timed_with("x", body("text", &"é".repeat(400)))).await;
    assert_eq!(long["bodyPreview"].as_str().unwrap().chars().count(), 255);
}

#[tokio::test]
async fn location_and_locations_are_kept_consistent() {
    let stage = Stage::new();
    let event = stage.create(timed_with("x", json!({"location": {"displayName": "Quay 4"}}))).await;
    assert_eq!(event["location"]["displayName"], "Quay 4");
    assert_eq!(event["locations"], json!([event["location"]]));
    let path = format!("/{}", id(&event));
    let two = json!({"locations": [{"displayName": "Hall A"}, {"displayName": "Hall B"}]});
    let patched = stage.event("PATCH", &path, Some(two)).await.ok();
    assert_eq!(patched["location"]["displayName"], "Hall A; Hall B");
    let one = json!({"location": {"displayName": "Hall C", "address": {"city": "Oslo"}}});
    let patched = stage.event("PATCH", &path, Some(one)).await.ok();
    assert_eq!(patched["locations"].as_array().unwrap().len(), 1);
    assert_eq!(patched["locations"][0]["address"]["city"], "Oslo");
    let none = stage.event("PATCH", &path, Some(json!({"location": {"displayName": ""}}))).await.ok();
    assert_eq!((&none["locations"], &none["location"]["displayName"]), (&json!([]), &json!("")));
}

#[tokio::test]
async fn a_teams_meeting_lasts_as_long_as_its_join_details() {
    let stage = Stage::new();
    let event = stage.create(timed_with("x", body("text", "Hello"))).await;
    assert_eq!((&event["isOnlineMeeting"], &event["onlineMeeting"]), (&json!(false), &Value::Null));
    let path = format!("/{}", id(&event));
    assert!(stage.anna.makes_meeting("primary", id(&event)));
    let meeting = stage.get(id(&event)).await;
    assert_eq!(
        (&meeting["isOnlineMeeting"], &meeting["onlineMeetingProvider"]),
        (&json!(true), &json!("teamsForBusiness"))
    );
    let url = meeting["onlineMeeting"]["joinUrl"].as_str().unwrap();
    assert_eq!(meeting["onlineMeetingUrl"], url);
    let html = meeting["body"]["content"].as_str().unwrap();
    assert!(html.contains("Hello") && html.contains(url) && html.contains("____________________"));
    // Other changes, and a body that keeps the join details, keep the meeting.
    stage.event("PATCH", &path, Some(json!({"subject": "y"}))).await.ok();
    let kept = stage.event("PATCH", &path, Some(body("html", &html.replace("Hello", "Bye")))).await.ok();
    assert_eq!((&kept["isOnlineMeeting"], &kept["onlineMeetingUrl"]), (&json!(true), &json!(url)));
    assert!(kept["body"]["content"].as_str().unwrap().contains("Bye"));
    let lost = stage.event("PATCH", &path, Some(body("text", "Bye"))).await.ok();
    assert_eq!((&lost["isOnlineMeeting"], &lost["onlineMeetingUrl"]), (&json!(false), &Value::Null));
    let made = stage.create(timed_with("x", json!({"isOnlineMeeting": true}))).await;
    assert_eq!(made["isOnlineMeeting"], true);
    let off =
        stage.event("PATCH", &format!("/{}", id(&made)), Some(json!({"isOnlineMeeting": false}))).await.ok();
    assert_eq!(off["isOnlineMeeting"], true, "it cannot be turned off");
}

#[tokio::test]
async fn every_change_sends_mail_to_the_guests() {
    let stage = Stage::new();
    let guests = |emails: &[&str]| -> Value {
        let guests = emails.iter().map(|email| json!({"emailAddress": {"address": email}}));
        json!({"attendees": guests.collect::<Vec<_>>()})
    };
    let mails = || {
        let mails: Vec<String> =
            stage.outlook.mails().iter().map(|mail| format!("{:?} {}", mail.kind, mail.to)).collect();
        mails.join(", ")
    };
    stage.create(timed("x")).await;
    assert_eq!((stage.outlook.mails().len(), stage.outlook.invitations()), (0, 0));
    let event = stage.create(timed_with("x", guests(&["bo@example.org"]))).await;
    assert_eq!(event["attendees"][0]["type"], "required");
    let path = format!("/{}", id(&event));
    assert_eq!(mails(), "Invitation bo@example.org");
    stage.event("PATCH", &path, Some(json!({"showAs": "free"}))).await.ok();
    assert_eq!(mails(), "Invitation bo@example.org, Update bo@example.org");
    // If only guests change, only new and removed guests get a mail.
    stage.event("PATCH", &path, Some(guests(&["bo@example.org", "cy@example.org"]))).await.ok();
    stage.event("PATCH", &path, Some(guests(&["cy@example.org"]))).await.ok();
    let so_far = "Invitation bo@example.org, Update bo@example.org, Update cy@example.org, Cancellation bo@example.org";
    assert_eq!(mails(), so_far);
    assert_eq!(stage.outlook.invitations(), 3);
    stage.event("DELETE", &path, None).await;
    assert_eq!(mails(), format!("{so_far}, Cancellation cy@example.org"));
    let bad = timed_with("x", guests(&["nobody"]));
    stage.event("POST", "", Some(bad)).await.is_refused(400, "ErrorInvalidRecipients");
    let many: Vec<String> = (0..501).map(|number| format!("{number}@example.org")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    stage
        .event("POST", "", Some(timed_with("x", guests(&many))))
        .await
        .is_refused(400, "ErrorExceededMaxRecipientLimit");
}

#[tokio::test]
async fn only_the_organizer_cancels_a_meeting() {
    let stage = Stage::new();
    let guest = json!({"attendees": [{"emailAddress": {"address": "bo@example.org"}}]});
    let own = stage.create(timed_with("x", guest)).await;
    let cancel = |event: &str| format!("/{event}/cancel");
    let lone = stage.create(timed("y")).await;
    let others = timed_with("z", json!({"organizer": {"emailAddress": {"address": "bo@example.org"}}}));
    let others = stage.anna.adds_event("primary", others).unwrap();
    assert_eq!(stage.get(&others).await["isOrganizer"], false);
    for event in [id(&lone), &others] {
        let response = stage.event("POST", &cancel(event), Some(json!({"Comment": "x"}))).await;
        response.is_refused(400, "ErrorInvalidRequest");
    }
    assert_eq!(stage.event("POST", &cancel(id(&own)), Some(json!({"Comment": "x"}))).await.status, 202);
    assert_eq!(stage.anna.events("primary").len(), 2);
    assert_eq!(stage.outlook.mails().last().unwrap().to, "bo@example.org");
}
