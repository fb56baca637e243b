//! Bad luck, by script.

use std::time::Duration;

use bytes::Bytes;
use calsync_core::error::Operation;
use calsync_core::http::{Response, TransportErrorKind};
use http::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::reply::{Problem, Reply};
use super::request::Incoming;
use super::route::ApiMethod;
use super::settings::ErrorShape;
use super::state::State;

/// What goes wrong with a request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// This answer, and nothing is done.
    Answer(Response),
    /// It is done, and this is the answer all the same.
    AnswerAfter(Response),
    /// There is no connection: the server sees nothing of it.
    NotSent,
    /// The connection breaks before anything is done.
    DropBefore,
    /// It is done, and the connection breaks before the answer.
    DropAfter,
    /// Nothing is done, and no answer comes in time.
    TimeOutBefore,
    /// It is done, and no answer comes in time.
    TimeOutAfter,
    /// It is done, and the answer's body ends half way.
    Cut,
    /// It is done, and the answer is an HTML page with status 200.
    Html,
    /// It is done, and the answer is JSON of quite another kind.
    OtherJson,
    /// It is done, and the answer lacks the `id`.
    WithoutId,
    /// It is done, and the answer's body is that many bytes of JSON.
    Huge(usize),
    /// Nothing is done; the answer sends the client to this URL.
    Redirect(String),
    /// It takes so many turns of the runtime first.
    Slow(u16),
    /// It takes so long first, by [`FakeGoogle::with_sleep`](super::FakeGoogle::with_sleep).
    Delay(Duration),
}

impl Fault {
    /// That status with an HTML page, and nothing is done: what a front end answers that is in trouble itself.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        let page = format!("<!doctype html><html><title>Error {status}</title></html>");
        Self::Answer(Reply::html(status, page).into_response())
    }

    /// That status with Google's error body and that reason, and nothing is done.
    #[must_use]
    pub fn error(status: StatusCode, reason: &'static str, message: &str) -> Self {
        Self::Answer(Problem::new(status, reason, message).reply(ErrorShape::Classic).into_response())
    }

    /// That status with that JSON, and nothing is done.
    #[must_use]
    pub fn json(status: StatusCode, body: &Value) -> Self {
        Self::Answer(Reply::json(status, body).into_response())
    }

    /// The same with one more header, where there is an answer of its own.
    #[must_use]
    pub fn with_header(mut self, name: http::HeaderName, value: HeaderValue) -> Self {
        if let Self::Answer(answer) | Self::AnswerAfter(answer) = &mut self {
            answer.headers_mut().append(name, value);
        }
        self
    }

    /// The same answer, but it is done.
    #[must_use]
    pub fn after(self) -> Self {
        match self {
            Self::Answer(answer) => Self::AnswerAfter(answer),
            other => other,
        }
    }
}

/// A fault and the requests it happens to: by default the next one, whatever it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FaultRule {
    fault: Fault,
    method: Option<ApiMethod>,
    http_method: Option<Method>,
    path: Option<String>,
    calendar: Option<String>,
    user: Option<String>,
    operation: Option<Operation>,
    skip: usize,
    every: usize,
    times: Option<usize>,
    seen: usize,
}

impl FaultRule {
    /// That fault for the next request.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            method: None,
            http_method: None,
            path: None,
            calendar: None,
            user: None,
            operation: None,
            skip: 0,
            every: 1,
            times: Some(1),
            seen: 0,
        }
    }

    /// Only calls of this method of the API.
    #[must_use]
    pub fn with_method(mut self, method: ApiMethod) -> Self {
        self.method = Some(method);
        self
    }

    /// Only requests with this HTTP method.
    #[must_use]
    pub fn with_http_method(mut self, method: Method) -> Self {
        self.http_method = Some(method);
        self
    }

    /// Only requests whose path, as it was sent, holds this text.
    #[must_use]
    pub fn with_path(mut self, part: impl Into<String>) -> Self {
        self.path = Some(part.into());
        self
    }

    /// Only requests for this calendar, by the id in the path.
    #[must_use]
    pub fn with_calendar(mut self, id: impl Into<String>) -> Self {
        self.calendar = Some(id.into());
        self
    }

    /// Only requests with this user's token.
    #[must_use]
    pub fn with_user(mut self, email: impl Into<String>) -> Self {
        self.user = Some(email.into());
        self
    }

    /// Only requests that belong to this operation, by their [`Call`](calsync_core::http::Call).
    #[must_use]
    pub fn with_operation(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Not the first `count` of these.
    #[must_use]
    pub fn after(mut self, count: usize) -> Self {
        self.skip = count;
        self
    }

    /// That many of these, not just one.
    #[must_use]
    pub fn with_times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// All of these, until [`FakeGoogle::no_faults`](super::FakeGoogle::no_faults).
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Every `nth` of these, for good.
    #[must_use]
    pub fn with_every(mut self, nth: usize) -> Self {
        self.every = nth.max(1);
        self.always()
    }

    fn fits(&self, incoming: &Incoming, user: Option<&str>) -> bool {
        let route = &incoming.route;
        let operation = incoming.call.as_ref().map(|call| call.operation);
        self.method.is_none_or(|method| method == route.method)
            && self.http_method.as_ref().is_none_or(|method| *method == incoming.http_method)
            && self.path.as_ref().is_none_or(|part| incoming.path.contains(part.as_str()))
            && self.calendar.as_ref().is_none_or(|id| route.calendar.as_ref() == Some(id))
            && self.user.as_ref().is_none_or(|email| user == Some(email.as_str()))
            && self.operation.is_none_or(|wanted| operation == Some(wanted))
    }
}

impl From<Fault> for FaultRule {
    fn from(fault: Fault) -> Self {
        Self::new(fault)
    }
}

/// The script.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<FaultRule>);

impl State {
    /// What goes wrong with this request; the first rule that strikes.
    pub(super) fn fault_for(&mut self, incoming: &Incoming) -> Option<Fault> {
        let user = self.user_of(incoming);
        let mut struck = None;
        for rule in self.faults.0.iter_mut().filter(|rule| rule.fits(incoming, user.as_deref())) {
            rule.seen += 1;
            let number = rule.seen.saturating_sub(rule.skip);
            if number > 0 && number % rule.every == 0 {
                rule.times = rule.times.map(|times| times.saturating_sub(1));
                struck = Some(rule.fault.clone());
                break;
            }
        }
        self.faults.0.retain(|rule| rule.times != Some(0));
        struck
    }

    /// One exchange, with what goes wrong in it.
    pub(super) fn exchange(
        &mut self,
        incoming: &Incoming,
        fault: Option<Fault>,
    ) -> Result<Reply, TransportErrorKind> {
        let result = match fault {
            Some(Fault::NotSent) => return Err(TransportErrorKind::NotSent),
            Some(Fault::Answer(answer)) => Ok(reply(answer)),
            Some(Fault::Redirect(url)) => Ok(Reply::empty(StatusCode::FOUND).with_header(LOCATION, url)),
            Some(Fault::DropBefore) => Err(TransportErrorKind::Interrupted),
            Some(Fault::TimeOutBefore) => Err(TransportErrorKind::TimedOut),
            fault => {
                let answer = self.answer(incoming);
                spoilt(answer, fault)
            }
        };
        self.record(incoming, result.as_ref().ok());
        result
    }

    fn answer(&mut self, incoming: &Incoming) -> Reply {
        match incoming.route.method {
            ApiMethod::Authorize => self.authorize(incoming),
            ApiMethod::Token => self.token(incoming),
            ApiMethod::Revoke => self.revoke(incoming),
            ApiMethod::Batch => self.batch(incoming),
            _ => self.calendar_api(incoming),
        }
    }
}

/// An answer to something that was done, and what becomes of it.
fn spoilt(answer: Reply, fault: Option<Fault>) -> Result<Reply, TransportErrorKind> {
    Ok(match fault {
        Some(Fault::DropAfter) => return Err(TransportErrorKind::Interrupted),
        Some(Fault::TimeOutAfter) => return Err(TransportErrorKind::TimedOut),
        Some(Fault::AnswerAfter(other)) => reply(other),
        Some(Fault::Cut) => Reply { body: answer.body.slice(..answer.body.len() / 2), ..answer },
        Some(Fault::Html) => Reply::html(StatusCode::OK, "<!doctype html><title>Sign in</title>"),
        Some(Fault::OtherJson) => {
            Reply::json(StatusCode::OK, &json!(["no", {"event": {"id": 17, "start": "soon"}}]))
        }
        Some(Fault::WithoutId) => match answer.value() {
            Some(Value::Object(mut body)) => {
                body.remove("id");
                Reply { body: Value::Object(body).to_string().into(), ..answer }
            }
            _ => answer,
        },
        Some(Fault::Huge(size)) => {
            let mut body = b"{\"kind\":\"calendar#event\",\"summary\":\"".to_vec();
            body.resize(size.saturating_sub(2).max(body.len()), b'x');
            body.extend_from_slice(b"\"}");
            Reply { body: body.into(), ..answer }
        }
        _ => answer,
    })
}

fn reply(answer: Response) -> Reply {
    let (parts, body): (_, Bytes) = answer.into_parts();
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let reply = Reply { status: parts.status, headers, body };
    if reply.headers.iter().any(|(name, _)| name == CONTENT_TYPE) || reply.body.is_empty() {
        reply
    } else {
        reply.with_header(CONTENT_TYPE, "application/json; charset=UTF-8")
    }
}
