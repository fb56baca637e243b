//! Maps requests to API methods, and lists the scopes of each method.

use http::Method;
use percent_encoding::percent_decode_str;

/// The methods of the Calendar API and of the OAuth server that the fake supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ApiMethod {
    /// `GET users/me/calendarList`
    CalendarListList,
    /// `GET users/me/calendarList/{calendarId}`
    CalendarListGet,
    /// `POST calendars`
    CalendarsInsert,
    /// `GET calendars/{calendarId}`
    CalendarsGet,
    /// `PUT calendars/{calendarId}`
    CalendarsUpdate,
    /// `PATCH calendars/{calendarId}`
    CalendarsPatch,
    /// `DELETE calendars/{calendarId}`
    CalendarsDelete,
    /// `GET calendars/{calendarId}/events`
    EventsList,
    /// `POST calendars/{calendarId}/events`
    EventsInsert,
    /// `POST calendars/{calendarId}/events/import`
    EventsImport,
    /// `GET calendars/{calendarId}/events/{eventId}`
    EventsGet,
    /// `PUT calendars/{calendarId}/events/{eventId}`
    EventsUpdate,
    /// `PATCH calendars/{calendarId}/events/{eventId}`
    EventsPatch,
    /// `DELETE calendars/{calendarId}/events/{eventId}`
    EventsDelete,
    /// `POST calendars/{calendarId}/events/{eventId}/move`
    EventsMove,
    /// `GET calendars/{calendarId}/events/{eventId}/instances`
    EventsInstances,
    /// `POST calendars/{calendarId}/events/watch`
    EventsWatch,
    /// `POST channels/stop`
    ChannelsStop,
    /// `POST freeBusy`
    FreeBusyQuery,
    /// `POST /batch/calendar/v3`
    Batch,
    /// `GET` or `POST /o/oauth2/v2/auth`
    Authorize,
    /// `POST /token`
    Token,
    /// `POST /revoke`
    Revoke,
    /// Any other request; the response is 404.
    Unknown,
}

/// A method, and the percent-decoded ids in its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) method: ApiMethod,
    pub(super) calendar: Option<String>,
    pub(super) event: Option<String>,
}

impl Route {
    pub(super) fn of(http_method: &Method, path: &str) -> Self {
        // Decoded after the split, so that an encoded slash stays part of its id.
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let parts: Vec<String> = path.split('/').skip(1).map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (method, calendar, event) = resolve(http_method, &parts);
        Self { method, calendar: calendar.map(str::to_owned), event: event.map(str::to_owned) }
    }
}

fn resolve<'a>(http: &Method, parts: &[&'a str]) -> (ApiMethod, Option<&'a str>, Option<&'a str>) {
    use ApiMethod as M;
    let get = *http == Method::GET;
    let post = *http == Method::POST;
    let put = *http == Method::PUT;
    let patch = *http == Method::PATCH;
    let delete = *http == Method::DELETE;
    match *parts {
        ["batch", "calendar", "v3"] if post => (M::Batch, None, None),
        ["o", "oauth2", "v2", "auth"] if get || post => (M::Authorize, None, None),
        ["token"] if post => (M::Token, None, None),
        ["revoke"] if post => (M::Revoke, None, None),
        ["calendar", "v3", ref rest @ ..] => match *rest {
            ["users", "me", "calendarList"] if get => (M::CalendarListList, None, None),
            ["users", "me", "calendarList", calendar] if get => (M::CalendarListGet, Some(calendar), None),
            ["calendars"] if post => (M::CalendarsInsert, None, None),
            ["calendars", calendar] if get => (M::CalendarsGet, Some(calendar), None),
            ["calendars", calendar] if put => (M::CalendarsUpdate, Some(calendar), None),
            ["calendars", calendar] if patch => (M::CalendarsPatch, Some(calendar), None),
            ["calendars", calendar] if delete => (M::CalendarsDelete, Some(calendar), None),
            ["calendars", calendar, "events"] if get => (M::EventsList, Some(calendar), None),
            ["calendars", calendar, "events"] if post => (M::EventsInsert, Some(calendar), None),
            ["calendars", calendar, "events", "import"] if post => (M::EventsImport, Some(calendar), None),
            ["calendars", calendar, "events", "watch"] if post => (M::EventsWatch, Some(calendar), None),
            ["calendars", calendar, "events", event] => {
                let method = match *http {
                    Method::GET => M::EventsGet,
                    Method::PUT => M::EventsUpdate,
                    Method::PATCH => M::EventsPatch,
                    Method::DELETE => M::EventsDelete,
                    _ => M::Unknown,
                };
                (method, Some(calendar), Some(event))
            }
            ["calendars", calendar, "events", event, "move"] if post => {
                (M::EventsMove, Some(calendar), Some(event))
            }
            ["calendars", calendar, "events", event, "instances"] if get => {
                (M::EventsInstances, Some(calendar), Some(event))
            }
            ["channels", "stop"] if post => (M::ChannelsStop, None, None),
            ["freeBusy"] if post => (M::FreeBusyQuery, None, None),
            _ => (M::Unknown, None, None),
        },
        _ => (M::Unknown, None, None),
    }
}

impl ApiMethod {
    /// Returns the method's name in Google's discovery document; for other paths a short name of
    /// the path.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CalendarListList => "calendarList.list",
            Self::CalendarListGet => "calendarList.get",
            Self::CalendarsInsert => "calendars.insert",
            Self::CalendarsGet => "calendars.get",
            Self::CalendarsUpdate => "calendars.update",
            Self::CalendarsPatch => "calendars.patch",
            Self::CalendarsDelete => "calendars.delete",
            Self::EventsList => "events.list",
            Self::EventsInsert => "events.insert",
            Self::EventsImport => "events.import",
            Self::EventsGet => "events.get",
            Self::EventsUpdate => "events.update",
            Self::EventsPatch => "events.patch",
            Self::EventsDelete => "events.delete",
            Self::EventsMove => "events.move",
            Self::EventsInstances => "events.instances",
            Self::EventsWatch => "events.watch",
            Self::ChannelsStop => "channels.stop",
            Self::FreeBusyQuery => "freebusy.query",
            Self::Batch => "batch",
            Self::Authorize => "auth",
            Self::Token => "token",
            Self::Revoke => "revoke",
            Self::Unknown => "unknown",
        }
    }

    /// Scopes of which any one allows the method, without their common prefix (discovery document,
    /// revision 20261030).
    pub(super) fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::CalendarListList => {
                &["calendar", "calendar.calendarlist", "calendar.calendarlist.readonly", "calendar.readonly"]
            }
            Self::CalendarListGet => &[
                "calendar",
                "calendar.app.created",
                "calendar.calendarlist",
                "calendar.calendarlist.readonly",
                "calendar.readonly",
            ],
            Self::CalendarsGet => &[
                "calendar",
                "calendar.app.created",
                "calendar.calendars",
                "calendar.calendars.readonly",
                "calendar.readonly",
            ],
            Self::CalendarsInsert | Self::CalendarsUpdate | Self::CalendarsPatch | Self::CalendarsDelete => {
                &["calendar", "calendar.app.created", "calendar.calendars"]
            }
            Self::EventsList | Self::EventsGet | Self::EventsInstances | Self::EventsWatch => &[
                "calendar",
                "calendar.app.created",
                "calendar.events",
                "calendar.events.freebusy",
                "calendar.events.owned",
                "calendar.events.owned.readonly",
                "calendar.events.public.readonly",
                "calendar.events.readonly",
                "calendar.readonly",
            ],
            Self::EventsInsert
            | Self::EventsImport
            | Self::EventsUpdate
            | Self::EventsPatch
            | Self::EventsDelete => {
                &["calendar", "calendar.app.created", "calendar.events", "calendar.events.owned"]
            }
            Self::EventsMove => &["calendar", "calendar.events", "calendar.events.owned"],
            Self::ChannelsStop => &[
                "calendar",
                "calendar.acls",
                "calendar.acls.readonly",
                "calendar.app.created",
                "calendar.calendarlist",
                "calendar.calendarlist.readonly",
                "calendar.events",
                "calendar.events.freebusy",
                "calendar.events.owned",
                "calendar.events.owned.readonly",
                "calendar.events.public.readonly",
                "calendar.events.readonly",
                "calendar.readonly",
                "calendar.settings",
                "calendar.settings.readonly",
            ],
            Self::FreeBusyQuery => {
                &["calendar", "calendar.events.freebusy", "calendar.freebusy", "calendar.readonly"]
            }
            Self::Batch | Self::Authorize | Self::Token | Self::Revoke | Self::Unknown => &[],
        }
    }
}
