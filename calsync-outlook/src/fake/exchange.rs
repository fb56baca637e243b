//! One exchange: what goes wrong in it, the answer, and what is kept of it.

use calsync_core::fake::{Fault, Reply};
use calsync_core::http::TransportErrorKind;
use http::HeaderName;
use http::header::DATE;
use serde_json::Value;

use super::questions::SeenRequest;
use super::reply::Marks;
use super::request::Asked;
use super::route::ApiMethod;
use super::state::State;
use super::times::http_date;

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const DIAGNOSTIC: HeaderName = HeaderName::from_static("x-ms-ags-diagnostic");

impl State {
    /// What goes wrong with this request.
    pub(super) fn fault_for(&mut self, asked: &Asked) -> Option<Fault> {
        let user = self.grants.user_of(&asked.incoming).map(str::to_owned);
        self.faults.strike(&asked.occasion(user.as_deref()))
    }

    /// One exchange, with what goes wrong in it.
    pub(super) fn exchange(
        &mut self,
        asked: &Asked,
        fault: Option<Fault>,
    ) -> Result<Reply, TransportErrorKind> {
        let marks = self.marks(asked);
        let result = match fault.as_ref().and_then(Fault::before) {
            Some(instead) => instead,
            None => {
                let is_late_error =
                    matches!(&fault, Some(Fault::AnswerAfter(answer)) if answer.status().is_server_error());
                self.loses_properties = is_late_error && self.settings.loses_properties_on_error;
                let answer = self.answer(asked, &marks);
                self.loses_properties = false;
                fault.map_or(Ok(answer.clone()), |fault| fault.spoil(answer))
            }
        };
        if result.as_ref().err() == Some(&TransportErrorKind::NotSent) {
            return result;
        }
        self.record(asked, result.as_ref().ok());
        result.map(
            |reply| if asked.method().is_oauth() || asked.in_batch { reply } else { marked(reply, &marks) },
        )
    }

    fn answer(&mut self, asked: &Asked, marks: &Marks) -> Reply {
        match asked.method() {
            ApiMethod::Authorize => self.authorize(asked),
            ApiMethod::Token => self.token(asked),
            ApiMethod::Batch => self.batch(asked, marks),
            _ => self.graph(asked, marks),
        }
    }

    fn record(&mut self, asked: &Asked, answer: Option<&Reply>) {
        let user = self.grants.user_of(&asked.incoming).map(str::to_owned);
        let mut seen =
            SeenRequest::of(self.now(), asked.occasion(user.as_deref()), asked.method().is_oauth());
        if asked.method() == ApiMethod::Batch {
            seen.body.as_mut().and_then(|body| body.get_mut("requests")).map(without_tokens);
        }
        seen.event = asked.route.event().map(str::to_owned);
        seen.in_batch = asked.in_batch;
        seen.status = answer.map(|answer| answer.status.as_u16());
        self.log.record(asked.method(), seen, self.settings.log_size);
    }
}

/// Parts of a batch may have tokens of their own.
fn without_tokens(requests: &mut Value) {
    for request in requests.as_array_mut().into_iter().flatten() {
        if let Some(headers) = request.get_mut("headers").and_then(Value::as_object_mut) {
            headers.retain(|name, _| !name.eq_ignore_ascii_case("authorization"));
        }
    }
}

/// With what identifies the answer, which every one of Graph's has.
fn marked(reply: Reply, marks: &Marks) -> Reply {
    let diagnostic =
        "{\"ServerInfo\":{\"DataCenter\":\"Nowhere\",\"Slice\":\"E\",\"Ring\":\"0\",\"ScaleUnit\":\"000\"}}";
    let all = [
        (REQUEST_ID, marks.request_id.clone()),
        (CLIENT_REQUEST_ID, marks.client_request_id.clone()),
        (DIAGNOSTIC, diagnostic.to_owned()),
        (DATE, http_date(marks.at)),
    ];
    all.into_iter().fold(reply, |reply, (name, value)| {
        if reply.headers.iter().any(|(known, _)| *known == name) {
            reply
        } else {
            reply.with_header(name, value)
        }
    })
}
