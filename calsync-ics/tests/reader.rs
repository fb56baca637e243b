//! Reading files of other programs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use calsync_core::event::{EventStatus, Reminders, When};
use calsync_ics::{IcsError, IcsEvent, IcsProblem, read_event, read_events};

fn file(lines: &str) -> String {
    let lines = lines.replace('\n', "\r\n");
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:u1\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

fn read(lines: &str) -> Result<IcsEvent, IcsError> {
    read_event(file(lines).as_bytes())
}

/// Start and end, in UTC or as dates.
fn times(lines: &str) -> (String, String) {
    match read(lines).unwrap().event.when {
        When::Timed { start, end, .. } => (start.to_rfc3339(), end.to_rfc3339()),
        When::AllDay { start, end } => (start.to_string(), end.to_string()),
    }
}

fn problem(lines: &str) -> (Option<&'static str>, IcsProblem) {
    let error = read(lines).unwrap_err();
    (error.property, error.problem)
}

#[test]
fn a_fold_inside_a_character_is_read() {
    let text = file("DTSTART:20260701T090000Z\nDTEND:20260701T100000Z\nSUMMARY:Caf\u{e9} @@");
    let at = text.find('\u{e9}').unwrap() + 1;
    let split = [&text.as_bytes()[..at], b"\r\n ", &text.as_bytes()[at..]].concat();
    assert_eq!(&*read_event(&split).unwrap().event.title, "Caf\u{e9} @@");
}

/// RFC 5545 section 3.3.6. Summer time begins in the night after the event starts.
#[test]
fn days_and_weeks_are_calendar_days() {
    let end =
        |duration: &str| times(&format!("DTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:{duration}")).1;
    assert_eq!(end("P1D"), "2026-03-29T10:00:00+00:00");
    assert_eq!(end("P1W"), "2026-04-04T10:00:00+00:00");
    assert_eq!(end("PT24H"), "2026-03-29T11:00:00+00:00");
    assert_eq!(end("P1DT30M"), "2026-03-29T10:30:00+00:00");
    assert_eq!(times("DTSTART;VALUE=DATE:20260328\nDURATION:P2D").1, "2026-03-30");
    assert_eq!(
        problem("DTSTART:20260328T120000Z\nDURATION:-PT1H"),
        (Some("DURATION"), IcsProblem::Malformed)
    );
    assert_eq!(problem("DTSTART:20260328T120000Z\nDURATION:P9999999W"), (Some("DTEND"), IcsProblem::Year));
}

/// RFC 5545 section 3.6.1.
#[test]
fn an_event_without_an_end_has_no_length_or_one_day() {
    let at = "2026-02-15T09:00:00+00:00".to_owned();
    assert_eq!(times("DTSTART:20260215T090000Z"), (at.clone(), at.clone()));
    assert_eq!(times("DTSTART:20260215T090000Z\nDURATION:PT0S"), (at.clone(), at));
    assert_eq!(times("DTSTART;VALUE=DATE:20260215"), ("2026-02-15".into(), "2026-02-16".into()));
    let end = "DTSTART:20260215T090000Z\nDTEND:20260215T090000Z";
    assert_eq!(problem(end), (Some("DTEND"), IcsProblem::EndBeforeStart));
}

#[test]
fn a_cancelled_event_is_marked() {
    let times = "DTSTART:20260215T090000Z\nDTEND:20260215T100000Z";
    assert!(read(&format!("{times}\nSTATUS:CANCELLED")).unwrap().is_cancelled);
    for (status, expected) in [("CONFIRMED", EventStatus::Confirmed), ("TENTATIVE", EventStatus::Tentative)] {
        let read = read(&format!("{times}\nSTATUS:{status}")).unwrap();
        assert_eq!((read.is_cancelled, read.event.status), (false, expected));
    }
    // METHOD applies to the events of its own calendar, and to no other calendar in the file.
    let cancelled = file(times).replace("VERSION:2.0", "VERSION:2.0\r\nMETHOD:CANCEL");
    assert!(read_event(cancelled.as_bytes()).unwrap().is_cancelled);
    let both = read_events(format!("{cancelled}{}", file(times)).as_bytes()).unwrap();
    let both: Vec<_> = both.into_iter().map(|read| read.unwrap().is_cancelled).collect();
    assert_eq!(both, [true, false]);
    // The icalendar crate's event keeps it.
    #[cfg(feature = "icalendar")]
    {
        let read = read_event(cancelled.as_bytes()).unwrap();
        assert_eq!(IcsEvent::try_from(&icalendar::Event::from(&read)).unwrap(), read);
    }
}

fn reminders(times: &str, triggers: &[&str]) -> Option<Vec<u32>> {
    let alarms = triggers
        .iter()
        .map(|trigger| format!("\nBEGIN:VALARM\nACTION:DISPLAY\nTRIGGER{trigger}\nEND:VALARM"));
    match read(&format!("{times}{}", alarms.collect::<String>())).unwrap().event.reminders {
        Reminders::Before(minutes) => Some(minutes),
        _ => None,
    }
}

/// RFC 5545 section 3.8.6.3.
#[test]
fn alarms_of_every_form_are_read() {
    let times = "DTSTART:20260701T090000Z\nDTEND:20260701T100000Z";
    let all = [":-P1D", ";VALUE=DATE-TIME:20260701T083000Z", ";RELATED=START:-PT15M", ";RELATED=END:-PT5M"];
    assert_eq!(reminders(times, &all).unwrap(), [15, 30, 1440]);
    assert_eq!(reminders(times, &[";RELATED=END:-PT2H", ":PT0S"]).unwrap(), [0, 60]);
    // An alarm after the start, or with an invalid trigger, is no reminder.
    for trigger in
        [":PT10M", ":PT30S", ";VALUE=DATE-TIME:20260701T090001Z", ":soon", ";VALUE=DATE-TIME:20260701T083000"]
    {
        assert_eq!(reminders(times, &[trigger]), None, "{trigger}");
    }
    // One day before means the same local time: an hour less if summer time begins in between.
    let berlin = "DTSTART;TZID=Europe/Berlin:20260329T120000\nDTEND;TZID=Europe/Berlin:20260329T130000";
    assert_eq!(reminders(berlin, &[":-P1D"]).unwrap(), [1380]);
    assert_eq!(reminders(berlin, &[":-PT24H"]).unwrap(), [1440]);
    // An all-day event starts at no instant.
    let day = "DTSTART;VALUE=DATE:20260701";
    assert_eq!(reminders(day, &[":-PT15H"]).unwrap(), [900]);
    assert_eq!(reminders(day, &[";VALUE=DATE-TIME:20260630T083000Z"]), None);
    let none = read(&format!(
        "{times}\nBEGIN:VALARM\nACTION:NONE\nTRIGGER;VALUE=DATE-TIME:19760401T005545Z\nEND:VALARM"
    ));
    assert_eq!(none.unwrap().event.reminders, Reminders::CalendarDefault);
}
