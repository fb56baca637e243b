//! The state of an OAuth server, and the common code of consent pages and token endpoints.
//!
//! [`Grants`] contains clients, consents, codes and tokens. A fake generates the texts of its codes
//! and tokens itself, responds in its service's format, and maps the refusals below to its
//! service's errors.

mod clients;
mod codes;
mod consent;
mod grants;
mod id_token;
mod page;
mod pkce;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

pub use clients::{Client, ClientRefusal, basic};
pub use codes::{Code, CodeRefusal, Redemption};
pub use consent::{Asked, AuthorizationRequestError, Decision, redirect, with_query};
pub use grants::{FakeTokens, Granted, Grants, Token};
pub use id_token::{id_token, subject};
pub use page::{ConsentForm, ConsentPage, escaped};
pub use pkce::{Challenge, VerifierRefusal};

/// The end of a lifetime that begins now.
#[must_use]
pub fn end_of(lifetime: Duration, now: DateTime<Utc>) -> DateTime<Utc> {
    let lifetime = TimeDelta::from_std(lifetime).ok();
    lifetime.and_then(|lifetime| now.checked_add_signed(lifetime)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
