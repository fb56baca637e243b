//! What can go wrong: input that cannot be used, and calls to a provider that failed.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::names::ProviderKind;
use crate::time::TimeError;

/// A record of the host's that cannot be used: which one, which field, and what is wrong with it.
///
/// Names ids and fields only, never a person's data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{record}: {field}: {problem}")]
#[non_exhaustive]
pub struct InputError {
    /// The record, such as `order 17`.
    pub record: String,
    /// The field, by its name in JSON, or its path, such as `items[1].service_id`.
    pub field: Cow<'static, str>,
    /// What is wrong with it.
    pub problem: Problem,
}

impl InputError {
    /// An error at a field of the record of that kind and id.
    pub fn new(
        kind: &str,
        id: &dyn fmt::Display,
        field: impl Into<Cow<'static, str>>,
        problem: impl Into<Problem>,
    ) -> Self {
        Self { record: format!("{kind} {id}"), field: field.into(), problem: problem.into() }
    }
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It is needed and not there.
    #[error("is missing")]
    Missing,
    /// It must be more than zero.
    #[error("must be more than zero")]
    NotPositive,
    /// It is larger than calsync takes.
    #[error("is too large")]
    TooLarge,
    /// The end does not come after the start.
    #[error("does not come after start_time")]
    EndBeforeStart,
    /// It names a record that was not given.
    #[error("there is no {0}")]
    NoSuchRecord(String),
    /// The ledger was written under another namespace than the planner's.
    #[error("is of another namespace")]
    OtherNamespace,
    /// The stored ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] crate::ledger::LedgerError),
    /// It cannot be read: what was expected there, where that is known. Never what was found, which may be a secret.
    #[error("cannot be read{}{}", if .0.is_empty() { "" } else { ", expected " }, .0)]
    Unreadable(String),
    /// Two records have this id.
    #[error("is used twice")]
    Twice,
    /// The time or the zone cannot be used.
    #[error(transparent)]
    Time(#[from] TimeError),
}

/// A provider's call that failed.
///
/// `Display` is one sentence without the source; [`std::error::Error::source`] carries the chain.
pub struct Error(Box<Inner>);

struct Inner {
    failure: Failure,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What kind of failure a call met. Decides what becomes of the ledger's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The event is not there (404, 410, or a tombstone).
    NotFound,
    /// The calendar is not there.
    CalendarNotFound,
    /// The key was used by an event since deleted, or by a foreign one; the next generation has to be taken.
    KeySpent,
    /// The event at hand carries a newer revision than the one to be written.
    Superseded,
    /// The event at hand is not ours, and was not touched.
    NotOurs,
    /// The connection's token is of another account than the one the event is in. Nothing was sent.
    OtherAccount,
    /// The content was refused for good.
    Refused,
    /// The provider cannot do this at all (see its capabilities).
    Unsupported,
    /// There is no grant, or the token endpoint says that it is dead: the person has to connect again.
    Unauthenticated,
    /// The person did not grant a permission that is needed.
    MissingScope,
    /// The account may not write to this calendar.
    Forbidden,
    /// Too many calls in a short time.
    RateLimited,
    /// A quota is used up, for hours.
    QuotaExceeded,
    /// The provider does not answer, or answers that it cannot now.
    Unavailable,
    /// The host set something up wrongly.
    Configuration,
    /// None of these.
    Other,
}

/// What may be done about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Retry {
    /// Nothing was changed, and the same call will fail again.
    Never,
    /// Nothing was changed; the same call may succeed later.
    Later,
    /// It is not known whether anything was changed: look before writing again.
    Unknown,
}

/// A failed call as data, as it goes into reports and the ledger: an [`Error`] without its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// The kind.
    pub kind: ErrorKind,
    /// What may be done.
    pub retry: Retry,
    /// The provider that failed.
    pub provider: ProviderKind,
    /// The call that failed.
    pub operation: Operation,
    /// How long the provider asked to be left alone, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The request was never sent: the provider has seen nothing of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never_sent: bool,
    /// The provider says that the same content will never be taken (a mail address answered 5xx): only other content is tried.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
    /// The token endpoint has refused the grant a second time, an hour or more after the first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed: bool,
    /// No call was made: the account or the calendar is known to fail, and another call probes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untried: bool,
    /// The HTTP status, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// With [`ErrorKind::Superseded`]: the revision that stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newer_revision: Option<u64>,
    /// The provider's own machine-readable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The provider's id of the request, for its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The calls a provider knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// Write an event that is not there yet.
    Create,
    /// Write over an event that is there.
    Update,
    /// Remove an event.
    Delete,
    /// Look for the events of a target.
    Find,
    /// List the events that carry our namespace.
    ListOurs,
    /// Read an event by the provider's id.
    Get,
    /// Trade a consent for tokens.
    Connect,
    /// Get a new access token.
    Refresh,
    /// Give a grant back.
    Revoke,
    /// List an account's calendars.
    ListCalendars,
    /// Make a calendar.
    CreateCalendar,
}

impl Operation {
    /// Whether it only reads, so that a lost answer leaves nothing unknown.
    #[must_use]
    pub fn only_reads(self) -> bool {
        matches!(self, Self::Find | Self::ListOurs | Self::Get | Self::ListCalendars)
    }

    /// What may be done where it was sent and its answer is not known.
    #[must_use]
    pub fn after_lost_answer(self) -> Retry {
        if self.only_reads() { Retry::Later } else { Retry::Unknown }
    }
}

impl Error {
    /// A failure of `operation` that the same call will meet again, or not, as is usual for its kind.
    #[must_use]
    pub fn new(kind: ErrorKind, provider: ProviderKind, operation: Operation) -> Self {
        let retry = match kind {
            ErrorKind::RateLimited | ErrorKind::QuotaExceeded | ErrorKind::Unavailable => Retry::Later,
            ErrorKind::Other => Retry::Unknown,
            _ => Retry::Never,
        };
        Self::from(Failure {
            kind,
            retry,
            provider,
            operation,
            retry_after_ms: None,
            never_sent: false,
            is_final: false,
            confirmed: false,
            untried: false,
            status: None,
            newer_revision: None,
            code: None,
            request_id: None,
        })
    }

    /// A newer revision stands where `operation` was to act; nothing was changed.
    #[must_use]
    pub fn superseded(provider: ProviderKind, operation: Operation, revision: u64) -> Self {
        let mut error = Self::new(ErrorKind::Superseded, provider, operation);
        error.0.failure.newer_revision = Some(revision);
        error
    }

    /// The same failure, understood as one of another kind: a 404 that turns out to be the calendar's.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.failure.kind = kind;
        self
    }

    /// Says what may be done, where it is not the usual for the kind.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.failure.retry = retry;
        self
    }

    /// How long the provider asked to be left alone.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.failure.retry_after_ms = Some(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// The same content will never be taken.
    #[must_use]
    pub fn with_final(mut self) -> Self {
        self.0.failure.is_final = true;
        self
    }

    /// The token endpoint has refused the grant a second time.
    #[must_use]
    pub fn with_confirmed(mut self, confirmed: bool) -> Self {
        self.0.failure.confirmed = confirmed;
        self
    }

    /// The request was never sent: there was no connection, or one that was closed before a byte was sent.
    #[must_use]
    pub fn with_never_sent(mut self) -> Self {
        self.0.failure.never_sent = true;
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.failure.status = Some(status);
        self
    }

    /// The provider's machine-readable code. Not its sentence, which may hold a person's data.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.failure.code = Some(code.into());
        self
    }

    /// The provider's id of the request.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.failure.request_id = Some(id.into());
        self
    }

    /// The error underneath. It must hold no secret and no person's data.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.failure.kind
    }

    /// What may be done about it.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.0.failure.retry
    }

    /// How long the provider asked to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.failure.retry_after()
    }

    /// Everything but the source, as data.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.0.failure
    }

    /// The data, for a report.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        self.0.failure
    }
}

impl Failure {
    /// How long the provider asked to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after_ms.map(Duration::from_millis)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self(Box::new(Inner { failure, source: None }))
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotFound => "the event is not there",
            Self::CalendarNotFound => "the calendar is not there",
            Self::KeySpent => "the event id was already used by another event",
            Self::Superseded => "a newer revision is there",
            Self::NotOurs => "the event is not ours",
            Self::OtherAccount => "the connection leads to another account",
            Self::Refused => "the content was refused",
            Self::Unsupported => "the provider cannot do this",
            Self::Unauthenticated => "the authorization expired or was revoked",
            Self::MissingScope => "a permission was not granted",
            Self::Forbidden => "the account may not do this",
            Self::RateLimited => "too many calls",
            Self::QuotaExceeded => "a quota is used up",
            Self::Unavailable => "the provider is not available",
            Self::Configuration => "the provider is set up wrongly",
            Self::Other => "the call failed",
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Find => "find",
            Self::ListOurs => "list ours",
            Self::Get => "get",
            Self::Connect => "connect",
            Self::Refresh => "refresh",
            Self::Revoke => "revoke",
            Self::ListCalendars => "list calendars",
            Self::CreateCalendar => "create calendar",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.provider, self.operation, self.kind)?;
        if let Some(status) = self.status {
            write!(f, ", status {status}")?;
        }
        if let Some(code) = &self.code {
            write!(f, ", code {code}")?;
        }
        if self.retry == Retry::Unknown {
            f.write_str(", outcome unknown")?;
        }
        Ok(())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.failure, f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("failure", &self.0.failure).field("source", &self.0.source).finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
