//! The callback: the redirect URL with which the browser returns.

use percent_encoding::percent_decode_str;

use super::ConnectError;

/// The parameters of a redirect's query that calsync uses (RFC 6749 section 4.1.2).
pub(super) struct Callback {
    pub(super) state: String,
    /// The issuer that sends the person back, if it names itself (RFC 9207 section 2).
    pub(super) iss: Option<String>,
    pub(super) outcome: Outcome,
}

pub(super) enum Outcome {
    Code(String),
    Error(String),
}

impl Callback {
    /// Reads the redirect's complete URL, or its query with or without the question mark.
    pub(super) fn read(url_or_query: &str) -> Result<Self, ConnectError> {
        let text = url_or_query.trim();
        let query = text.split_once('?').map_or(text, |(_, query)| query);
        let query = query.split_once('#').map_or(query, |(query, _)| query);
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(ConnectError::Malformed);
            }
            pairs.push((name, value));
        }
        let mut take = |name: &str| {
            let at = pairs.iter().position(|(other, _)| other == name)?;
            Some(pairs.swap_remove(at).1).filter(|value| !value.is_empty())
        };
        let state = take("state").ok_or(ConnectError::WrongState)?;
        let iss = take("iss");
        let outcome = match (take("error"), take("code")) {
            (Some(error), None) => Outcome::Error(error),
            (None, Some(code)) => Outcome::Code(code),
            _ => return Err(ConnectError::Malformed),
        };
        Ok(Self { state, iss, outcome })
    }
}

/// Decodes `application/x-www-form-urlencoded` (RFC 6749 appendix B).
fn decode(text: &str) -> Result<String, ConnectError> {
    let text = text.replace('+', " ");
    let text = percent_decode_str(&text).decode_utf8().map_err(|_| ConnectError::Malformed)?;
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_a_path_or_a_bare_query_is_read() {
        for text in [
            "state=s%2B1&code=4%2F0Ab",
            "?state=s%2b1&code=4/0Ab",
            "https://shop.example/cb?code=4%2F0Ab&state=s%2B1&scope=a+b&iss=x#",
            " /cb?tenant=7&state=s%2B1&code=4%2F0Ab#top\n",
            "com.example.app:/cb?&code=4/0Ab&&state=s%2B1",
        ] {
            let callback = Callback::read(text).unwrap();
            assert_eq!(callback.state, "s+1", "{text}");
            assert!(matches!(callback.outcome, Outcome::Code(code) if code == "4/0Ab"), "{text}");
        }
    }

    #[test]
    fn an_ambiguous_or_incomplete_callback_is_refused() {
        for text in [
            "state=a&state=b&code=c",
            "state=a&code=c&code=c",
            "state=a&code=b&error=access_denied",
            "state=a",
            "state=a&code=",
            "state=a&%63ode=b&code=c",
            "state=%ff&code=a",
        ] {
            assert!(matches!(Callback::read(text), Err(ConnectError::Malformed)), "{text}");
        }
        for text in ["", "?", "code=a", "state=&code=a", "https://shop.example/cb"] {
            assert!(matches!(Callback::read(text), Err(ConnectError::WrongState)), "{text}");
        }
    }
}
