//! The consent page: `/o/oauth2/v2/auth`.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use http::StatusCode;
use http::header::LOCATION;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::access::SCOPE_BASE;
use super::grants::Code;
use super::reply::Reply;
use super::request::{Incoming, Params};
use super::state::State;

/// What a user says on the consent page.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Yes to everything that is asked for.
    Allow,
    /// Yes to these scopes only; the others are unticked. Names as in [`FakeUser::tokens`](super::FakeUser::tokens).
    AllowOnly(Vec<String>),
    /// No.
    Deny,
}

/// All but RFC 3986's unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What an application asks for.
struct Asked {
    client: String,
    redirect: String,
    scopes: BTreeSet<String>,
    state: Option<String>,
    challenge: Option<(String, bool)>,
    offline: bool,
    force: bool,
    include_granted: bool,
}

impl State {
    /// The page, or what its buttons lead to.
    pub(super) fn authorize(&mut self, incoming: &Incoming) -> Reply {
        let form = incoming.form();
        let is_answer = incoming.http_method == http::Method::POST;
        let params = if is_answer { &form } else { &incoming.query };
        let asked = match self.asked(params) {
            Ok(asked) => asked,
            Err(code) => return refused(code),
        };
        if let Some(user) = self.settings.approve_as.clone().filter(|_| !is_answer) {
            return redirect(&self.decide(&asked, &user, &Decision::Allow));
        }
        if !is_answer {
            return Reply::html(StatusCode::OK, self.consent_page(&asked, params));
        }
        let user = params.get("user").filter(|user| user.contains('@')).map(str::to_owned);
        let decision = match params.get("decision") {
            Some("allow") => Decision::AllowOnly(params.all("granted").map(str::to_owned).collect()),
            _ => Decision::Deny,
        };
        match user {
            Some(user) => redirect(&self.decide(&asked, &user, &decision)),
            None => refused("invalid_request"),
        }
    }

    /// What follows from a decision about the page at `url`: where the browser is sent. `None` where the page shows an error.
    pub(super) fn decide_url(&mut self, url: &str, user: &str, decision: &Decision) -> Option<String> {
        let query = url.split_once('?').map(|(_, query)| query)?;
        let query = query.split_once('#').map_or(query, |(query, _)| query);
        let asked = self.asked(&Params::parse(query)).ok()?;
        Some(self.decide(&asked, user, decision))
    }

    /// Reads what is asked for. An error is shown to the user and never sent to the redirect.
    fn asked(&self, params: &Params) -> Result<Asked, &'static str> {
        let names = params.pairs().iter().map(|(name, _)| name).filter(|name| *name != "granted");
        let names: Vec<&String> = names.collect();
        if names.iter().collect::<BTreeSet<_>>().len() != names.len() {
            return Err("invalid_request");
        }
        let id = params.get("client_id").ok_or("invalid_request")?;
        let client = self.grants.clients.get(id).ok_or("invalid_client")?;
        let redirect = params.get("redirect_uri").ok_or("invalid_request")?;
        if !client.takes_redirect(redirect) {
            return Err("redirect_uri_mismatch");
        }
        if params.get("response_type") != Some("code") {
            return Err("unsupported_response_type");
        }
        let scopes: BTreeSet<String> =
            params.get("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        if scopes.is_empty() {
            return Err("invalid_request");
        }
        let is_known = |scope: &String| {
            scope.starts_with(SCOPE_BASE) || matches!(scope.as_str(), "openid" | "email" | "profile")
        };
        if !scopes.iter().all(is_known) {
            return Err("invalid_scope");
        }
        let challenge = match (params.get("code_challenge"), params.get("code_challenge_method")) {
            (None, None) => None,
            // RFC 7636 section 4.2.
            (Some(challenge), method) if (43..=128).contains(&challenge.len()) => match method {
                Some("S256") => Some((challenge.to_owned(), true)),
                None | Some("plain") => Some((challenge.to_owned(), false)),
                Some(_) => return Err("invalid_request"),
            },
            _ => return Err("invalid_request"),
        };
        if client.secret.is_none() && challenge.is_none() {
            return Err("invalid_request");
        }
        Ok(Asked {
            client: id.to_owned(),
            redirect: redirect.to_owned(),
            scopes,
            state: params.get("state").map(str::to_owned),
            challenge,
            offline: params.get("access_type") == Some("offline"),
            force: params.get("prompt").is_some_and(|prompt| prompt.split(' ').any(|word| word == "consent")),
            include_granted: params.get("include_granted_scopes") == Some("true"),
        })
    }

    fn decide(&mut self, asked: &Asked, user: &str, decision: &Decision) -> String {
        let granted: BTreeSet<String> = match decision {
            Decision::Allow => asked.scopes.clone(),
            Decision::AllowOnly(only) => {
                let only: BTreeSet<String> = only.iter().map(|scope| Self::full_scope(scope)).collect();
                asked.scopes.intersection(&only).cloned().collect()
            }
            Decision::Deny => BTreeSet::new(),
        };
        let state = asked.state.as_deref().map(|state| ("state", state));
        if granted.is_empty() {
            return with_query(&asked.redirect, state.into_iter().chain([("error", "access_denied")]));
        }
        self.user(user);
        let consents = self.grants.consents.entry((user.to_owned(), asked.client.clone())).or_default();
        let is_first = consents.is_empty();
        let mut scopes = granted.clone();
        if asked.include_granted {
            scopes.extend(consents.iter().cloned());
        }
        consents.extend(granted);
        let shown = scopes.iter().cloned().collect::<Vec<_>>().join(" ");
        let code = Code {
            user: user.to_owned(),
            client: asked.client.clone(),
            redirect: asked.redirect.clone(),
            scopes,
            challenge: asked.challenge.clone(),
            // Only the first consent gives one, unless the page was asked for.
            with_refresh: asked.offline && (is_first || asked.force),
            expires_at: self.now() + TimeDelta::minutes(10),
        };
        let text = format!("4/0{}", self.opaque("code"));
        let location = with_query(
            &asked.redirect,
            state.into_iter().chain([("code", text.as_str()), ("scope", shown.as_str())]),
        );
        self.grants.codes.insert(text, code);
        location
    }

    fn consent_page(&self, asked: &Asked, params: &Params) -> String {
        let hint = params.get("login_hint");
        let hidden = params.pairs().iter().map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">\n", escaped(name), escaped(value))
        });
        let users = self.users.keys().enumerate().map(|(number, email)| {
            let is_chosen = hint.map_or(number == 0, |hint| hint == email);
            let email = escaped(email);
            let checked = if is_chosen { " checked" } else { "" };
            format!(
                "<label><input type=\"radio\" name=\"user\" value=\"{email}\"{checked}> {email}</label><br>\n"
            )
        });
        let scopes = asked.scopes.iter().map(|scope| {
            let scope = escaped(scope);
            format!(
                "<label><input type=\"checkbox\" name=\"granted\" value=\"{scope}\" checked> {scope}</label><br>\n"
            )
        });
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Fake Google</title></head><body>\n\
             <h1>{} wants to access your account</h1>\n<form method=\"post\">\n{}<p>Who are you?</p>\n{}\
             <p>What may it do?</p>\n{}<button name=\"decision\" value=\"allow\">Allow</button>\n\
             <button name=\"decision\" value=\"deny\">Cancel</button>\n</form>\n</body></html>\n",
            escaped(&asked.client),
            hidden.collect::<String>(),
            users.collect::<String>(),
            scopes.collect::<String>(),
        )
    }
}

fn redirect(location: &str) -> Reply {
    Reply::empty(StatusCode::FOUND).with_header(LOCATION, location)
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

/// A URL with more parameters.
fn with_query<'a>(url: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut url = url.to_owned();
    for (name, value) in pairs {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(name);
        url.push('=');
        url.extend(utf8_percent_encode(value, ESCAPED));
    }
    url
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
