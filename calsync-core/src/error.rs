//! The errors: input that cannot be used, and calls to a provider that failed.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::names::ProviderKind;
use crate::time::TimeError;

/// A record of the host that cannot be used: which record, which field, and what is wrong with it.
///
/// Contains only ids and field names, never personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{record}: {field}: {problem}")]
#[non_exhaustive]
pub struct InputError {
    /// The kind and id of the record, such as `order 17`.
    pub record: String,
    /// The field's name in JSON, or its path, such as `items[1].service_id`.
    pub field: Cow<'static, str>,
    /// What is wrong with the field.
    pub problem: Problem,
}

impl InputError {
    /// Creates an error about a field of the record with this kind and id.
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
    /// The field is required and missing.
    #[error("is missing")]
    Missing,
    /// The number must be more than zero.
    #[error("must be more than zero")]
    NotPositive,
    /// The number is larger than calsync accepts.
    #[error("is too large")]
    TooLarge,
    /// The end is not after the start.
    #[error("must be later than start_time")]
    EndBeforeStart,
    /// The field refers to a record that is not in the host's data. The text names it: `service 5`.
    #[error("there is no {0}")]
    NoSuchRecord(String),
    /// The ledger was written under another namespace than the planner's.
    #[error("belongs to another namespace")]
    OtherNamespace,
    /// The stored ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] crate::ledger::LedgerError),
    /// The field cannot be read. The text says what was expected, and is empty if that is unknown.
    /// It never contains the value, which may be a secret.
    #[error("cannot be read{}{}", if .0.is_empty() { "" } else { ", expected " }, .0)]
    Unreadable(String),
    /// Two records have this id.
    #[error("is used twice")]
    Twice,
    /// The time or the zone cannot be used.
    #[error(transparent)]
    Time(#[from] TimeError),
}

/// A call to a provider that failed.
///
/// `Display` shows one line without the source; [`std::error::Error::source`] returns the error
/// underneath.
pub struct Error(Box<Inner>);

struct Inner {
    failure: Failure,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kind of a failure. It decides how the ledger's row changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The event does not exist (status 404 or 410, or a tombstone of a deleted event).
    NotFound,
    /// The calendar does not exist or cannot be reached.
    CalendarNotFound,
    /// The event id was already used, by a deleted event or by an event that is not calsync's. The
    /// next create must use the next generation.
    KeyUsed,
    /// The event in the calendar has a newer revision than the one that should be written. Nothing
    /// was changed.
    Superseded,
    /// The event in the calendar is not calsync's. It was not changed.
    NotOurs,
    /// The connection's token belongs to another account than the event. Nothing was sent.
    OtherAccount,
    /// The provider rejected the content of the event.
    Refused,
    /// The provider cannot do this at all (see its [capabilities](crate::provider::Capabilities)).
    Unsupported,
    /// There is no grant, or the token endpoint says that it expired or was revoked. The person
    /// must connect again.
    Unauthenticated,
    /// The person did not grant a required permission.
    MissingScope,
    /// The account may not write to this calendar.
    Forbidden,
    /// Too many calls in a short time.
    RateLimited,
    /// A quota is used up; it recovers after hours.
    QuotaExceeded,
    /// The provider does not respond, or responds that it is not available now.
    Unavailable,
    /// The host's configuration of the provider is wrong.
    Configuration,
    /// Any other failure.
    Other,
}

/// Whether a failed call may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Retry {
    /// Nothing was changed, and the same call would fail again.
    Never,
    /// Nothing was changed; the same call may succeed later.
    Later,
    /// It is unknown whether anything was changed: look the event up before writing again.
    Unknown,
}

/// A failed call as data, for reports and the ledger: an [`Error`] without its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// The kind of failure.
    pub kind: ErrorKind,
    /// Whether the call may be repeated.
    pub retry: Retry,
    /// The provider that failed.
    pub provider: ProviderKind,
    /// The call that failed.
    pub operation: Operation,
    /// The provider's `Retry-After`: how long it asked to send no calls, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The request was never sent, so the provider has not seen it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never_sent: bool,
    /// The provider says that it will never accept the same content (for example an SMTP 5xx reply
    /// for a mail address). Only other content is tried.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
    /// The token endpoint has rejected the grant a second time, an hour or more after the first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed: bool,
    /// No call was made, because the account or the calendar is known to fail; another call probes
    /// it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untried: bool,
    /// The HTTP status, if there was a response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// With [`ErrorKind::Superseded`]: the newer revision of the event in the calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newer_revision: Option<u64>,
    /// The provider's machine-readable error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The provider's id of the request, for questions to its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The calls that a provider, or its token endpoint, can get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// Creates an event.
    Create,
    /// Updates an event.
    Update,
    /// Deletes an event.
    Delete,
    /// Looks up the events of a target.
    Find,
    /// Lists the events of a calendar that have the host's namespace.
    ListOurs,
    /// Reads an event by the provider's id.
    Get,
    /// Exchanges an authorization code for tokens.
    Connect,
    /// Gets a new access token with the refresh token.
    Refresh,
    /// Revokes a grant.
    Revoke,
    /// Lists an account's calendars.
    ListCalendars,
    /// Creates a calendar.
    CreateCalendar,
}

impl Operation {
    /// Returns `true` if the call only reads, so that a lost response leaves nothing unknown.
    #[must_use]
    pub fn only_reads(self) -> bool {
        matches!(self, Self::Find | Self::ListOurs | Self::Get | Self::ListCalendars)
    }

    /// Returns whether the call may be repeated if it was sent and its response was lost.
    #[must_use]
    pub fn after_lost_response(self) -> Retry {
        if self.only_reads() { Retry::Later } else { Retry::Unknown }
    }
}

impl Error {
    /// Creates an error with the usual [`Retry`] of its kind: `Later` for `RateLimited`,
    /// `QuotaExceeded` and `Unavailable`, `Unknown` for `Other`, and `Never` for the other kinds.
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

    /// Creates an [`ErrorKind::Superseded`]: the event has a newer revision, and nothing was
    /// changed.
    #[must_use]
    pub fn superseded(provider: ProviderKind, operation: Operation, revision: u64) -> Self {
        let mut error = Self::new(ErrorKind::Superseded, provider, operation);
        error.0.failure.newer_revision = Some(revision);
        error
    }

    /// Sets the kind, and keeps the rest. For example for a 404 that turns out to be the
    /// calendar's.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.failure.kind = kind;
        self
    }

    /// Sets whether the call may be repeated, if it is not as usual for the kind.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.failure.retry = retry;
        self
    }

    /// Sets how long the provider asked to send no calls.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.failure.retry_after_ms = Some(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Marks the failure as final: the provider will never accept the same content.
    #[must_use]
    pub fn with_final(mut self) -> Self {
        self.0.failure.is_final = true;
        self
    }

    /// Sets whether the token endpoint has rejected the grant a second time.
    #[must_use]
    pub fn with_confirmed(mut self, confirmed: bool) -> Self {
        self.0.failure.confirmed = confirmed;
        self
    }

    /// Marks the request as never sent: there was no connection, or it closed before a byte was
    /// sent.
    #[must_use]
    pub fn with_never_sent(mut self) -> Self {
        self.0.failure.never_sent = true;
        self
    }

    /// Sets the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.failure.status = Some(status);
        self
    }

    /// Sets the provider's machine-readable code. Not its error message, which may contain personal
    /// data.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.failure.code = Some(code.into());
        self
    }

    /// Sets the provider's id of the request.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.failure.request_id = Some(id.into());
        self
    }

    /// Sets the error underneath. It must contain no secret and no personal data.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Returns the kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.failure.kind
    }

    /// Returns whether the call may be repeated.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.0.failure.retry
    }

    /// Returns how long the provider asked to send no calls; `None` if it did not say.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.failure.retry_after()
    }

    /// Returns the failure as data, without the source.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.0.failure
    }

    /// Converts the error into data, for a report. The source is dropped.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        self.0.failure
    }
}

impl Failure {
    /// Returns how long the provider asked to send no calls; `None` if it did not say.
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
            Self::NotFound => "the event does not exist",
            Self::CalendarNotFound => "the calendar does not exist or cannot be reached",
            Self::KeyUsed => "the event id was already used by another event",
            Self::Superseded => "the event has a newer revision",
            Self::NotOurs => "the event was not written by this host",
            Self::OtherAccount => "the connection leads to another account",
            Self::Refused => "the provider rejected the content",
            Self::Unsupported => "the provider cannot do this",
            Self::Unauthenticated => "the authorization expired or was revoked",
            Self::MissingScope => "a permission was not granted",
            Self::Forbidden => "the account may not do this",
            Self::RateLimited => "too many calls in a short time",
            Self::QuotaExceeded => "a quota is used up",
            Self::Unavailable => "the provider is not available",
            Self::Configuration => "the provider's configuration is wrong",
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
