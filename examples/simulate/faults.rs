//! What goes wrong between calsync and the calendars: at every point of a call, at a given rate.
//!
//! - **The way.** A request is not sent, is lost, or is answered too late, cut short, or not at
//!   all.
//! - **Somebody between.** A proxy's page comes with any status, also with 200, in place of the
//!   server's answer or after the server has done what was asked. A 403, 404 or 410 comes as such a
//!   page, without a body, or as a gateway's JSON: never with the server's own error code, because
//!   with that code it is true. The server's own 403 comes as `forbidden`, where nothing was done.
//! - **The server.** It throttles, is out of service, refuses the token, the content, a
//!   precondition or more events than its quota, or answers with other JSON or with another event's
//!   id after it has done what was asked. A 503 of its own may come after that too: what was done
//!   is then unknown, and so says calsync. In a batch of Graph's the token may be refused in one
//!   part alone.
//! - **A provider without a network.** A call fails before it is made, or is made or not made and
//!   nobody knows.
//!
//! No fault lies about what stands in a calendar: an answer that carries the server's own code and
//! says "not done" comes only where nothing was done, with that one exception of the 503. An answer
//! with another event's id comes to a listing of a calendar only where that lie is asked for.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use calsync_core::ProviderKind;
use calsync_core::calendar::CalendarRef;
use calsync_core::clock::{Clock as _, Sleep as _};
use calsync_core::error::{Error, ErrorKind, Operation};
use calsync_core::http::{Call, HttpTransport, Request, Response, TransportError};
use calsync_core::names::RemoteId;
use calsync_core::provider::{
    CalendarProvider, Capabilities, CreateOptions, DeleteOptions, Draft, Found, Marker, OursPage, PageToken,
    TargetQuery, UpdateOptions, Written,
};
use calsync_core::testing::{Fault, Faulty, FaultyTransport, HttpFault, TestClock, responses};
use serde_json::json;

use super::dice::Dice;
use super::lies::{Lie, Lies};

/// How much goes wrong. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Weather(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    dice: Dice,
    per_mille: u64,
    lies: Lies,
    struck: BTreeMap<&'static str, u64>,
}

impl Weather {
    /// So many requests in a thousand go wrong.
    pub fn new(per_mille: u64, lies: &Lies) -> Self {
        let (dice, struck, lies) = (Dice::new(0), BTreeMap::new(), lies.clone());
        Self(Arc::new(Mutex::new(State { dice, per_mille, lies, struck })))
    }

    /// From now on everything follows from that seed.
    pub fn follows(&self, seed: u64) {
        self.state().dice = Dice::new(seed);
    }

    /// Nothing goes wrong from now on.
    pub fn calms_down(&self) {
        self.state().per_mille = 0;
    }

    /// Counts a lie of the host's or of a person's.
    pub fn tells(&self, name: &'static str) {
        *self.state().struck.entry(name).or_default() += 1;
    }

    /// What has gone wrong, by kind.
    pub fn struck(&self) -> BTreeMap<&'static str, u64> {
        self.state().struck.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of the next request, and how long it takes first.
    fn next_request(
        &self,
        kind: &ProviderKind,
        lists: bool,
        clock: &TestClock,
    ) -> (HttpFault, Option<Duration>) {
        let mut state = self.state();
        if state.per_mille == 0 {
            return (HttpFault::None, None);
        }
        if !state.dice.happens(state.per_mille) {
            let turns = u8::try_from(state.dice.below(4)).unwrap_or_default();
            let wait = state.dice.happens(100).then(|| Duration::from_millis(state.dice.number() % 900));
            return (HttpFault::Slow(turns), wait);
        }
        let may_lie = !lists || state.lies.tell(Lie::Listing);
        let (name, fault, wait) = http_fault(&state.dice, kind, may_lie, clock);
        *state.struck.entry(name).or_default() += 1;
        (fault, wait)
    }

    /// Whether the token is refused in one part of a batch, and in which.
    fn next_part(&self) -> Option<usize> {
        let mut state = self.state();
        let strikes =
            state.per_mille > 0 && state.lies.tell(Lie::Batch) && state.dice.happens(state.per_mille / 6);
        strikes.then(|| {
            *state.struck.entry("token refused in a batch's part").or_default() += 1;
            state.dice.below(3)
        })
    }

    /// What becomes of the next call.
    fn next_call(&self) -> Fault {
        let mut state = self.state();
        if state.per_mille == 0 {
            return Fault::None;
        }
        if !state.dice.happens(state.per_mille) {
            return Fault::Slow(u8::try_from(state.dice.below(4)).unwrap_or_default());
        }
        let (name, fault) = *state.dice.weighed(&[
            (4, ("call: unavailable", Fault::Before(ErrorKind::Unavailable))),
            (3, ("call: rate limited", Fault::Before(ErrorKind::RateLimited))),
            (1, ("call: quota", Fault::Before(ErrorKind::QuotaExceeded))),
            (1, ("call: unauthenticated", Fault::Before(ErrorKind::Unauthenticated))),
            (1, ("call: forbidden", Fault::Before(ErrorKind::Forbidden))),
            (1, ("call: refused", Fault::Before(ErrorKind::Refused))),
            (5, ("call: not made, unknown", Fault::RequestLost)),
            (6, ("call: made, unknown", Fault::ResponseLost)),
        ]);
        *state.struck.entry(name).or_default() += 1;
        fault
    }
}

/// What goes wrong with a request: what that is called, what becomes of it, and how long it takes
/// first.
fn http_fault(
    dice: &Dice,
    kind: &ProviderKind,
    may_lie: bool,
    clock: &TestClock,
) -> (&'static str, HttpFault, Option<Duration>) {
    const BY_A_PROXY: [u16; 21] = [
        400, 401, 403, 404, 405, 406, 409, 410, 411, 412, 413, 415, 422, 423, 425, 500, 501, 502, 503, 504,
        511,
    ];
    const AFTER: [u16; 6] = [408, 500, 502, 503, 504, 524];
    let is_google = *kind == ProviderKind::GOOGLE;
    let refusal = |status: u16, google: &str, outlook: &str| {
        responses::json(status, if is_google { google_error(status, google) } else { graph_error(outlook) })
    };
    let which = *dice.weighed(&[
        (8, "not sent"),
        (8, "request lost"),
        (14, "answer lost"),
        (6, "too slow, done"),
        (6, "slow"),
        (8, "proxy's page"),
        (4, "empty 403, 404 or 410"),
        (4, "gateway's 403, 404 or 410"),
        (3, "503 of the server's own after commit"),
        (3, "another id after commit"),
        (8, "page after commit"),
        (4, "page as success"),
        (4, "page as success after commit"),
        (3, "other JSON after commit"),
        (7, "truncated"),
        (9, "throttled"),
        (4, "unavailable, with Retry-After"),
        (3, "error of the server's own"),
        (2, "precondition failed"),
        (1, "redirect"),
        (1, "token refused"),
        (1, "forbidden"),
        (1, "content refused"),
        (1, "quota used up"),
    ]);
    let fault = match which {
        "not sent" => HttpFault::NotSent,
        "request lost" => HttpFault::RequestLost,
        "answer lost" => HttpFault::ResponseLost,
        "too slow, done" => {
            return (which, HttpFault::TimedOut, Some(Duration::from_secs(30)));
        }
        "slow" => return (which, HttpFault::None, Some(Duration::from_secs(dice.number() % 25))),
        "proxy's page" => HttpFault::Instead(responses::html(*dice.pick(&BY_A_PROXY))),
        "empty 403, 404 or 410" => HttpFault::Instead(responses::status(*dice.pick(&[403, 404, 410]))),
        "gateway's 403, 404 or 410" => HttpFault::Instead(responses::json(
            *dice.pick(&[403, 404, 410]),
            json!({"message": "no Route matched with those values"}),
        )),
        "503 of the server's own after commit" => {
            HttpFault::Garbled(refusal(503, "backendError", "ErrorServerBusy"))
        }
        "another id after commit" if may_lie => {
            HttpFault::Garbled(responses::json(200, json!({"id": "another0event"})))
        }
        "page after commit" => HttpFault::Garbled(responses::html(*dice.pick(&AFTER))),
        "page as success" => HttpFault::Instead(responses::html(200)),
        "page as success after commit" => HttpFault::Garbled(responses::html(200)),
        "other JSON after commit" | "another id after commit" => {
            HttpFault::Garbled(responses::json(200, json!(["no", {"event": {"id": 17, "start": "soon"}}])))
        }
        "truncated" => HttpFault::CutBody,
        "throttled" => {
            let answer = if is_google && dice.happens(500) {
                refusal(403, "userRateLimitExceeded", "")
            } else {
                refusal(429, "rateLimitExceeded", "ApplicationThrottled")
            };
            HttpFault::Instead(with_retry_after(answer, dice, clock))
        }
        "unavailable, with Retry-After" => {
            HttpFault::Instead(with_retry_after(responses::html(503), dice, clock))
        }
        "error of the server's own" => {
            HttpFault::Instead(refusal(*dice.pick(&[500, 503]), "backendError", "ErrorInternalServerError"))
        }
        "precondition failed" => {
            HttpFault::Instead(refusal(412, "conditionNotMet", "ErrorIrresolvableConflict"))
        }
        "redirect" => HttpFault::Instead(responses::with_header(
            responses::status(302),
            "location",
            "https://elsewhere.example/",
        )),
        "token refused" => HttpFault::Instead(refusal(401, "authError", "InvalidAuthenticationToken")),
        "forbidden" => HttpFault::Instead(refusal(403, "forbidden", "ErrorAccessDenied")),
        "content refused" => HttpFault::Instead(refusal(400, "invalid", "ErrorInvalidRequest")),
        _ => {
            let status = if is_google { 403 } else { 507 };
            let answer = refusal(status, "quotaExceeded", "ErrorQuotaExceeded");
            HttpFault::Instead(if dice.happens(500) { with_retry_after(answer, dice, clock) } else { answer })
        }
    };
    (which, fault, None)
}

/// `Retry-After` in every form that has been seen.
fn with_retry_after(answer: Response, dice: &Dice, clock: &TestClock) -> Response {
    let date =
        |seconds| (clock.now() + chrono::TimeDelta::seconds(seconds)).format("%a, %d %b %Y %H:%M:%S GMT");
    let value = match dice.below(20) {
        0..8 => (1 + dice.number() % 20).to_string(),
        8..10 => (60 + dice.number() % 60).to_string(),
        10 => "3600".to_owned(),
        11 => "0".to_owned(),
        12..15 => date(15).to_string(),
        15 => date(-3600).to_string(),
        16 => "-5".to_owned(),
        17 => "soon".to_owned(),
        18 => "315360000".to_owned(),
        _ => return answer,
    };
    responses::with_header(answer, "retry-after", &value)
}

fn google_error(status: u16, reason: &str) -> serde_json::Value {
    let error = json!({"domain": "global", "reason": reason, "message": "It did not work."});
    json!({"error": {"errors": [error], "code": status, "message": "It did not work."}})
}

fn graph_error(code: &str) -> serde_json::Value {
    json!({"error": {"code": code, "message": "It did not work."}})
}

/// The network on the way to a fake server.
#[derive(Debug, Clone)]
pub struct Network<T> {
    inner: FaultyTransport<T>,
    kind: ProviderKind,
    weather: Weather,
    clock: TestClock,
}

impl<T: HttpTransport> Network<T> {
    /// The network in front of a provider's server.
    pub fn new(server: T, kind: ProviderKind, weather: &Weather, clock: &TestClock) -> Self {
        Self { inner: FaultyTransport::new(server), kind, weather: weather.clone(), clock: clock.clone() }
    }
}

#[async_trait]
impl<T: HttpTransport> HttpTransport for Network<T> {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let lists =
            request.extensions().get::<Call>().is_some_and(|call| call.operation == Operation::ListOurs);
        let (fault, wait) = self.weather.next_request(&self.kind, lists, &self.clock);
        if let Some(wait) = wait {
            self.clock.sleep(wait).await;
        }
        // Taken before anybody else has a turn.
        self.inner.script([fault]);
        let is_batch = self.kind == ProviderKind::OUTLOOK && request.uri().path().ends_with("/$batch");
        let part = if is_batch { self.weather.next_part() } else { None };
        let answer = self.inner.send(request).await?;
        Ok(match part {
            Some(part) => refused_in(answer, part),
            None => answer,
        })
    }
}

/// The answer to a batch in which the token was refused in one part, as Exchange does that knows of
/// a revocation before Graph does.
fn refused_in(answer: Response, part: usize) -> Response {
    let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(answer.body()) else { return answer };
    let parts = body.get_mut("responses").and_then(serde_json::Value::as_array_mut);
    let Some(parts) = parts.filter(|parts| !parts.is_empty()) else { return answer };
    let at = part % parts.len();
    parts[at]["status"] = json!(401);
    parts[at]["body"] = graph_error("InvalidAuthenticationToken");
    let body = body.to_string();
    answer.map(|_| body.into())
}

/// A provider without a network, whose calls fail all the same. Counts them.
#[derive(Debug)]
pub struct Shaky<P> {
    inner: Faulty<P>,
    weather: Weather,
    calls: AtomicU64,
}

impl<P: CalendarProvider> Shaky<P> {
    /// That provider, in that weather.
    pub fn new(inner: P, weather: &Weather) -> Self {
        Self { inner: Faulty::new(inner), weather: weather.clone(), calls: AtomicU64::default() }
    }

    /// How many calls were made.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The provider inside.
    pub fn inner(&self) -> &P {
        self.inner.inner()
    }

    fn next(&self) -> &Faulty<P> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.inner.script([self.weather.next_call()]);
        &self.inner
    }
}

#[async_trait]
impl<P: CalendarProvider> CalendarProvider for Shaky<P> {
    fn kind(&self) -> ProviderKind {
        self.inner.kind()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn create(
        &self,
        place: &CalendarRef,
        draft: &Draft,
        options: &CreateOptions,
    ) -> Result<Written, Error> {
        self.next().create(place, draft, options).await
    }

    async fn update(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        draft: &Draft,
        options: &UpdateOptions,
    ) -> Result<Written, Error> {
        self.next().update(place, remote_id, draft, options).await
    }

    async fn delete(
        &self,
        place: &CalendarRef,
        remote_id: &RemoteId,
        marker: &Marker,
        options: &DeleteOptions,
    ) -> Result<(), Error> {
        self.next().delete(place, remote_id, marker, options).await
    }

    async fn find(&self, place: &CalendarRef, query: &TargetQuery) -> Result<Vec<Found>, Error> {
        self.next().find(place, query).await
    }

    async fn list_ours(
        &self,
        place: &CalendarRef,
        namespace: &str,
        page: Option<PageToken>,
    ) -> Result<OursPage, Error> {
        self.next().list_ours(place, namespace, page).await
    }

    async fn get(&self, place: &CalendarRef, remote_id: &RemoteId) -> Result<Option<Found>, Error> {
        self.next().get(place, remote_id).await
    }
}
