//! The consent page: `/{tenant}/oauth2/v2.0/authorize`.

use std::collections::BTreeSet;

use calsync_core::fake::oauth::{
    Asked as AskedFor, AuthorizationRequestError, Code, ConsentForm, ConsentPage, Decision, Granted, escaped,
    redirect,
};
use calsync_core::fake::{Params, Reply};
use chrono::TimeDelta;
use http::{Method, StatusCode};

use super::aadsts;
use super::request::Received;
use super::route::{ApiMethod, Route};
use super::scopes;
use super::state::State;

/// Prefix of authorization codes.
pub(super) const CODE: &str = "1.AXoA";

/// Why there is no consent page.
enum Refusal {
    /// The page shows the error. Nothing is sent to a redirect URL that may not be the
    /// application's.
    Shown(u32),
    /// The error is sent to this redirect URL.
    Sent(String),
}

impl State {
    /// Shows the page, or handles its submitted form.
    pub(super) fn authorize(&mut self, received: &Received) -> Reply {
        let form = received.incoming.form();
        let is_submitted = received.incoming.http_method == Method::POST;
        let params = if is_submitted { &form } else { &received.incoming.query };
        let tenant = received.route.tenant.as_deref().unwrap_or_default();
        let requested = match self.consent_request(tenant, params) {
            Ok(requested) => requested,
            Err(refusal) => return refusal.reply(),
        };
        if let Some(user) = self.settings.auto_consent_as.clone().filter(|_| !is_submitted) {
            return self
                .decide(tenant, &requested, &user, &Decision::Allow)
                .map_or_else(|r| r.reply(), |url| redirect(&url));
        }
        if !is_submitted {
            let page = ConsentPage {
                title: "Fake Microsoft",
                client: &requested.client,
                scopes: &requested.scopes,
                params,
            };
            return Reply::html(StatusCode::OK, page.html(self.mailboxes.keys().map(String::as_str)));
        }
        match ConsentForm::of(&form) {
            Some(ConsentForm { user, decision }) => self
                .decide(tenant, &requested, &user, &decision)
                .map_or_else(|r| r.reply(), |url| redirect(&url)),
            None => Refusal::Shown(900_144).reply(),
        }
    }

    /// Applies a decision about the page at `url`. Returns where the browser is sent; `None` if the
    /// page shows an error.
    pub(super) fn decide_url(&mut self, url: &str, user: &str, decision: &Decision) -> Option<String> {
        let (address, query) = url.split_once('?')?;
        let query = query.split_once('#').map_or(query, |(query, _)| query);
        let uri: http::Uri = address.parse().ok()?;
        let route = Route::of(&Method::GET, uri.path());
        let tenant = route.tenant.filter(|_| route.method == ApiMethod::Authorize)?;
        let requested = self.consent_request(&tenant, &Params::parse(query));
        let location = match requested {
            Ok(requested) => self.decide(&tenant, &requested, user, decision),
            Err(refusal) => Err(refusal),
        };
        match location {
            Ok(location) | Err(Refusal::Sent(location)) => Some(location),
            Err(Refusal::Shown(_)) => None,
        }
    }

    /// Checks the parameters of the page.
    fn consent_request(&self, tenant: &str, params: &Params) -> Result<AskedFor, Refusal> {
        self.check_tenant(tenant).map_err(Refusal::Shown)?;
        let mut requested = self.grants.asked(params).map_err(|wrongly| {
            Refusal::Shown(match wrongly {
                AuthorizationRequestError::Malformed => 900_144,
                AuthorizationRequestError::Client => 700_016,
                AuthorizationRequestError::Redirect => 50011,
                AuthorizationRequestError::ResponseType => 70005,
            })
        })?;
        if !matches!(params.get("response_mode"), None | Some("query")) {
            return Err(Refusal::Shown(9_002_313));
        }
        requested.scopes = requested.scopes.iter().map(|scope| scopes::short(scope)).collect();
        let all_known = requested.scopes.iter().all(|scope| scopes::is_known(scope));
        let wrong = match params.get("prompt") {
            _ if !all_known => {
                Some(("invalid_scope", "AADSTS70011: The value of the parameter 'scope' is not valid."))
            }
            None | Some("login" | "consent" | "select_account" | "admin_consent") => None,
            Some("none") => Some(("login_required", "AADSTS50058: No user is signed in.")),
            Some(_) => Some(("invalid_request", "AADSTS90023: Unsupported 'prompt' value.")),
        };
        match wrong {
            None => Ok(requested),
            Some((error, text)) => {
                Err(Refusal::Sent(requested.back(&[("error", error), ("error_description", text)])))
            }
        }
    }

    fn decide(
        &mut self,
        tenant: &str,
        requested: &AskedFor,
        user: &str,
        decision: &Decision,
    ) -> Result<String, Refusal> {
        self.user(user);
        self.check_account(tenant, user).map_err(Refusal::Shown)?;
        if let Some(code) = self.sign_in.get(user).copied().filter(|code| aadsts::blocks_consent(*code)) {
            return Err(Refusal::Shown(code));
        }
        let granted: BTreeSet<String> = decision.granted(&requested.scopes, scopes::short);
        if granted.is_empty() {
            let text = "AADSTS65004: User declined to consent to access the app.";
            let pairs =
                [("error", "access_denied"), ("error_subcode", "cancel"), ("error_description", text)];
            return Err(Refusal::Sent(requested.back(&pairs)));
        }
        if self.sign_in.get(user).is_some_and(|code| aadsts::is_fixed_by_consent(*code)) {
            self.sign_in.remove(user);
        }
        // A user who grants any scope also grants `offline_access` if it was requested.
        let offline = requested.scopes.contains(scopes::OFFLINE).then(|| scopes::OFFLINE.to_owned());
        let granted = Granted::new(user, &requested.client, granted.into_iter().chain(offline).collect());
        self.grants.agree(&granted);
        let code = Code {
            with_refresh: granted.scopes.contains(scopes::OFFLINE),
            granted,
            redirect: requested.redirect.clone(),
            challenge: requested.challenge.clone(),
            nonce: requested.nonce.clone(),
            expires_at: self.now() + TimeDelta::minutes(10),
        };
        let text = format!("{CODE}{}", self.serial.opaque("code"));
        self.grants.add_code(&text, code);
        let session = self.guid("session");
        Ok(requested.back(&[("code", &text), ("session_state", &session)]))
    }
}

impl Refusal {
    fn reply(&self) -> Reply {
        match self {
            Self::Sent(location) => redirect(location),
            Self::Shown(code) => {
                let page = format!(
                    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Error</title></head><body>\n\
                     <h1>Sorry, but we're having trouble signing you in.</h1>\n<p>{}</p>\n</body></html>\n",
                    escaped(&format!("AADSTS{code}"))
                );
                Reply::html(StatusCode::BAD_REQUEST, page)
            }
        }
    }
}
