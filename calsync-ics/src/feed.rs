//! [`FeedWriter`]: a whole calendar as one file, for subscribers.

use std::collections::BTreeSet;
use std::io;

use calsync_core::provider::Draft;

use crate::calendar::{CalendarInfo, FOOTER};
use crate::error::IcsError;
use crate::lines::Lines;
use crate::timezone::{text_of, utc};
use crate::writer::{Extras, Times, write_component};

/// Writes a whole calendar, event by event, in constant memory.
///
/// A zone's definition is written before the first event in that zone. Always write the events in
/// the same order, so that an unchanged calendar has unchanged bytes (and an unchanged `ETag`).
/// Each event is one write to the output; for a file or a socket pass a
/// [`BufWriter`](io::BufWriter).
///
/// ```
/// # use calsync_core::{event::{Event, When}, identity::{Generation, TargetKey}, provider::{Draft, Marker}};
/// # let day = |text: &str| text.parse::<chrono::NaiveDate>().unwrap();
/// # let event = Event::new("Deep clean", When::AllDay { start: day("2026-05-01"), end: day("2026-05-02") });
/// # let marker = Marker::new("my-shop", TargetKey::from_uuid(uuid::Uuid::nil()).event(Generation::FIRST), 1);
/// # let drafts = [Draft::new(marker, event, chrono::DateTime::UNIX_EPOCH)];
/// use calsync_ics::{CalendarInfo, FeedWriter};
///
/// let mut feed = FeedWriter::new(Vec::new(), &CalendarInfo::new().with_name("Cleaning"))?;
/// for draft in &drafts {
///     feed.write(draft)?;
/// }
/// let bytes = feed.finish()?;
/// assert!(bytes.ends_with(b"END:VEVENT\r\nEND:VCALENDAR\r\n"));
/// # Ok::<(), calsync_ics::FeedError>(())
/// ```
#[derive(Debug)]
pub struct FeedWriter<W> {
    out: W,
    lines: Lines,
    zones: BTreeSet<Box<str>>,
    fallback: Option<String>,
    empty: bool,
}

/// A feed cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// The event cannot be written. No part of it was written; the feed can continue without it.
    #[error("an event of the feed cannot be written")]
    Event(#[from] IcsError),
    /// The output failed. The feed is incomplete and cannot continue.
    #[error("the output of the feed failed")]
    Io(#[from] io::Error),
}

impl<W: io::Write> FeedWriter<W> {
    /// Starts a feed: writes the calendar's properties.
    ///
    /// # Errors
    /// [`FeedError::Io`] if the output fails.
    pub fn new(mut out: W, calendar: &CalendarInfo) -> Result<Self, FeedError> {
        out.write_all(calendar.header().as_bytes())?;
        let text = calendar.zone.as_ref().and_then(text_of);
        let fallback = text.map(|text| text.definition.clone()).or_else(utc);
        Ok(Self { out, lines: Lines::default(), zones: BTreeSet::new(), fallback, empty: true })
    }

    /// Writes the next event.
    ///
    /// # Errors
    /// [`FeedError::Event`] for the errors of [`IcsWriter::write`](crate::IcsWriter::write);
    /// [`FeedError::Io`] if the output fails.
    pub fn write(&mut self, draft: &Draft) -> Result<(), FeedError> {
        let times = Times::of(draft)?;
        self.lines.clear();
        let new_zone = match times {
            Times::Local { zone, .. } if !self.zones.contains(zone.start.as_str()) => Some(zone),
            _ => None,
        };
        if let Some(zone) = new_zone {
            self.lines.lines(&zone.definition);
        }
        write_component(&mut self.lines, draft, &times, &Extras::default())?;
        self.out.write_all(self.lines.as_str().as_bytes())?;
        if let Some(zone) = new_zone {
            self.zones.insert(zone.start.as_str().into());
        }
        self.empty = false;
        Ok(())
    }

    /// Ends the feed, flushes the output and returns it.
    ///
    /// # Errors
    /// [`FeedError::Io`] if the output fails.
    pub fn finish(mut self) -> Result<W, FeedError> {
        if self.empty {
            // A calendar without any component is not valid: an empty feed gets a zone definition.
            self.out.write_all(self.fallback.take().unwrap_or_default().as_bytes())?;
        }
        self.out.write_all(FOOTER.as_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }
}
