//! The metrics of a run.

use std::fmt;
use std::time::Duration;

use crate::calendar::Role;
use crate::error::ErrorKind;
use crate::names::ProviderKind;
use crate::report::Verdict;

/// Passes measurements to the host's metrics. It is called often during runs and must not block.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use calsync_core::sync::{Measurement, Meter};
///
/// /// Counts retries.
/// #[derive(Debug, Default)]
/// struct Retries(AtomicU64);
///
/// impl Meter for Retries {
///     fn measure(&self, measurement: &Measurement<'_>) {
///         if measurement.name() == "calsync.retries" {
///             self.0.fetch_add(measurement.value() as u64, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Meter: fmt::Debug + Send + Sync + 'static {
    /// Takes one measurement.
    fn measure(&self, measurement: &Measurement<'_>);
}

/// One measurement. Its [name](Measurement::name) and [label](Measurement::label) are stable and
/// contain no personal data.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Measurement<'a> {
    /// The provider that was called.
    pub provider: &'a ProviderKind,
    /// What was measured, with its value.
    pub what: Measured,
}

/// What was measured, with its value.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Measured {
    /// `calsync.steps`, a counter by verdict: a step has ended.
    Step(Verdict),
    /// `calsync.retries`, a counter: how many attempts of a step followed the first one. Not
    /// measured for a step without retries.
    Retries(u32),
    /// `calsync.visible_after`, a duration by role: the time from the begin of the first plan for
    /// an event until the event was created or updated. For a new appointment that is the time from
    /// its confirmation until the person sees it.
    VisibleAfter(Role, Duration),
    /// `calsync.throttled`, a duration by cause: how long a step has waited for its account.
    Throttled(Throttle, Duration),
    /// `calsync.parked`, a counter by kind of failure: an account, connection or calendar was
    /// marked as failing, and is not called before its next probe.
    Parked(ErrorKind),
}

/// Why a step waits for its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Throttle {
    /// The requests a minute of the account or the application are used up.
    Pace,
    /// The account is paused, since a call failed or the provider asked to wait.
    Pause,
}

impl Measurement<'_> {
    /// The metric's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.what {
            Measured::Step(_) => "calsync.steps",
            Measured::Retries(_) => "calsync.retries",
            Measured::VisibleAfter(..) => "calsync.visible_after",
            Measured::Throttled(..) => "calsync.throttled",
            Measured::Parked(_) => "calsync.parked",
        }
    }

    /// The metric's value: a count, or a duration in seconds.
    #[must_use]
    pub fn value(&self) -> f64 {
        match self.what {
            Measured::Step(_) | Measured::Parked(_) => 1.0,
            Measured::Retries(count) => f64::from(count),
            Measured::VisibleAfter(_, time) | Measured::Throttled(_, time) => time.as_secs_f64(),
        }
    }

    /// The metric's label besides the provider: the verdict, role, cause or kind of failure; empty
    /// if there is none.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self.what {
            Measured::Step(verdict) => verdict_label(verdict),
            Measured::Retries(_) => "",
            Measured::VisibleAfter(role, _) => role_label(role),
            Measured::Throttled(Throttle::Pace, _) => "pace",
            Measured::Throttled(Throttle::Pause, _) => "pause",
            Measured::Parked(kind) => parked_label(kind),
        }
    }
}

fn verdict_label(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Created => "created",
        Verdict::Updated => "updated",
        Verdict::Removed => "removed",
        Verdict::Respected => "respected",
        Verdict::Postponed => "postponed",
        Verdict::Superseded => "superseded",
        Verdict::LeftBehind => "left_behind",
        Verdict::Failed => "failed",
        Verdict::Unknown => "unknown",
    }
}

fn role_label(role: Role) -> &'static str {
    match role {
        Role::Staff => "staff",
        Role::Manager => "manager",
        Role::Admin => "admin",
        Role::Customer => "customer",
    }
}

/// The label of a kind of failure. The kinds without a label of their own are calls that failed too
/// often.
fn parked_label(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unauthenticated => "reconnect",
        ErrorKind::MissingScope => "missing_scope",
        ErrorKind::Forbidden => "forbidden",
        ErrorKind::CalendarNotFound => "calendar_gone",
        ErrorKind::QuotaExceeded => "quota",
        _ => "unavailable",
    }
}

/// Measures nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoMeter;

impl Meter for NoMeter {
    fn measure(&self, _: &Measurement<'_>) {}
}
