//! One exchange: the fault, the response, and the log entry.

use calsync_core::fake::{Fault, Reply};
use calsync_core::http::TransportErrorKind;
use http::HeaderName;
use http::header::DATE;
use serde_json::Value;

use super::inspect::SeenRequest;
use super::reply::ResponseIds;
use super::request::Received;
use super::route::ApiMethod;
use super::state::State;
use super::times::http_date;

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const DIAGNOSTIC: HeaderName = HeaderName::from_static("x-ms-ags-diagnostic");

impl State {
    /// The fault that applies to this request.
    pub(super) fn fault_for(&mut self, received: &Received) -> Option<Fault> {
        let user = self.grants.user_of(&received.incoming).map(str::to_owned);
        self.faults.strike(&received.occasion(user.as_deref()))
    }

    /// Handles one request, with the fault that applies to it.
    pub(super) fn exchange(
        &mut self,
        received: &Received,
        fault: Option<Fault>,
    ) -> Result<Reply, TransportErrorKind> {
        let ids = self.response_ids(received);
        let result = match fault.as_ref().and_then(Fault::before) {
            Some(instead) => instead,
            None => {
                let is_late_error = matches!(&fault, Some(Fault::AnswerAfter(response)) if response.status().is_server_error());
                self.loses_properties = is_late_error && self.settings.loses_properties_on_error;
                let reply = self.respond(received, &ids);
                self.loses_properties = false;
                fault.map_or(Ok(reply.clone()), |fault| fault.spoil(reply))
            }
        };
        if result.as_ref().err() == Some(&TransportErrorKind::NotSent) {
            return result;
        }
        self.record(received, result.as_ref().ok());
        result.map(|reply| {
            if received.method().is_oauth() || received.in_batch { reply } else { with_ids(reply, &ids) }
        })
    }

    fn respond(&mut self, received: &Received, ids: &ResponseIds) -> Reply {
        match received.method() {
            ApiMethod::Authorize => self.authorize(received),
            ApiMethod::Token => self.token(received),
            ApiMethod::Batch => self.batch(received, ids),
            _ => self.graph(received, ids),
        }
    }

    fn record(&mut self, received: &Received, reply: Option<&Reply>) {
        let user = self.grants.user_of(&received.incoming).map(str::to_owned);
        let mut seen =
            SeenRequest::of(self.now(), received.occasion(user.as_deref()), received.method().is_oauth());
        if received.method() == ApiMethod::Batch {
            seen.body.as_mut().and_then(|body| body.get_mut("requests")).map(without_tokens);
        }
        seen.event = received.route.event().map(str::to_owned);
        seen.in_batch = received.in_batch;
        seen.status = reply.map(|reply| reply.status.as_u16());
        self.log.record(received.method(), seen, self.settings.log_size);
    }
}

/// The parts of a batch may have tokens of their own. The log keeps none.
fn without_tokens(requests: &mut Value) {
    for request in requests.as_array_mut().into_iter().flatten() {
        if let Some(headers) = request.get_mut("headers").and_then(Value::as_object_mut) {
            headers.retain(|name, _| !name.eq_ignore_ascii_case("authorization"));
        }
    }
}

/// Adds the headers that identify a response. Every response of Graph has them.
fn with_ids(reply: Reply, ids: &ResponseIds) -> Reply {
    let diagnostic =
        "{\"ServerInfo\":{\"DataCenter\":\"Nowhere\",\"Slice\":\"E\",\"Ring\":\"0\",\"ScaleUnit\":\"000\"}}";
    let all = [
        (REQUEST_ID, ids.request_id.clone()),
        (CLIENT_REQUEST_ID, ids.client_request_id.clone()),
        (DIAGNOSTIC, diagnostic.to_owned()),
        (DATE, http_date(ids.at)),
    ];
    all.into_iter().fold(reply, |reply, (name, value)| {
        if reply.headers.iter().any(|(known, _)| *known == name) {
            reply
        } else {
            reply.with_header(name, value)
        }
    })
}
