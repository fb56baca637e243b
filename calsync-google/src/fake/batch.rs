//! Batch requests: `POST /batch/calendar/v3`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bytes::Bytes;
use calsync_core::fake::{self, Params};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};

use super::reply::{Problem, Reply};
use super::request::Incoming;
use super::route::{ApiMethod, Route};
use super::state::State;

/// Most calls in a batch, according to Google's guide and its official client.
const MAX_CALLS: usize = 1000;

/// One call of a batch.
struct Part {
    id: Option<String>,
    call: Result<Incoming, Problem>,
}

impl State {
    pub(super) fn batch(&mut self, incoming: &Incoming) -> Reply {
        let shape = self.settings.errors;
        let bad = |message: &str| Problem::new(StatusCode::BAD_REQUEST, "badRequest", message).reply(shape);
        let Some(boundary) = incoming.header(CONTENT_TYPE).and_then(boundary) else {
            return bad("Failed to parse batch request, error: Invalid Content-Type.");
        };
        let text = String::from_utf8_lossy(&incoming.body);
        let parts: Vec<Part> = pieces(&text, &boundary).map(|piece| part(piece, incoming)).collect();
        if parts.is_empty() {
            return bad("Failed to parse batch request, error: 0 items.");
        }
        if parts.len() > MAX_CALLS {
            return bad("The batch request contains too many calls.");
        }
        let mut replies: Vec<Option<Reply>> = vec![None; parts.len()];
        let mut touched = BTreeSet::new();
        for number in self.order(parts.len()) {
            let (Some(part), Some(reply)) = (parts.get(number), replies.get_mut(number)) else { continue };
            *reply = Some(match &part.call {
                Err(problem) => problem.reply(shape),
                Ok(call) if collides(call, &mut touched) => {
                    Problem::new(StatusCode::CONFLICT, "conflict", "Conflict").reply(shape)
                }
                Ok(call) => {
                    let fault = self.fault_for(call);
                    // One call of a batch cannot lose its connection: a transport fault becomes a
                    // 503.
                    self.exchange(call, fault).unwrap_or_else(|_| {
                        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "backendError", "Backend Error")
                            .reply(shape)
                    })
                }
            });
        }
        let boundary = format!("batch_{}", self.serial.opaque("batch"));
        let mut body = String::new();
        for (part, reply) in parts.iter().zip(replies.into_iter().flatten()) {
            write_part(&mut body, &boundary, part.id.as_deref(), &reply);
        }
        let _ = write!(body, "--{boundary}--\r\n");
        Reply::text(StatusCode::OK, &format!("multipart/mixed; boundary={boundary}"), body)
    }

    /// The order of execution: random by `batch_seed`, since Google promises none.
    fn order(&mut self, len: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..len).collect();
        let mut state = (self.settings.batch_seed ^ self.serial.next().rotate_left(32)) | 1;
        for last in (1..len).rev() {
            // xorshift64*: small, and deterministic on every platform.
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let number = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
            order.swap(last, number as usize % (last + 1));
        }
        order
    }
}

/// Whether the call writes to an event or series that an earlier call of the batch has written to.
fn collides(call: &Incoming, touched: &mut BTreeSet<(Option<String>, String)>) -> bool {
    let Some(event) = call.route.event.as_deref().filter(|_| call.http_method != Method::GET) else {
        return false;
    };
    let series = event.split('_').next().unwrap_or(event);
    !touched.insert((call.route.calendar.clone(), series.to_owned()))
}

fn boundary(content_type: &str) -> Option<String> {
    let mut parts = content_type.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("multipart/mixed") {
        return None;
    }
    let boundary = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then(|| value.trim_matches('"').to_owned())
    });
    boundary.filter(|boundary| !boundary.is_empty())
}

/// Splits a multipart body into its parts.
fn pieces<'a>(text: &'a str, boundary: &str) -> impl Iterator<Item = &'a str> {
    let pieces: Vec<&str> = text.split(&format!("--{boundary}")).skip(1).collect();
    pieces.into_iter().take_while(|piece| !piece.starts_with("--"))
}

fn part(piece: &str, outer: &Incoming) -> Part {
    let (head, inner) = split(piece.trim_start_matches(['\r', '\n']));
    let headers = headers(head);
    let id = headers.get("content-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let is_http =
        headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/http"));
    let bad = |message| Problem::new(StatusCode::BAD_REQUEST, "badRequest", message);
    let call = if is_http {
        call(inner, outer).ok_or_else(|| bad("Failed to parse the call's request line."))
    } else {
        Err(bad("A part must be of type application/http."))
    };
    Part { id, call }
}

fn call(inner: &str, outer: &Incoming) -> Option<Incoming> {
    let (head, body) = split(inner.trim_start_matches(['\r', '\n']));
    let (line, rest) = head.split_once('\n').unwrap_or((head, ""));
    let mut words = line.split_whitespace();
    let http_method = Method::from_bytes(words.next()?.as_bytes()).ok()?;
    let target = words.next()?;
    // The target must be a path without a host.
    if !target.starts_with('/') || target.starts_with("//") || !words.next()?.starts_with("HTTP/1.") {
        return None;
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = headers(rest);
    for (name, value) in outer.headers.iter().filter(|(name, _)| !name.as_str().starts_with("content-")) {
        if !headers.contains_key(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
    let mut route = Route::of(&http_method, path);
    if matches!(route.method, ApiMethod::Batch | ApiMethod::Token | ApiMethod::Revoke | ApiMethod::Authorize)
    {
        route.method = ApiMethod::Unknown;
    }
    let request = fake::Incoming {
        http_method,
        path: path.to_owned(),
        query: Params::parse(query),
        headers,
        body: Bytes::from(body.trim().to_owned()),
        call: outer.call.clone(),
    };
    Some(Incoming { request, route, in_batch: true })
}

/// Splits a message at the empty line, into headers and body.
fn split(text: &str) -> (&str, &str) {
    let crlf = text.split_once("\r\n\r\n");
    let lf = text.split_once("\n\n");
    match (crlf, lf) {
        (Some(crlf), Some(lf)) if lf.0.len() < crlf.0.len() => lf,
        (Some(found), _) | (None, Some(found)) => found,
        (None, None) => (text, ""),
    }
}

fn headers(text: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // Python's mail library folds long lines (RFC 5322 section 2.2.3).
    let text = text.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
    for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
        let name = HeaderName::from_bytes(name.trim().as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value.trim())) {
            headers.append(name, value);
        }
    }
    headers
}

fn write_part(body: &mut String, boundary: &str, id: Option<&str>, reply: &Reply) {
    let _ = write!(body, "--{boundary}\r\nContent-Type: application/http\r\n");
    if let Some(id) = id {
        let response_id = match id.strip_prefix('<') {
            Some(rest) => format!("<response-{rest}"),
            None => format!("response-{id}"),
        };
        let _ = write!(body, "Content-ID: {response_id}\r\n");
    }
    let _ = write!(body, "\r\nHTTP/1.1 {}\r\n", reply.status);
    for (name, value) in &reply.headers {
        let _ = write!(body, "{name}: {value}\r\n");
    }
    let _ = write!(body, "Content-Length: {}\r\n\r\n", reply.body.len());
    body.push_str(&String::from_utf8_lossy(&reply.body));
    body.push_str("\r\n");
}
