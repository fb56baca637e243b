//! Routing: the method of a request, and the scopes it needs.

use http::Method;
use percent_encoding::percent_decode_str;

/// The methods of Graph and of the OAuth server that the fake supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ApiMethod {
    /// `GET /me`
    Me,
    /// `GET /me/calendars`
    CalendarsList,
    /// `POST /me/calendars`
    CalendarsCreate,
    /// `GET /me/calendars/{id}`, `GET /me/calendar`
    CalendarsGet,
    /// `PATCH /me/calendars/{id}`, `PATCH /me/calendar`
    CalendarsUpdate,
    /// `DELETE /me/calendars/{id}`
    CalendarsDelete,
    /// `GET …/events`
    EventsList,
    /// `POST …/events`
    EventsCreate,
    /// `GET …/events/{id}`
    EventsGet,
    /// `PATCH …/events/{id}`
    EventsUpdate,
    /// `DELETE …/events/{id}`
    EventsDelete,
    /// `GET …/events/{id}/instances`
    EventsInstances,
    /// `POST …/events/{id}/cancel`
    EventsCancel,
    /// `GET …/calendarView`
    CalendarView,
    /// `GET …/calendarView/delta`
    CalendarViewDelta,
    /// `POST …/getSchedule`
    GetSchedule,
    /// `GET /me/outlook/supportedTimeZones`
    SupportedTimeZones,
    /// `GET /me/mailboxSettings`
    MailboxSettings,
    /// `POST /me/translateExchangeIds`
    TranslateExchangeIds,
    /// `POST /subscriptions`
    SubscriptionsCreate,
    /// `GET /subscriptions/{id}`
    SubscriptionsGet,
    /// `PATCH /subscriptions/{id}`
    SubscriptionsUpdate,
    /// `DELETE /subscriptions/{id}`
    SubscriptionsDelete,
    /// `POST /subscriptions/{id}/reauthorize`
    SubscriptionsReauthorize,
    /// `POST /$batch`
    Batch,
    /// `GET` or `POST /{tenant}/oauth2/v2.0/authorize`
    Authorize,
    /// `POST /{tenant}/oauth2/v2.0/token`
    Token,
    /// Any other request: 400.
    Unknown,
}

/// The mailbox in a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    /// `/me`
    Me,
    /// `/users/{id}`: an id or a principal name.
    User(String),
}

/// The calendar in a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CalendarRef {
    /// The path names no calendar: the default one, or any in a path of an event.
    Mailbox,
    /// `/calendar`
    Default,
    /// `/calendars/{id}`
    Id(String),
}

/// A method and the parts of its path, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) method: ApiMethod,
    pub(super) whose: Option<Whose>,
    pub(super) place: CalendarRef,
    /// An event's id, a subscription's id, or a function's parameter.
    pub(super) id: Option<String>,
    pub(super) tenant: Option<String>,
}

impl Route {
    pub(super) fn of(http_method: &Method, path: &str) -> Self {
        // The path is split before it is decoded, so that an encoded slash stays within an id.
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let parts: Vec<String> = path.split('/').skip(1).map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let mut route = Self {
            method: ApiMethod::Unknown,
            whose: None,
            place: CalendarRef::Mailbox,
            id: None,
            tenant: None,
        };
        route.resolve(http_method, &parts);
        route
    }

    /// The calendar for fault rules and the log: its id, or `primary` for the default one.
    pub(super) fn calendar(&self) -> Option<&str> {
        match &self.place {
            CalendarRef::Id(id) => Some(id),
            CalendarRef::Default => Some("primary"),
            CalendarRef::Mailbox => match self.method {
                ApiMethod::EventsList
                | ApiMethod::EventsCreate
                | ApiMethod::CalendarView
                | ApiMethod::CalendarViewDelta => Some("primary"),
                _ => None,
            },
        }
    }

    /// The event's id for the log.
    pub(super) fn event(&self) -> Option<&str> {
        let is_event = matches!(
            self.method,
            ApiMethod::EventsGet
                | ApiMethod::EventsUpdate
                | ApiMethod::EventsDelete
                | ApiMethod::EventsInstances
                | ApiMethod::EventsCancel
        );
        self.id.as_deref().filter(|_| is_event)
    }

    fn resolve(&mut self, http: &Method, parts: &[&str]) {
        let post = *http == Method::POST;
        match *parts {
            [tenant, "oauth2", "v2.0", "authorize"] if post || *http == Method::GET => {
                self.method = ApiMethod::Authorize;
                self.tenant = Some(tenant.to_owned());
            }
            [tenant, "oauth2", "v2.0", "token"] if post => {
                self.method = ApiMethod::Token;
                self.tenant = Some(tenant.to_owned());
            }
            ["v1.0", "$batch"] if post => self.method = ApiMethod::Batch,
            ["v1.0", "subscriptions"] if post => self.method = ApiMethod::SubscriptionsCreate,
            ["v1.0", "subscriptions", id] => {
                self.method = match *http {
                    Method::GET => ApiMethod::SubscriptionsGet,
                    Method::PATCH => ApiMethod::SubscriptionsUpdate,
                    Method::DELETE => ApiMethod::SubscriptionsDelete,
                    _ => ApiMethod::Unknown,
                };
                self.id = Some(id.to_owned());
            }
            ["v1.0", "subscriptions", id, "reauthorize"] if post => {
                self.method = ApiMethod::SubscriptionsReauthorize;
                self.id = Some(id.to_owned());
            }
            ["v1.0", "me", ref rest @ ..] => {
                self.whose = Some(Whose::Me);
                self.resolve_mailbox(http, rest);
            }
            ["v1.0", "users", user, ref rest @ ..] if !user.is_empty() => {
                self.whose = Some(Whose::User(user.to_owned()));
                self.resolve_mailbox(http, rest);
            }
            _ => {}
        }
    }

    fn resolve_mailbox(&mut self, http: &Method, parts: &[&str]) {
        let get = *http == Method::GET;
        let post = *http == Method::POST;
        self.method = match *parts {
            [] if get => ApiMethod::Me,
            ["calendars"] if get => ApiMethod::CalendarsList,
            ["calendars"] if post => ApiMethod::CalendarsCreate,
            ["calendar", ref rest @ ..] => {
                self.place = CalendarRef::Default;
                self.resolve_calendar(http, rest)
            }
            ["calendars", id, ref rest @ ..] if !id.is_empty() => {
                self.place = CalendarRef::Id(id.to_owned());
                self.resolve_calendar(http, rest)
            }
            ["outlook", name] if get => match name.strip_prefix("supportedTimeZones") {
                Some(rest) => {
                    self.id = Some(rest.to_owned());
                    ApiMethod::SupportedTimeZones
                }
                None => ApiMethod::Unknown,
            },
            ["mailboxSettings"] if get => ApiMethod::MailboxSettings,
            ["mailboxSettings", name] if get => {
                self.id = Some(name.to_owned());
                ApiMethod::MailboxSettings
            }
            ["translateExchangeIds"] if post => ApiMethod::TranslateExchangeIds,
            ref rest => self.resolve_events(http, rest),
        };
    }

    fn resolve_calendar(&mut self, http: &Method, parts: &[&str]) -> ApiMethod {
        match *parts {
            [] => match *http {
                Method::GET => ApiMethod::CalendarsGet,
                Method::PATCH => ApiMethod::CalendarsUpdate,
                Method::DELETE => ApiMethod::CalendarsDelete,
                _ => ApiMethod::Unknown,
            },
            ["getSchedule"] if *http == Method::POST => ApiMethod::GetSchedule,
            ref rest => self.resolve_events(http, rest),
        }
    }

    fn resolve_events(&mut self, http: &Method, parts: &[&str]) -> ApiMethod {
        let get = *http == Method::GET;
        let post = *http == Method::POST;
        let mut of = |id: &str, method| {
            self.id = Some(id.to_owned());
            method
        };
        match *parts {
            ["events"] if get => ApiMethod::EventsList,
            ["events"] if post => ApiMethod::EventsCreate,
            ["events", id] => match *http {
                Method::GET => of(id, ApiMethod::EventsGet),
                Method::PATCH => of(id, ApiMethod::EventsUpdate),
                Method::DELETE => of(id, ApiMethod::EventsDelete),
                _ => ApiMethod::Unknown,
            },
            ["events", id, "instances"] if get => of(id, ApiMethod::EventsInstances),
            ["events", id, "cancel"] if post => of(id, ApiMethod::EventsCancel),
            ["calendarView"] if get => ApiMethod::CalendarView,
            ["calendarView", "delta" | "delta()" | "microsoft.graph.delta()"] if get => {
                ApiMethod::CalendarViewDelta
            }
            _ => ApiMethod::Unknown,
        }
    }
}

impl ApiMethod {
    /// A short name, such as `events.create`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Me => "me",
            Self::CalendarsList => "calendars.list",
            Self::CalendarsCreate => "calendars.create",
            Self::CalendarsGet => "calendars.get",
            Self::CalendarsUpdate => "calendars.update",
            Self::CalendarsDelete => "calendars.delete",
            Self::EventsList => "events.list",
            Self::EventsCreate => "events.create",
            Self::EventsGet => "events.get",
            Self::EventsUpdate => "events.update",
            Self::EventsDelete => "events.delete",
            Self::EventsInstances => "events.instances",
            Self::EventsCancel => "events.cancel",
            Self::CalendarView => "calendarView",
            Self::CalendarViewDelta => "calendarView.delta",
            Self::GetSchedule => "getSchedule",
            Self::SupportedTimeZones => "supportedTimeZones",
            Self::MailboxSettings => "mailboxSettings",
            Self::TranslateExchangeIds => "translateExchangeIds",
            Self::SubscriptionsCreate => "subscriptions.create",
            Self::SubscriptionsGet => "subscriptions.get",
            Self::SubscriptionsUpdate => "subscriptions.update",
            Self::SubscriptionsDelete => "subscriptions.delete",
            Self::SubscriptionsReauthorize => "subscriptions.reauthorize",
            Self::Batch => "batch",
            Self::Authorize => "authorize",
            Self::Token => "token",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the OAuth server handles it.
    pub(super) fn is_oauth(self) -> bool {
        matches!(self, Self::Authorize | Self::Token)
    }

    /// The scopes for the method; one of them is enough.
    pub(super) fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Me | Self::SupportedTimeZones | Self::TranslateExchangeIds => {
                &["User.Read", "User.ReadWrite", "User.Read.All", "User.ReadWrite.All"]
            }
            Self::MailboxSettings => &["MailboxSettings.Read", "MailboxSettings.ReadWrite"],
            Self::CalendarsList
            | Self::CalendarsGet
            | Self::EventsList
            | Self::EventsGet
            | Self::EventsInstances
            | Self::CalendarView
            | Self::CalendarViewDelta
            | Self::GetSchedule
            | Self::SubscriptionsCreate
            | Self::SubscriptionsGet
            | Self::SubscriptionsUpdate
            | Self::SubscriptionsDelete
            | Self::SubscriptionsReauthorize => &["Calendars.Read", "Calendars.ReadWrite"],
            Self::CalendarsCreate
            | Self::CalendarsUpdate
            | Self::CalendarsDelete
            | Self::EventsCreate
            | Self::EventsUpdate
            | Self::EventsDelete
            | Self::EventsCancel => &["Calendars.ReadWrite"],
            Self::Batch | Self::Authorize | Self::Token | Self::Unknown => &[],
        }
    }
}
