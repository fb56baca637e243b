//! The writer's output, byte by byte, also for hostile texts.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use calsync_core::calendar::Person;
use calsync_core::event::{Event, EventStatus, Reminders, TextLimits, Visibility, When};
use calsync_core::provider::{Draft, Marker};
use calsync_core::time::{RuleKind, Zone};
use calsync_ics::{
    CalendarInfo, FeedWriter, IcsEvent, IcsProblem, IcsWriter, read_event, read_events, write_event,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn timed(zone: &str, start: &str, minutes: i64) -> When {
    let start = at(start);
    When::Timed { start, end: start + TimeDelta::minutes(minutes), zone: Zone::new(zone).unwrap() }
}

fn draft(event: Event) -> Draft {
    let key = "0123456789ab5def8123456789abcdefg2".parse().unwrap();
    let marker = Marker::new("my-shop", key, 3).with_appointment(Some(17.into()));
    let marker = marker.with_person(Some(Person::Profile("a,1".parse().unwrap())));
    Draft::new(marker, event, at("2026-01-05T10:00:00Z"))
}

fn file(event: Event) -> String {
    write_event(&draft(event)).unwrap()
}

const MARKER: &str = "X-CALSYNC-NAMESPACE:my-shop\nX-CALSYNC-TARGET:0123456789ab5def8123456789abcdef\n\
    X-CALSYNC-KEY:0123456789ab5def8123456789abcdefg2\nX-CALSYNC-REVISION:3\nX-CALSYNC-APPOINTMENT:17\n\
    X-CALSYNC-PERSON:profile:a\\,1\n";

/// The lines of the event after its status, without the marker.
fn event_lines(event: Event) -> String {
    let file = file(event);
    let (_, event) = file.split_once("STATUS:CONFIRMED\r\n").unwrap();
    event.replace("\r\n", "\n").replace(MARKER, "")
}

#[test]
fn an_event_with_every_property_is_written() {
    let event = Event::new("Deep clean, 2nd floor", timed("Europe/London", "2026-07-01T08:00:00Z", 90))
        .with_description(
            "Order: 1\nNotes: Zoë's flat; ring twice – the bell is \"weak\", so wait a minute or two",
        )
        .with_location("1 High St, Leeds")
        .with_status(EventStatus::Tentative)
        .with_reminders(Reminders::Before(vec![0, 60]));
    let written = file(event);
    assert_eq!(written.matches('\n').count(), written.matches("\r\n").count());
    insta::assert_snapshot!(written.replace("\r\n", "\n"), @r##"
    BEGIN:VCALENDAR
    VERSION:2.0
    PRODID:-//calsync//calsync-ics//EN
    CALSCALE:GREGORIAN
    BEGIN:VTIMEZONE
    TZID:Europe/London
    BEGIN:DAYLIGHT
    TZOFFSETFROM:+0000
    TZOFFSETTO:+0100
    TZNAME:BST
    DTSTART:19700329T010000
    RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
    END:DAYLIGHT
    BEGIN:STANDARD
    TZOFFSETFROM:+0100
    TZOFFSETTO:+0000
    TZNAME:GMT
    DTSTART:19701025T020000
    RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
    END:STANDARD
    END:VTIMEZONE
    BEGIN:VEVENT
    UID:0123456789ab5def8123456789abcdefg2
    DTSTAMP:20260105T100000Z
    LAST-MODIFIED:20260105T100000Z
    SEQUENCE:3
    STATUS:TENTATIVE
    DTSTART;TZID=Europe/London:20260701T090000
    DTEND;TZID=Europe/London:20260701T103000
    SUMMARY:Deep clean\, 2nd floor
    DESCRIPTION:Order: 1\nNotes: Zoë's flat\; ring twice – the bell is "weak
     "\, so wait a minute or two
    LOCATION:1 High St\, Leeds
    X-CALSYNC-NAMESPACE:my-shop
    X-CALSYNC-TARGET:0123456789ab5def8123456789abcdef
    X-CALSYNC-KEY:0123456789ab5def8123456789abcdefg2
    X-CALSYNC-REVISION:3
    X-CALSYNC-APPOINTMENT:17
    X-CALSYNC-PERSON:profile:a\,1
    BEGIN:VALARM
    ACTION:DISPLAY
    DESCRIPTION:Deep clean\, 2nd floor
    TRIGGER:-PT0M
    X-CALSYNC-REMINDER:TRUE
    END:VALARM
    BEGIN:VALARM
    ACTION:DISPLAY
    DESCRIPTION:Deep clean\, 2nd floor
    TRIGGER:-PT60M
    X-CALSYNC-REMINDER:TRUE
    END:VALARM
    END:VEVENT
    END:VCALENDAR
    "##);
}

#[test]
fn a_class_is_written_if_the_host_sets_a_visibility_and_read_back() {
    let event = Event::new("Deep clean", timed("Europe/London", "2026-07-01T08:00:00Z", 90));
    for (chosen, line) in [
        (Visibility::Default, None),
        (Visibility::Public, Some("CLASS:PUBLIC")),
        (Visibility::Private, Some("CLASS:PRIVATE")),
    ] {
        let written = file(event.clone().with_visibility(chosen));
        assert_eq!(written.lines().find(|line| line.starts_with("CLASS")), line);
        assert_eq!(read_event(written.as_bytes()).unwrap().event.visibility, chosen);
    }
    for class in ["CONFIDENTIAL", "X-SECRET", "private"] {
        let written = file(event.clone().with_visibility(Visibility::Public)).replace("PUBLIC", class);
        assert_eq!(read_event(written.as_bytes()).unwrap().event.visibility, Visibility::Private, "{class}");
    }
}

#[test]
fn all_day_events_end_on_the_day_after_the_last() {
    let day = |day| NaiveDate::from_ymd_opt(2026, 2, day).unwrap();
    let event = Event::new("Move", When::AllDay { start: day(27), end: day(28) });
    insta::assert_snapshot!(event_lines(event.with_reminders(Reminders::Before(vec![]))), @r##"
    DTSTART;VALUE=DATE:20260227
    DTEND;VALUE=DATE:20260228
    SUMMARY:Move
    X-CALSYNC-REMINDERS:NONE
    END:VEVENT
    END:VCALENDAR
    "##);
}

#[test]
fn times_that_readers_would_misread_are_written_in_utc() {
    let times = |zone: &str, start: &str| {
        let lines = event_lines(Event::new("x", timed(zone, start, 60)));
        lines
            .lines()
            .filter(|line| line.contains("DTSTART") || line.contains("ZONE"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(times("Europe/London", "2026-07-01T08:00:00Z"), "DTSTART;TZID=Europe/London:20260701T090000");
    assert_eq!(times("UTC", "2026-07-01T08:00:00Z"), "DTSTART:20260701T080000Z");
    // Both occurrences of an hour that occurs twice, and an end in that hour.
    for start in ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-24T23:30:00Z"] {
        assert!(times("Europe/London", start).ends_with("Z X-CALSYNC-ZONE:Europe/London"), "{start}");
    }
    // The hour before the change in spring occurs once.
    assert_eq!(times("Europe/London", "2026-03-29T00:30:00Z"), "DTSTART;TZID=Europe/London:20260329T003000");
    // A zone without a yearly rule, a law that readers may not know yet, and a time before the rule
    // began.
    for (zone, start) in [
        ("Asia/Jerusalem", "2026-07-01T08:00:00Z"),
        ("America/Vancouver", "2027-01-20T10:00:00Z"),
        ("Europe/London", "1971-01-20T10:00:00Z"),
    ] {
        assert!(times(zone, start).contains("Z X-CALSYNC-ZONE:"), "{zone}");
    }
}

#[test]
fn events_with_invalid_times_are_refused() {
    let problem = |when| {
        let error = write_event(&draft(Event::new("x", when))).unwrap_err();
        (error.property.unwrap(), error.problem)
    };
    assert_eq!(problem(timed("UTC", "2026-07-01T08:00:00Z", 0)), ("DTEND", IcsProblem::EndBeforeStart));
    assert_eq!(problem(timed("UTC", "+12026-07-01T08:00:00Z", 1)), ("DTSTART", IcsProblem::Year));
    let day = NaiveDate::MAX;
    assert_eq!(problem(When::AllDay { start: day.pred_opt().unwrap(), end: day }).1, IcsProblem::Year);
    let mut late = draft(Event::new("x", timed("UTC", "2026-07-01T08:00:00Z", 1)));
    late.changed_at = DateTime::<Utc>::MAX_UTC;
    assert_eq!(write_event(&late).unwrap_err().to_string(), "VEVENT DTSTAMP has a year outside 1900 to 2999");
}

#[test]
fn a_revision_above_the_maximum_of_sequence_is_kept_in_the_marker() {
    let mut draft = draft(Event::new("x", timed("UTC", "2026-07-01T08:00:00Z", 1)));
    draft.marker.revision = u64::MAX;
    let file = write_event(&draft).unwrap();
    assert!(file.contains("\r\nSEQUENCE:2147483647\r\n"), "{file}");
    assert_eq!(read_event(file.as_bytes()).unwrap().marker, Some(draft.marker));
}

#[test]
fn a_writer_can_be_reused() {
    let mut writer = IcsWriter::with_calendar(&CalendarInfo::new().with_name("Jobs"));
    let draft = draft(Event::new("x", timed("Europe/London", "2026-07-01T08:00:00Z", 1)));
    let first = writer.write(&draft).unwrap().to_owned();
    assert!(first.contains("NAME:Jobs\r\nX-WR-CALNAME:Jobs\r\n"));
    assert_eq!(writer.write(&draft).unwrap(), first);
}

#[test]
fn a_feed_defines_each_zone_once_and_continues_after_an_invalid_event() {
    let mut feed = FeedWriter::new(Vec::new(), &CalendarInfo::new().with_name("Jobs")).unwrap();
    let zones = ["Europe/London", "Europe/Paris", "UTC", "Europe/London", "Asia/Jerusalem", "Europe/Paris"];
    for zone in zones {
        feed.write(&draft(Event::new("x", timed(zone, "2026-07-01T08:00:00Z", 1)))).unwrap();
        assert!(feed.write(&draft(Event::new("x", timed(zone, "2026-07-01T08:00:00Z", -1)))).is_err());
    }
    let file = String::from_utf8(feed.finish().unwrap()).unwrap();
    assert_eq!(file.matches("BEGIN:VTIMEZONE").count(), 2);
    let read = read_events(file.as_bytes()).unwrap();
    let read: Vec<_> = read.into_iter().map(|event| event.unwrap().event.when).collect();
    assert_eq!(read, zones.map(|zone| timed(zone, "2026-07-01T08:00:00Z", 1)));
    // `read_event` refuses a file with several events.
    assert_eq!(read_event(file.as_bytes()).unwrap_err().problem, IcsProblem::Repeated);
}

#[test]
fn times_in_every_zone_are_read_back() {
    let mut names: Vec<String> = include_str!("zones.txt").lines().map(str::to_owned).collect();
    names.retain(|name| Zone::new(name).is_ok());
    assert!(names.len() > 550, "{}", names.len());
    for name in names {
        for start in
            ["2026-01-20T10:17:00Z", "2026-07-01T23:05:00Z", "2026-10-25T00:59:59Z", "2044-11-06T05:30:00Z"]
        {
            let event = Event::new("x", timed(&name, start, 90));
            let read = read_event(file(event.clone()).as_bytes()).unwrap();
            assert_eq!(read.event, event, "{name} {start}");
        }
    }
}

#[test]
fn an_hour_that_occurs_twice_is_written_in_utc_in_every_zone() {
    for zone in include_str!("zones.txt").lines().filter_map(|name| Zone::new(name).ok()) {
        let Some(RuleKind::Yearly { standard, .. }) = zone.rules().map(|rules| &rules.kind) else { continue };
        let change = standard.instant(2030).unwrap();
        let instants: Vec<_> = (-16..16).map(|quarter| change + TimeDelta::minutes(15 * quarter)).collect();
        for start in &instants {
            let end = *start + TimeDelta::days(30);
            let event = Event::new("x", When::Timed { start: *start, end, zone: zone.clone() });
            let file = file(event.clone());
            assert_eq!(read_event(file.as_bytes()).unwrap().event, event, "{zone} {start}");
            let twice = instants.iter().filter(|other| zone.local(**other) == zone.local(*start)).count() > 1;
            if twice {
                assert!(!file.contains("TZID"), "{zone} {start}");
            }
        }
    }
}

/// Texts that try to inject lines or break the format.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        2 => "[ -~]{0,40}",
        1 => prop::sample::select(vec![
            "\r\n", "\n", "\r", "\u{2028}", "\u{85}", "\u{b}", "\\", "\\n", "\\\\", ";", ",", "\"", ":", "\t", "\0", " ",
            "\r\n ", "ATTENDEE:mailto:eve@example.org", "BEGIN:VALARM", "END:VEVENT", "\u{feff}", "🏳️‍🌈", "é",
            "王小明的预约深度清洁三室两厅含厨房与卫生间的全面消毒", "TZID=X:", "^n", "=0D=0A",
        ]).prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn names_of(file: &str) -> Vec<&str> {
    let lines = file.split("\r\n").filter(|line| !line.starts_with(' ') && !line.is_empty());
    lines.map(|line| line.split([':', ';']).next().unwrap_or_default()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_adds_a_line(
        title in hostile(), description in hostile(), location in hostile(), namespace in hostile(), calendar in hostile(),
    ) {
        let when = || timed("Europe/London", "2026-07-01T08:00:00Z", 90);
        let tame = Event::new("t", when()).with_description("d").with_location("l");
        let tame = tame.with_reminders(Reminders::Before(vec![5]));
        let event = Event::new(title, when());
        let event = event.with_description(format!("x{description}")).with_location(format!("x{location}"));
        let mut hostile = draft(event.with_reminders(Reminders::Before(vec![5])));
        hostile.marker.namespace = Arc::from(&*namespace);
        let info = CalendarInfo::new().with_name(calendar.clone()).with_description(calendar);
        let mut writer = IcsWriter::with_calendar(&info);
        let file = writer.write(&hostile).unwrap().to_owned();
        let mut writer = IcsWriter::with_calendar(&CalendarInfo::new().with_name("c").with_description("c"));
        let expected = writer.write(&draft(tame)).unwrap().to_owned();
        prop_assert_eq!(names_of(&file), names_of(&expected));
        for line in file.split("\r\n") {
            prop_assert!(line.len() <= 75 && line != " ", "{line:?}");
            prop_assert!(!line.contains(|c: char| (c.is_control() && c != '\t') || c == '\u{2028}'), "{line:?}");
        }
    }

    #[test]
    fn every_event_within_the_limits_is_read_back(
        title in hostile(), description in hostile(), location in hostile(), revision in 0_u64..1 << 40,
        reminders in prop::option::of(prop::collection::vec(0_u32..100_000, 0..4)), all_day in any::<bool>(),
        seconds in 0_i64..3_000_000_000, length in 1_i64..1_000_000, zone in 0_usize..5,
    ) {
        let zone = ["UTC", "Europe/London", "Australia/Lord_Howe", "Asia/Jerusalem", "America/New_York"][zone];
        let start = DateTime::from_timestamp(seconds, 0).unwrap();
        let when = if all_day {
            let start = start.date_naive();
            When::AllDay { start, end: start + TimeDelta::days(1 + length % 40) }
        } else {
            When::Timed { start, end: start + TimeDelta::seconds(length), zone: Zone::new(zone).unwrap() }
        };
        let event = Event::new(title, when).with_description(description).with_location(location);
        let event = event.with_reminders(reminders.map_or(Reminders::CalendarDefault, Reminders::Before));
        let event = event.fitted(&TextLimits::default()).unwrap_or(event);
        let mut draft = draft(event);
        draft.marker.revision = revision;
        let file = write_event(&draft).unwrap();
        let read = read_event(file.as_bytes()).unwrap();
        prop_assert_eq!(&read, &IcsEvent::from(&draft));
        // The icalendar crate's writer and reader keep it.
        #[cfg(feature = "icalendar")]
        {
            let theirs = icalendar::Event::from(&read);
            prop_assert_eq!(IcsEvent::try_from(&theirs).unwrap(), read.clone());
            let calendar = icalendar::Calendar::new().push(theirs).done().to_string();
            prop_assert_eq!(read_event(calendar.as_bytes()).unwrap(), read);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in hostile()) {
        let _ = read_event(&bytes);
        let _ = read_events(text.as_bytes());
        let inside = format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\n{text}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
        let _ = read_event(inside.as_bytes());
        for name in ["DTSTART", "DTSTART;TZID=", "DURATION", "UID", "X-CALSYNC-NAMESPACE"] {
            let _ = read_event(inside.replace("UID:1", &format!("UID:1\r\n{name}:{text}")).as_bytes());
        }
    }
}
