//! Builds the requests to the Calendar API v3. Sends nothing.
//!
//! <https://developers.google.com/workspace/calendar/api/v3/reference>

use calsync_core::http::{Endpoint, Request, Target};
use calsync_core::names::{CalendarId, Etag, RemoteId};
use calsync_core::rest::{RequestError, request, with_if_match};
use http::Method;
use serde::Serialize;

use crate::wire::{EVENT_FIELDS, IDENTITY_FIELDS, INSERTED_FIELDS};

/// Page size of `events.list`: the maximum that Google allows.
const PAGE_SIZE: &str = "2500";

/// Builds requests below one base URL.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    api: Endpoint,
}

impl Requests {
    pub(crate) fn new(api: Endpoint) -> Self {
        Self { api }
    }

    /// `events.insert`.
    pub(crate) fn insert(
        &self,
        calendar: &CalendarId,
        body: &impl Serialize,
    ) -> Result<Request, RequestError> {
        let target = self.events(calendar).query("sendUpdates", "none").query("fields", INSERTED_FIELDS);
        request(Method::POST, target, Some(body))
    }

    /// `events.patch`, with `If-Match: etag` where there is one.
    pub(crate) fn patch(
        &self,
        calendar: &CalendarId,
        id: &RemoteId,
        etag: Option<&Etag>,
        body: &impl Serialize,
    ) -> Result<Request, RequestError> {
        let target = self.events(calendar).segment(id.as_str());
        let target = target.query("sendUpdates", "none").query("fields", EVENT_FIELDS);
        with_if_match(request(Method::PATCH, target, Some(body))?, etag)
    }

    /// `events.delete`, with `If-Match: etag` where there is one.
    pub(crate) fn delete(
        &self,
        calendar: &CalendarId,
        id: &RemoteId,
        etag: Option<&Etag>,
    ) -> Result<Request, RequestError> {
        let target = self.events(calendar).segment(id.as_str()).query("sendUpdates", "none");
        with_if_match(request(Method::DELETE, target, None::<&()>)?, etag)
    }

    /// `events.get`, with these fields. Google returns tombstones too.
    pub(crate) fn get(
        &self,
        calendar: &CalendarId,
        id: &RemoteId,
        fields: &str,
    ) -> Result<Request, RequestError> {
        let target = self.events(calendar).segment(id.as_str()).query("fields", fields);
        request(Method::GET, target, None::<&()>)
    }

    /// A page of `events.list`: identities of the live events that carry this private property.
    /// Only one property, since Google's guide and its reference disagree on the meaning of
    /// several.
    pub(crate) fn by_property(
        &self,
        calendar: &CalendarId,
        (name, value): (&str, &str),
        page: Option<&str>,
    ) -> Result<Request, RequestError> {
        let target = self.events(calendar).query("privateExtendedProperty", &format!("{name}={value}"));
        let target = target.query("maxResults", PAGE_SIZE).query("showDeleted", "false");
        let mut target = target.query("fields", &format!("kind,nextPageToken,items({IDENTITY_FIELDS})"));
        if let Some(page) = page {
            target = target.query("pageToken", page);
        }
        request(Method::GET, target, None::<&()>)
    }

    /// The smallest `events.list`: shows whether the calendar exists.
    pub(crate) fn probe(&self, calendar: &CalendarId) -> Result<Request, RequestError> {
        let target = self.events(calendar).query("maxResults", "1").query("fields", "kind");
        request(Method::GET, target, None::<&()>)
    }

    /// A page of `calendarList.list`.
    pub(crate) fn calendars(&self, page: Option<&str>) -> Result<Request, RequestError> {
        let mut target = self.api.target().segment("users").segment("me").segment("calendarList");
        target = target.query(
            "fields",
            "kind,nextPageToken,items(id,summary,summaryOverride,timeZone,accessRole,primary,deleted)",
        );
        if let Some(page) = page {
            target = target.query("pageToken", page);
        }
        request(Method::GET, target, None::<&()>)
    }

    /// `calendars.insert`.
    pub(crate) fn create_calendar(&self, body: &impl Serialize) -> Result<Request, RequestError> {
        request(Method::POST, self.api.target().segment("calendars"), Some(body))
    }

    fn events(&self, calendar: &CalendarId) -> Target {
        self.api.target().segment("calendars").segment(calendar.as_str()).segment("events")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::IF_MATCH;

    fn requests() -> Requests {
        Requests::new(Endpoint::new("https://www.googleapis.com/calendar/v3").unwrap())
    }

    #[test]
    fn ids_are_percent_encoded_once_and_dot_segments_are_refused() {
        let calendar = CalendarId::new("c_7a/b#c@group.calendar.google.com").unwrap();
        let request = requests().get(&calendar, &RemoteId::new("abc/../x?y"), EVENT_FIELDS).unwrap();
        let path = request.uri().path();
        assert_eq!(
            path,
            "/calendar/v3/calendars/c_7a%2Fb%23c%40group.calendar.google.com/events/abc%2F..%2Fx%3Fy"
        );
        for id in ["", ".", ".."] {
            let refused = requests().get(&CalendarId::primary(), &RemoteId::new(id), EVENT_FIELDS);
            assert!(matches!(refused, Err(RequestError::Id(_))), "{id:?}");
        }
    }

    #[test]
    fn every_write_sends_no_mails_and_names_the_version() {
        let (primary, id, etag) = (CalendarId::primary(), RemoteId::new("abc12"), Etag::new("\"7\""));
        for request in [
            requests().insert(&primary, &()).unwrap(),
            requests().patch(&primary, &id, Some(&etag), &()).unwrap(),
            requests().delete(&primary, &id, Some(&etag)).unwrap(),
        ] {
            assert!(request.uri().query().unwrap().contains("sendUpdates=none"), "{}", request.uri());
            let version = request.headers().get(IF_MATCH).map(|value| value.to_str().unwrap());
            assert_eq!(version, (request.method() != Method::POST).then_some("\"7\""));
        }
        assert!(requests().delete(&primary, &id, Some(&Etag::new("bad\netag"))).is_err());
    }
}
