//! The state of an OAuth server: consents and tokens.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::clients::Client;
use super::codes::Code;
use crate::Secret;
use crate::fake::Incoming;

/// The state of an OAuth server: clients, consents, codes and tokens.
#[derive(Default)]
pub struct Grants {
    pub(super) clients: BTreeMap<String, Client>,
    pub(super) codes: BTreeMap<String, Code>,
    access: BTreeMap<String, Token>,
    refresh: BTreeMap<String, Token>,
    /// All scopes each user has consented to, by user and client.
    consents: BTreeMap<(String, String), BTreeSet<String>>,
    issued: u64,
    /// How often a refresh token was exchanged for an access token. The fake counts.
    pub refreshes: usize,
}

/// The scopes a user has granted to a client.
#[derive(Clone, PartialEq, Eq)]
pub struct Granted {
    /// The user, by e-mail address.
    pub user: String,
    /// The id of the client.
    pub client: String,
    /// The scopes, by their full names.
    pub scopes: BTreeSet<String>,
}

/// An access token or a refresh token.
#[derive(Clone)]
pub struct Token {
    /// The grant it belongs to.
    pub granted: Granted,
    /// When it expires; `None` if it does not.
    pub expires_at: Option<DateTime<Utc>>,
    /// Increases with each token, to find the oldest.
    number: u64,
}

/// Tokens, as a token endpoint issues them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FakeTokens {
    /// The access token, for API requests.
    pub access_token: Secret,
    /// The refresh token, for the next access token.
    pub refresh_token: Secret,
}

impl FakeTokens {
    /// A pair of tokens.
    #[must_use]
    pub fn new(access_token: impl Into<String>, refresh_token: impl Into<String>) -> Self {
        Self { access_token: Secret::new(access_token), refresh_token: Secret::new(refresh_token) }
    }
}

/// Converts them for a token store; without an expiry, scopes or an account.
#[cfg(any(feature = "tokens", feature = "vault"))]
impl From<FakeTokens> for crate::auth::Tokens {
    fn from(tokens: FakeTokens) -> Self {
        Self::new(tokens.access_token).with_refresh_token(tokens.refresh_token)
    }
}

impl Granted {
    /// A grant of these scopes.
    #[must_use]
    pub fn new(user: &str, client: &str, scopes: BTreeSet<String>) -> Self {
        Self { user: user.to_owned(), client: client.to_owned(), scopes }
    }

    /// The scopes as one text, separated by spaces.
    #[must_use]
    pub fn scope(&self) -> String {
        self.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    fn is_of(&self, user: &str, client: Option<&str>) -> bool {
        self.user == user && client.is_none_or(|client| self.client == client)
    }
}

impl Token {
    fn is_valid(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|expires_at| expires_at > now)
    }
}

impl Grants {
    /// Records that a user consents to these scopes, in addition to earlier ones.
    pub fn agree(&mut self, granted: &Granted) {
        let key = (granted.user.clone(), granted.client.clone());
        self.consents.entry(key).or_default().extend(granted.scopes.iter().cloned());
    }

    /// All scopes the user has consented to for that client.
    #[must_use]
    pub fn agreed(&self, user: &str, client: &str) -> BTreeSet<String> {
        self.consents.get(&(user.to_owned(), client.to_owned())).cloned().unwrap_or_default()
    }

    /// Stores an access token.
    pub fn add_access(&mut self, token: &str, granted: Granted, expires_at: DateTime<Utc>) {
        let token_of = self.token_of(granted, Some(expires_at));
        self.access.insert(token.to_owned(), token_of);
    }

    /// Stores a refresh token. If that user and client then have more than `limit` refresh tokens,
    /// the oldest are removed.
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

    /// The grant of a valid access token.
    #[must_use]
    pub fn access(&self, token: &str, now: DateTime<Utc>) -> Option<&Granted> {
        self.access.get(token).filter(|access| access.is_valid(now)).map(|access| &access.granted)
    }

    /// The grant of a valid refresh token of that client.
    #[must_use]
    pub fn refresh(&self, token: &str, client: &str, now: DateTime<Utc>) -> Option<&Granted> {
        let refresh = self.refresh.get(token).filter(|refresh| refresh.is_valid(now));
        refresh.map(|refresh| &refresh.granted).filter(|granted| granted.client == client)
    }

    /// The user whose access token a request carries, also if it has expired.
    #[must_use]
    pub fn user_of(&self, incoming: &Incoming) -> Option<&str> {
        Some(self.access.get(incoming.bearer()?)?.granted.user.as_str())
    }

    /// The grant of an access token or refresh token, also if it has expired.
    #[must_use]
    pub fn granted(&self, token: &str) -> Option<&Granted> {
        self.refresh.get(token).or_else(|| self.access.get(token)).map(|token| &token.granted)
    }

    /// Removes a refresh token, and returns its grant.
    pub fn remove_refresh(&mut self, token: &str) -> Option<Granted> {
        self.refresh.remove(token).map(|refresh| refresh.granted)
    }

    /// Removes all access tokens.
    pub fn expire_access(&mut self) {
        self.access.clear();
    }

    /// Revokes everything the user has granted to that client; `None` means all clients.
    pub fn revoke(&mut self, user: &str, client: Option<&str>) {
        self.access.retain(|_, access| !access.granted.is_of(user, client));
        self.refresh.retain(|_, refresh| !refresh.granted.is_of(user, client));
        self.codes.retain(|_, code| !code.granted.is_of(user, client));
        self.consents.retain(|(of, to), _| of != user || client.is_some_and(|client| client != to));
    }

    /// Reduces everything the user has granted to those scopes.
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
    fn with_tokens() -> Grants {
        let mut grants = Grants::default();
        for (user, client) in [("anna", "one"), ("anna", "two"), ("ben", "one")] {
            grants.agree(&granted(user, client));
            grants.add_access(&format!("{user}-{client}"), granted(user, client), NOW + TimeDelta::hours(1));
            grants.add_refresh(&format!("{user}-{client}"), granted(user, client), None, None);
        }
        grants
    }

    #[test]
    fn a_token_is_valid_until_its_expiry_and_for_its_client() {
        let grants = with_tokens();
        let token = "anna-one";
        assert!(grants.access(token, NOW).is_some_and(|granted| granted.scope() == "read write"));
        assert!(grants.access(token, NOW + TimeDelta::hours(1)).is_none());
        assert!(grants.refresh(token, "one", NOW + TimeDelta::days(999)).is_some());
        assert!(grants.refresh(token, "two", NOW).is_none());
    }

    #[test]
    fn a_revocation_is_for_one_user_and_one_client() {
        let mut grants = with_tokens();
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
    fn above_the_limit_the_oldest_refresh_token_of_the_same_grant_is_removed() {
        let mut grants = with_tokens();
        for token in ["a", "b"] {
            grants.add_refresh(token, granted("anna", "one"), None, Some(2));
        }
        let live = ["anna-one", "a", "b"].map(|token| grants.refresh(token, "one", NOW).is_some());
        assert_eq!(live, [false, true, true]);
        assert!(grants.granted("anna-two").is_some() && grants.granted("ben-one").is_some());
    }
}
