//! [`Scope`]: the OAuth scopes that a host can ask for.

/// An OAuth scope of Google Calendar. Ordered from the narrowest to the widest.
///
/// <https://developers.google.com/workspace/calendar/api/auth>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// Create calendars, and write events only into those. For hosts that create a separate
    /// calendar for each person with
    /// [`GoogleCalendar::create_calendar`](crate::GoogleCalendar::create_calendar).
    AppCreated,
    /// Write events into the calendars the person owns.
    EventsOwned,
    /// Write events into every calendar that the person can edit, shared calendars included.
    Events,
    /// List the person's calendars with
    /// [`GoogleCalendar::calendars`](crate::GoogleCalendar::calendars), so that the person can pick
    /// one.
    CalendarListReadonly,
    /// Full access. calsync never needs it.
    Calendar,
}

impl Scope {
    /// The scope's URL, as OAuth requests and responses contain it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AppCreated => "https://www.googleapis.com/auth/calendar.app.created",
            Self::EventsOwned => "https://www.googleapis.com/auth/calendar.events.owned",
            Self::Events => "https://www.googleapis.com/auth/calendar.events",
            Self::CalendarListReadonly => "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
            Self::Calendar => "https://www.googleapis.com/auth/calendar",
        }
    }
}
