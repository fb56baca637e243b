//! Batches: several requests in one.

use calsync_outlook::fake::{ApiMethod, Fault, FaultRule, throttled};
use serde_json::{Value, json};

use crate::client::{ANNA, ApiResponse, IMMUTABLE, Stage, at, encoded, id, timed};

fn post(id: &str, subject: &str) -> Value {
    json!({
        "id": id, "method": "POST", "url": "/me/events", "headers": {"Content-Type": "application/json"},
        "body": timed(subject),
    })
}

fn get(id: &str, url: &str) -> Value {
    json!({"id": id, "method": "GET", "url": url})
}

async fn batch(stage: &Stage, requests: Vec<Value>) -> ApiResponse {
    stage.call("POST", "$batch", Some(json!({ "requests": requests }))).await
}

/// The part with that id.
fn part<'a>(response: &'a Value, id: &str) -> &'a Value {
    response["responses"].as_array().unwrap().iter().find(|part| part["id"] == id).unwrap()
}

/// The statuses of the parts, sorted by id.
fn statuses(response: &Value) -> Vec<(String, u64)> {
    let parts = response["responses"].as_array().unwrap().iter();
    let mut all: Vec<(String, u64)> = parts
        .map(|part| (part["id"].as_str().unwrap().to_owned(), part["status"].as_u64().unwrap()))
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn each_part_has_its_own_response_in_any_order() {
    let stage = Stage::new();
    let event = stage.create(timed("there")).await;
    let mut orders = std::collections::BTreeSet::new();
    for _ in 0..6 {
        let response = batch(
            &stage,
            vec![
                post("a", "x"),
                get("b", "me/events/AAMkx"),
                get("c", &format!("/me/events/{}?$select=subject", encoded(id(&event)))),
                get("d", "/me/nothing"),
            ],
        );
        let response = response.await.ok();
        let expected =
            [("a", 201), ("b", 400), ("c", 200), ("d", 400)].map(|(id, status)| (id.to_owned(), status));
        assert_eq!(statuses(&response), expected);
        assert_eq!(part(&response, "b")["body"]["error"]["code"], "ErrorInvalidIdMalformed");
        assert_eq!(part(&response, "c")["body"]["subject"], "there");
        assert!(
            part(&response, "a")["headers"]["Content-Type"].as_str().unwrap().starts_with("application/json")
        );
        let order: Vec<&str> = response["responses"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| part["id"].as_str().unwrap())
            .collect();
        orders.insert(order.concat());
    }
    assert!(orders.len() > 1, "the order varies: {orders:?}");
    let delete = json!({"id": "1", "method": "DELETE", "url": format!("/me/events/{}", id(&event))});
    let response = batch(&stage, vec![delete]).await.ok();
    assert_eq!(response["responses"][0]["status"], 204);
    assert!(response["responses"][0].get("body").is_none());
    let log = stage.outlook.requests();
    assert_eq!(log.iter().filter(|seen| seen.in_batch && seen.user.as_deref() == Some(ANNA)).count(), 25);
    assert_eq!(stage.outlook.count(ApiMethod::Batch), 7);
}

#[tokio::test]
async fn each_part_has_its_own_preferences() {
    let stage = Stage::new();
    let event = stage.create(timed("x")).await;
    let url = format!("/me/events/{}", id(&event));
    let mut own = get("own", &url);
    own["headers"] = json!({"Prefer": "IdType=\"ImmutableId\", outlook.timezone=\"Asia/Tokyo\""});
    let body = json!({"requests": [own, get("none", &url)]});
    let response = stage.call_with("POST", "$batch", Some(body), &[IMMUTABLE]).await.ok();
    assert_eq!(part(&response, "own")["body"]["id"], event["id"]);
    assert_eq!(part(&response, "own")["body"]["start"], at("2026-12-04T01:00:00.0000000", "Asia/Tokyo"));
    assert!(part(&response, "own")["headers"]["Preference-Applied"].is_string());
    assert_ne!(part(&response, "none")["body"]["id"], event["id"]);
    let seen = stage.outlook.requests();
    assert!(
        seen.iter()
            .any(|seen| seen.in_batch && seen.prefer.as_ref().is_some_and(|text| text.contains("Tokyo")))
    );
}

#[tokio::test]
async fn an_invalid_batch_is_refused_as_a_whole() {
    let stage = Stage::new();
    let mut bare = post("1", "x");
    bare.as_object_mut().unwrap().remove("headers");
    let waits =
        |id: &str, on: &[&str]| json!({"id": id, "method": "GET", "url": "/me/events", "dependsOn": on});
    let many = (0..21).map(|number| get(&number.to_string(), "/me/events")).collect();
    for bad in [
        Vec::new(),
        many,
        vec![get("a", "/me/events"), get("A", "/me/events")],
        vec![bare],
        vec![get("1", "https://graph.microsoft.com/v1.0/me/events")],
        vec![get("", "/me/events")],
        vec![json!({"id": "1", "url": "/me/events"})],
        vec![waits("1", &["2"])],
        vec![waits("1", &["1"])],
        // Neither a chain nor all with the same dependencies.
        vec![get("1", "/me"), waits("2", &["1"]), waits("3", &["1"]), waits("4", &["2"])],
    ] {
        let text = format!("{bad:?}");
        assert_eq!(batch(&stage, bad).await.status, 400, "{text}");
    }
    batch(&stage, Vec::new()).await.is_refused(400, "RequestError");
    assert!(stage.anna.events("primary").is_empty());
    let mut other = Stage::new();
    other.token = "nonsense".into();
    batch(&other, vec![get("1", "/me")]).await.is_refused(401, "InvalidAuthenticationToken");
    let nested = batch(&stage, vec![json!({"id": "1", "method": "POST", "url": "/$batch"})]).await.ok();
    assert_eq!(nested["responses"][0]["status"], 400);
}

#[tokio::test]
async fn a_part_that_depends_on_a_failed_one_is_not_executed() {
    let stage = Stage::new();
    let after = |mut request: Value, on: &str| {
        request["dependsOn"] = json!([on]);
        request
    };
    let bad = json!({"id": "2", "method": "DELETE", "url": "/me/events/AAMkx"});
    let row = vec![post("1", "a"), after(bad, "1"), after(post("3", "b"), "2"), after(post("4", "c"), "3")];
    let response = batch(&stage, row).await.ok();
    let expected =
        [("1", 201), ("2", 400), ("3", 424), ("4", 424)].map(|(id, status)| (id.to_owned(), status));
    assert_eq!(statuses(&response), expected);
    assert_eq!(stage.anna.events("primary").len(), 1);
}

#[tokio::test]
async fn more_than_four_independent_parts_are_throttled() {
    let stage = Stage::new();
    let response = batch(&stage, (0..7).map(|number| post(&number.to_string(), "x")).collect()).await.ok();
    let count =
        |response: &Value, status: u64| statuses(response).iter().filter(|(_, one)| *one == status).count();
    assert_eq!((count(&response, 201), count(&response, 429)), (4, 3));
    let late = response["responses"].as_array().unwrap().iter().find(|part| part["status"] == 429).unwrap();
    assert_eq!(late["headers"]["Retry-After"], "10");
    assert_eq!(late["body"]["error"]["code"], "ApplicationThrottled");
    assert_eq!(stage.outlook.most_in_flight(ANNA), 7);
    let row = (0..7).map(|number: i32| {
        let mut part = post(&number.to_string(), "y");
        if number > 0 {
            part["dependsOn"] = json!([(number - 1).to_string()]);
        }
        part
    });
    assert_eq!(count(&batch(&stage, row.collect()).await.ok(), 201), 7);
    stage.outlook.set(|settings| settings.limits.in_flight_per_mailbox = None);
    let all = batch(&stage, (0..20).map(|number| post(&number.to_string(), "z")).collect()).await.ok();
    assert_eq!(count(&all, 201), 20);
}

#[tokio::test]
async fn a_fault_can_apply_to_one_part() {
    let stage = Stage::new();
    let create = |fault: Fault| FaultRule::new(fault).with_method(ApiMethod::EventsCreate);
    stage.outlook.fault(create(throttled(Some(7))));
    stage.outlook.fault(create(Fault::DropAfter));
    let response = batch(&stage, vec![post("1", "a"), post("2", "b"), post("3", "c")]).await.ok();
    let mut all: Vec<u64> = statuses(&response).into_iter().map(|(_, status)| status).collect();
    all.sort_unstable();
    assert_eq!(all, [201, 429, 504]);
    assert_eq!(stage.anna.events("primary").len(), 2, "one is created although its response is lost");
    let throttled =
        response["responses"].as_array().unwrap().iter().find(|part| part["status"] == 429).unwrap();
    assert_eq!(throttled["headers"]["Retry-After"], "7");
    // A fault can also apply to the whole batch.
    stage.outlook.fault(FaultRule::new(throttled_whole()).with_method(ApiMethod::Batch));
    assert_eq!(batch(&stage, vec![post("1", "a")]).await.status, 429);
}

fn throttled_whole() -> Fault {
    throttled(None)
}
