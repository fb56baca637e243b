//! What a file says about the calendar itself.

use std::time::Duration;

use calsync_core::event::clean_line;
use calsync_core::time::Zone;

use crate::lines::Lines;

/// What a file says about the calendar itself; nothing at all by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CalendarInfo {
    /// The name readers show (`NAME` and `X-WR-CALNAME`).
    pub name: Option<String>,
    /// What the calendar is for (`DESCRIPTION` and `X-WR-CALDESC`).
    pub description: Option<String>,
    /// The zone readers show it in (`X-WR-TIMEZONE`).
    pub zone: Option<Zone>,
    /// How often a subscriber should look again (`REFRESH-INTERVAL` and `X-PUBLISHED-TTL`); in whole minutes.
    pub refresh: Option<Duration>,
}

impl CalendarInfo {
    /// Nothing said.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// With this description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Shown in this zone.
    #[must_use]
    pub fn with_zone(mut self, zone: Zone) -> Self {
        self.zone = Some(zone);
        self
    }

    /// Looked at again every so often.
    #[must_use]
    pub fn with_refresh(mut self, every: Duration) -> Self {
        self.refresh = Some(every);
        self
    }

    /// The beginning of a file, down to the first component.
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

/// The product is named without its version: the same event gives the same bytes in every version.
const HEADER: &str =
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//calsync//calsync-ics//EN\r\nCALSCALE:GREGORIAN\r\n";

/// The end of every file.
pub(crate) const FOOTER: &str = "END:VCALENDAR\r\n";
