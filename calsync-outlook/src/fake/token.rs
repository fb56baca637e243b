//! The token endpoint: `/{tenant}/oauth2/v2.0/token`.

use std::collections::BTreeSet;

use calsync_core::fake::oauth::{ClientRefusal, CodeRefusal, Granted, Redemption, end_of, id_token, subject};
use calsync_core::fake::{Params, Reply};
use http::StatusCode;
use http::header::{CACHE_CONTROL, PRAGMA};
use serde_json::{Value, json};

use super::aadsts;
use super::access::NO_USER;
use super::assertion;
use super::outlook::FakeOutlook;
use super::request::Received;
use super::scopes;
use super::state::State;

/// The tenant of all personal accounts.
const PERSONAL_TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Prefix of refresh tokens.
const REFRESH: &str = "0.AXoA";

impl State {
    pub(super) fn token(&mut self, received: &Received) -> Reply {
        let form = received.incoming.form();
        let is_form = received.incoming.is_of_type("application/x-www-form-urlencoded");
        let body = if is_form { self.grant(received, &form) } else { Err(900_144) };
        let reply = match body {
            Ok(body) => Reply::json(StatusCode::OK, &body),
            Err(code) => {
                let mark = self.serial.bytes("trace");
                aadsts::refusal(code, self.now(), mark)
            }
        };
        reply.with_header(CACHE_CONTROL, "no-store, no-cache").with_header(PRAGMA, "no-cache")
    }

    /// The response body, or the AADSTS code of the error.
    fn grant(&mut self, received: &Received, form: &Params) -> Result<Value, u32> {
        let tenant = received.route.tenant.as_deref().unwrap_or_default();
        self.check_tenant(tenant)?;
        let client = self.client_of(received, form)?;
        match form.get("grant_type") {
            Some("authorization_code") => self.redeem(tenant, &client, form),
            Some("refresh_token") => self.refresh(tenant, &client, form),
            Some("client_credentials") => self.client_credentials(tenant, &client, form),
            None => Err(900_144),
            Some(_) => Err(70003),
        }
    }

    /// Checks that the tenant exists and that the application may be used in it.
    pub(super) fn check_tenant(&self, tenant: &str) -> Result<(), u32> {
        let is_shared = matches!(tenant, "common" | "organizations" | "consumers");
        let is_guid = tenant.len() == 36 && tenant.bytes().filter(|byte| *byte == b'-').count() == 4;
        if !is_shared && !is_guid && !tenant.contains('.') {
            return Err(90002);
        }
        match &self.settings.single_tenant {
            Some(only) if is_shared || !only.eq_ignore_ascii_case(tenant) => Err(50194),
            _ => Ok(()),
        }
    }

    /// Checks that the account can sign in at that tenant.
    pub(super) fn check_account(&self, tenant: &str, user: &str) -> Result<(), u32> {
        let is_personal = self.mailboxes.get(user).is_some_and(|mailbox| mailbox.is_personal);
        let fits = match tenant {
            "common" => true,
            "consumers" => is_personal,
            "organizations" => !is_personal,
            // Every domain counts as the tenant's. Another tenant's id does not.
            other => !is_personal && (other.contains('.') || other.eq_ignore_ascii_case(FakeOutlook::TENANT)),
        };
        if fits { Ok(()) } else { Err(50020) }
    }

    fn client_of(&self, received: &Received, form: &Params) -> Result<String, u32> {
        let id = form.get("client_id").unwrap_or_default();
        let is_public = self.grants.client(id).is_some_and(calsync_core::fake::oauth::Client::is_public);
        if is_public && (form.get("client_secret").is_some() || form.get("client_assertion").is_some()) {
            return Err(700_025);
        }
        if let (Some(assertion), Some(_)) = (form.get("client_assertion"), self.grants.client(id)) {
            let is_jwt = form.get("client_assertion_type") == Some(assertion::KIND);
            let is_valid = is_jwt && assertion::is_valid(assertion, id, self.now());
            return if is_valid { Ok(id.to_owned()) } else { Err(700_027) };
        }
        self.grants.client_of(&received.incoming, form).map_err(|refusal| match refusal {
            ClientRefusal::Unnamed => 900_144,
            ClientRefusal::Unknown => 700_016,
            ClientRefusal::SecretMissing => 7_000_218,
            ClientRefusal::SecretWrong => 7_000_215,
        })
    }

    fn redeem(&mut self, tenant: &str, client: &str, form: &Params) -> Result<Value, u32> {
        let text = form.get("code").ok_or(900_144_u32)?;
        let shown = Redemption {
            code: text,
            client,
            redirect: form.get("redirect_uri"),
            verifier: form.get("code_verifier"),
        };
        let now = self.now();
        let is_known = text.starts_with(super::consent::CODE);
        let code = self.grants.redeem(&shown, now).map_err(|refusal| -> u32 {
            match refusal {
                CodeRefusal::Dead if self.used.contains(text) => 54005,
                CodeRefusal::Dead if is_known => 70008,
                CodeRefusal::Dead => 9_002_313,
                CodeRefusal::Redirect => 500_112,
                CodeRefusal::Verifier(_) => 501_481,
            }
        })?;
        self.used.insert(text.to_owned());
        self.check_sign_in(&code.granted.user)?;
        self.check_account(tenant, &code.granted.user)?;
        self.tokens(code.granted, form, code.nonce.as_deref())
    }

    fn refresh(&mut self, tenant: &str, client: &str, form: &Params) -> Result<Value, u32> {
        let text = form.get("refresh_token").ok_or(900_144_u32)?;
        let now = self.now();
        let granted = match self.grants.refresh(text, client, now) {
            Some(granted) => granted.clone(),
            // The token is another client's, used, idle for too long, revoked, or unknown.
            None => {
                return Err(match self.grants.granted(text) {
                    Some(granted) if granted.client != client => 70000,
                    Some(_) if self.used.contains(text) => 70000,
                    Some(_) => 700_082,
                    None if text.starts_with(REFRESH) => 50173,
                    None => 9_002_313,
                });
            }
        };
        self.check_sign_in(&granted.user)?;
        self.check_account(tenant, &granted.user)?;
        // Microsoft does not end a used token. The setting decides how long it stays valid.
        let old_ends = end_of(self.settings.old_refresh_token_life, now);
        let body = self.tokens(granted.clone(), form, None)?;
        self.grants.refreshes += 1;
        self.grants.add_refresh(text, granted, Some(old_ends), None);
        self.used.insert(text.to_owned());
        Ok(body)
    }

    /// `client_credentials`: tokens without a user.
    fn client_credentials(&mut self, tenant: &str, client: &str, form: &Params) -> Result<Value, u32> {
        if self.grants.client(client).is_some_and(calsync_core::fake::oauth::Client::is_public) {
            return Err(7_000_218);
        }
        if matches!(tenant, "common" | "consumers") {
            return Err(9_001_023);
        }
        let scope = form.get("scope").ok_or(900_144_u32)?;
        if scopes::short(scope) != scopes::DEFAULT {
            return Err(70011);
        }
        let granted = Granted::new(NO_USER, client, self.settings.app_roles.clone());
        let life = self.settings.access_token_lifetime.as_secs();
        let access = self.issue_access(granted);
        Ok(json!({
            "token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": access,
        }))
    }

    fn check_sign_in(&self, user: &str) -> Result<(), u32> {
        self.sign_in.get(user).map_or(Ok(()), |code| Err(*code))
    }

    /// An access token, and a refresh token if `offline_access` was consented to. A request may ask
    /// for some of the granted scopes; scopes without consent are refused.
    fn tokens(&mut self, granted: Granted, form: &Params, nonce: Option<&str>) -> Result<Value, u32> {
        let requested: BTreeSet<String> =
            form.get("scope").unwrap_or_default().split_whitespace().map(scopes::short).collect();
        if !requested.iter().all(|scope| scopes::is_known(scope)) {
            return Err(70011);
        }
        let mut scopes = granted.scopes.clone();
        if !requested.is_empty() && !requested.contains(scopes::DEFAULT) {
            let agreed = self.grants.agreed(&granted.user, &granted.client);
            if !requested.iter().all(|scope| agreed.contains(scope)) {
                return Err(65001);
            }
            scopes = requested;
        }
        scopes.remove(scopes::OFFLINE);
        let life = self.settings.access_token_lifetime.as_secs();
        let mut body = json!({
            "token_type": "Bearer",
            "scope": scopes::written(scopes.iter(), self.settings.scopes),
            "expires_in": life,
            "ext_expires_in": life,
        });
        let offline = granted.scopes.contains(scopes::OFFLINE);
        let identity = scopes.contains("openid").then(|| self.id_token(&granted, &scopes, nonce));
        let access = self.issue_access(Granted { scopes, ..granted.clone() });
        let refresh = offline.then(|| self.issue_refresh(granted));
        if let Some(body) = body.as_object_mut() {
            body.insert("access_token".into(), access.into());
            if let Some(refresh) = refresh {
                body.insert("refresh_token".into(), refresh.into());
            }
            if let Some(identity) = identity {
                body.insert("id_token".into(), identity.into());
            }
        }
        Ok(body)
    }

    /// <https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference>
    fn id_token(&self, granted: &Granted, scopes: &BTreeSet<String>, nonce: Option<&str>) -> String {
        let mailbox = self.mailboxes.get(&granted.user);
        let is_personal = mailbox.is_some_and(|mailbox| mailbox.is_personal);
        let tenant = if is_personal { PERSONAL_TENANT } else { FakeOutlook::TENANT };
        let now = self.now().timestamp();
        let mut claims = json!({
            "iss": self.settings.issuer.replace("{tenantid}", tenant),
            "aud": granted.client,
            // Differs for each application.
            "sub": subject(&[&*granted.user, " ", &*granted.client].concat()),
            "tid": tenant,
            "ver": "2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
        });
        if let Some(claims) = claims.as_object_mut() {
            if scopes.contains("profile") {
                let object = mailbox.map(|mailbox| mailbox.id.as_str()).unwrap_or_default();
                claims.insert("oid".into(), object.into());
                claims.insert("preferred_username".into(), granted.user.as_str().into());
            }
            if scopes.contains("email") {
                claims.insert("email".into(), granted.user.as_str().into());
            }
            claims.extend(nonce.map(|nonce| ("nonce".into(), nonce.into())));
        }
        id_token(&claims)
    }

    pub(super) fn issue_access(&mut self, granted: Granted) -> String {
        let token = format!("EwB{}", self.serial.opaque("access"));
        let ends = end_of(self.settings.access_token_lifetime, self.now());
        self.grants.add_access(&token, granted, ends);
        token
    }

    pub(super) fn issue_refresh(&mut self, granted: Granted) -> String {
        let token = format!("{REFRESH}{}", self.serial.opaque("refresh"));
        let ends = end_of(self.settings.refresh_token_lifetime, self.now());
        self.grants.add_refresh(&token, granted, Some(ends), None);
        token
    }
}
