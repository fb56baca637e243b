//! Settings of the fake.

use std::collections::BTreeSet;
use std::time::Duration;

/// Settings of the fake's behaviour. [`FakeGoogle::set`](super::FakeGoogle::set) changes them at
/// any time.
///
/// By default the fake behaves like Google, without rate limits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Most characters of a summary. Default: 1024. Google documents no limit.
    pub summary_chars: usize,
    /// Most characters of a description. Default: 8192, the commonly reported limit; Google
    /// documents none.
    pub description_chars: usize,
    /// Most characters of a location. Default: 1024. Google documents no limit.
    pub location_chars: usize,
    /// Whether restoring a deleted event fails with 403 `forbidden`, as Google sometimes does.
    /// Default: `false`.
    pub revive_forbidden: bool,
    /// Whether `get` returns only the identity of a deleted event (id, status, etag), which is all
    /// that Google promises. Default: `false`, all fields.
    pub bare_tombstones: bool,
    /// Time zone names that the server does not know (yet): 400 `invalid`, "Invalid time zone
    /// definition", as Google responds to new names. Default: empty.
    pub unknown_zones: BTreeSet<String>,
    /// Whether Google Meet is allowed. If not, a conference is refused with 400 `invalid`. Default:
    /// `true`.
    pub meet: bool,
    /// Whether pages are short or empty and still have a next one, as Google's reference allows.
    /// Default: `false`.
    pub sparse_pages: bool,
    /// Most items of a page, even if `maxResults` is greater. Default: no limit.
    pub page_size: Option<usize>,
    /// How far back `updatedMin` may reach. Default: 30 days.
    pub updated_min_reach: Duration,
    /// Format of error bodies. Default: [`ErrorFormat::Classic`].
    pub errors: ErrorFormat,
    /// Rate limits and quotas. Default: none.
    pub limits: Limits,
    /// Seed of the random order in which the calls of a batch are executed. Default: 1.
    pub batch_seed: u64,
    /// Lifetime of an access token. Default: 3599 seconds.
    pub access_token_lifetime: Duration,
    /// Lifetime of a refresh token. Default: unlimited. At Google it is seven days while the
    /// consent screen is in *Testing*.
    pub refresh_token_lifetime: Option<Duration>,
    /// Whether every refresh returns a new refresh token and ends the old one. Default: `false`, as
    /// at Google; other servers rotate.
    pub rotate_refresh_tokens: bool,
    /// Most refresh tokens of one user for one client; one more silently ends the oldest. Default:
    /// no limit; Google's is 100.
    pub refresh_token_limit: Option<usize>,
    /// Issuer in id tokens (`iss`). Default: `https://accounts.google.com`.
    pub issuer: String,
    /// Address of a user who consents to every request at once, without the consent page. Default:
    /// none.
    pub auto_consent_as: Option<String>,
    /// Most requests that the log keeps. Default: 10,000.
    pub log_size: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            summary_chars: 1024,
            description_chars: 8192,
            location_chars: 1024,
            revive_forbidden: false,
            bare_tombstones: false,
            unknown_zones: BTreeSet::new(),
            meet: true,
            sparse_pages: false,
            page_size: None,
            updated_min_reach: Duration::from_secs(30 * 24 * 3600),
            errors: ErrorFormat::Classic,
            limits: Limits::default(),
            batch_seed: 1,
            access_token_lifetime: Duration::from_secs(3599),
            refresh_token_lifetime: None,
            rotate_refresh_tokens: false,
            refresh_token_limit: None,
            issuer: "https://accounts.google.com".to_owned(),
            auto_consent_as: None,
            log_size: 10_000,
        }
    }
}

/// Formats of error bodies. All of them were observed at Google.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorFormat {
    /// `errors`, `code` and `message`, as documented; for a bad token or scope also `status` and
    /// `details`.
    #[default]
    Classic,
    /// As `Classic`, with `status` in every error, as newer front ends respond.
    WithStatus,
    /// `code`, `message` and `status`, and no `errors`.
    WithoutErrors,
    /// `{"error": "…", "error_description": "…"}`, as OAuth servers respond.
    Flat,
}

/// Rate limits and quotas. Default: none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Most requests of one user in any minute.
    pub per_minute_per_user: Option<usize>,
    /// Most requests of all users together in any minute.
    pub per_minute_per_project: Option<usize>,
    /// Most events that clients may create for one user; more are refused with 403 `quotaExceeded`.
    pub events_per_user: Option<usize>,
    /// Response to a request above a rate limit.
    pub answer: LimitResponse,
    /// Value of `Retry-After` in that response, in seconds. Default: no such header; Google
    /// Calendar is not known to send one.
    pub retry_after: Option<u64>,
}

impl Limits {
    /// Google's limits for projects created since 2026-05: 600 requests a minute for one user,
    /// 10,000 for all (<https://developers.google.com/workspace/calendar/api/guides/quota>).
    #[must_use]
    pub fn of_google() -> Self {
        Self {
            per_minute_per_user: Some(600),
            per_minute_per_project: Some(10_000),
            events_per_user: Some(100_000),
            ..Self::default()
        }
    }
}

/// Response to a request above a rate limit. Google documents all three forms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitResponse {
    /// 403 `userRateLimitExceeded` for the user's limit, 403 `rateLimitExceeded` for the project's.
    #[default]
    Forbidden,
    /// 429 `rateLimitExceeded`.
    TooManyRequests,
}
