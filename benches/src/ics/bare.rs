//! The measure: content lines pushed to a `String`, escaped and folded, and nothing else. It trusts
//! its input entirely.

use chrono::{Datelike, NaiveDateTime, Timelike};

use super::{Booking, TZID};

const HEADER: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//bare//EN\r\nCALSCALE:GREGORIAN\r\n";
const FOOTER: &str = "END:VCALENDAR\r\n";

/// The zone's definition, ready made.
pub(super) const LONDON: &str = "BEGIN:VTIMEZONE\r\nTZID:Europe/London\r\n\
    BEGIN:DAYLIGHT\r\nTZOFFSETFROM:+0000\r\nTZOFFSETTO:+0100\r\nTZNAME:BST\r\nDTSTART:19700329T010000\r\n\
    RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\n\
    BEGIN:STANDARD\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0000\r\nTZNAME:GMT\r\nDTSTART:19701025T020000\r\n\
    RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";

/// Writes a calendar of these into the buffer, which is emptied first.
pub(super) fn write<'a>(out: &mut String, bookings: impl IntoIterator<Item = &'a Booking>, zone: &str) {
    out.clear();
    out.push_str(HEADER);
    out.push_str(zone);
    for booking in bookings {
        event(out, booking);
    }
    out.push_str(FOOTER);
}

fn event(out: &mut String, booking: &Booking) {
    out.push_str("BEGIN:VEVENT\r\n");
    text(out, "UID:", &booking.uid);
    time(out, "DTSTAMP:", booking.changed.naive_utc(), "Z");
    out.push_str("SEQUENCE:");
    out.push_str(&booking.sequence.to_string());
    out.push_str("\r\nSTATUS:CONFIRMED\r\nDTSTART;TZID=");
    out.push_str(TZID);
    time(out, ":", booking.start, "");
    out.push_str("DTEND;TZID=");
    out.push_str(TZID);
    time(out, ":", booking.end, "");
    text(out, "SUMMARY:", &booking.summary);
    text(out, "DESCRIPTION:", &booking.description);
    text(out, "LOCATION:", &booking.location);
    out.push_str("END:VEVENT\r\n");
}

fn text(out: &mut String, head: &str, value: &str) {
    let mut escaped = String::with_capacity(head.len() + value.len() + 16);
    escaped.push_str(head);
    let mut from = 0;
    for (at, byte) in value.bytes().enumerate() {
        if matches!(byte, b'\n' | b'\\' | b';' | b',') {
            escaped.push_str(&value[from..at]);
            escaped.push('\\');
            escaped.push(if byte == b'\n' { 'n' } else { char::from(byte) });
            from = at + 1;
        }
    }
    escaped.push_str(&value[from..]);
    let (mut rest, mut room) = (escaped.as_str(), 75);
    while rest.len() > room {
        let cut = (0..=room).rev().find(|cut| rest.is_char_boundary(*cut)).unwrap_or(room);
        out.push_str(&rest[..cut]);
        out.push_str("\r\n ");
        (rest, room) = (&rest[cut..], 74);
    }
    out.push_str(rest);
    out.push_str("\r\n");
}

fn time(out: &mut String, head: &str, at: NaiveDateTime, tail: &str) {
    out.push_str(head);
    let year = at.year() as u32;
    for (at, part) in [year / 100, year % 100, at.month(), at.day(), at.hour(), at.minute(), at.second()]
        .into_iter()
        .enumerate()
    {
        if at == 4 {
            out.push('T');
        }
        out.push(char::from(b'0' + (part / 10) as u8));
        out.push(char::from(b'0' + (part % 10) as u8));
    }
    out.push_str(tail);
    out.push_str("\r\n");
}
