//! Microsoft Graph's calendars and Microsoft's OAuth server, in process, for tests: calsync's own and those of hosts.
//!
//! [`FakeOutlook`] is an [`HttpTransport`](calsync_core::http::HttpTransport): hand it to a provider in place of the network. It
//! looks at paths only, so any host will do:
//!
//! | path | what answers |
//! | --- | --- |
//! | `/v1.0/me/…`, `/v1.0/users/{id}/…` | calendars, events, calendarView and its delta, getSchedule, mailboxSettings |
//! | `/v1.0/$batch` | many calls in one |
//! | `/v1.0/subscriptions/…` | subscriptions to changes |
//! | `/{tenant}/oauth2/v2.0/authorize` | the consent page |
//! | `/{tenant}/oauth2/v2.0/token` | tokens |
//!
//! It shares no code with the provider, so that it can judge it. It behaves as the real one where that is documented or was
//! seen, and the stricter way where it is not known; what a test may want the other way is in [`Settings`]. There are no series:
//! an event with a `recurrence` is refused with 501.
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
//! // The next create is made, and its answer lost.
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
//! Behind the feature `fake`, for dev-dependencies; outside the semver promise.

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
mod limits;
mod outlook;
mod paging;
mod people;
mod properties;
mod questions;
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
mod view;
mod zones;

pub use aadsts::aadsts;
pub use calsync_core::fake::Fault;
pub use calsync_core::fake::oauth::{Decision, FakeTokens};
pub use outlook::FakeOutlook;
pub use people::FakeUser;
pub use questions::{FakeCalendar, FakeEvent, FakeMail, FakeSubscription, MailKind, SeenRequest, Writes};
pub use reply::{concurrent_save, graph_error, irresolvable_conflict, throttled};
pub use route::ApiMethod;
pub use settings::{AfterDeletion, ErrorFormat, Latency, LimitResponse, Limits, ScopeForm, Settings};
pub use snapshot::SnapshotError;
pub use subscriptions::LifecycleEvent;

/// A fault and the requests it happens to: by default the next one, whatever it is.
pub type FaultRule = calsync_core::fake::FaultRule<ApiMethod>;
