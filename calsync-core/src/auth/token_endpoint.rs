//! Calls the token endpoint, and classifies its responses before the oauth2 crate reads them.
//!
//! The oauth2 crate keeps neither the status nor `Retry-After` of a response that is not OAuth's,
//! and shows raw bodies in `Debug`. So it only gets a JSON object with status 200.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::http::StatusCode;
use bytes::Bytes;
use oauth2::basic::BasicErrorResponse;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse, RequestTokenError};
use serde_json::{Map, Value};

use super::error::Unavailable;
use super::identity::TokenResponse;
use super::{AuthError, Remedy, ServerCode};
use crate::clock::Clock;
use crate::error::Operation;
use crate::http::{Call, HttpTransport, Response, retry_after};
use crate::names::ProviderKind;

/// Posts forms to a client's token and revocation endpoints.
#[derive(Debug, Clone)]
pub(super) struct TokenEndpoint {
    pub(super) provider: ProviderKind,
    pub(super) transport: Arc<dyn HttpTransport>,
    pub(super) clock: Arc<dyn Clock>,
}

/// The HTTP client that the oauth2 crate calls, for one operation.
pub(super) struct Caller<'e>(pub(super) &'e TokenEndpoint, pub(super) Operation);

impl<'c> AsyncHttpClient<'c> for Caller<'_> {
    type Error = AuthError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, AuthError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.0.send(self.1, request))
    }
}

/// The oauth2 crate's result of a token request.
pub(super) type TokenResult = Result<TokenResponse, RequestTokenError<AuthError, BasicErrorResponse>>;

impl TokenEndpoint {
    /// Upper bound of a response body, in bytes. Token responses are much smaller.
    const MAX_BODY: usize = 64 * 1024;

    /// Sends a form. Returns a successful response; any other response is an error.
    async fn send(&self, operation: Operation, request: HttpRequest) -> Result<HttpResponse, AuthError> {
        let response = self.post(operation, request.map(Bytes::from)).await?;
        let (parts, body) = response.into_parts();
        if body.len() > Self::MAX_BODY {
            return Err(AuthError::Unavailable(Unavailable::new().with_status(parts.status.as_u16())));
        }
        let object: Option<Map<String, Value>> = serde_json::from_slice(&body).ok();
        let is_success = |object: &Map<String, Value>| !object.contains_key("error");
        if parts.status == StatusCode::OK && object.as_ref().is_some_and(is_success) {
            return Ok(HttpResponse::new(body.into()));
        }
        Err(refusal(parts.status, object.as_ref(), retry_after(&parts.headers, self.clock.now())))
    }

    /// Revokes a token (RFC 7009). Success if the token is no longer valid.
    pub(super) async fn revoke(&self, request: crate::http::Request) -> Result<(), AuthError> {
        let response = self.post(Operation::Revoke, request).await?;
        if response.status().is_success() {
            return Ok(());
        }
        let small = Some(response.body()).filter(|body| body.len() <= Self::MAX_BODY);
        let object: Option<Map<String, Value>> = small.and_then(|body| serde_json::from_slice(body).ok());
        let after = retry_after(response.headers(), self.clock.now());
        match refusal(response.status(), object.as_ref(), after) {
            // The codes of Google and of RFC 7009 for a token the server does not know.
            AuthError::Reconnect { code, .. } if matches!(code.code(), "invalid_token" | "invalid_grant") => {
                Ok(())
            }
            error => Err(error),
        }
    }

    async fn post(
        &self,
        operation: Operation,
        mut request: crate::http::Request,
    ) -> Result<Response, AuthError> {
        request.extensions_mut().insert(Call::new(self.provider.clone(), operation));
        Ok(self.transport.send(request).await?)
    }
}

/// Maps the oauth2 crate's errors. A response it cannot read counts as an outage: a later one may
/// be readable.
pub(super) fn read(result: TokenResult) -> Result<TokenResponse, AuthError> {
    result.map_err(|error| match error {
        RequestTokenError::Request(error) => error,
        // The other variants contain the body, so they are dropped.
        _ => AuthError::Unavailable(Unavailable::new().with_status(200)),
    })
}

/// How long no token is requested for a locked account. Entra unlocks it by itself: the first time
/// after a minute, after more wrong passwords later
/// (<https://learn.microsoft.com/entra/identity/authentication/howto-password-smart-lockout>).
const LOCKED_FOR: Duration = Duration::from_secs(3600);

/// Whether a code is about this grant. With `invalid_client` the same `AADSTS` number is about the
/// client.
fn is_about_the_grant(code: &str) -> bool {
    matches!(code, "invalid_grant" | "access_denied" | "admin_policy_enforced" | "org_internal")
}

/// Maps a response that is not a success. The status takes precedence, because a proxy's 503 may
/// have any body; then the code decides.
fn refusal(
    status: StatusCode,
    object: Option<&Map<String, Value>>,
    retry_after: Option<Duration>,
) -> AuthError {
    let code = object.and_then(code_in);
    let unavailable = |code| {
        AuthError::Unavailable(Unavailable {
            code,
            retry_after,
            ..Unavailable::new().with_status(status.as_u16())
        })
    };
    if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429) {
        return unavailable(code);
    }
    let Some(code) = code else { return unavailable(None) };
    match code.remedy() {
        Remedy::Wait => {
            return AuthError::Unavailable(Unavailable {
                code: Some(code),
                retry_after: retry_after.or(Some(LOCKED_FOR)),
                ..Unavailable::new().with_status(status.as_u16())
            });
        }
        Remedy::Admin if is_about_the_grant(code.code()) => return AuthError::Blocked(code),
        _ => {}
    }
    match code.code() {
        "invalid_grant"
        | "invalid_token"
        | "access_denied"
        | "interaction_required"
        | "consent_required"
        | "login_required" => AuthError::reconnect(code),
        "invalid_client"
        | "unauthorized_client"
        | "unsupported_grant_type"
        | "invalid_scope"
        | "invalid_request"
        | "invalid_resource"
        | "invalid_tenant"
        | "redirect_uri_mismatch"
        | "deleted_client"
        | "disabled_client"
        | "unsupported_token_type" => AuthError::Configuration(code),
        // `temporarily_unavailable`, `server_error`, `slow_down`, `rate_limit_exceeded`, and
        // unknown codes: neither the person nor the host is asked to act.
        _ => unavailable(Some(code)),
    }
}

/// The code in an error's body, with the more precise one of Microsoft (`error_codes`, `suberror`)
/// or Google (`error_subtype`).
fn code_in(object: &Map<String, Value>) -> Option<ServerCode> {
    // Google's API front end sends an object here, which is not an OAuth error.
    let code = ServerCode::new(object.get("error")?.as_str()?);
    let text = |name: &str| object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let number = || {
        let number = object.get("error_codes")?.as_array()?.first()?.as_u64()?;
        Some(format!("AADSTS{number}"))
    };
    let word = || text("error_subtype").or(text("suberror")).map(str::to_owned);
    match number().or_else(word) {
        Some(detail) => Some(code.with_detail(&detail)),
        None => Some(code),
    }
}
