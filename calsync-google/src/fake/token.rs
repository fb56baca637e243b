//! The token endpoint and the revocation endpoint.

use std::collections::BTreeSet;

use calsync_core::fake::oauth::{
    ClientRefusal, CodeRefusal, Granted, Redemption, VerifierRefusal, id_token, subject,
};
use calsync_core::fake::{Params, Reply};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use serde_json::{Value, json};

use super::grants::full_scope;
use super::request::Incoming;
use super::state::State;

/// An error of RFC 6749 section 5.2.
struct OAuthError(StatusCode, &'static str, &'static str);

const INVALID_GRANT: OAuthError =
    OAuthError(StatusCode::BAD_REQUEST, "invalid_grant", "Token has been expired or revoked.");

impl State {
    pub(super) fn token(&mut self, incoming: &Incoming) -> Reply {
        let is_form = incoming.is_of_type("application/x-www-form-urlencoded");
        let form = incoming.form();
        let response = if is_form { self.grant(incoming, &form) } else { Err(bad("Invalid content type.")) };
        let reply = match response {
            Ok(body) => Reply::json(StatusCode::OK, &body),
            Err(error) => error.reply(),
        };
        reply.with_header(CACHE_CONTROL, "no-cache, no-store, max-age=0, must-revalidate")
    }

    fn grant(&mut self, incoming: &Incoming, form: &Params) -> Result<Value, OAuthError> {
        let client = self.grants.client_of(incoming, form)?;
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

    fn redeem(&mut self, client: &str, form: &Params) -> Result<Value, OAuthError> {
        let text = form.get("code").ok_or_else(|| bad("Missing required parameter: code"))?;
        let (redirect, verifier) = (form.get("redirect_uri"), form.get("code_verifier"));
        let redemption = Redemption { code: text, client, redirect, verifier };
        let code = self.grants.redeem(&redemption, self.now())?;
        let mut response = self.tokens(code.granted.clone(), code.nonce.as_deref());
        if let (true, Some(response)) = (code.with_refresh, response.as_object_mut()) {
            let refresh = self.issue_refresh(code.granted);
            response.insert("refresh_token".into(), refresh.into());
            if let Some(life) = self.settings.refresh_token_lifetime {
                response.insert("refresh_token_expires_in".into(), life.as_secs().into());
            }
        }
        Ok(response)
    }

    fn refresh(&mut self, client: &str, form: &Params) -> Result<Value, OAuthError> {
        let text =
            form.get("refresh_token").ok_or_else(|| bad("Missing required parameter: refresh_token"))?;
        let mut granted = self.grants.refresh(text, client, self.now()).ok_or(INVALID_GRANT)?.clone();
        if let Some(fewer) = form.get("scope") {
            let fewer: BTreeSet<String> = fewer.split_whitespace().map(str::to_owned).collect();
            if !fewer.is_subset(&granted.scopes) {
                return Err(OAuthError(StatusCode::BAD_REQUEST, "invalid_scope", "Bad Request"));
            }
            granted.scopes = fewer;
        }
        self.grants.refreshes += 1;
        let mut response = self.tokens(granted, None);
        if self.settings.rotate_refresh_tokens
            && let Some(old) = self.grants.remove_refresh(text)
            && let Some(response) = response.as_object_mut()
        {
            let rotated = self.issue_refresh(old);
            response.insert("refresh_token".into(), rotated.into());
        }
        Ok(response)
    }

    fn tokens(&mut self, granted: Granted, nonce: Option<&str>) -> Value {
        let scope = granted.scope();
        let identity = granted.scopes.contains("openid").then(|| self.id_token(&granted, nonce));
        let mut response = json!({
            "access_token": self.issue_access(granted),
            "expires_in": self.settings.access_token_lifetime.as_secs(),
            "scope": scope,
            "token_type": "Bearer",
        });
        if let (Some(identity), Some(response)) = (identity, response.as_object_mut()) {
            response.insert("id_token".into(), identity.into());
        }
        response
    }

    /// <https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload>
    fn id_token(&self, granted: &Granted, nonce: Option<&str>) -> String {
        let now = self.now().timestamp();
        let mut claims = json!({
            "iss": self.settings.issuer,
            "azp": granted.client,
            "aud": granted.client,
            "sub": subject(&granted.user),
            "iat": now,
            "exp": now + 3600,
        });
        if let Some(claims) = claims.as_object_mut() {
            if granted.scopes.contains(&full_scope("email")) {
                claims.insert("email".into(), granted.user.as_str().into());
                claims.insert("email_verified".into(), true.into());
            }
            claims.extend(nonce.map(|nonce| ("nonce".into(), nonce.into())));
        }
        id_token(&claims)
    }

    /// Revokes the whole grant that the token belongs to, access token or refresh token.
    pub(super) fn revoke(&mut self, incoming: &Incoming) -> Reply {
        let form = incoming.form();
        let text = form.get("token").or_else(|| incoming.query.get("token")).unwrap_or_default();
        match self.grants.granted(text).cloned() {
            Some(granted) => {
                self.grants.revoke(&granted.user, Some(&granted.client));
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

impl From<ClientRefusal> for OAuthError {
    fn from(refusal: ClientRefusal) -> Self {
        let refused = |message| Self(StatusCode::UNAUTHORIZED, "invalid_client", message);
        match refusal {
            ClientRefusal::Unnamed => bad("Could not determine client ID."),
            ClientRefusal::Unknown => refused("The OAuth client was not found."),
            ClientRefusal::SecretMissing => bad("client_secret is missing."),
            ClientRefusal::SecretWrong => refused("Unauthorized"),
        }
    }
}

impl From<CodeRefusal> for OAuthError {
    fn from(refusal: CodeRefusal) -> Self {
        let (error, message) = match refusal {
            CodeRefusal::Dead => ("invalid_grant", "Malformed auth code."),
            CodeRefusal::Redirect => ("redirect_uri_mismatch", "Bad Request"),
            CodeRefusal::Verifier(VerifierRefusal::NotNeeded) => {
                ("invalid_grant", "code_verifier or verifier is not needed.")
            }
            CodeRefusal::Verifier(VerifierRefusal::Missing) => ("invalid_grant", "Missing code verifier."),
            CodeRefusal::Verifier(VerifierRefusal::Wrong) => ("invalid_grant", "Invalid code verifier."),
        };
        Self(StatusCode::BAD_REQUEST, error, message)
    }
}
