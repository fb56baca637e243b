//! The token endpoint and the revocation endpoint.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::StatusCode;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::reply::Reply;
use super::request::{Incoming, Params};
use super::state::State;

/// An error of RFC 6749 section 5.2.
struct OAuthError(StatusCode, &'static str, &'static str);

const DEAD: OAuthError =
    OAuthError(StatusCode::BAD_REQUEST, "invalid_grant", "Token has been expired or revoked.");

impl State {
    pub(super) fn token(&mut self, incoming: &Incoming) -> Reply {
        let is_form = incoming.header(CONTENT_TYPE).is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default();
            kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        let form = incoming.form();
        let answer = if is_form { self.grant(incoming, &form) } else { Err(bad("Invalid content type.")) };
        let reply = match answer {
            Ok(body) => Reply::json(StatusCode::OK, &body),
            Err(error) => error.reply(),
        };
        reply.with_header(CACHE_CONTROL, "no-cache, no-store, max-age=0, must-revalidate")
    }

    fn grant(&mut self, incoming: &Incoming, form: &Params) -> Result<Value, OAuthError> {
        let client = self.client(incoming, form)?;
        match form.get("grant_type") {
            Some("authorization_code") => self.redeem(&client, form),
            Some("refresh_token") => self.refresh(&client, form),
            None => Err(bad("Required parameter is missing: grant_type")),
            Some(_) => {
                let message = "Invalid grant_type";
                Err(OAuthError(StatusCode::BAD_REQUEST, "unsupported_grant_type", message))
            }
        }
    }

    /// The client, by the form or by `Authorization: Basic`.
    fn client(&self, incoming: &Incoming, form: &Params) -> Result<String, OAuthError> {
        let refused = |message| OAuthError(StatusCode::UNAUTHORIZED, "invalid_client", message);
        let basic = incoming.header(AUTHORIZATION).and_then(basic);
        let (id, secret) = match basic {
            Some((id, secret)) => (id, Some(secret)),
            None => {
                let id = form.get("client_id").ok_or_else(|| bad("Could not determine client ID."))?;
                (id.to_owned(), form.get("client_secret").map(str::to_owned))
            }
        };
        let client =
            self.grants.clients.get(&id).ok_or_else(|| refused("The OAuth client was not found."))?;
        match (&client.secret, secret) {
            (Some(known), Some(secret)) if *known == secret => Ok(id),
            (Some(_), None) => Err(bad("client_secret is missing.")),
            (Some(_), Some(_)) => Err(refused("Unauthorized")),
            // A public client has none to tell.
            (None, _) => Ok(id),
        }
    }

    fn redeem(&mut self, client: &str, form: &Params) -> Result<Value, OAuthError> {
        let dead = |message| OAuthError(StatusCode::BAD_REQUEST, "invalid_grant", message);
        let text = form.get("code").ok_or_else(|| bad("Missing required parameter: code"))?;
        let now = self.now();
        let code = self.grants.codes.get(text).filter(|code| code.client == client && code.expires_at > now);
        let code = code.ok_or_else(|| dead("Malformed auth code."))?;
        if form.get("redirect_uri") != Some(code.redirect.as_str()) {
            return Err(OAuthError(StatusCode::BAD_REQUEST, "redirect_uri_mismatch", "Bad Request"));
        }
        match (&code.challenge, form.get("code_verifier")) {
            (None, None) => {}
            (None, Some(_)) => return Err(dead("code_verifier or verifier is not needed.")),
            (Some(_), None) => return Err(dead("Missing code verifier.")),
            (Some((challenge, is_hash)), Some(verifier)) => {
                let hashed = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
                if *challenge != if *is_hash { hashed } else { verifier.to_owned() } {
                    return Err(dead("Invalid code verifier."));
                }
            }
        }
        // A code works once.
        let code = self.grants.codes.remove(text).ok_or(DEAD)?;
        let mut answer = self.tokens(&code.user, client, code.scopes.clone());
        if let (true, Some(answer)) = (code.with_refresh, answer.as_object_mut()) {
            let refresh = self.issue_refresh(&code.user, client, code.scopes);
            answer.insert("refresh_token".into(), refresh.into());
            if let Some(life) = self.settings.refresh_token_life {
                answer.insert("refresh_token_expires_in".into(), life.as_secs().into());
            }
        }
        Ok(answer)
    }

    fn refresh(&mut self, client: &str, form: &Params) -> Result<Value, OAuthError> {
        let text =
            form.get("refresh_token").ok_or_else(|| bad("Missing required parameter: refresh_token"))?;
        let now = self.now();
        let alive = self.grants.refresh.get(text).filter(|refresh| {
            refresh.client == client && refresh.expires_at.is_none_or(|expires_at| expires_at > now)
        });
        let refresh = alive.ok_or(DEAD)?;
        let user = refresh.user.clone();
        let mut scopes = refresh.scopes.clone();
        if let Some(fewer) = form.get("scope") {
            let fewer: BTreeSet<String> = fewer.split_whitespace().map(str::to_owned).collect();
            if !fewer.is_subset(&scopes) {
                return Err(OAuthError(StatusCode::BAD_REQUEST, "invalid_scope", "Bad Request"));
            }
            scopes = fewer;
        }
        self.grants.refreshes += 1;
        let mut answer = self.tokens(&user, client, scopes);
        if self.settings.rotate_refresh_tokens
            && let Some(old) = self.grants.refresh.remove(text)
            && let Some(answer) = answer.as_object_mut()
        {
            let rotated = self.issue_refresh(&user, client, old.scopes);
            answer.insert("refresh_token".into(), rotated.into());
        }
        Ok(answer)
    }

    fn tokens(&mut self, user: &str, client: &str, scopes: BTreeSet<String>) -> Value {
        let scope = scopes.iter().cloned().collect::<Vec<_>>().join(" ");
        json!({
            "access_token": self.issue_access(user, client, scopes),
            "expires_in": self.settings.access_token_life.as_secs(),
            "scope": scope,
            "token_type": "Bearer",
        })
    }

    /// Ends the whole grant, whichever of its tokens is named.
    pub(super) fn revoke(&mut self, incoming: &Incoming) -> Reply {
        let form = incoming.form();
        let text = form.get("token").or_else(|| incoming.query.get("token")).unwrap_or_default();
        let by_refresh =
            self.grants.refresh.get(text).map(|token| (token.user.clone(), token.client.clone()));
        let by_access = self.grants.access.get(text).map(|token| (token.user.clone(), token.client.clone()));
        match by_refresh.or(by_access) {
            Some((user, client)) => {
                self.revoke_grants(&user, Some(&client));
                Reply::json(StatusCode::OK, &json!({}))
            }
            None => OAuthError(StatusCode::BAD_REQUEST, "invalid_token", "Token expired or revoked").reply(),
        }
    }
}

impl OAuthError {
    fn reply(&self) -> Reply {
        Reply::json(self.0, &json!({"error": self.1, "error_description": self.2}))
    }
}

fn bad(message: &'static str) -> OAuthError {
    OAuthError(StatusCode::BAD_REQUEST, "invalid_request", message)
}

/// RFC 6749 section 2.3.1: both halves are encoded as in a form.
fn basic(header: &str) -> Option<(String, String)> {
    let (kind, text) = header.split_once(' ')?;
    if !kind.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = Params::parse(&format!("id={id}&secret={secret}"));
    Some((decoded.get("id")?.to_owned(), decoded.get("secret")?.to_owned()))
}
