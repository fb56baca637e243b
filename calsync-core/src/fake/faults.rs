//! Bad luck.

use std::time::Duration;

use ::http::header::{HeaderValue, LOCATION};
use ::http::{HeaderName, StatusCode};
use serde_json::{Value, json};

use super::reply::Reply;
use crate::clock::Sleep;
use crate::http::{Response, TransportErrorKind};
use crate::turns;

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
    /// It takes so long first, by what the fake's `with_sleep` was given.
    Delay(Duration),
}

impl Fault {
    /// That status with an HTML page, and nothing is done: what a front end answers that is in trouble itself.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        let page = format!("<!doctype html><html><title>Error {status}</title></html>");
        Self::Answer(Reply::html(status, page).into_response())
    }

    /// That status with that JSON, and nothing is done.
    #[must_use]
    pub fn json(status: StatusCode, body: &Value) -> Self {
        Self::Answer(Reply::json(status, body).into_response())
    }

    /// The same with one more header, where there is an answer of its own.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
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

    /// What the client gets in place of the call, which is not made; `None` where it is made.
    ///
    /// Of a request that was [`NotSent`](TransportErrorKind::NotSent) the server sees nothing: it belongs in no log.
    #[must_use]
    pub fn before(&self) -> Option<Result<Reply, TransportErrorKind>> {
        match self {
            Self::NotSent => Some(Err(TransportErrorKind::NotSent)),
            Self::Answer(answer) => Some(Ok(answer.clone().into())),
            Self::Redirect(url) => {
                Some(Ok(Reply::empty(StatusCode::FOUND).with_header(LOCATION, url.as_str())))
            }
            Self::DropBefore => Some(Err(TransportErrorKind::Interrupted)),
            Self::TimeOutBefore => Some(Err(TransportErrorKind::TimedOut)),
            _ => None,
        }
    }

    /// What becomes of the answer to a call that was made.
    ///
    /// # Errors
    /// Where it does not arrive.
    pub fn spoil(self, answer: Reply) -> Result<Reply, TransportErrorKind> {
        Ok(match self {
            Self::DropAfter => return Err(TransportErrorKind::Interrupted),
            Self::TimeOutAfter => return Err(TransportErrorKind::TimedOut),
            Self::AnswerAfter(other) => other.into(),
            Self::Cut => Reply { body: answer.body.slice(..answer.body.len() / 2), ..answer },
            Self::Html => Reply::html(StatusCode::OK, "<!doctype html><title>Sign in</title>"),
            Self::OtherJson => {
                Reply::json(StatusCode::OK, &json!(["no", {"event": {"id": 17, "start": "soon"}}]))
            }
            Self::WithoutId => match answer.value() {
                Some(Value::Object(mut body)) => {
                    body.remove("id");
                    Reply { body: Value::Object(body).to_string().into(), ..answer }
                }
                _ => answer,
            },
            Self::Huge(size) => {
                let mut body = b"{\"text\":\"".to_vec();
                body.resize(size.saturating_sub(2).max(body.len()), b'x');
                body.extend_from_slice(b"\"}");
                Reply { body: body.into(), ..answer }
            }
            _ => answer,
        })
    }
}

/// Takes the time that the fault takes. A [`Fault::Delay`] without anything to wait by takes one turn.
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
    fn a_call_is_made_or_not_and_its_answer_spoilt_or_not() {
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
    fn what_is_huge_is_json_of_that_size() {
        let answer = Fault::Huge(1_000_000).spoil(Reply::empty(StatusCode::OK)).unwrap();
        assert_eq!((answer.body.len(), answer.value().is_some()), (1_000_000, true));
    }
}
