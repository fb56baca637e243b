//! Bad luck, by script.

use calsync_core::fake::{self, Fault, Occasion};
use calsync_core::http::TransportErrorKind;
use http::StatusCode;

use super::reply::{Problem, Reply};
use super::request::Incoming;
use super::route::ApiMethod;
use super::settings::ErrorShape;
use super::state::State;

/// A fault and the requests it happens to: by default the next one, whatever it is.
pub type FaultRule = fake::FaultRule<ApiMethod>;

/// That status with Google's error body and that reason, and nothing is done.
#[must_use]
pub fn google_error(status: StatusCode, reason: &'static str, message: &str) -> Fault {
    Fault::Answer(Problem::new(status, reason, message).reply(ErrorShape::Classic).into_response())
}

impl State {
    /// What goes wrong with this request; the first rule that strikes.
    pub(super) fn fault_for(&mut self, incoming: &Incoming) -> Option<Fault> {
        self.faults.strike(&occasion(incoming, self.grants.user_of(incoming)))
    }

    /// One exchange, with what goes wrong in it.
    pub(super) fn exchange(
        &mut self,
        incoming: &Incoming,
        fault: Option<Fault>,
    ) -> Result<Reply, TransportErrorKind> {
        let result = match fault.as_ref().and_then(Fault::before) {
            Some(Err(TransportErrorKind::NotSent)) => return Err(TransportErrorKind::NotSent),
            Some(instead) => instead,
            None => {
                let answer = self.answer(incoming);
                match fault {
                    Some(fault) => fault.spoil(answer),
                    None => Ok(answer),
                }
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

/// What rules and the log read of a request.
pub(super) fn occasion<'a>(incoming: &'a Incoming, user: Option<&'a str>) -> Occasion<'a, ApiMethod> {
    let (method, calendar) = (incoming.route.method, incoming.route.calendar.as_deref());
    Occasion { method, incoming, calendar, user }
}
