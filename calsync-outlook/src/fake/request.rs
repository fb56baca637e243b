//! A request: its route, its preferences, its body.

use calsync_core::fake::{Incoming, RequestContext};
use calsync_core::http::Request;
use http::StatusCode;
use serde_json::{Map, Value};

use super::reply::Problem;
use super::route::{ApiMethod, Route};
use super::settings::Settings;
use super::times::Shown;
use super::zones;

/// A request with its route and what else the fake knows of it.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) incoming: Incoming,
    pub(super) route: Route,
    /// Scheme and host, for links in responses.
    pub(super) origin: String,
    pub(super) in_batch: bool,
    /// How many more requests to its mailbox are within the limit; 0 if this one is over the limit.
    pub(super) room: usize,
}

/// The preferences of a request (RFC 7240), and those that the response reports as applied.
#[derive(Debug, Clone, Default)]
pub(super) struct Prefers {
    pub(super) immutable_ids: bool,
    pub(super) shown: Shown,
    pub(super) text: bool,
    pub(super) page: Option<usize>,
    pub(super) applied: Vec<String>,
}

impl Received {
    pub(super) fn of(request: &Request) -> Self {
        let uri = request.uri();
        let scheme = uri.scheme_str().unwrap_or("https");
        let host = uri.authority().map_or("graph.microsoft.com", http::uri::Authority::as_str);
        Self {
            incoming: Incoming::of(request),
            route: Route::of(request.method(), uri.path()),
            origin: format!("{scheme}://{host}"),
            in_batch: false,
            room: usize::MAX,
        }
    }

    pub(super) fn method(&self) -> ApiMethod {
        self.route.method
    }

    /// What fault rules are matched against.
    pub(super) fn occasion<'a>(&'a self, user: Option<&'a str>) -> RequestContext<'a, ApiMethod> {
        RequestContext {
            method: self.method(),
            incoming: &self.incoming,
            calendar: self.route.calendar(),
            user,
        }
    }

    pub(super) fn text(&self, name: &'static str) -> Option<&str> {
        self.incoming.header(http::HeaderName::from_static(name))
    }

    /// The body as a JSON object.
    pub(super) fn object(&self, settings: &Settings) -> Result<Map<String, Value>, Problem> {
        if self.incoming.body.len() > settings.body_bytes {
            let message = "The request's content is too large.";
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "ErrorMessageSizeExceeded", message));
        }
        if !self.incoming.is_of_type("application/json") {
            let message = "A request with a body must have a Content-Type of application/json.";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message));
        }
        match self.incoming.json() {
            Some(Value::Object(object)) => Ok(object),
            _ => {
                let message = "Unable to deserialize the body of the request.";
                Err(Problem::bad("UnableToDeserializePostBody", message))
            }
        }
    }

    /// Reads the `Prefer` headers.
    pub(super) fn prefers(&self, settings: &Settings) -> Result<Prefers, Problem> {
        let mut prefers = Prefers::default();
        let headers = self.incoming.headers.get_all("prefer").iter();
        for preference in headers.filter_map(|value| value.to_str().ok()).flat_map(split_list) {
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "idtype" if value.eq_ignore_ascii_case("ImmutableId") => prefers.immutable_ids = true,
                "outlook.timezone" => {
                    prefers.shown = Shown { name: value.to_owned(), zone: zones::zone(value, settings)? };
                }
                "outlook.body-content-type" if value == "text" => prefers.text = true,
                "outlook.body-content-type" if value == "html" => {}
                "odata.maxpagesize" => match value.parse::<usize>() {
                    Ok(size) if (1..=1000).contains(&size) => prefers.page = Some(size),
                    _ => continue,
                },
                _ => continue,
            }
            prefers.applied.push(preference.trim().to_owned());
        }
        Ok(prefers)
    }

    /// A required parameter that is an instant.
    pub(super) fn window(&self, name: &str) -> Result<chrono::DateTime<chrono::Utc>, Problem> {
        let query = &self.incoming.query;
        let text = query.pairs().iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, text)| text);
        let text = text.ok_or_else(|| {
            let message =
                "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.";
            Problem::invalid(message)
        })?;
        super::times::instant(text).ok_or_else(|| {
            Problem::bad(
                "ErrorInvalidParameter",
                format!("The value of parameter {name} is not a valid date."),
            )
        })
    }
}

/// Splits a list at its commas, but not at those within quotes.
fn split_list(text: &str) -> Vec<&str> {
    let mut quoted = false;
    let parts = text.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_are_read_from_several_headers() {
        let request = http::Request::get("https://graph.microsoft.com/v1.0/me/events")
            .header("prefer", "IdType=\"ImmutableId\", outlook.timezone=\"W. Europe Standard Time\"")
            .header("Prefer", "outlook.body-content-type=\"text\",return=minimal")
            .body(bytes::Bytes::new())
            .unwrap();
        let prefers = Received::of(&request).prefers(&Settings::default()).unwrap();
        assert!(prefers.immutable_ids && prefers.text);
        assert_eq!(prefers.shown.zone.name(), "Europe/Berlin");
        assert_eq!(prefers.applied.len(), 3);
        assert_eq!(split_list("a=\"b,c\", d"), ["a=\"b,c\"", "d"]);
    }
}
