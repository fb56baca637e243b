//! Listings: filters, orders, pages, windows.

use chrono::Duration;
use serde_json::{Value, json};

use crate::client::{Stage, at, encoded, id, subjects, timed, timed_with};

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn query(pairs: Pairs<'_>) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    format!("?{}", pairs.join("&"))
}

/// Four events, created one minute apart. Subjects, days and ages are each in another order.
async fn with_four() -> Stage {
    let stage = Stage::new();
    for (subject, day) in [("b", 3), ("D", 1), ("a", 4), ("c", 2)] {
        let time = |hour: u32| at(&format!("2026-12-{day:02}T{hour:02}:00:00"), "UTC");
        stage.create(timed_with(subject, json!({"start": time(16), "end": time(17)}))).await;
        stage.clock.advance(Duration::minutes(1));
    }
    stage
}

#[tokio::test]
async fn filters_select_and_orders_sort() {
    let stage = with_four().await;
    let newest = stage.anna.events("primary")[3].clone();
    let table: [(Pairs<'_>, &[&str]); 16] = [
        (&[], &["b", "D", "a", "c"]),
        (&[("$orderby", "createdDateTime desc")], &["c", "a", "D", "b"]),
        (&[("$orderby", "createdDateTime")], &["b", "D", "a", "c"]),
        (&[("$orderby", "start/dateTime asc")], &["D", "c", "b", "a"]),
        (&[("$orderby", "subject desc,createdDateTime")], &["D", "c", "b", "a"]),
        (&[("$filter", "createdDateTime ge 2026-11-22T10:02:00Z")], &["a", "c"]),
        (&[("$filter", "createdDateTime gt 2026-11-22T11:01:30+01:00")], &["a", "c"]),
        (&[("$filter", "lastModifiedDateTime lt 2026-11-22T10:01:00Z")], &["b"]),
        (
            &[(
                "$filter",
                "start/dateTime ge '2026-12-02T16:00:00' and start/dateTime lt '2026-12-04T16:00:00.0000000'",
            )],
            &["b", "c"],
        ),
        (&[("$filter", "end/dateTime le '2026-12-01T17:00:00Z'")], &["D"]),
        (&[("$filter", "subject eq 'd' or subject eq 'a'")], &["D", "a"]),
        (&[("$filter", "not (subject eq 'a' or subject eq 'b')")], &["D", "c"]),
        (&[("$filter", "startswith(subject,'C')")], &["c"]),
        (
            &[("$filter", "createdDateTime ge 2026-11-22T10:01:00Z"), ("$orderby", "createdDateTime desc")],
            &["c", "a", "D"],
        ),
        (&[("$filter", &format!("iCalUId eq '{}'", newest.text("iCalUId").unwrap()))], &["c"]),
        (&[("$top", "2"), ("$skip", "1")], &["D", "a"]),
    ];
    for (pairs, expected) in table {
        let list = stage.event("GET", &query(pairs), None).await.ok();
        assert_eq!(subjects(&list), expected, "{pairs:?}");
    }
}

#[tokio::test]
async fn an_unsupported_query_is_refused() {
    let stage = with_four().await;
    for (name, value, code) in [
        ("$filter", "transactionId eq 'x'", "ErrorInvalidProperty"),
        ("$filter", "showAs eq 'busy'", "ErrorInvalidProperty"),
        ("$filter", "id eq 'x'", "ErrorInvalidProperty"),
        ("$filter", "summary eq 'x'", "RequestBroker--ParseUri"),
        ("$filter", "subject", "ErrorInvalidUrlQueryFilter"),
        ("$orderby", "showAs", "ErrorInvalidProperty"),
        ("$orderby", "subject up", "ErrorInvalidUrlQuery"),
        ("$select", "summary", "RequestBroker--ParseUri"),
        ("$top", "0", "ErrorInvalidUrlQuery"),
        ("$top", "1001", "ErrorInvalidUrlQuery"),
        ("$top", "abc", "ErrorInvalidUrlQuery"),
        ("$search", "x", "ErrorInvalidUrlQuery"),
        ("$count", "yes", "ErrorInvalidUrlQuery"),
    ] {
        stage.event("GET", &query(&[(name, value)]), None).await.is_refused(400, code);
    }
    let both = [("$filter", "subject eq 'a'"), ("$orderby", "createdDateTime desc")];
    stage.event("GET", &query(&both), None).await.is_refused(400, "InefficientFilter");
    stage.outlook.set(|settings| settings.filters_before_sorting = false);
    assert_eq!(subjects(&stage.event("GET", &query(&both), None).await.ok()), ["a"]);
}

#[tokio::test]
async fn only_the_selected_properties_are_shown() {
    let stage = with_four().await;
    let list = stage
        .event("GET", &query(&[("$select", "subject,start"), ("$top", "1"), ("$count", "true")]), None)
        .await
        .ok();
    assert_eq!(list["@odata.count"], 4);
    let names: Vec<&String> = list["value"][0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["@odata.etag", "id", "start", "subject"]);
    let one = stage.event("GET", &format!("/{}?$select=changeKey", id(&list["value"][0])), None).await.ok();
    assert!(one["changeKey"].is_string() && one.get("subject").is_none());
}

/// Follows the pages to the end. Returns their sizes and all subjects.
async fn all_pages(stage: &Stage, first: &str) -> (Vec<usize>, Vec<String>) {
    let (mut sizes, mut found, mut url) = (Vec::new(), Vec::new(), first.to_owned());
    loop {
        let list = stage.call("GET", &url, None).await.ok();
        sizes.push(subjects(&list).len());
        found.extend(subjects(&list).into_iter().map(str::to_owned));
        match &list["@odata.nextLink"] {
            Value::String(next) => url.clone_from(next),
            _ => return (sizes, found),
        }
    }
}

#[tokio::test]
async fn every_event_is_listed_once_with_any_page_size() {
    let stage = Stage::new();
    for number in 0..23 {
        stage.create(timed(&format!("{number:02}"))).await;
    }
    let expected: Vec<String> = (0..23).map(|number| format!("{number:02}")).collect();
    assert_eq!(all_pages(&stage, "me/events").await, (vec![10, 10, 3], expected.clone()));
    let picky = format!(
        "me/events{}",
        query(&[("$top", "9"), ("$filter", "startswith(subject,'1')"), ("$select", "subject")])
    );
    assert_eq!(all_pages(&stage, &picky).await, (vec![9, 1], expected[10..20].to_vec()));
    let first = stage.call("GET", &picky, None).await.ok();
    let next = first["@odata.nextLink"].as_str().unwrap();
    assert!(next.starts_with("https://graph.microsoft.com/v1.0/me/events?"), "{next}");
    stage.outlook.set(|settings| {
        settings.page_size = 6;
        settings.sparse_pages = true;
    });
    let (sizes, found) = all_pages(&stage, "me/events").await;
    assert_eq!((sizes[0], found), (0, expected));
    assert!(sizes.iter().all(|size| *size <= 3), "{sizes:?}");
    let prefer = ("Prefer", "odata.maxpagesize=2");
    stage.outlook.set(|settings| settings.sparse_pages = false);
    let page = stage.call_with("GET", "me/events", None, &[prefer]).await;
    assert_eq!((subjects(&page.ok()).len(), page.header("preference-applied")), (2, Some(prefer.1)));
}

#[tokio::test]
async fn a_view_shows_the_events_in_its_window() {
    let stage = with_four().await;
    let view = |from: &str, to: &str| {
        format!("me/calendarView{}", query(&[("startDateTime", from), ("endDateTime", to)]))
    };
    for (from, to, expected) in [
        ("2026-12-01T17:00:00Z", "2026-12-03T16:00:00Z", &["c"] as &[&str]),
        ("2026-12-01T16:59:59Z", "2026-12-03T16:00:01Z", &["b", "D", "c"]),
        ("2026-12-03T18:30:00+02:00", "2026-12-03T18:31:00+02:00", &["b"]),
        ("2026-12-03T16:30:00", "2026-12-03T16:31:00", &["b"]),
    ] {
        assert_eq!(subjects(&stage.call("GET", &view(from, to), None).await.ok()), expected, "{from}");
    }
    let open = stage.call("GET", "me/calendarView?startDateTime=2026-12-01T17:00:00Z", None).await;
    open.is_refused(400, "ErrorInvalidRequest");
    stage.call("GET", &view("soon", "later"), None).await.is_refused(400, "ErrorInvalidParameter");
    // A plus sign that a client did not encode.
    let raw = "me/calendarView?startDateTime=2026-12-03T18:30:00+02:00&endDateTime=2026-12-03T18:31:00+02:00";
    assert_eq!(subjects(&stage.call("GET", raw, None).await.ok()), ["b"]);
}

#[tokio::test]
async fn a_calendar_lists_its_own_events() {
    let stage = with_four().await;
    let other = stage.anna.adds_calendar("Other");
    let path = format!("me/calendars/{}/events", encoded(&other));
    stage.call("POST", &path, Some(timed("there"))).await.created();
    assert_eq!(subjects(&stage.call("GET", &path, None).await.ok()), ["there"]);
    for path in [
        "me/events",
        "me/calendar/events",
        &format!("users/{}/events", stage.anna.id()),
        "users/anna%40example.org/calendar/events",
    ] {
        assert_eq!(subjects(&stage.call("GET", path, None).await.ok()).len(), 4, "{path}");
    }
    let seen = stage.outlook.requests();
    let calendars: Vec<Option<&str>> = seen.iter().map(|seen| seen.calendar.as_deref()).collect();
    assert_eq!(&calendars[calendars.len() - 5..calendars.len() - 3], [Some(other.as_str()), Some("primary")]);
}
