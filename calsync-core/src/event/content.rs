//! Provider-neutral event content.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::event::text::{TextLimits, clean_block, clean_line, cut};
use crate::identity::{Fingerprint, FingerprintWriter};
use crate::time::Zone;

/// The content of an event. The texts are `Arc<str>`, so that clones share them, and a plan holds
/// one event for all the calendars that get it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// The title (iCalendar `SUMMARY`, Graph `subject`). One line.
    pub title: Arc<str>,
    /// The description (iCalendar `DESCRIPTION`, Graph `body`). Plain text; lines end with a line
    /// feed.
    pub description: Arc<str>,
    /// The location, as free text on one line; empty if unknown.
    pub location: Arc<str>,
    /// The start and the end.
    pub when: When,
    /// When the calendar reminds its owner.
    #[serde(default)]
    pub reminders: Reminders,
    /// Whether the event is confirmed or tentative.
    #[serde(default)]
    pub status: EventStatus,
    /// Who may read the event in a calendar that is shared.
    #[serde(default, skip_serializing_if = "Visibility::is_default")]
    pub visibility: Visibility,
}

/// The start and the end of an event. The interval is half open: the end is not part of the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Two instants, shown in a time zone.
    Timed {
        /// The start, in UTC.
        start: DateTime<Utc>,
        /// The end, in UTC; later than `start`.
        end: DateTime<Utc>,
        /// The time zone in which calendars show the event.
        zone: Zone,
    },
    /// Whole days, the same days in every time zone.
    AllDay {
        /// The first day.
        start: NaiveDate,
        /// The day after the last one (RFC 5545 section 3.6.1: `DTEND` is exclusive); later than
        /// `start`.
        end: NaiveDate,
    },
}

/// When the calendar reminds its owner of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reminders {
    /// The calendar's own default reminders.
    #[default]
    CalendarDefault,
    /// Reminders these numbers of minutes before the start. An empty list means no reminders.
    Before(Vec<u32>),
}

/// Whether an event is confirmed (iCalendar `STATUS`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventStatus {
    /// The event takes place.
    #[default]
    Confirmed,
    /// The event may take place.
    Tentative,
}

/// Who may read an event in a calendar that its owner shares with others.
///
/// Google's `visibility`, Graph's `sensitivity` (`normal` or `private`), iCalendar's `CLASS` (RFC
/// 5545 section 3.8.1.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Visibility {
    /// calsync does not write the visibility. A new event gets the calendar's default; an existing
    /// event keeps its visibility, which the person may have chosen. An event that calsync wrote as
    /// private stays private; to change that, use [`Visibility::Public`].
    #[default]
    Default,
    /// All people with whom the calendar is shared can read the event.
    Public,
    /// Other people see that the time is taken, but not the content.
    Private,
}

impl Visibility {
    fn is_default(&self) -> bool {
        *self == Self::Default
    }
}

impl Event {
    /// Creates an event with a title and a time. All other fields have their defaults.
    #[must_use]
    pub fn new(title: impl Into<Arc<str>>, when: When) -> Self {
        Self {
            title: title.into(),
            description: Arc::default(),
            location: Arc::default(),
            when,
            reminders: Reminders::default(),
            status: EventStatus::default(),
            visibility: Visibility::default(),
        }
    }

    /// Sets the description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<Arc<str>>) -> Self {
        self.description = description.into();
        self
    }

    /// Sets the location.
    #[must_use]
    pub fn with_location(mut self, location: impl Into<Arc<str>>) -> Self {
        self.location = location.into();
        self
    }

    /// Sets the reminders.
    #[must_use]
    pub fn with_reminders(mut self, reminders: Reminders) -> Self {
        self.reminders = reminders;
        self
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: EventStatus) -> Self {
        self.status = status;
        self
    }

    /// Sets the visibility.
    #[must_use]
    pub fn with_visibility(mut self, visibility: Visibility) -> Self {
        self.visibility = visibility;
        self
    }

    /// Returns the event as a provider with these limits can store it: without control characters
    /// and invisible characters, with line feeds as line ends, long texts cut and marked with
    /// [`CUT_MARK`](crate::event::CUT_MARK), times in whole seconds, and reminders sorted, without
    /// duplicates and at most as many as the limits allow.
    ///
    /// Returns `None` if the event already fits; the caller can then share the event itself.
    #[must_use]
    pub fn fitted(&self, limits: &TextLimits) -> Option<Self> {
        let mut changed = None;
        for (field, clean, limit) in [
            (Field::Title, clean_line as fn(&str) -> std::borrow::Cow<'_, str>, limits.title),
            (Field::Location, clean_line, limits.location),
            (Field::Description, clean_block, limits.description),
        ] {
            let text = field.of(self);
            let cleaned = clean(text);
            let fitting = cut(&cleaned, limit);
            if *fitting != **text {
                field.set(changed.get_or_insert_with(|| self.clone()), Arc::from(&*fitting));
            }
        }
        if let Some(when) = self.when.in_whole_seconds() {
            changed.get_or_insert_with(|| self.clone()).when = when;
        }
        if let Reminders::Before(minutes) = &self.reminders {
            let mut fitting = minutes.clone();
            fitting.sort_unstable();
            fitting.dedup();
            fitting.truncate(limits.reminders);
            if fitting != *minutes {
                changed.get_or_insert_with(|| self.clone()).reminders = Reminders::Before(fitting);
            }
        }
        changed
    }

    /// Returns a 128-bit fingerprint of the content. Compute it from a [`fitted`](Event::fitted)
    /// event, so that it covers what the provider stores.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut writer = FingerprintWriter::new();
        writer.text(&self.title).text(&self.description).text(&self.location);
        match &self.when {
            When::Timed { start, end, zone } => {
                writer.number(0).number(start.timestamp()).number(end.timestamp()).text(zone.name());
            }
            When::AllDay { start, end } => {
                writer.number(1).number(days(*start)).number(days(*end));
            }
        }
        match &self.reminders {
            Reminders::CalendarDefault => {
                writer.number(-1);
            }
            Reminders::Before(minutes) => {
                writer.number(i64::try_from(minutes.len()).unwrap_or(i64::MAX));
                for minute in minutes {
                    writer.number(i64::from(*minute));
                }
            }
        }
        writer.number(match self.status {
            EventStatus::Confirmed => 0,
            EventStatus::Tentative => 1,
        });
        // The default adds nothing, so that events written before visibility existed keep their
        // fingerprint.
        match self.visibility {
            Visibility::Default => {}
            Visibility::Public => {
                writer.number(1);
            }
            Visibility::Private => {
                writer.number(2);
            }
        }
        writer.finish()
    }
}

fn days(date: NaiveDate) -> i64 {
    date.signed_duration_since(NaiveDate::default()).num_days()
}

impl When {
    /// Returns `None` if the times are already in whole seconds.
    fn in_whole_seconds(&self) -> Option<Self> {
        match self {
            Self::Timed { start, end, zone } if !is_whole(*start) || !is_whole(*end) => {
                let whole = |at: DateTime<Utc>| DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at);
                Some(Self::Timed { start: whole(*start), end: whole(*end), zone: zone.clone() })
            }
            Self::Timed { .. } | Self::AllDay { .. } => None,
        }
    }
}

fn is_whole(at: DateTime<Utc>) -> bool {
    at.timestamp_subsec_nanos() == 0
}

/// The three texts of an event.
#[derive(Clone, Copy)]
enum Field {
    Title,
    Location,
    Description,
}

impl Field {
    fn of(self, event: &Event) -> &Arc<str> {
        match self {
            Self::Title => &event.title,
            Self::Location => &event.location,
            Self::Description => &event.description,
        }
    }

    fn set(self, event: &mut Event, text: Arc<str>) {
        match self {
            Self::Title => event.title = text,
            Self::Location => event.location = text,
            Self::Description => event.description = text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        let at = |text: &str| text.parse().unwrap();
        let when = When::Timed {
            start: at("2026-01-20T09:00:00Z"),
            end: at("2026-01-20T10:30:00Z"),
            zone: Zone::new("Europe/London").unwrap(),
        };
        Event::new("Deep clean", when).with_description("Order: 1").with_location("1 High St, Leeds")
    }

    #[test]
    fn an_event_that_fits_is_not_copied() {
        assert_eq!(event().fitted(&TextLimits::default()), None);
    }

    #[test]
    fn fitting_removes_what_cannot_be_stored_and_is_idempotent() {
        let limits = TextLimits::default().with_title(5);
        let mut dirty =
            event().with_description("Order: 1\r\n\u{0}").with_reminders(Reminders::Before(vec![60, 10, 60]));
        dirty.title = "Deep\nclean\u{7}".into();
        let fitted = dirty.fitted(&limits).unwrap();
        assert_eq!(&*fitted.title, "Deep…");
        assert_eq!(&*fitted.description, "Order: 1");
        assert_eq!(fitted.reminders, Reminders::Before(vec![10, 60]));
        assert_eq!(fitted.fitted(&limits), None, "fitting twice changes nothing");
    }

    #[test]
    fn every_field_is_part_of_the_fingerprint() {
        let base = event().fingerprint();
        assert_eq!(base.to_string(), event().fingerprint().to_string());
        let mut others = vec![
            event().with_description("Order: 2"),
            event().with_location(""),
            event().with_status(EventStatus::Tentative),
            event().with_reminders(Reminders::Before(vec![])),
            event().with_reminders(Reminders::Before(vec![10])),
            event().with_visibility(Visibility::Private),
            event().with_visibility(Visibility::Public),
        ];
        let mut moved = event();
        moved.title = "Deep cleanO".into();
        moved.description = "rder: 1".into();
        others.push(moved);
        let mut later = event();
        later.when = When::Timed {
            start: "2026-01-20T09:00:01Z".parse().unwrap(),
            end: "2026-01-20T10:30:00Z".parse().unwrap(),
            zone: Zone::new("Europe/London").unwrap(),
        };
        others.push(later);
        for other in others {
            assert_ne!(other.fingerprint(), base, "{other:?}");
        }
    }

    #[test]
    fn fingerprints_are_the_same_in_every_version() {
        assert_eq!(event().fingerprint().to_string(), "v1-ebcbce8c813aada24e45d11c6cad21d1");
    }
}
