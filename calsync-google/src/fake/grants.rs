//! Clients, consents and tokens.

use std::collections::{BTreeMap, BTreeSet};

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::access::SCOPE_BASE;
use super::state::State;

/// Clients, consents and tokens.
#[derive(Default)]
pub(super) struct Grants {
    pub(super) clients: BTreeMap<String, Client>,
    pub(super) access: BTreeMap<String, Access>,
    pub(super) refresh: BTreeMap<String, Refresh>,
    pub(super) codes: BTreeMap<String, Code>,
    /// What each user has ever agreed to, by user and client.
    pub(super) consents: BTreeMap<(String, String), BTreeSet<String>>,
    pub(super) refreshes: usize,
}

/// A registered client. One without a secret is public.
#[derive(Default)]
pub(super) struct Client {
    pub(super) secret: Option<String>,
    pub(super) redirects: Vec<String>,
}

/// An access token.
pub(super) struct Access {
    pub(super) user: String,
    pub(super) client: String,
    pub(super) scopes: BTreeSet<String>,
    pub(super) expires_at: DateTime<Utc>,
}

/// A refresh token.
pub(super) struct Refresh {
    pub(super) user: String,
    pub(super) client: String,
    pub(super) scopes: BTreeSet<String>,
    /// Tells the oldest.
    pub(super) number: u64,
    pub(super) expires_at: Option<DateTime<Utc>>,
}

/// An authorization code.
pub(super) struct Code {
    pub(super) user: String,
    pub(super) client: String,
    pub(super) redirect: String,
    pub(super) scopes: BTreeSet<String>,
    /// The PKCE challenge, and whether it is a hash.
    pub(super) challenge: Option<(String, bool)>,
    pub(super) with_refresh: bool,
    pub(super) expires_at: DateTime<Utc>,
}

impl Client {
    /// Whether it may be sent back there. A loopback address matches on any port (RFC 8252 section 7.3).
    pub(super) fn takes_redirect(&self, redirect: &str) -> bool {
        self.redirects.iter().any(|known| known == redirect || is_same_loopback(known, redirect))
    }
}

impl State {
    /// The full name of a scope: `calendar.events` stands for Google's URL.
    pub(super) fn full_scope(scope: &str) -> String {
        if scope.contains("://") || matches!(scope, "openid" | "email" | "profile") {
            scope.to_owned()
        } else {
            format!("{SCOPE_BASE}{scope}")
        }
    }

    fn later(&self, life: Duration) -> DateTime<Utc> {
        let life = TimeDelta::from_std(life).ok();
        life.and_then(|life| self.now().checked_add_signed(life)).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    pub(super) fn issue_access(&mut self, user: &str, client: &str, scopes: BTreeSet<String>) -> String {
        let token = format!("ya29.{}", self.opaque("access"));
        let expires_at = self.later(self.settings.access_token_life);
        let access = Access { user: user.to_owned(), client: client.to_owned(), scopes, expires_at };
        self.grants.access.insert(token.clone(), access);
        token
    }

    pub(super) fn issue_refresh(&mut self, user: &str, client: &str, scopes: BTreeSet<String>) -> String {
        let token = format!("1//{}", self.opaque("refresh"));
        let refresh = Refresh {
            user: user.to_owned(),
            client: client.to_owned(),
            scopes,
            number: self.next(),
            expires_at: self.settings.refresh_token_life.map(|life| self.later(life)),
        };
        self.grants.refresh.insert(token.clone(), refresh);
        if let Some(limit) = self.settings.refresh_token_limit {
            let tokens = self.grants.refresh.iter();
            let mut same: Vec<(u64, String)> = tokens
                .filter(|(_, refresh)| refresh.user == user && refresh.client == client)
                .map(|(token, refresh)| (refresh.number, token.clone()))
                .collect();
            same.sort();
            for (_, token) in same.iter().take(same.len().saturating_sub(limit)) {
                self.grants.refresh.remove(token);
            }
        }
        token
    }

    /// Ends everything that user has granted to that client; to all clients without one.
    pub(super) fn revoke_grants(&mut self, user: &str, client: Option<&str>) {
        let stays = |of: &str, to: &str| of != user || client.is_some_and(|client| client != to);
        self.grants.access.retain(|_, access| stays(&access.user, &access.client));
        self.grants.refresh.retain(|_, refresh| stays(&refresh.user, &refresh.client));
        self.grants.codes.retain(|_, code| stays(&code.user, &code.client));
        self.grants.consents.retain(|(of, to), _| stays(of, to));
    }

    /// Cuts everything that user has granted down to those scopes.
    pub(super) fn keep_scopes(&mut self, user: &str, kept: &BTreeSet<String>) {
        for access in self.grants.access.values_mut().filter(|access| access.user == user) {
            access.scopes.retain(|scope| kept.contains(scope));
        }
        for refresh in self.grants.refresh.values_mut().filter(|refresh| refresh.user == user) {
            refresh.scopes.retain(|scope| kept.contains(scope));
        }
        for ((of, _), scopes) in &mut self.grants.consents {
            if of == user {
                scopes.retain(|scope| kept.contains(scope));
            }
        }
    }
}

fn is_same_loopback(known: &str, redirect: &str) -> bool {
    let parts = |url: &str| {
        let uri: http::Uri = url.parse().ok()?;
        let host = uri.host()?.to_owned();
        let is_loopback = matches!(host.as_str(), "127.0.0.1" | "[::1]" | "localhost");
        (is_loopback && uri.scheme_str() == Some("http")).then(|| (host, uri.path().to_owned()))
    };
    match (parts(known), parts(redirect)) {
        // A client registered for the bare address takes any path, as Google's desktop clients do.
        (Some((host, path)), Some((other_host, other_path))) => {
            host == other_host && (path == "/" || path == other_path)
        }
        _ => false,
    }
}
