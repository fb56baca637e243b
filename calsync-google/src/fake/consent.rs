//! The consent page: `/o/oauth2/v2/auth`.

use calsync_core::fake::oauth::{
    Asked, AuthorizationRequestError, Code, ConsentForm, ConsentPage, Decision, Granted, redirect,
};
use calsync_core::fake::{Params, Reply};
use chrono::TimeDelta;
use http::StatusCode;

use super::access::SCOPE_BASE;
use super::grants::full_scope;
use super::request::Incoming;
use super::state::State;

/// An authorization request.
struct Request {
    asked: Asked,
    offline: bool,
    force: bool,
    include_granted: bool,
}

impl State {
    /// Shows the consent page (`GET`), or handles its buttons (`POST`).
    pub(super) fn authorize(&mut self, incoming: &Incoming) -> Reply {
        let form = incoming.form();
        let is_decision = incoming.http_method == http::Method::POST;
        let params = if is_decision { &form } else { &incoming.query };
        let request = match self.asked(params) {
            Ok(request) => request,
            Err(code) => return refused(code),
        };
        if is_decision {
            return match ConsentForm::of(params) {
                Some(page) => redirect(&self.decide(&request, &page.user, &page.decision)),
                None => refused("invalid_request"),
            };
        }
        if let Some(user) = self.settings.auto_consent_as.clone() {
            return redirect(&self.decide(&request, &user, &Decision::Allow));
        }
        let Asked { client, scopes, .. } = &request.asked;
        let page = ConsentPage { title: "Fake Google", client, scopes, params };
        Reply::html(StatusCode::OK, page.html(self.users.keys().map(String::as_str)))
    }

    /// Applies a decision on the consent page at `url`. Returns the URL that the browser is
    /// redirected to, or `None` if the page shows an error.
    pub(super) fn decide_url(&mut self, url: &str, user: &str, decision: &Decision) -> Option<String> {
        let query = url.split_once('?').map(|(_, query)| query)?;
        let query = query.split_once('#').map_or(query, |(query, _)| query);
        let request = self.asked(&Params::parse(query)).ok()?;
        Some(self.decide(&request, user, decision))
    }

    /// Reads the authorization request. An error is shown to the user and never sent to the
    /// redirect URL.
    fn asked(&self, params: &Params) -> Result<Request, &'static str> {
        let mut asked = self.grants.asked(params).map_err(|wrong| match wrong {
            AuthorizationRequestError::Malformed => "invalid_request",
            AuthorizationRequestError::Client => "invalid_client",
            AuthorizationRequestError::Redirect => "redirect_uri_mismatch",
            AuthorizationRequestError::ResponseType => "unsupported_response_type",
        })?;
        let is_known = |scope: &String| {
            scope.starts_with(SCOPE_BASE) || matches!(scope.as_str(), "openid" | "email" | "profile")
        };
        if !asked.scopes.iter().all(is_known) {
            return Err("invalid_scope");
        }
        asked.scopes = asked.scopes.iter().map(|scope| full_scope(scope)).collect();
        Ok(Request {
            asked,
            offline: params.get("access_type") == Some("offline"),
            force: params.get("prompt").is_some_and(|prompt| prompt.split(' ').any(|word| word == "consent")),
            include_granted: params.get("include_granted_scopes") == Some("true"),
        })
    }

    fn decide(&mut self, request: &Request, user: &str, decision: &Decision) -> String {
        let asked = &request.asked;
        let mut granted = Granted::new(user, &asked.client, decision.granted(&asked.scopes, full_scope));
        if granted.scopes.is_empty() {
            return asked.back(&[("error", "access_denied")]);
        }
        self.user(user);
        let before = self.grants.agreed(user, &asked.client);
        self.grants.agree(&granted);
        // Google gives a refresh token only on the first consent, unless the request has
        // `prompt=consent`.
        let with_refresh = request.offline && (before.is_empty() || request.force);
        if request.include_granted {
            granted.scopes.extend(before);
        }
        let text = format!("4/0{}", self.serial.opaque("code"));
        let location = asked.back(&[("code", &text), ("scope", &granted.scope())]);
        let code = Code {
            granted,
            redirect: asked.redirect.clone(),
            challenge: asked.challenge.clone(),
            with_refresh,
            nonce: asked.nonce.clone(),
            expires_at: self.now() + TimeDelta::minutes(10),
        };
        self.grants.add_code(&text, code);
        location
    }
}

fn refused(code: &str) -> Reply {
    let status = if code == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Error</title></head><body>\n\
         <h1>Access blocked</h1>\n<p>Error {}: {code}</p>\n</body></html>\n",
        status.as_u16()
    );
    Reply::html(status, page)
}
