//! What a person can be asked to allow.

/// A permission of Google's, from the narrowest up.
///
/// <https://developers.google.com/workspace/calendar/api/auth>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// Make calendars, and write events into those alone. For hosts that give everybody a calendar of its own, with
    /// [`GoogleCalendar::create_calendar`](crate::GoogleCalendar::create_calendar).
    AppCreated,
    /// Write events into the calendars the person owns.
    EventsOwned,
    /// Write events into every calendar the person can edit, shared ones among them.
    Events,
    /// List the person's calendars, so that one can be picked, with
    /// [`GoogleCalendar::calendars`](crate::GoogleCalendar::calendars).
    CalendarListReadonly,
    /// Everything. None of what calsync does needs it.
    Calendar,
}

impl Scope {
    /// The scope as OAuth names it.
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
