//! What the fake can be told to do otherwise.

use std::collections::BTreeSet;
use std::time::Duration;

/// What the fake can be told to do otherwise, at any time, with [`FakeGoogle::set`](super::FakeGoogle::set).
///
/// The defaults are the real service's, and no limits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The most characters of a summary. Google's own limit is not documented.
    pub summary_chars: usize,
    /// The most characters of a description. 8192 is the figure in circulation.
    pub description_chars: usize,
    /// The most characters of a location. Google's own limit is not documented.
    pub location_chars: usize,
    /// A deleted event cannot be revived: 403 `forbidden`, as has been seen in the field.
    pub revive_forbidden: bool,
    /// Of a deleted event only id, status and etag can be read, which is all that is promised. Otherwise `get` shows it whole.
    pub bare_tombstones: bool,
    /// Names of zones that the server does not know (yet): 400 `invalid`, "Invalid time zone definition", as has been seen of
    /// new ones.
    pub unknown_zones: BTreeSet<String>,
    /// Google Meet is allowed; without it a conference is refused with 400 `invalid`.
    pub meet: bool,
    /// Pages are short or empty and still have a next one, as the reference allows.
    pub sparse_pages: bool,
    /// No page is longer than this, whatever is asked for.
    pub page_size: Option<usize>,
    /// How far back `updatedMin` may reach.
    pub updated_min_reach: Duration,
    /// Which of the seen shapes error bodies have.
    pub errors: ErrorShape,
    /// How many requests are answered.
    pub limits: Limits,
    /// Where the order of execution within a batch comes from.
    pub batch_seed: u64,
    /// How long an access token lives.
    pub access_token_life: Duration,
    /// How long a refresh token lives, if not for ever: seven days for a consent screen in Testing.
    pub refresh_token_life: Option<Duration>,
    /// Every refresh gives a new refresh token and kills the old one. Google does not do this; other servers do.
    pub rotate_refresh_tokens: bool,
    /// How many refresh tokens one user's grants to one client may have (100); one more kills the oldest, silently.
    pub refresh_token_limit: Option<usize>,
    /// What the server calls itself in id tokens (`iss`).
    pub issuer: String,
    /// The consent page is passed over, as if this user had agreed to everything.
    pub approve_as: Option<String>,
    /// How many requests the log keeps.
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
            errors: ErrorShape::Classic,
            limits: Limits::default(),
            batch_seed: 1,
            access_token_life: Duration::from_secs(3599),
            refresh_token_life: None,
            rotate_refresh_tokens: false,
            refresh_token_limit: None,
            issuer: "https://accounts.google.com".to_owned(),
            approve_as: None,
            log_size: 10_000,
        }
    }
}

/// The shapes of error bodies that have been seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorShape {
    /// `errors`, `code` and `message`, as documented; `status` and `details` beside them for a bad token or scope.
    #[default]
    Classic,
    /// `status` and `details` beside them always, as newer front ends have it.
    WithStatus,
    /// `code`, `message` and `status`, and no `errors`.
    WithoutErrors,
    /// `{"error": "…", "error_description": "…"}`, as the OAuth servers have it.
    Flat,
}

/// How many requests are answered. No limit by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// In any minute, for one user.
    pub per_minute_per_user: Option<usize>,
    /// In any minute, for all users.
    pub per_minute_per_project: Option<usize>,
    /// How many events one user may make before `quotaExceeded`.
    pub events_per_user: Option<usize>,
    /// How a refusal looks.
    pub answer: LimitAnswer,
    /// What a refusal has in `Retry-After`, in seconds. Calendar is not known to send any.
    pub retry_after: Option<u64>,
}

impl Limits {
    /// Those of projects made since 2026-05: 600 a minute for a user, 10,000 for all
    /// (<https://developers.google.com/workspace/calendar/api/guides/quota>).
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

/// How a refusal for too many requests looks. All three are documented.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitAnswer {
    /// 403 `userRateLimitExceeded` for the user's limit, 403 `rateLimitExceeded` for the project's.
    #[default]
    Forbidden,
    /// 429 `rateLimitExceeded`.
    TooManyRequests,
}
