//! Consents and tokens.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::clients::Client;
use super::codes::Code;
use crate::Secret;
use crate::fake::Incoming;

/// Clients, consents, codes and tokens.
#[derive(Default)]
pub struct Grants {
    pub(super) clients: BTreeMap<String, Client>,
    pub(super) codes: BTreeMap<String, Code>,
    access: BTreeMap<String, Token>,
    refresh: BTreeMap<String, Token>,
    /// What each user has ever agreed to, by user and client.
    consents: BTreeMap<(String, String), BTreeSet<String>>,
    issued: u64,
    /// How often a refresh token gave an access token; the fake counts.
    pub refreshes: usize,
}

/// What a user has granted to a client.
#[derive(Clone, PartialEq, Eq)]
pub struct Granted {
    /// The user.
    pub user: String,
    /// The client.
    pub client: String,
    /// The scopes, by their full names.
    pub scopes: BTreeSet<String>,
}

/// An access token or a refresh token.
#[derive(Clone)]
pub struct Token {
    /// What it stands for.
    pub granted: Granted,
    /// Until when, if not for ever.
    pub expires_at: Option<DateTime<Utc>>,
    /// Tells the oldest.
    number: u64,
}

/// Tokens, as a token endpoint gives them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FakeTokens {
    /// The access token.
    pub access_token: Secret,
    /// The refresh token.
    pub refresh_token: Secret,
}

impl FakeTokens {
    /// These two.
    #[must_use]
    pub fn new(access_token: impl Into<String>, refresh_token: impl Into<String>) -> Self {
        Self { access_token: Secret::new(access_token), refresh_token: Secret::new(refresh_token) }
    }
}

/// As a store takes them.
#[cfg(any(feature = "tokens", feature = "vault"))]
impl From<FakeTokens> for crate::auth::Tokens {
    fn from(tokens: FakeTokens) -> Self {
        Self::new(tokens.access_token).with_refresh_token(tokens.refresh_token)
    }
}

impl Granted {
    /// These scopes.
    #[must_use]
    pub fn new(user: &str, client: &str, scopes: BTreeSet<String>) -> Self {
        Self { user: user.to_owned(), client: client.to_owned(), scopes }
    }

    /// The scopes as one text.
    #[must_use]
    pub fn scope(&self) -> String {
        self.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    fn is_of(&self, user: &str, client: Option<&str>) -> bool {
        self.user == user && client.is_none_or(|client| self.client == client)
    }
}

impl Token {
    fn is_alive(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|expires_at| expires_at > now)
    }
}

impl Grants {
    /// A user agrees to these scopes, beside what was agreed to before.
    pub fn agree(&mut self, granted: &Granted) {
        let key = (granted.user.clone(), granted.client.clone());
        self.consents.entry(key).or_default().extend(granted.scopes.iter().cloned());
    }

    /// What a user has agreed to so far.
    #[must_use]
    pub fn agreed(&self, user: &str, client: &str) -> BTreeSet<String> {
        self.consents.get(&(user.to_owned(), client.to_owned())).cloned().unwrap_or_default()
    }

    /// One more access token.
    pub fn add_access(&mut self, token: &str, granted: Granted, expires_at: DateTime<Utc>) {
        let token_of = self.token_of(granted, Some(expires_at));
        self.access.insert(token.to_owned(), token_of);
    }

    /// One more refresh token. Where that user's grants to that client have more than `limit` of them then, the oldest die.
    pub fn add_refresh(
        &mut self,
        token: &str,
        granted: Granted,
        expires_at: Option<DateTime<Utc>>,
        limit: Option<usize>,
    ) {
        let (user, client) = (granted.user.clone(), granted.client.clone());
        let token_of = self.token_of(granted, expires_at);
        self.refresh.insert(token.to_owned(), token_of);
        let Some(limit) = limit else { return };
        let same = self.refresh.iter().filter(|(_, token)| token.granted.is_of(&user, Some(&client)));
        let mut same: Vec<(u64, String)> = same.map(|(text, token)| (token.number, text.clone())).collect();
        same.sort();
        for (_, token) in same.iter().take(same.len().saturating_sub(limit)) {
            self.refresh.remove(token);
        }
    }

    fn token_of(&mut self, granted: Granted, expires_at: Option<DateTime<Utc>>) -> Token {
        self.issued += 1;
        Token { granted, expires_at, number: self.issued }
    }

    /// What an access token stands for, while it lives.
    #[must_use]
    pub fn access(&self, token: &str, now: DateTime<Utc>) -> Option<&Granted> {
        self.access.get(token).filter(|access| access.is_alive(now)).map(|access| &access.granted)
    }

    /// What a refresh token stands for, while it lives, if it is that client's.
    #[must_use]
    pub fn refresh(&self, token: &str, client: &str, now: DateTime<Utc>) -> Option<&Granted> {
        let refresh = self.refresh.get(token).filter(|refresh| refresh.is_alive(now));
        refresh.map(|refresh| &refresh.granted).filter(|granted| granted.client == client)
    }

    /// Whose access token a request carries, dead or alive.
    #[must_use]
    pub fn user_of(&self, incoming: &Incoming) -> Option<&str> {
        Some(self.access.get(incoming.bearer()?)?.granted.user.as_str())
    }

    /// What a token of either kind stands for, dead or alive.
    #[must_use]
    pub fn granted(&self, token: &str) -> Option<&Granted> {
        self.refresh.get(token).or_else(|| self.access.get(token)).map(|token| &token.granted)
    }

    /// Ends one refresh token.
    pub fn remove_refresh(&mut self, token: &str) -> Option<Granted> {
        self.refresh.remove(token).map(|refresh| refresh.granted)
    }

    /// Ends every access token.
    pub fn expire_access(&mut self) {
        self.access.clear();
    }

    /// Ends everything that user has granted to that client; to all clients without one.
    pub fn revoke(&mut self, user: &str, client: Option<&str>) {
        self.access.retain(|_, access| !access.granted.is_of(user, client));
        self.refresh.retain(|_, refresh| !refresh.granted.is_of(user, client));
        self.codes.retain(|_, code| !code.granted.is_of(user, client));
        self.consents.retain(|(of, to), _| of != user || client.is_some_and(|client| client != to));
    }

    /// Cuts everything that user has granted down to those scopes.
    pub fn keep_scopes(&mut self, user: &str, kept: &BTreeSet<String>) {
        for token in self.access.values_mut().chain(self.refresh.values_mut()) {
            if token.granted.user == user {
                token.granted.scopes.retain(|scope| kept.contains(scope));
            }
        }
        for ((of, _), scopes) in &mut self.consents {
            if of == user {
                scopes.retain(|scope| kept.contains(scope));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn granted(user: &str, client: &str) -> Granted {
        Granted::new(user, client, ["read", "write"].map(str::to_owned).into())
    }

    /// Anna's and Ben's tokens for two clients, called `<user>-<client>`.
    fn lived_in() -> Grants {
        let mut grants = Grants::default();
        for (user, client) in [("anna", "one"), ("anna", "two"), ("ben", "one")] {
            grants.agree(&granted(user, client));
            grants.add_access(&format!("{user}-{client}"), granted(user, client), NOW + TimeDelta::hours(1));
            grants.add_refresh(&format!("{user}-{client}"), granted(user, client), None, None);
        }
        grants
    }

    #[test]
    fn a_token_lives_until_it_ends_and_for_its_client() {
        let grants = lived_in();
        let token = "anna-one";
        assert!(grants.access(token, NOW).is_some_and(|granted| granted.scope() == "read write"));
        assert!(grants.access(token, NOW + TimeDelta::hours(1)).is_none());
        assert!(grants.refresh(token, "one", NOW + TimeDelta::days(999)).is_some());
        assert!(grants.refresh(token, "two", NOW).is_none());
    }

    #[test]
    fn what_is_revoked_is_one_users_and_one_clients() {
        let mut grants = lived_in();
        grants.revoke("anna", Some("one"));
        let left = |grants: &Grants| {
            ["anna-one", "anna-two", "ben-one"].map(|token| {
                let (user, client) = token.split_once('-').unwrap();
                let tokens =
                    (grants.access(token, NOW).is_some(), grants.refresh(token, client, NOW).is_some());
                assert_eq!(tokens.0, tokens.1, "{token}");
                assert_eq!(tokens.0, !grants.agreed(user, client).is_empty(), "{token}");
                tokens.0
            })
        };
        assert_eq!(left(&grants), [false, true, true]);
        grants.revoke("anna", None);
        assert_eq!(left(&grants), [false, false, true]);
        grants.keep_scopes("ben", &["read".to_owned()].into());
        assert!(grants.refresh("ben-one", "one", NOW).is_some_and(|granted| granted.scope() == "read"));
    }

    #[test]
    fn one_refresh_token_too_many_ends_the_oldest_of_the_same_grant() {
        let mut grants = lived_in();
        for token in ["a", "b"] {
            grants.add_refresh(token, granted("anna", "one"), None, Some(2));
        }
        let live = ["anna-one", "a", "b"].map(|token| grants.refresh(token, "one", NOW).is_some());
        assert_eq!(live, [false, true, true]);
        assert!(grants.granted("anna-two").is_some() && grants.granted("ben-one").is_some());
    }
}
