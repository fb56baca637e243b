//! What the fake can be told to do otherwise.

use std::collections::BTreeSet;
use std::time::Duration;

/// What the fake can be told to do otherwise, at any time, with [`FakeOutlook::set`](super::FakeOutlook::set).
///
/// The defaults are the real service's, where they are known, and otherwise the stricter way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The most characters of a subject; more are 400. Exchange's usual figure, not documented.
    pub subject_chars: usize,
    /// The most characters of a location's name; more are 400. Not documented.
    pub location_chars: usize,
    /// The most bytes of a request's body; more are 413.
    pub body_bytes: usize,
    /// Names of zones that are in the list and still refused, with 400 `ErrorPropertyValidationFailure`, as was seen.
    pub zones_refused: Vec<String>,
    /// A `transactionId` that was used for something else is refused with 409, as other fakes do, not with 400.
    pub duplicate_is_conflict: bool,
    /// That refusal names the event in `@event.existingEventId`.
    pub duplicate_names_event: bool,
    /// What a create does that repeats the `transactionId` of a deleted event.
    pub after_deletion: AfterDeletion,
    /// A create that a scripted [`Fault::AnswerAfter`](super::Fault::AnswerAfter) answers with 5xx is made without its extended
    /// properties, as was seen (microsoft-graph-docs-contrib#8120).
    pub loses_properties_on_error: bool,
    /// An event is found through any calendar of its mailbox; otherwise only through its own.
    pub ids_are_mailbox_wide: bool,
    /// A deleted event can be read by its immutable id: it lies in Deleted Items. Not known of the real one.
    pub deleted_items_readable: bool,
    /// The change key of an event moves by itself after every so-many-th read.
    pub change_keys_move: Option<usize>,
    /// `$orderby` beside `$filter` takes only what the filter begins with (400 `InefficientFilter`), as documented for mails.
    pub filters_before_sorting: bool,
    /// What a meeting writes into the body begins and ends with a line of underscores, as Teams does. Others draw none
    /// (microsoftgraph/microsoft-graph-docs#16336).
    pub meetings_have_lines: bool,
    /// How long a page is where nothing is asked for.
    pub page_size: usize,
    /// Pages are short or empty and still have a next one.
    pub sparse_pages: bool,
    /// A dead delta token's 410 has a `Location` to begin anew at.
    pub delta_location: bool,
    /// Which of the seen shapes error bodies have.
    pub errors: ErrorFormat,
    /// How many requests are answered.
    pub limits: Limits,
    /// How long an answer takes, during which the request counts as in flight.
    pub latency: Option<Latency>,
    /// Where the order of a batch's answers comes from.
    pub batch_seed: u64,
    /// How long an access token lives.
    pub access_token_lifetime: Duration,
    /// How long a refresh token lives that nobody uses.
    pub refresh_token_lifetime: Duration,
    /// How long a refresh token lives on after it was used; Microsoft does not end it. Zero ends it at once.
    pub old_refresh_token_life: Duration,
    /// How the token endpoint writes scopes.
    pub scopes: ScopeForm,
    /// The application is registered in this tenant only: `common` and the like are refused with AADSTS50194.
    pub single_tenant: Option<String>,
    /// What the server calls itself in id tokens (`iss`); `{tenantid}` is the account's tenant.
    pub issuer: String,
    /// What the application may do without a user (`client_credentials`).
    pub app_roles: BTreeSet<String>,
    /// The consent page is passed over, as if this user had agreed to everything.
    pub auto_consent_as: Option<String>,
    /// How many requests the log keeps.
    pub log_size: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            subject_chars: 255,
            location_chars: 255,
            body_bytes: 4 * 1024 * 1024,
            zones_refused: Vec::new(),
            duplicate_is_conflict: false,
            duplicate_names_event: true,
            after_deletion: AfterDeletion::default(),
            loses_properties_on_error: false,
            ids_are_mailbox_wide: true,
            deleted_items_readable: false,
            change_keys_move: None,
            filters_before_sorting: true,
            meetings_have_lines: true,
            page_size: 10,
            sparse_pages: false,
            delta_location: false,
            errors: ErrorFormat::default(),
            limits: Limits::default(),
            latency: None,
            batch_seed: 1,
            access_token_lifetime: Duration::from_secs(3599),
            refresh_token_lifetime: Duration::from_secs(90 * 24 * 3600),
            old_refresh_token_life: Duration::from_secs(90 * 24 * 3600),
            scopes: ScopeForm::default(),
            single_tenant: None,
            issuer: "https://login.microsoftonline.com/{tenantid}/v2.0".to_owned(),
            app_roles: BTreeSet::from(["Calendars.ReadWrite".to_owned()]),
            auto_consent_as: None,
            log_size: 10_000,
        }
    }
}

/// What a create does that repeats the `transactionId` of a deleted event. Nobody has written it down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AfterDeletion {
    /// It is refused as a duplicate, naming the event that is no more.
    #[default]
    DuplicateError,
    /// It is answered with 201 and the event that is no more.
    ReplaysDeadEvent,
    /// It makes another event.
    MakesAnother,
}

/// The shapes of error bodies that have been seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorFormat {
    /// With `innerError`.
    #[default]
    Classic,
    /// With `innererror`.
    LowerCase,
    /// With neither.
    Bare,
}

/// How many requests are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// At the same time, to one mailbox (4); also parts of a batch that do not wait for each other.
    pub in_flight_per_mailbox: Option<usize>,
    /// In any ten minutes, to one mailbox. No limit by default.
    pub per_ten_minutes_per_mailbox: Option<usize>,
    /// How a refusal for too many at the same time looks.
    pub answer: LimitResponse,
    /// What a refusal has in `Retry-After`, in seconds. It has been seen without.
    pub retry_after: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight_per_mailbox: Some(4),
            per_ten_minutes_per_mailbox: None,
            answer: LimitResponse::default(),
            retry_after: Some(10),
        }
    }
}

impl Limits {
    /// Those of Outlook: 4 at a time and 10,000 in ten minutes (<https://learn.microsoft.com/graph/throttling-limits>).
    #[must_use]
    pub fn of_outlook() -> Self {
        Self { per_ten_minutes_per_mailbox: Some(10_000), ..Self::default() }
    }
}

/// How a refusal for too many requests at the same time looks. Both have been seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitResponse {
    /// 429 `ApplicationThrottled`.
    #[default]
    TooManyRequests,
    /// 503 `ApplicationThrottled`.
    Unavailable,
}

/// How long an answer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Latency {
    /// So many turns of the runtime.
    Turns(u16),
    /// So long, by [`FakeOutlook::with_sleep`](super::FakeOutlook::with_sleep); one turn without it.
    Time(Duration),
}

/// How the token endpoint writes scopes. All three have been seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScopeForm {
    /// `Calendars.ReadWrite`
    #[default]
    Short,
    /// `https://graph.microsoft.com/Calendars.ReadWrite`
    Qualified,
    /// `https://graph.microsoft.com/calendars.readwrite`
    LowerCase,
}
