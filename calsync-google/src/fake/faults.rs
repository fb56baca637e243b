//! Scripted faults.

use calsync_core::fake::{self, Fault, RequestContext};
use calsync_core::http::TransportErrorKind;
use http::StatusCode;

use super::reply::{Problem, Reply};
use super::request::Incoming;
use super::route::ApiMethod;
use super::settings::ErrorFormat;
use super::state::State;

/// A fault, and the requests that it applies to. Default: the next request, of any method.
pub type FaultRule = fake::FaultRule<ApiMethod>;

/// A fault that responds with this status and Google's error body with this reason; the request has
/// no effect.
#[must_use]
pub fn google_error(status: StatusCode, reason: &'static str, message: &str) -> Fault {
    Fault::Answer(Problem::new(status, reason, message).reply(ErrorFormat::Classic).into_response())
}

impl State {
    /// Returns the fault of the first rule that applies to this request.
    pub(super) fn fault_for(&mut self, incoming: &Incoming) -> Option<Fault> {
        self.faults.strike(&occasion(incoming, self.grants.user_of(incoming)))
    }

    /// Handles one request, and applies the fault.
    pub(super) fn exchange(
        &mut self,
        incoming: &Incoming,
        fault: Option<Fault>,
    ) -> Result<Reply, TransportErrorKind> {
        let result = match fault.as_ref().and_then(Fault::before) {
            Some(Err(TransportErrorKind::NotSent)) => return Err(TransportErrorKind::NotSent),
            Some(instead) => instead,
            None => {
                let reply = self.handle(incoming);
                match fault {
                    Some(fault) => fault.spoil(reply),
                    None => Ok(reply),
                }
            }
        };
        self.record(incoming, result.as_ref().ok());
        result
    }

    fn handle(&mut self, incoming: &Incoming) -> Reply {
        match incoming.route.method {
            ApiMethod::Authorize => self.authorize(incoming),
            ApiMethod::Token => self.token(incoming),
            ApiMethod::Revoke => self.revoke(incoming),
            ApiMethod::Batch => self.batch(incoming),
            _ => self.calendar_api(incoming),
        }
    }
}

/// The properties of a request that fault rules and the request log use.
pub(super) fn occasion<'a>(incoming: &'a Incoming, user: Option<&'a str>) -> RequestContext<'a, ApiMethod> {
    let (method, calendar) = (incoming.route.method, incoming.route.calendar.as_deref());
    RequestContext { method, incoming, calendar, user }
}
