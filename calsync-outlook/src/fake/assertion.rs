//! Client assertions: a JWT in place of a client secret. The signature is not checked, since the
//! fake has no registered keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// The required value of `client_assertion_type`.
pub(super) const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Whether the token has the header and claims that Microsoft requires of that client.
pub(super) fn is_valid(token: &str, client: &str, now: DateTime<Utc>) -> bool {
    let part = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next().and_then(part), parts.next().and_then(part), parts.next(), parts.next())
    else {
        return false;
    };
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let is_signed =
        matches!(text(&header, "alg").as_deref(), Some("RS256" | "PS256")) && !signature.is_empty();
    let names_key = ["x5t", "x5t#S256"].iter().any(|name| text(&header, name).is_some());
    let names_client = ["iss", "sub"].iter().all(|name| text(&claims, name).as_deref() == Some(client));
    let names_endpoint = text(&claims, "aud").is_some_and(|aud| aud.ends_with("/oauth2/v2.0/token"));
    let is_unexpired = claims.get("exp").and_then(Value::as_i64).is_some_and(|exp| exp > now.timestamp());
    is_signed && names_key && names_client && names_endpoint && is_unexpired && text(&claims, "jti").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_assertion_names_the_client_and_the_endpoint_and_has_not_expired() {
        let now: DateTime<Utc> = "2026-11-22T10:00:00Z".parse().unwrap();
        let token = |header: &Value, claims: &Value| {
            let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            format!("{}.{}.c2ln", encoded(header), encoded(claims))
        };
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": "abc"});
        let claims = json!({
            "iss": "app", "sub": "app", "jti": "1", "exp": now.timestamp() + 60,
            "aud": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        });
        assert!(is_valid(&token(&header, &claims), "app", now));
        for (name, value) in [
            ("iss", json!("other")),
            ("sub", json!("other")),
            ("aud", json!("https://graph.microsoft.com")),
            ("exp", json!(now.timestamp())),
            ("jti", json!(null)),
        ] {
            let mut other = claims.clone();
            other[name] = value;
            assert!(!is_valid(&token(&header, &other), "app", now), "{name}");
        }
        assert!(!is_valid(&token(&json!({"alg": "HS256", "x5t": "a"}), &claims), "app", now));
        assert!(!is_valid("nonsense", "app", now));
    }
}
