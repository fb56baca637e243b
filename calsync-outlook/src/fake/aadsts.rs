//! The OAuth server's errors by AADSTS code (entra-docs, reference-error-codes).

use calsync_core::fake::{Fault, Reply};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde_json::{Value, json};

use super::ids;

/// The error response of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    code: u32,
    error: &'static str,
    status: u16,
    suberror: Option<&'static str>,
    message: &'static str,
}

const fn row_of(code: u32, error: &'static str, status: u16, message: &'static str) -> Row {
    Row { code, error, status, suberror: None, message }
}

const fn with(suberror: &'static str, row: Row) -> Row {
    Row { suberror: Some(suberror), ..row }
}

const GRANT: &str = "invalid_grant";
const INTERACTION: &str = "interaction_required";
const CLIENT: &str = "invalid_client";
const REQUEST: &str = "invalid_request";
const BUSY: &str = "temporarily_unavailable";

/// Every code that the fake can return, by itself or when a test asks for it.
const ROWS: [Row; 47] = [
    // The grant has expired or was revoked.
    with(
        "bad_token",
        row_of(
            50173,
            GRANT,
            400,
            "The provided grant has expired due to it being revoked, a fresh auth token is needed.",
        ),
    ),
    row_of(50089, GRANT, 400, "Authentication failed due to flow token expired."),
    with(
        "bad_token",
        row_of(50132, GRANT, 400, "Credentials have been revoked due to a password expiration or change."),
    ),
    with(
        "bad_token",
        row_of(50133, GRANT, 400, "Session is invalid due to expiration or recent password change."),
    ),
    row_of(70000, GRANT, 400, "The grant is invalid, or was already used."),
    row_of(
        70008,
        GRANT,
        400,
        "The provided authorization code or refresh token has expired due to inactivity.",
    ),
    with(
        "token_expired",
        row_of(
            70043,
            GRANT,
            400,
            "The refresh token has expired or is invalid due to sign-in frequency checks.",
        ),
    ),
    row_of(700_082, GRANT, 400, "The refresh token has expired due to inactivity."),
    row_of(
        700_084,
        GRANT,
        400,
        "The refresh token was issued to a single page app, and therefore has a fixed, limited lifetime.",
    ),
    // Consent is missing.
    with(
        "consent_required",
        row_of(65001, GRANT, 400, "The user or administrator has not consented to use the application."),
    ),
    with("consent_required", row_of(65004, GRANT, 400, "The user declined to consent to access the app.")),
    row_of(
        650_052,
        GRANT,
        400,
        "The app needs access to a service that the organization has not subscribed to.",
    ),
    row_of(650_056, GRANT, 400, "Misconfigured application."),
    // A person has to sign in.
    with(
        "basic_action",
        row_of(50072, INTERACTION, 400, "User needs to enroll for second factor authentication."),
    ),
    with("basic_action", row_of(50074, INTERACTION, 400, "Strong authentication is required.")),
    with(
        "basic_action",
        row_of(
            50076,
            INTERACTION,
            400,
            "Due to a configuration change made by the administrator, multi-factor authentication is required.",
        ),
    ),
    with(
        "basic_action",
        row_of(50078, INTERACTION, 400, "Presented multi-factor authentication has expired."),
    ),
    with(
        "basic_action",
        row_of(50079, INTERACTION, 400, "The user is required to enroll for multi-factor authentication."),
    ),
    with("message_only", row_of(53000, INTERACTION, 400, "The device is not in the required device state.")),
    with("message_only", row_of(53001, INTERACTION, 400, "The device is not domain joined.")),
    with(
        "message_only",
        row_of(
            53002,
            INTERACTION,
            400,
            "The application used is not an approved application for conditional access.",
        ),
    ),
    with(
        "message_only",
        row_of(53003, INTERACTION, 400, "Access has been blocked by conditional access policies."),
    ),
    // An administrator has to act.
    row_of(50034, GRANT, 400, "The user account does not exist in the directory."),
    row_of(50057, GRANT, 400, "The user account is disabled."),
    row_of(50105, GRANT, 400, "The signed in user is not assigned to a role for the application."),
    row_of(
        50020,
        GRANT,
        400,
        "The user account does not exist in the tenant and cannot access the application in it.",
    ),
    // The application is configured wrongly.
    row_of(700_016, "unauthorized_client", 400, "Application was not found in the directory."),
    row_of(
        700_025,
        CLIENT,
        401,
        "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
    ),
    row_of(
        700_027,
        CLIENT,
        401,
        "The certificate used to sign the client assertion is not registered, or the assertion is invalid.",
    ),
    row_of(70002, CLIENT, 401, "Error validating credentials."),
    row_of(7_000_215, CLIENT, 401, "Invalid client secret provided."),
    row_of(
        7_000_218,
        CLIENT,
        401,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
    row_of(7_000_222, CLIENT, 401, "The provided client secret keys are expired."),
    row_of(90002, REQUEST, 400, "The tenant was not found."),
    row_of(50194, REQUEST, 400, "The application is not configured as a multi-tenant application."),
    row_of(
        9_001_023,
        REQUEST,
        400,
        "The grant type is not supported over the /common or /consumers endpoints.",
    ),
    // The request is wrong.
    row_of(
        501_481,
        GRANT,
        400,
        "The code_verifier does not match the code_challenge supplied in the authorization request.",
    ),
    row_of(54005, GRANT, 400, "The authorization code was already redeemed."),
    row_of(500_112, GRANT, 400, "The reply address does not match the one that the code was requested with."),
    row_of(70003, "unsupported_grant_type", 400, "The app returned an unsupported grant type."),
    row_of(70011, "invalid_scope", 400, "The provided value for the input parameter 'scope' is not valid."),
    row_of(900_144, REQUEST, 400, "The request body must contain all the parameters of its grant type."),
    row_of(9_002_313, REQUEST, 400, "The request is malformed or invalid."),
    // A retry may succeed.
    row_of(50087, BUSY, 503, "A transient error has occurred during strong authentication."),
    row_of(90006, BUSY, 503, "The service is temporarily unavailable."),
    row_of(90012, BUSY, 503, "The request has timed out."),
    row_of(90024, BUSY, 503, "A transient error has occurred."),
];

/// The row of a code, if the fake knows it.
pub(super) fn row(code: u32) -> Option<Row> {
    ROWS.iter().find(|row| row.code == code).copied()
}

/// Whether a new sign-in fixes it.
pub(super) fn is_fixed_by_consent(code: u32) -> bool {
    row(code).is_some_and(|row| {
        matches!(row.suberror, Some("consent_required" | "basic_action" | "bad_token" | "token_expired"))
    }) || matches!(code, 50089 | 70000 | 70008 | 700_082 | 700_084)
}

/// Whether the consent page itself shows the error, since the user cannot fix it.
pub(super) fn blocks_consent(code: u32) -> bool {
    matches!(code, 50034 | 50057 | 50105 | 50020 | 700_016 | 53000..=53003 | 650_052 | 650_056)
}

/// A fault: the token endpoint's error response with that AADSTS code. An unknown code becomes an
/// `invalid_grant`.
#[must_use]
pub fn aadsts(code: u32) -> Fault {
    Fault::Answer(refusal(code, DateTime::UNIX_EPOCH, [0; 32]).into_response())
}

/// The error response with that code.
pub(super) fn refusal(code: u32, at: DateTime<Utc>, trace: [u8; 32]) -> Reply {
    let unknown = row_of(code, GRANT, 400, "The request was refused.");
    let row = row(code).unwrap_or(unknown);
    let status = StatusCode::from_u16(row.status).unwrap_or(StatusCode::BAD_REQUEST);
    Reply::json(status, &body(&row, at, trace))
}

fn body(row: &Row, at: DateTime<Utc>, trace: [u8; 32]) -> Value {
    let timestamp = at.format("%Y-%m-%d %H:%M:%SZ").to_string();
    let trace_id = ids::guid(trace);
    let mut other = trace;
    other.reverse();
    let correlation = ids::guid(other);
    let description = format!(
        "AADSTS{}: {} Trace ID: {trace_id} Correlation ID: {correlation} Timestamp: {timestamp}",
        row.code, row.message
    );
    let mut body = json!({
        "error": row.error,
        "error_description": description,
        "error_codes": [row.code],
        "timestamp": timestamp,
        "trace_id": trace_id,
        "correlation_id": correlation,
        "error_uri": format!("https://login.microsoftonline.com/error?code={}", row.code),
    });
    if let Some(body) = body.as_object_mut() {
        if let Some(suberror) = row.suberror {
            body.insert("suberror".into(), suberror.into());
        }
        if row.error == INTERACTION {
            let claims = json!({"access_token": {"capolids": {"essential": true, "values": [trace_id]}}});
            body.insert("claims".into(), claims.to_string().into());
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_there_once() {
        let codes: std::collections::BTreeSet<u32> = ROWS.iter().map(|row| row.code).collect();
        assert_eq!(codes.len(), ROWS.len());
    }
}
