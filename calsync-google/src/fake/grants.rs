//! Names of Google's scopes, and issue of tokens.

use std::collections::BTreeSet;

use calsync_core::fake::oauth::{Granted, end_of};

use super::access::SCOPE_BASE;
use super::state::State;

/// Returns the full name of a scope: `calendar.events`, `email` and `profile` are short for
/// Google's URLs.
pub(super) fn full_scope(scope: &str) -> String {
    match scope {
        "openid" => scope.to_owned(),
        "email" | "profile" => format!("{SCOPE_BASE}userinfo.{scope}"),
        _ if scope.contains("://") => scope.to_owned(),
        _ => format!("{SCOPE_BASE}{scope}"),
    }
}

/// Returns the full names of scopes; see [`full_scope`].
pub(super) fn full_scopes(scopes: &[&str]) -> BTreeSet<String> {
    scopes.iter().map(|scope| full_scope(scope)).collect()
}

impl State {
    pub(super) fn issue_access(&mut self, granted: Granted) -> String {
        let token = format!("ya29.{}", self.serial.opaque("access"));
        let expires_at = end_of(self.settings.access_token_lifetime, self.now());
        self.grants.add_access(&token, granted, expires_at);
        token
    }

    pub(super) fn issue_refresh(&mut self, granted: Granted) -> String {
        let token = format!("1//{}", self.serial.opaque("refresh"));
        let expires_at = self.settings.refresh_token_lifetime.map(|life| end_of(life, self.now()));
        self.grants.add_refresh(&token, granted, expires_at, self.settings.refresh_token_limit);
        token
    }
}
