//! Writing 10,000 events as .ics: one file each, and one feed. calsync-ics, its peers, and a bare `String` formatter, all from
//! the same bookings in memory.

mod bare;
mod peers;

use std::hint::black_box;

use calsync_core::event::{Event, When};
use calsync_core::identity::EventKey;
use calsync_core::provider::{Draft, Marker};
use calsync_core::time::Zone;
use calsync_ics::{CalendarInfo, FeedWriter, IcsWriter};
use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

fn main() {
    check();
    divan::main();
}

const EVENTS: usize = 10_000;
const TZID: &str = "Europe/London";

/// What an event says, for the formatter and the peers. The local times are worked out already: only calsync does that itself.
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

fn bookings(count: usize) -> Vec<Booking> {
    let first: NaiveDateTime = "2026-03-02T08:00:00".parse().expect("a time");
    let booking = |at: usize| {
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
    (0..count).map(booking).collect()
}

/// The same for calsync: instants, and its own marker.
fn drafts(bookings: &[Booking]) -> Vec<Draft> {
    let zone = Zone::new(TZID).expect("a zone");
    let at = |local| zone.instant(local).expect("a year calendars know");
    let draft = |booking: &Booking| {
        let when = When::Timed { start: at(booking.start), end: at(booking.end), zone: zone.clone() };
        let event = Event::new(booking.summary.as_str(), when)
            .with_description(booking.description.as_str())
            .with_location(booking.location.as_str());
        let key = EventKey::from_uuid(booking.uid.parse().expect("a UUID"));
        Draft::new(Marker::new("leeds-cleaning", key, booking.sequence.into()), event, booking.changed)
    };
    bookings.iter().map(draft).collect()
}

/// A file for each of the things given, `write` giving its length.
fn files<T>(bencher: Bencher<'_, '_>, things: &[T], mut write: impl FnMut(&T) -> usize) {
    let bytes: usize = things.iter().map(&mut write).sum();
    bencher.counter(ItemsCount::new(things.len())).counter(BytesCount::new(bytes)).bench_local(|| {
        for thing in things {
            black_box(write(black_box(thing)));
        }
    });
}

#[divan::bench_group(name = "one_file_each")]
mod one_file_each {
    use super::*;

    #[divan::bench]
    fn bare(bencher: Bencher<'_, '_>) {
        files(bencher, &bookings(EVENTS), |booking| black_box(bare::file(booking, "")).len());
    }

    #[divan::bench]
    fn bare_vtimezone(bencher: Bencher<'_, '_>) {
        files(bencher, &bookings(EVENTS), |booking| black_box(bare::file(booking, bare::LONDON)).len());
    }

    #[divan::bench]
    fn calsync_vtimezone(bencher: Bencher<'_, '_>) {
        let mut writer = IcsWriter::new();
        files(bencher, &drafts(&bookings(EVENTS)), |draft| {
            black_box(writer.write(draft).expect("an event")).len()
        });
    }

    #[divan::bench]
    fn icalendar(bencher: Bencher<'_, '_>) {
        files(bencher, &bookings(EVENTS), |booking| black_box(peers::icalendar([booking])).len());
    }

    #[divan::bench]
    fn calcard(bencher: Bencher<'_, '_>) {
        files(bencher, &bookings(EVENTS), |booking| black_box(peers::calcard([booking], false)).len());
    }

    #[divan::bench]
    fn calcard_vtimezone(bencher: Bencher<'_, '_>) {
        files(bencher, &bookings(EVENTS), |booking| black_box(peers::calcard([booking], true)).len());
    }
}

/// One feed of all the events.
#[divan::bench_group(name = "one_feed")]
mod one_feed {
    use super::*;

    fn feed(bencher: Bencher<'_, '_>, write: impl Fn() -> String) {
        bencher
            .counter(ItemsCount::new(EVENTS))
            .counter(BytesCount::new(write().len()))
            .bench_local(|| black_box(write()).len());
    }

    #[divan::bench]
    fn bare(bencher: Bencher<'_, '_>) {
        let bookings = bookings(EVENTS);
        feed(bencher, || bare::feed(&bookings, ""));
    }

    #[divan::bench]
    fn bare_vtimezone(bencher: Bencher<'_, '_>) {
        let bookings = bookings(EVENTS);
        feed(bencher, || bare::feed(&bookings, bare::LONDON));
    }

    #[divan::bench]
    fn calsync_vtimezone(bencher: Bencher<'_, '_>) {
        let drafts = drafts(&bookings(EVENTS));
        feed(bencher, || String::from_utf8(calsync_feed(&drafts, Vec::new())).expect("UTF-8"));
    }

    #[divan::bench]
    fn icalendar(bencher: Bencher<'_, '_>) {
        let bookings = bookings(EVENTS);
        feed(bencher, || peers::icalendar(&bookings));
    }

    #[divan::bench]
    fn calcard(bencher: Bencher<'_, '_>) {
        let bookings = bookings(EVENTS);
        feed(bencher, || peers::calcard(&bookings, false));
    }

    #[divan::bench]
    fn calcard_vtimezone(bencher: Bencher<'_, '_>) {
        let bookings = bookings(EVENTS);
        feed(bencher, || peers::calcard(&bookings, true));
    }
}

fn calsync_feed<W: std::io::Write>(drafts: &[Draft], out: W) -> W {
    let mut feed = FeedWriter::new(out, &CalendarInfo::new()).expect("a feed");
    for draft in drafts {
        feed.write(draft).expect("an event");
    }
    feed.finish().expect("a feed")
}

/// Everybody writes the same event: the lines of the bare file are in every other one, however its writer folds or orders them.
fn check() {
    let bookings = bookings(40);
    for (booking, draft) in bookings.iter().zip(drafts(&bookings)) {
        let bare = bare::file(booking, bare::LONDON);
        assert!(bare.split("\r\n").all(|line| line.len() <= 75));
        let calsync = calsync_ics::write_event(&draft).expect("an event");
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
