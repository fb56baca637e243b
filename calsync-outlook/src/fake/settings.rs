//! Settings of the fake.

use std::collections::BTreeSet;
use std::time::Duration;

/// Settings of the fake, which can change at any time with
/// [`FakeOutlook::set`](super::FakeOutlook::set).
///
/// The defaults follow the real service where its behaviour is known, and are strict otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The most characters of a subject; longer ones get 400. Exchange's usual limit, not
    /// documented.
    pub subject_chars: usize,
    /// The most characters of a location's name; longer ones get 400. Not documented.
    pub location_chars: usize,
    /// The most bytes of a request's body; larger ones get 413.
    pub body_bytes: usize,
    /// Time zones that are in the list and are still refused, with 400
    /// `ErrorPropertyValidationFailure`, as was seen.
    pub zones_refused: Vec<String>,
    /// Whether a `transactionId` that was used for another event is refused with 409, as in other
    /// fakes, and not with 400.
    pub duplicate_is_conflict: bool,
    /// Whether that error names the event in `@event.existingEventId`.
    pub duplicate_names_event: bool,
    /// How a create with the `transactionId` of a deleted event ends.
    pub after_deletion: AfterDeletion,
    /// Whether a create that ends in a scripted 5xx
    /// ([`Fault::AnswerAfter`](super::Fault::AnswerAfter)) stores its event without extended
    /// properties, as was seen (microsoft-graph-docs-contrib#8120).
    pub loses_properties_on_error: bool,
    /// Whether an event is found through any calendar of its mailbox, and not only through its own.
    pub ids_are_mailbox_wide: bool,
    /// Whether a deleted event can be read by its immutable id, since it is in Deleted Items. The
    /// real behaviour is unknown.
    pub deleted_items_readable: bool,
    /// The change key of an event changes without an edit after every nth read.
    pub change_keys_move: Option<usize>,
    /// Whether `$orderby` beside `$filter` may use only the fields that the filter begins with (400
    /// `InefficientFilter`), as documented for messages.
    pub filters_before_sorting: bool,
    /// Whether the join details in a meeting's body begin and end with a line of underscores, as
    /// those of Teams do. Other providers write no line
    /// (microsoftgraph/microsoft-graph-docs#16336).
    pub meetings_have_lines: bool,
    /// Items per page if a request asks for no size.
    pub page_size: usize,
    /// Whether pages are short or empty and still have a next page.
    pub sparse_pages: bool,
    /// Whether the 410 for an expired delta token has a `Location` header to start again at.
    pub delta_location: bool,
    /// Which of the known shapes error bodies have.
    pub errors: ErrorFormat,
    /// The limits for requests to a mailbox.
    pub limits: Limits,
    /// How long a response takes. The request counts as in flight during that time.
    pub latency: Option<Latency>,
    /// Seed for the order of a batch's responses.
    pub batch_seed: u64,
    /// Lifetime of an access token.
    pub access_token_lifetime: Duration,
    /// Lifetime of an unused refresh token.
    pub refresh_token_lifetime: Duration,
    /// How long a refresh token stays valid after its use. Microsoft does not end it; zero ends it
    /// at once.
    pub old_refresh_token_life: Duration,
    /// How the token endpoint writes scopes.
    pub scopes: ScopeForm,
    /// The only tenant the application is registered in. Others, and `common` and the like, are
    /// refused with AADSTS50194.
    pub single_tenant: Option<String>,
    /// The issuer in id tokens (`iss`). `{tenantid}` stands for the account's tenant.
    pub issuer: String,
    /// The permissions of the application without a user (`client_credentials`).
    pub app_roles: BTreeSet<String>,
    /// Skips the consent page, as if this user had consented to everything.
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

/// How a create with the `transactionId` of a deleted event ends. The real behaviour is not
/// documented.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AfterDeletion {
    /// It is refused as a duplicate, and the error names the deleted event.
    #[default]
    DuplicateError,
    /// It gets 201 and the deleted event.
    ReplaysDeadEvent,
    /// It creates another event.
    MakesAnother,
}

/// The known shapes of error bodies.
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

/// The limits for requests to a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Requests to one mailbox at the same time. Default: 4. Parts of a batch count if they do not
    /// depend on each other.
    pub in_flight_per_mailbox: Option<usize>,
    /// Requests to one mailbox in any ten minutes. Default: no limit.
    pub per_ten_minutes_per_mailbox: Option<usize>,
    /// The response to a request over the limit of requests at the same time.
    pub answer: LimitResponse,
    /// The `Retry-After` of a request over either limit, in seconds. `None` leaves the header out,
    /// as was seen. Default: 10.
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
    /// Outlook's limits: 4 requests at a time and 10,000 in ten minutes
    /// (<https://learn.microsoft.com/graph/throttling-limits>).
    #[must_use]
    pub fn of_outlook() -> Self {
        Self { per_ten_minutes_per_mailbox: Some(10_000), ..Self::default() }
    }
}

/// The response to a request over the limit of requests at the same time. Both were seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitResponse {
    /// 429 `ApplicationThrottled`.
    #[default]
    TooManyRequests,
    /// 503 `ApplicationThrottled`.
    Unavailable,
}

/// How long a response takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Latency {
    /// This many turns of the async runtime.
    Turns(u16),
    /// This long, by [`FakeOutlook::with_sleep`](super::FakeOutlook::with_sleep). Without it, one
    /// turn.
    Time(Duration),
}

/// How the token endpoint writes scopes. All three forms were seen.
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
