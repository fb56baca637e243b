//! Microsoft Graph's calendars and Microsoft's OAuth server in process, for the tests of calsync
//! and of hosts.
//!
//! [`FakeOutlook`] is an [`HttpTransport`](calsync_core::http::HttpTransport): give it to a
//! provider in place of the network. It looks only at paths, so any host name works:
//!
//! | path | resource |
//! | --- | --- |
//! | `/v1.0/me/…`, `/v1.0/users/{id}/…` | calendars, events, calendarView and its delta, getSchedule, mailboxSettings |
//! | `/v1.0/$batch` | many calls in one |
//! | `/v1.0/subscriptions/…` | subscriptions to changes |
//! | `/{tenant}/oauth2/v2.0/authorize` | the consent page |
//! | `/{tenant}/oauth2/v2.0/token` | tokens |
//!
//! It shares no code with the provider, so that it is an independent check. It behaves like the
//! real service where that is documented or was seen; where the behaviour is unknown it takes the
//! stricter choice. [`Settings`] select other behaviour. Recurring series are missing: an event
//! with a `recurrence` is refused with 501.
//!
//! ```
//! use calsync_outlook::fake::{ApiMethod, FakeOutlook, Fault, FaultRule};
//! use serde_json::json;
//!
//! let outlook = FakeOutlook::new();
//! let anna = outlook.user("anna@example.org");
//! let tokens = anna.tokens(&["Calendars.ReadWrite"]);
//! assert!(!tokens.access_token.expose().is_empty());
//!
//! // The next create takes effect, and its response is lost.
//! outlook.fault(FaultRule::new(Fault::DropAfter).with_method(ApiMethod::EventsCreate));
//!
//! // Anna has an event of her own.
//! let at = |time: &str| json!({"dateTime": format!("2026-12-03T{time}"), "timeZone": "Europe/Paris"});
//! let id = anna.adds_event("primary", json!({"subject": "Lunch", "start": at("12:00:00"), "end": at("13:00:00")}));
//! let id = id.expect("a sound event");
//! assert_eq!(anna.events("primary").len(), 1);
//! assert!(anna.deletes_event("primary", &id));
//! assert_eq!(anna.deleted("primary").len(), 1);
//! ```
//!
//! Needs the feature `fake`, for dev-dependencies. Not covered by the semver promise.

mod aadsts;
mod access;
mod api;
mod assertion;
mod batch;
mod body;
mod calendars;
mod consent;
mod delta;
mod events;
mod exchange;
mod filter;
mod ids;
mod inspect;
mod limits;
mod outlook;
mod paging;
mod properties;
mod reply;
mod request;
mod route;
mod schedule;
mod schema;
mod scopes;
mod select;
mod settings;
mod snapshot;
mod state;
mod subscriptions;
mod text;
mod times;
mod token;
mod user;
mod view;
mod zones;

pub use aadsts::aadsts;
pub use calsync_core::fake::Fault;
pub use calsync_core::fake::oauth::{Decision, FakeTokens};
pub use inspect::{FakeCalendar, FakeEvent, FakeMail, FakeSubscription, MailKind, SeenRequest, Writes};
pub use outlook::FakeOutlook;
pub use reply::{concurrent_save, graph_error, irresolvable_conflict, throttled};
pub use route::ApiMethod;
pub use settings::{AfterDeletion, ErrorFormat, Latency, LimitResponse, Limits, ScopeForm, Settings};
pub use snapshot::SnapshotError;
pub use subscriptions::LifecycleEvent;
pub use user::FakeUser;

/// A fault and the requests it applies to. Default: the next request of any kind.
pub type FaultRule = calsync_core::fake::FaultRule<ApiMethod>;
