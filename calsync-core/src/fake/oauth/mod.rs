//! An OAuth server's memory, and what consent pages and token endpoints have in common.
//!
//! [`Grants`] knows clients, consents, codes and tokens. A fake makes the texts of its codes and tokens itself, answers in its
//! service's shapes, and turns the refusals below into its service's errors.

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
pub use consent::{Asked, AskedWrongly, Decision, redirect, with_query};
pub use grants::{FakeTokens, Granted, Grants, Token};
pub use id_token::{id_token, subject};
pub use page::{ConsentPage, PageAnswer, escaped};
pub use pkce::{Challenge, VerifierRefusal};

/// When that life ends which begins now.
#[must_use]
pub fn end_of(life: Duration, now: DateTime<Utc>) -> DateTime<Utc> {
    let life = TimeDelta::from_std(life).ok();
    life.and_then(|life| now.checked_add_signed(life)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
