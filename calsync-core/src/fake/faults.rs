//! Faults: what can go wrong with a request to a fake server.

use std::time::Duration;

use ::http::header::{HeaderValue, LOCATION};
use ::http::{HeaderName, StatusCode};
use serde_json::{Value, json};

use super::reply::Reply;
use crate::clock::Sleep;
use crate::http::{Response, TransportErrorKind};
use crate::turns;

/// A fault of one request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// The server does nothing and sends this response.
    Answer(Response),
    /// The server carries out the request, but sends this response instead.
    AnswerAfter(Response),
    /// There is no connection: the server sees nothing of the request.
    NotSent,
    /// The connection breaks before the server does anything.
    DropBefore,
    /// The server carries out the request; the connection breaks before the response.
    DropAfter,
    /// The server does nothing, and no response comes in time.
    TimeOutBefore,
    /// The server carries out the request; no response comes in time.
    TimeOutAfter,
    /// The server carries out the request; the response's body is cut in half.
    Cut,
    /// The server carries out the request; the response is an HTML page with status 200.
    Html,
    /// The server carries out the request; the response is JSON of another shape.
    OtherJson,
    /// The server carries out the request; the response lacks the `id`.
    WithoutId,
    /// The server carries out the request; the response's body is that many bytes of JSON.
    Huge(usize),
    /// The server does nothing; the response redirects to this URL (302).
    Redirect(String),
    /// The request first waits for that many turns of the runtime.
    Slow(u16),
    /// The request first waits for that long, with the `Sleep` given to the fake's `with_sleep`.
    Delay(Duration),
}

impl Fault {
    /// The server does nothing and sends that status with an HTML page, as an overloaded front end
    /// does.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        let page = format!("<!doctype html><html><title>Error {status}</title></html>");
        Self::Answer(Reply::html(status, page).into_response())
    }

    /// The server does nothing and sends that status with that JSON.
    #[must_use]
    pub fn json(status: StatusCode, body: &Value) -> Self {
        Self::Answer(Reply::json(status, body).into_response())
    }

    /// Adds a header to the fault's own response. Changes nothing if the fault has none.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if let Self::Answer(response) | Self::AnswerAfter(response) = &mut self {
            response.headers_mut().append(name, value);
        }
        self
    }

    /// The same response, but the server carries out the request before.
    #[must_use]
    pub fn after(self) -> Self {
        match self {
            Self::Answer(response) => Self::AnswerAfter(response),
            other => other,
        }
    }

    /// What the client gets if the server does nothing; `None` if the server carries out the
    /// request.
    ///
    /// A request that was [`NotSent`](TransportErrorKind::NotSent) does not belong in the fake's
    /// log, because the server sees nothing of it.
    #[must_use]
    pub fn before(&self) -> Option<Result<Reply, TransportErrorKind>> {
        match self {
            Self::NotSent => Some(Err(TransportErrorKind::NotSent)),
            Self::Answer(response) => Some(Ok(response.clone().into())),
            Self::Redirect(url) => {
                Some(Ok(Reply::empty(StatusCode::FOUND).with_header(LOCATION, url.as_str())))
            }
            Self::DropBefore => Some(Err(TransportErrorKind::Interrupted)),
            Self::TimeOutBefore => Some(Err(TransportErrorKind::TimedOut)),
            _ => None,
        }
    }

    /// Applies the fault to the response of a request that was carried out.
    ///
    /// # Errors
    /// The failure the client sees, if the response does not arrive.
    pub fn spoil(self, reply: Reply) -> Result<Reply, TransportErrorKind> {
        Ok(match self {
            Self::DropAfter => return Err(TransportErrorKind::Interrupted),
            Self::TimeOutAfter => return Err(TransportErrorKind::TimedOut),
            Self::AnswerAfter(other) => other.into(),
            Self::Cut => Reply { body: reply.body.slice(..reply.body.len() / 2), ..reply },
            Self::Html => Reply::html(StatusCode::OK, "<!doctype html><title>Sign in</title>"),
            Self::OtherJson => {
                Reply::json(StatusCode::OK, &json!(["no", {"event": {"id": 17, "start": "soon"}}]))
            }
            Self::WithoutId => match reply.value() {
                Some(Value::Object(mut body)) => {
                    body.remove("id");
                    Reply { body: Value::Object(body).to_string().into(), ..reply }
                }
                _ => reply,
            },
            Self::Huge(size) => {
                let mut body = b"{\"text\":\"".to_vec();
                body.resize(size.saturating_sub(2).max(body.len()), b'x');
                body.extend_from_slice(b"\"}");
                Reply { body: body.into(), ..reply }
            }
            _ => reply,
        })
    }
}

/// Waits as long as the fault asks. A [`Fault::Delay`] without a `sleep` waits for one turn of the
/// runtime.
pub async fn pause(fault: Option<&Fault>, sleep: Option<&dyn Sleep>) {
    match (fault, sleep) {
        (Some(Fault::Slow(count)), _) => turns::pass(*count).await,
        (Some(Fault::Delay(by)), Some(sleep)) => sleep.sleep(*by).await,
        (Some(Fault::Delay(_)), None) => turns::pass(1).await,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_acts_before_or_after_the_request_is_carried_out() {
        use TransportErrorKind as K;
        let event = || Reply::json(StatusCode::CREATED, &json!({"id": "x", "a": 1}));
        let body = |status, body: Value| Ok(Reply::json(status, &body));
        let late = Fault::json(StatusCode::BAD_GATEWAY, &json!(2)).after();
        for (fault, expected) in [
            (Fault::DropAfter, Err(K::Interrupted)),
            (Fault::TimeOutAfter, Err(K::TimedOut)),
            (late, body(StatusCode::BAD_GATEWAY, json!(2))),
            (Fault::WithoutId, body(StatusCode::CREATED, json!({"a": 1}))),
            (Fault::Slow(1), Ok(event())),
        ] {
            assert!(fault.before().is_none(), "{fault:?}");
            assert_eq!(fault.clone().spoil(event()), expected, "{fault:?}");
        }
        for (fault, expected) in [
            (Fault::NotSent, Err(K::NotSent)),
            (Fault::DropBefore, Err(K::Interrupted)),
            (Fault::TimeOutBefore, Err(K::TimedOut)),
            (Fault::json(StatusCode::CONFLICT, &json!(3)), body(StatusCode::CONFLICT, json!(3))),
        ] {
            assert_eq!(fault.before(), Some(expected), "{fault:?}");
        }
        let away = Fault::Redirect("https://b.example/".into()).before().unwrap().unwrap().into_response();
        assert_eq!(
            (away.status(), away.headers()[LOCATION].as_bytes()),
            (StatusCode::FOUND, &b"https://b.example/"[..])
        );
    }

    #[test]
    fn a_huge_response_is_json_of_that_size() {
        let reply = Fault::Huge(1_000_000).spoil(Reply::empty(StatusCode::OK)).unwrap();
        assert_eq!((reply.body.len(), reply.value().is_some()), (1_000_000, true));
    }
}
