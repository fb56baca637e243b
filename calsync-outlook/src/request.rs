//! Builds requests to Microsoft Graph v1.0.
//!
//! <https://learn.microsoft.com/graph/api/resources/calendar>

use std::collections::BTreeMap;

use calsync_core::http::{Endpoint, EndpointError, Request, Target};
use calsync_core::identity::TargetKey;
use calsync_core::names::{CalendarId, Etag, RemoteId};
use calsync_core::rest::{RequestError, request, with_if_match};
use http::{HeaderName, HeaderValue, Method, Uri};
use serde::Serialize;

use crate::convert;
use crate::wire::{Batch, BatchPart, EVENT_FIELDS, IDENTITY_FIELDS};

/// `Prefer` (RFC 7240).
const PREFERENCE: HeaderName = HeaderName::from_static("prefer");

/// The preferences of all requests: ids that stay when an event moves to another folder
/// (<https://learn.microsoft.com/graph/outlook-immutable-id>), times in UTC, bodies as plain text.
const PREFER: &str = "IdType=\"ImmutableId\", outlook.timezone=\"UTC\", outlook.body-content-type=\"text\"";

/// The same, with bodies as HTML.
const PREFER_HTML: &str =
    "IdType=\"ImmutableId\", outlook.timezone=\"UTC\", outlook.body-content-type=\"html\"";

/// How many of the newest events are searched for one that lost its marker.
pub(crate) const LATEST: usize = 50;

/// Page size of a listing, in events.
const PAGE: &str = "100";

/// Ids of a find batch's parts.
pub(crate) const BY_MARKER: &str = "marker";
pub(crate) const BY_TRANSACTION: &str = "transaction";
pub(crate) const BY_ID: &str = "id";

/// Builds requests below one base URL.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    api: Endpoint,
}

impl Requests {
    pub(crate) fn new(api: Endpoint) -> Self {
        Self { api }
    }

    /// Creates an event.
    pub(crate) fn create(
        &self,
        calendar: &CalendarId,
        body: &impl Serialize,
    ) -> Result<Request, RequestError> {
        preferring(PREFER, request(Method::POST, self.events(calendar), Some(body))?)
    }

    /// Updates an event, if it still has the version `etag`.
    pub(crate) fn update(
        &self,
        calendar: &CalendarId,
        id: &RemoteId,
        etag: Option<&Etag>,
        body: &impl Serialize,
    ) -> Result<Request, RequestError> {
        let target = self.events(calendar).segment(id.as_str());
        with_if_match(preferring(PREFER, request(Method::PATCH, target, Some(body))?)?, etag)
    }

    /// Deletes an event, if it still has the version `etag`.
    pub(crate) fn delete(
        &self,
        calendar: &CalendarId,
        id: &RemoteId,
        etag: Option<&Etag>,
    ) -> Result<Request, RequestError> {
        let target = self.events(calendar).segment(id.as_str());
        with_if_match(preferring(PREFER, request(Method::DELETE, target, None::<&()>)?)?, etag)
    }

    /// Reads an event, with our properties.
    pub(crate) fn get(&self, calendar: &CalendarId, id: &RemoteId) -> Result<Request, RequestError> {
        let target = with_fields(self.events(calendar).segment(id.as_str()));
        preferring(PREFER, request(Method::GET, target, None::<&()>)?)
    }

    /// Reads an event's body as HTML.
    pub(crate) fn html(&self, calendar: &CalendarId, id: &RemoteId) -> Result<Request, RequestError> {
        let target = self.events(calendar).segment(id.as_str()).query("$select", "id,body");
        preferring(PREFER_HTML, request(Method::GET, target, None::<&()>)?)
    }

    /// Reads an event's identity.
    pub(crate) fn identity(&self, calendar: &CalendarId, id: &RemoteId) -> Result<Request, RequestError> {
        preferring(PREFER, request(Method::GET, self.identity_of(calendar, id), None::<&()>)?)
    }

    /// Finds the events of a target in one batch: by our property; among the newest events by
    /// transaction id, which Graph cannot filter by; and the event known by its id, since listings
    /// can lag behind. An event that was stored although its create failed may have lost its
    /// properties.
    ///
    /// The parts run one after another: Exchange counts each part, and several batches at once
    /// would exceed its limit.
    pub(crate) fn find(
        &self,
        calendar: &CalendarId,
        target: &TargetKey,
        known: Option<&RemoteId>,
    ) -> Result<Request, RequestError> {
        let part = |id, target: Target, depends_on| -> Result<BatchPart, RequestError> {
            let url = target.uri()?.to_string();
            Ok(BatchPart {
                id,
                method: "GET",
                url: url.strip_prefix(self.api.as_str()).unwrap_or(&url).to_owned(),
                headers: BTreeMap::from([("Prefer", PREFER)]),
                depends_on,
            })
        };
        let by_marker = part(BY_MARKER, self.marked(calendar, target), None)?;
        let latest = part(BY_TRANSACTION, self.newest(calendar), Some([BY_MARKER]))?;
        // An id that does not fit into a URL is not Graph's. This part is the last one: if a part
        // fails, the parts that depend on it fail too.
        let by_id =
            known.and_then(|id| part(BY_ID, self.identity_of(calendar, id), Some([BY_TRANSACTION])).ok());
        let batch =
            Batch { requests: [Some(by_marker), Some(latest), by_id].into_iter().flatten().collect() };
        preferring(PREFER, request(Method::POST, self.api.target().segment("$batch"), Some(&batch))?)
    }

    /// The first page of the events that [`find`](Self::find) finds by the marker.
    pub(crate) fn by_marker(
        &self,
        calendar: &CalendarId,
        target: &TargetKey,
    ) -> Result<Request, RequestError> {
        preferring(PREFER, request(Method::GET, self.marked(calendar, target), None::<&()>)?)
    }

    /// The first page of the events that carry a namespace.
    pub(crate) fn ours(&self, calendar: &CalendarId, namespace: &str) -> Result<Request, RequestError> {
        let target =
            with_identity(self.events(calendar)).query("$filter", &convert::namespace_filter(namespace));
        preferring(PREFER, request(Method::GET, target.query("$top", PAGE), None::<&()>)?)
    }

    /// The first page of the newest events.
    pub(crate) fn latest(&self, calendar: &CalendarId) -> Result<Request, RequestError> {
        preferring(PREFER, request(Method::GET, self.newest(calendar), None::<&()>)?)
    }

    /// The smallest listing, to check that the calendar exists.
    pub(crate) fn probe(&self, calendar: &CalendarId) -> Result<Request, RequestError> {
        let target = self.events(calendar).query("$top", "1").query("$select", "id");
        preferring(PREFER, request(Method::GET, target, None::<&()>)?)
    }

    /// The first page of an account's calendars.
    pub(crate) fn calendars(&self) -> Result<Request, RequestError> {
        let target = self.me().segment("calendars").query("$top", "100");
        let target = target.query("$select", "id,name,canEdit,isDefaultCalendar,owner");
        preferring(PREFER, request(Method::GET, target, None::<&()>)?)
    }

    /// Creates a calendar.
    pub(crate) fn create_calendar(&self, body: &impl Serialize) -> Result<Request, RequestError> {
        preferring(PREFER, request(Method::POST, self.me().segment("calendars"), Some(body))?)
    }

    fn identity_of(&self, calendar: &CalendarId, id: &RemoteId) -> Target {
        with_identity(self.events(calendar).segment(id.as_str()))
    }

    fn marked(&self, calendar: &CalendarId, target: &TargetKey) -> Target {
        with_identity(self.events(calendar)).query("$filter", &convert::target_filter(target))
    }

    fn newest(&self, calendar: &CalendarId) -> Target {
        let latest = self.events(calendar).query("$orderby", "createdDateTime desc");
        latest.query("$top", &LATEST.to_string()).query("$select", IDENTITY_FIELDS)
    }

    fn me(&self) -> Target {
        self.api.target().segment("me")
    }

    fn events(&self, calendar: &CalendarId) -> Target {
        let calendar = if calendar.is_primary() {
            self.me().segment("calendar")
        } else {
            self.me().segment("calendars").segment(calendar.as_str())
        };
        calendar.segment("events")
    }
}

/// The request for the page after `first`. Only the link's query is used: the token goes along with
/// the request, so a response must not choose the host or the path.
pub(crate) fn next_page(first: &Request, link: &str) -> Result<Request, RequestError> {
    let link: Uri = link.parse().map_err(|_| EndpointError::NotAUrl)?;
    let query = link.query().ok_or(EndpointError::NotAUrl)?;
    let mut parts = first.uri().clone().into_parts();
    let path_and_query = format!("{}?{query}", first.uri().path()).parse();
    parts.path_and_query = Some(path_and_query.map_err(|_| EndpointError::NotAUrl)?);
    let mut next = first.clone();
    *next.uri_mut() = Uri::from_parts(parts).map_err(|_| EndpointError::NotAUrl)?;
    Ok(next)
}

fn with_identity(target: Target) -> Target {
    target.query("$select", IDENTITY_FIELDS).query("$expand", &convert::expand_marker())
}

fn with_fields(target: Target) -> Target {
    target.query("$select", EVENT_FIELDS).query("$expand", &convert::expand_properties())
}

fn preferring(what: &'static str, mut request: Request) -> Result<Request, RequestError> {
    request.headers_mut().insert(PREFERENCE, HeaderValue::from_static(what));
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::IF_MATCH;

    fn requests() -> Requests {
        Requests::new(Endpoint::new("https://graph.microsoft.com/v1.0").unwrap())
    }

    fn target() -> TargetKey {
        "6d709f8152a05a61b10906a7ec27a32c".parse().unwrap()
    }

    #[test]
    fn ids_are_percent_encoded_once() {
        let calendar = CalendarId::new("AAMk/A+b=").unwrap();
        let request = requests().get(&calendar, &RemoteId::new("AAk/x+_-=")).unwrap();
        assert_eq!(request.uri().path(), "/v1.0/me/calendars/AAMk%2FA%2Bb%3D/events/AAk%2Fx%2B_-%3D");
        let primary = requests().get(&CalendarId::primary(), &RemoteId::new("a")).unwrap();
        assert_eq!(primary.uri().path(), "/v1.0/me/calendar/events/a");
        for id in ["", ".", ".."] {
            let refused = requests().get(&CalendarId::primary(), &RemoteId::new(id));
            assert!(matches!(refused, Err(RequestError::Id(_))), "{id:?}");
        }
    }

    #[test]
    fn every_request_prefers_immutable_ids_and_changes_name_the_version() {
        let (primary, id, etag) = (CalendarId::primary(), RemoteId::new("a"), Etag::new("W/\"7\""));
        let requests = requests();
        for (request, is_change) in [
            (requests.create(&primary, &()), false),
            (requests.update(&primary, &id, Some(&etag), &()), true),
            (requests.delete(&primary, &id, Some(&etag)), true),
            (requests.get(&primary, &id), false),
            (requests.html(&primary, &id), false),
            (requests.identity(&primary, &id), false),
            (requests.find(&primary, &target(), Some(&id)), false),
            (requests.by_marker(&primary, &target()), false),
            (requests.ours(&primary, "my-shop"), false),
            (requests.latest(&primary), false),
            (requests.probe(&primary), false),
            (requests.calendars(), false),
            (requests.create_calendar(&()), false),
        ] {
            let request = request.unwrap();
            let prefer = request.headers()["prefer"].to_str().unwrap();
            assert!(prefer.starts_with("IdType=\"ImmutableId\","), "{}", request.uri());
            let version = request.headers().get(IF_MATCH).map(|value| value.to_str().unwrap());
            assert_eq!(version, is_change.then_some("W/\"7\""), "{}", request.uri());
        }
        assert!(requests.delete(&primary, &id, Some(&Etag::new("bad\netag"))).is_err());
    }

    #[test]
    fn a_batch_has_relative_urls_and_every_part_has_the_preferences() {
        let parts_of = |known: Option<&str>| {
            let known = known.map(RemoteId::new);
            let request =
                requests().find(&CalendarId::new("C=").unwrap(), &target(), known.as_ref()).unwrap();
            assert_eq!(request.uri().path(), "/v1.0/$batch");
            let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
            body["requests"].as_array().unwrap().clone()
        };
        let parts = parts_of(Some("AAk/x="));
        assert_eq!(parts.len(), 3);
        for part in &parts {
            assert!(part["url"].as_str().unwrap().starts_with("/me/calendars/C%3D/events"), "{part}");
            assert_eq!(part["headers"]["Prefer"], PREFER);
        }
        assert_eq!((parts[0].get("dependsOn"), &parts[1]["dependsOn"][0]), (None, &parts[0]["id"]));
        assert_eq!(parts[2]["dependsOn"][0], parts[1]["id"]);
        assert!(
            parts[2]["url"].as_str().unwrap().starts_with("/me/calendars/C%3D/events/AAk%2Fx%3D?$select")
        );
        for known in [None, Some(""), Some("..")] {
            assert_eq!(parts_of(known).len(), 2, "{known:?}");
        }
    }

    #[test]
    fn a_quote_in_a_namespace_is_escaped() {
        let request = requests().ours(&CalendarId::primary(), "Anna's ' or 1 eq 1").unwrap();
        let query = request.uri().query().unwrap();
        assert!(query.contains("Anna%27%27s%20%27%27%20or%201%20eq%201%27"), "{query}");
    }

    #[test]
    fn a_next_page_stays_on_the_first_pages_host_and_path() {
        let first = requests().calendars().unwrap();
        let next = next_page(&first, "https://evil.example/v1.0/other?$skip=10&x=%24").unwrap();
        assert_eq!(next.uri(), "https://graph.microsoft.com/v1.0/me/calendars?$skip=10&x=%24");
        assert_eq!(next.headers(), first.headers());
        for bad in ["", "not a url", "https://graph.microsoft.com/v1.0/me/calendars"] {
            assert!(next_page(&first, bad).is_err(), "{bad}");
        }
    }
}
