//! Google Calendar and Google's OAuth server, in process, for tests: calsync's own and those of
//! hosts.
//!
//! [`FakeGoogle`] is an [`HttpTransport`](calsync_core::http::HttpTransport): pass it to a provider
//! in place of the network. It looks only at paths and accepts any host name:
//!
//! | path | API |
//! | --- | --- |
//! | `/calendar/v3/…` | Calendar API v3: events, calendars, calendarList, freeBusy, channels |
//! | `/batch/calendar/v3` | batch requests |
//! | `/o/oauth2/v2/auth` | the consent page |
//! | `/token`, `/revoke` | the token and the revocation endpoint |
//!
//! It shares no code with the provider, so that tests do not repeat the provider's mistakes;
//! [`calsync_core::fake`] has the code shared with other fakes. It behaves like Google where that
//! is documented or was observed, and is strict where it is not known. [`Settings`] change what a
//! test needs otherwise.
//!
//! ```
//! use calsync_google::fake::{FakeGoogle, Fault, FaultRule, ApiMethod};
//! use serde_json::json;
//!
//! let google = FakeGoogle::new();
//! let anna = google.user("anna@example.org");
//! let tokens = anna.tokens(&["calendar.events"]);
//! assert!(!tokens.access_token.expose().is_empty());
//!
//! // The next insert is executed, but its response is lost.
//! google.fault(FaultRule::new(Fault::DropAfter).with_method(ApiMethod::EventsInsert));
//!
//! // Anna has an event of her own.
//! let times = json!({"start": {"date": "2026-12-03"}, "end": {"date": "2026-12-04"}, "summary": "Birthday"});
//! let id = anna.adds_event("primary", times).expect("a valid event");
//! assert_eq!(anna.events("primary").len(), 1);
//! assert!(anna.deletes_event("primary", &id));
//! assert_eq!(anna.tombstones("primary").len(), 1);
//! ```
//!
//! Needs the feature `fake`, for dev-dependencies. It is outside the semver promise.

mod access;
mod api;
mod batch;
mod body;
mod calendars;
mod channels;
mod consent;
mod events;
mod faults;
mod fields;
mod free_busy;
mod google;
mod grants;
mod inspection;
mod limits;
mod list;
mod merge;
mod paging;
mod reply;
mod request;
mod route;
mod series;
mod settings;
mod snapshot;
mod state;
mod times;
mod token;
mod user;
mod view;

pub use access::AccessRole;
pub use calsync_core::fake::Fault;
pub use calsync_core::fake::oauth::{Decision, FakeTokens};
pub use faults::{FaultRule, google_error};
pub use google::FakeGoogle;
pub use inspection::{FakeCalendar, FakeChannel, FakeEvent, FakeMail, MailKind, SeenRequest, Writes};
pub use route::ApiMethod;
pub use settings::{ErrorFormat, LimitResponse, Limits, Settings};
pub use snapshot::SnapshotError;
pub use user::FakeUser;
