//! [`CalendarInfo`]: properties of the calendar in a file.

use std::time::Duration;

use calsync_core::event::clean_line;
use calsync_core::time::Zone;

use crate::lines::Lines;

/// Properties of the calendar in a file. Default: none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CalendarInfo {
    /// Display name (`NAME` and `X-WR-CALNAME`).
    pub name: Option<String>,
    /// Description for readers (`DESCRIPTION` and `X-WR-CALDESC`).
    pub description: Option<String>,
    /// Time zone in which readers show the calendar (`X-WR-TIMEZONE`).
    pub zone: Option<Zone>,
    /// How often a subscriber should fetch the calendar (`REFRESH-INTERVAL` and `X-PUBLISHED-TTL`).
    /// Written in whole minutes, rounded down, at least one.
    pub refresh: Option<Duration>,
}

impl CalendarInfo {
    /// Creates an empty value: the file has none of these properties.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the display name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the time zone in which readers show the calendar.
    #[must_use]
    pub fn with_zone(mut self, zone: Zone) -> Self {
        self.zone = Some(zone);
        self
    }

    /// Sets how often a subscriber should fetch the calendar.
    #[must_use]
    pub fn with_refresh(mut self, every: Duration) -> Self {
        self.refresh = Some(every);
        self
    }

    /// The start of a file, up to the first component.
    pub(crate) fn header(&self) -> String {
        let mut lines = Lines::default();
        lines.lines(HEADER);
        if let Some(name) = &self.name {
            let name = clean_line(name);
            lines.text("NAME:", &name);
            lines.text("X-WR-CALNAME:", &name);
        }
        if let Some(description) = &self.description {
            lines.text("DESCRIPTION:", description);
            lines.text("X-WR-CALDESC:", description);
        }
        if let Some(zone) = &self.zone {
            lines.text("X-WR-TIMEZONE:", zone.name());
        }
        if let Some(every) = self.refresh {
            let minutes = (every.as_secs() / 60).max(1);
            lines.number("REFRESH-INTERVAL;VALUE=DURATION:PT", minutes, "M");
            lines.number("X-PUBLISHED-TTL:PT", minutes, "M");
        }
        lines.into_string()
    }
}

/// First lines of every file. `PRODID` has no version, so that the same event gives the same bytes
/// in every version of calsync.
const HEADER: &str =
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//calsync//calsync-ics//EN\r\nCALSCALE:GREGORIAN\r\n";

/// Last line of every file.
pub(crate) const FOOTER: &str = "END:VCALENDAR\r\n";
