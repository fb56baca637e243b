//! Many calls in one: `POST /$batch`.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use calsync_core::fake::{Incoming, Params, Reply};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value, json};

use super::reply::{Marks, Problem};
use super::request::Asked;
use super::route::{ApiMethod, Route};
use super::state::State;

/// The most calls in a batch.
const MOST: usize = 20;

/// A call within a batch.
struct Part {
    id: String,
    asked: Asked,
    /// The ids of those it waits for, in lower case.
    after: Vec<String>,
    /// How many others it waits for, one after another.
    level: usize,
}

/// The most parts of a batch that do not wait for each other; one for anything else.
pub(super) fn width(asked: &Asked) -> usize {
    if asked.method() != ApiMethod::Batch {
        return 1;
    }
    let mut widths = BTreeMap::<usize, usize>::new();
    for part in parts(asked).unwrap_or_default() {
        *widths.entry(part.level).or_default() += 1;
    }
    widths.values().copied().max().unwrap_or_default()
}

impl State {
    pub(super) fn batch(&mut self, asked: &Asked, marks: &Marks) -> Reply {
        let shape = self.settings.errors;
        match self.caller(asked).and_then(|_| parts(asked)) {
            Ok(parts) => self.answers(asked, parts),
            Err(problem) => problem.reply(shape, marks),
        }
    }

    fn answers(&mut self, outer: &Asked, parts: Vec<Part>) -> Reply {
        let own = self.addressed(outer);
        let limit = self.settings.limits.in_flight_per_mailbox.unwrap_or(usize::MAX);
        let mut parts: Vec<Option<Part>> = parts.into_iter().map(Some).collect();
        let mut order = self.order(parts.len());
        order.sort_by_key(|number| parts.get(*number).and_then(Option::as_ref).map(|part| part.level));
        let mut running = BTreeMap::<(usize, Option<String>), usize>::new();
        let mut failed = BTreeSet::new();
        let mut answers = Vec::new();
        for number in order {
            let Some(mut part) = parts.get_mut(number).and_then(Option::take) else { continue };
            let mailbox = self.addressed(&part.asked);
            let room = if mailbox == own { outer.room.min(limit) } else { limit };
            let begun = running.entry((part.level, mailbox)).or_default();
            part.asked.room = room.saturating_sub(*begun);
            *begun += 1;
            let answer = if part.after.iter().any(|id| failed.contains(id)) {
                let problem = Problem::new(
                    StatusCode::FAILED_DEPENDENCY,
                    "FailedDependency",
                    "A request that this one depends on has failed.",
                );
                let marks = self.marks(&part.asked);
                problem.reply(self.settings.errors, &marks)
            } else {
                let fault = self.fault_for(&part.asked);
                // A call within a batch has no connection of its own to lose: what broke is behind the front end.
                self.exchange(&part.asked, fault).unwrap_or_else(|_| {
                    Reply::json(
                        StatusCode::GATEWAY_TIMEOUT,
                        &json!({"error": {"code": "UnknownError", "message": ""}}),
                    )
                })
            };
            if !answer.status.is_success() {
                failed.insert(part.id.to_lowercase());
            }
            answers.push(written(&part.id, &answer));
        }
        let order = self.order(answers.len());
        let answers: Vec<&Value> = order.iter().filter_map(|number| answers.get(*number)).collect();
        Reply::json(StatusCode::OK, &json!({ "responses": answers }))
    }

    /// An order that is nobody's business.
    fn order(&mut self, len: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..len).collect();
        let mut state = (self.settings.batch_seed ^ self.serial.next().rotate_left(32)) | 1;
        for last in (1..len).rev() {
            // xorshift64*: small, and the same everywhere.
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let number = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
            order.swap(last, number as usize % (last + 1));
        }
        order
    }
}

fn bad(message: impl Into<String>) -> Problem {
    Problem::bad("RequestError", message)
}

fn parts(outer: &Asked) -> Result<Vec<Part>, Problem> {
    let body = outer.incoming.json().filter(|_| outer.incoming.is_of_type("application/json"));
    let requests = body.as_ref().and_then(|body| body.get("requests")?.as_array());
    let requests = requests.ok_or_else(|| bad("Invalid batch payload format."))?;
    if requests.is_empty() || requests.len() > MOST {
        return Err(bad(format!("The number of requests in a batch must be between 1 and {MOST}.")));
    }
    let mut parts = Vec::new();
    for request in requests {
        parts.push(part(request, outer)?);
    }
    let ids: Vec<String> = parts.iter().map(|part| part.id.to_lowercase()).collect();
    if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
        return Err(bad("Request ids must be unique, whatever their case."));
    }
    if parts.iter().flat_map(|part| &part.after).any(|id| !ids.contains(id)) {
        return Err(bad("A request depends on one that is not in the batch."));
    }
    arrange(&mut parts, &ids)?;
    Ok(parts)
}

/// One after another, all at once, or all but those that the rest waits for: nothing else is taken.
fn arrange(parts: &mut [Part], ids: &[String]) -> Result<(), Problem> {
    let waiting: Vec<&Vec<String>> =
        parts.iter().map(|part| &part.after).filter(|after| !after.is_empty()).collect();
    let in_row = parts.iter().enumerate().all(|(number, part)| match number.checked_sub(1) {
        None => part.after.is_empty(),
        Some(before) => part.after.len() == 1 && part.after.first() == ids.get(before),
    });
    if in_row {
        for (number, part) in parts.iter_mut().enumerate() {
            part.level = number;
        }
        return Ok(());
    }
    let first = waiting.first().copied().cloned().unwrap_or_default();
    let is_free =
        |id: &String| parts.iter().any(|part| part.id.to_lowercase() == *id && part.after.is_empty());
    if waiting.iter().any(|after| **after != first) || !first.iter().all(is_free) {
        return Err(bad("Requests must depend on each other one after another, or all on the same ones."));
    }
    for part in parts {
        part.level = usize::from(!part.after.is_empty());
    }
    Ok(())
}

fn part(request: &Value, outer: &Asked) -> Result<Part, Problem> {
    let text = |name: &str| request.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let id = text("id").ok_or_else(|| bad("A request has no id."))?;
    let method = text("method").and_then(|method| Method::from_bytes(method.to_uppercase().as_bytes()).ok());
    let method = method.ok_or_else(|| bad(format!("Request {id} has no method.")))?;
    let url = text("url").ok_or_else(|| bad(format!("Request {id} has no url.")))?;
    // Relative to the version, with or without a slash.
    if url.contains("://") || url.starts_with("//") {
        return Err(bad(format!("Request {id} has an absolute url.")));
    }
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let path = format!("/v1.0/{}", path.trim_start_matches('/'));
    let mut headers = headers(request.get("headers"))?;
    if let Some(token) = outer.incoming.headers.get(AUTHORIZATION) {
        headers.entry(AUTHORIZATION).or_insert_with(|| token.clone());
    }
    let body = request.get("body").filter(|body| !body.is_null());
    if body.is_some() && !headers.contains_key(CONTENT_TYPE) {
        return Err(bad(format!("Request {id} has a body and no Content-Type header.")));
    }
    let after = request.get("dependsOn").and_then(Value::as_array).into_iter().flatten();
    let after = after.filter_map(Value::as_str).map(str::to_lowercase).collect();
    let mut route = Route::of(&method, &path);
    if route.method == ApiMethod::Batch {
        route.method = ApiMethod::Unknown;
    }
    let incoming = Incoming {
        http_method: method,
        path,
        query: Params::parse(query),
        headers,
        body: body.map(|body| Bytes::from(body.to_string())).unwrap_or_default(),
        call: outer.incoming.call.clone(),
    };
    let asked = Asked { incoming, route, origin: outer.origin.clone(), in_batch: true, room: outer.room };
    Ok(Part { id: id.to_owned(), asked, after, level: 0 })
}

fn headers(value: Option<&Value>) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::new();
    for (name, value) in value.and_then(Value::as_object).into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
        match (name, value) {
            (Ok(name), Some(value)) => headers.append(name, value),
            _ => return Err(bad("A header cannot be read.")),
        };
    }
    Ok(headers)
}

fn written(id: &str, answer: &Reply) -> Value {
    let headers: Map<String, Value> =
        answer.headers.iter().map(|(name, value)| (titled(name.as_str()), value.as_str().into())).collect();
    let mut written = json!({"id": id, "status": answer.status.as_u16(), "headers": headers});
    if let (Some(written), false) = (written.as_object_mut(), answer.body.is_empty()) {
        let text = || String::from_utf8_lossy(&answer.body).into_owned().into();
        written.insert("body".into(), answer.value().unwrap_or_else(text));
    }
    written
}

/// `retry-after` as `Retry-After`: within JSON the names are as people write them.
fn titled(name: &str) -> String {
    if name == "etag" {
        return "ETag".to_owned();
    }
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
            .unwrap_or_default()
    });
    words.collect::<Vec<_>>().join("-")
}
