//! Batches: `POST /$batch`.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use calsync_core::fake::{Incoming, Params, Reply};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value, json};

use super::reply::{Problem, ResponseIds};
use super::request::Received;
use super::route::{ApiMethod, Route};
use super::state::State;

/// The most requests in a batch.
const MAX_PARTS: usize = 20;

/// One request of a batch.
struct Part {
    id: String,
    received: Received,
    /// The ids of the parts it depends on, in lower case.
    after: Vec<String>,
    /// The length of its chain of dependencies.
    level: usize,
}

/// The highest number of a batch's parts that may run at once; 1 for any other request.
pub(super) fn width(received: &Received) -> usize {
    if received.method() != ApiMethod::Batch {
        return 1;
    }
    let mut widths = BTreeMap::<usize, usize>::new();
    for part in parts(received).unwrap_or_default() {
        *widths.entry(part.level).or_default() += 1;
    }
    widths.values().copied().max().unwrap_or_default()
}

impl State {
    pub(super) fn batch(&mut self, received: &Received, ids: &ResponseIds) -> Reply {
        let shape = self.settings.errors;
        match self.caller(received).and_then(|_| parts(received)) {
            Ok(parts) => self.run_parts(received, parts),
            Err(problem) => problem.reply(shape, ids),
        }
    }

    fn run_parts(&mut self, outer: &Received, parts: Vec<Part>) -> Reply {
        let own = self.counted_mailbox(outer);
        let limit = self.settings.limits.in_flight_per_mailbox.unwrap_or(usize::MAX);
        let mut parts: Vec<Option<Part>> = parts.into_iter().map(Some).collect();
        let mut order = self.order(parts.len());
        order.sort_by_key(|number| parts.get(*number).and_then(Option::as_ref).map(|part| part.level));
        let mut running = BTreeMap::<(usize, Option<String>), usize>::new();
        let mut failed = BTreeSet::new();
        let mut replies = Vec::new();
        for number in order {
            let Some(mut part) = parts.get_mut(number).and_then(Option::take) else { continue };
            let mailbox = self.counted_mailbox(&part.received);
            let room = if mailbox == own { outer.room.min(limit) } else { limit };
            let begun = running.entry((part.level, mailbox)).or_default();
            part.received.room = room.saturating_sub(*begun);
            *begun += 1;
            let reply = if part.after.iter().any(|id| failed.contains(id)) {
                let problem = Problem::new(
                    StatusCode::FAILED_DEPENDENCY,
                    "FailedDependency",
                    "A request that this one depends on has failed.",
                );
                let ids = self.response_ids(&part.received);
                problem.reply(self.settings.errors, &ids)
            } else {
                let fault = self.fault_for(&part.received);
                // A part has no connection of its own, so a transport fault becomes the front end's
                // 504.
                self.exchange(&part.received, fault).unwrap_or_else(|_| {
                    Reply::json(
                        StatusCode::GATEWAY_TIMEOUT,
                        &json!({"error": {"code": "UnknownError", "message": ""}}),
                    )
                })
            };
            if !reply.status.is_success() {
                failed.insert(part.id.to_lowercase());
            }
            replies.push(part_json(&part.id, &reply));
        }
        let order = self.order(replies.len());
        let replies: Vec<&Value> = order.iter().filter_map(|number| replies.get(*number)).collect();
        Reply::json(StatusCode::OK, &json!({ "responses": replies }))
    }

    /// A pseudo-random order of `len` responses.
    fn order(&mut self, len: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..len).collect();
        let mut state = (self.settings.batch_seed ^ self.serial.next().rotate_left(32)) | 1;
        for last in (1..len).rev() {
            // xorshift64*: short, and the same on every platform.
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

fn parts(outer: &Received) -> Result<Vec<Part>, Problem> {
    let body = outer.incoming.json().filter(|_| outer.incoming.is_of_type("application/json"));
    let requests = body.as_ref().and_then(|body| body.get("requests")?.as_array());
    let requests = requests.ok_or_else(|| bad("Invalid batch payload format."))?;
    if requests.is_empty() || requests.len() > MAX_PARTS {
        return Err(bad(format!("The number of requests in a batch must be between 1 and {MAX_PARTS}.")));
    }
    let mut parts = Vec::new();
    for request in requests {
        parts.push(part(request, outer)?);
    }
    let ids: Vec<String> = parts.iter().map(|part| part.id.to_lowercase()).collect();
    if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
        return Err(bad("Request ids must be unique, regardless of case."));
    }
    if parts.iter().flat_map(|part| &part.after).any(|id| !ids.contains(id)) {
        return Err(bad("A request depends on one that is not in the batch."));
    }
    arrange(&mut parts, &ids)?;
    Ok(parts)
}

/// Sets each part's level. Graph accepts three forms: a chain, no dependencies, or all dependent
/// parts with the same dependencies.
fn arrange(parts: &mut [Part], ids: &[String]) -> Result<(), Problem> {
    let dependent: Vec<&Vec<String>> =
        parts.iter().map(|part| &part.after).filter(|after| !after.is_empty()).collect();
    let is_chain = parts.iter().enumerate().all(|(number, part)| match number.checked_sub(1) {
        None => part.after.is_empty(),
        Some(before) => part.after.len() == 1 && part.after.first() == ids.get(before),
    });
    if is_chain {
        for (number, part) in parts.iter_mut().enumerate() {
            part.level = number;
        }
        return Ok(());
    }
    let first = dependent.first().copied().cloned().unwrap_or_default();
    let is_free =
        |id: &String| parts.iter().any(|part| part.id.to_lowercase() == *id && part.after.is_empty());
    if dependent.iter().any(|after| **after != first) || !first.iter().all(is_free) {
        return Err(bad("Requests must depend on each other one after another, or all on the same ones."));
    }
    for part in parts {
        part.level = usize::from(!part.after.is_empty());
    }
    Ok(())
}

fn part(request: &Value, outer: &Received) -> Result<Part, Problem> {
    let text = |name: &str| request.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let id = text("id").ok_or_else(|| bad("A request has no id."))?;
    let method = text("method").and_then(|method| Method::from_bytes(method.to_uppercase().as_bytes()).ok());
    let method = method.ok_or_else(|| bad(format!("Request {id} has no method.")))?;
    let url = text("url").ok_or_else(|| bad(format!("Request {id} has no url.")))?;
    // URLs are relative to the version, with or without a leading slash.
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
    let received =
        Received { incoming, route, origin: outer.origin.clone(), in_batch: true, room: outer.room };
    Ok(Part { id: id.to_owned(), received, after, level: 0 })
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

fn part_json(id: &str, reply: &Reply) -> Value {
    let headers: Map<String, Value> =
        reply.headers.iter().map(|(name, value)| (titled(name.as_str()), value.as_str().into())).collect();
    let mut part = json!({"id": id, "status": reply.status.as_u16(), "headers": headers});
    if let (Some(part), false) = (part.as_object_mut(), reply.body.is_empty()) {
        let text = || String::from_utf8_lossy(&reply.body).into_owned().into();
        part.insert("body".into(), reply.value().unwrap_or_else(text));
    }
    part
}

/// `retry-after` becomes `Retry-After`: in a batch's JSON, header names are capitalised.
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
