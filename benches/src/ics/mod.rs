//! 10,000 events to be written as .ics, the same for everybody.

mod bare;
mod peers;

use std::borrow::Borrow;
use std::fmt;
use std::hint::black_box;
use std::io::Write;

use calsync_core::event::{Event, When};
use calsync_core::identity::{Generation, TargetKey};
use calsync_core::provider::{Draft, Marker};
use calsync_core::time::Zone;
use calsync_ics::{CalendarInfo, FeedWriter, IcsWriter};
use chrono::{DateTime, Duration, NaiveDateTime, Utc};

/// How many events there are.
pub const EVENTS: usize = 10_000;
const TZID: &str = "Europe/London";

/// What an event says, for the formatter and the peers. The local times are worked out already:
/// only calsync does that itself.
#[derive(Debug)]
struct Booking {
    uid: String,
    summary: String,
    description: String,
    location: String,
    start: NaiveDateTime,
    end: NaiveDateTime,
    changed: DateTime<Utc>,
    sequence: u32,
}

/// So many bookings, three quarters of an hour apart.
fn bookings(count: usize) -> impl Iterator<Item = Booking> {
    let first: NaiveDateTime = "2026-03-02T08:00:00".parse().expect("a time");
    let booking = move |at: usize| {
        let start = first + Duration::minutes(at as i64 * 45);
        Booking {
            uid: uuid::Uuid::from_u128(at as u128 * 0x9E37_79B9_7F4A_7C15).simple().to_string(),
            summary: format!("Deep clean, kitchen; Zoë Brontë {at}"),
            description: format!(
                "Customer: Zoë Brontë-O'Neill {at}\nEmail: zoe.bronte.{at}@example.org\nPhone: +44 20 7946 {:04}\n\
                 Order: ORD-2026-{at:06}\nSpecial Instructions: Schlüssel under the blue flowerpot, left of the door; \
                 please mind the cat, she runs out – and ring twice.\nAddress: 12 Kirkgate, Leeds, LS1 4AB",
                at % 10_000
            ),
            location: format!("{} Kirkgate, Leeds, LS1 4AB", at % 200 + 1),
            start,
            end: start + Duration::minutes(90),
            changed: start.and_utc() - Duration::days(9),
            sequence: (at % 5) as u32,
        }
    };
    (0..count).map(booking)
}

/// The same for calsync: instants, and its own marker.
fn draft(booking: &Booking, zone: &Zone) -> Draft {
    let at = |local| zone.instant(local).expect("a year calendars know");
    let when = When::Timed { start: at(booking.start), end: at(booking.end), zone: zone.clone() };
    let event = Event::new(booking.summary.as_str(), when)
        .with_description(booking.description.as_str())
        .with_location(booking.location.as_str());
    let target = TargetKey::from_uuid(booking.uid.parse().expect("a UUID"));
    Draft::new(
        Marker::new("leeds-cleaning", target.event(Generation::FIRST), booking.sequence.into()),
        event,
        booking.changed,
    )
}

fn zone() -> Zone {
    Zone::new(TZID).expect("a zone")
}

/// The events, for everybody.
#[derive(Debug)]
pub struct Prepared {
    bookings: Vec<Booking>,
    drafts: Vec<Draft>,
}

impl Prepared {
    /// So many events.
    pub fn new(events: usize) -> Self {
        let (bookings, zone) = (bookings(events).collect::<Vec<_>>(), zone());
        Self { drafts: bookings.iter().map(|booking| draft(booking, &zone)).collect(), bookings }
    }
}

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they say what they are")]
pub enum Writer {
    Bare,
    BareWithZone,
    Calsync,
    Icalendar,
    Calcard,
    CalcardWithZone,
}

impl Writer {
    /// Everybody.
    pub const ALL: [Self; 6] = [
        Self::Bare,
        Self::BareWithZone,
        Self::Calsync,
        Self::Icalendar,
        Self::Calcard,
        Self::CalcardWithZone,
    ];

    /// Writes each event as a file of its own; how many bytes that was.
    pub fn files(self, events: &Prepared) -> usize {
        if self == Self::Calsync {
            let mut writer = IcsWriter::new();
            let write = |draft| black_box(writer.write(black_box(draft)).expect("an event")).len();
            return events.drafts.iter().map(write).sum();
        }
        let mut buffer = String::new();
        events.bookings.iter().map(|booking| self.write(&mut buffer, std::slice::from_ref(booking))).sum()
    }

    /// Writes all events as one feed; how many bytes that was.
    pub fn feed(self, events: &Prepared) -> usize {
        if self == Self::Calsync {
            return black_box(write_feed(Vec::new(), events.drafts.iter())).len();
        }
        self.write(&mut String::new(), &events.bookings)
    }

    fn write(self, buffer: &mut String, bookings: &[Booking]) -> usize {
        let bookings = black_box(bookings);
        match self {
            Self::Bare => bare::write(buffer, bookings, ""),
            Self::BareWithZone => bare::write(buffer, bookings, bare::LONDON),
            Self::Icalendar => *buffer = peers::icalendar(bookings),
            Self::Calcard => *buffer = peers::calcard(bookings, false),
            Self::CalcardWithZone => *buffer = peers::calcard(bookings, true),
            Self::Calsync => unreachable!("has drafts"),
        }
        black_box(buffer.as_str()).len()
    }
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bare => "bare String",
            Self::BareWithZone => "bare String, VTIMEZONE",
            Self::Calsync => "calsync-ics, VTIMEZONE",
            Self::Icalendar => "icalendar crate",
            Self::Calcard => "calcard",
            Self::CalcardWithZone => "calcard, VTIMEZONE",
        })
    }
}

fn write_feed<W: Write>(out: W, drafts: impl Iterator<Item = impl Borrow<Draft>>) -> W {
    let mut feed = FeedWriter::new(out, &CalendarInfo::new()).expect("a feed");
    for draft in drafts {
        feed.write(draft.borrow()).expect("an event");
    }
    feed.finish().expect("a feed")
}

/// A feed of so many events by calsync-ics, each made when its turn comes, and written away.
pub fn stream(events: usize) {
    let zone = zone();
    write_feed(std::io::sink(), bookings(events).map(|booking| draft(&booking, &zone)));
}

/// Everybody writes the same event: the lines of the bare file are in every other one, however its
/// writer folds or orders them.
pub fn check() {
    let events = Prepared::new(40);
    for (booking, draft) in events.bookings.iter().zip(&events.drafts) {
        let mut bare = String::new();
        bare::write(&mut bare, [booking], bare::LONDON);
        assert!(bare.split("\r\n").all(|line| line.len() <= 75));
        let calsync = calsync_ics::write_event(draft).expect("an event");
        for (name, file) in [
            ("calsync", calsync),
            ("icalendar", peers::icalendar([booking])),
            ("calcard", peers::calcard([booking], true)),
        ] {
            let file = unfolded(&file);
            for line in event_lines(&unfolded(&bare)) {
                assert!(file.lines().any(|other| other == line), "{name} lacks {line:?}\n{file}");
            }
        }
    }
}

fn unfolded(file: &str) -> String {
    file.replace("\r\n ", "")
}

fn event_lines(file: &str) -> Vec<&str> {
    file.lines().skip_while(|line| *line != "BEGIN:VEVENT").collect()
}
