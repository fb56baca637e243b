//! What an update keeps of the existing file.

use crate::reader::only_lines;
use crate::scan::{Line, Parts, parts};
use crate::writer::Extras;

/// Properties of an event that an update replaces or removes: times, texts, and properties that
/// would contradict a new text or location.
const REPLACED: [&str; 19] = [
    "UID",
    "DTSTAMP",
    "LAST-MODIFIED",
    "SEQUENCE",
    "STATUS",
    "DTSTART",
    "DTEND",
    "DURATION",
    "RRULE",
    "RDATE",
    "EXRULE",
    "EXDATE",
    "RECURRENCE-ID",
    "SUMMARY",
    "DESCRIPTION",
    "LOCATION",
    "X-ALT-DESC",
    "GEO",
    "X-APPLE-STRUCTURED-LOCATION",
];

/// Properties of the calendar that an update does not keep: calsync writes its own, and no
/// `METHOD`.
const HEADER: [&str; 4] = ["VERSION", "PRODID", "CALSCALE", "METHOD"];

/// Returns everything in a file that an update keeps: the person's own properties (colour,
/// categories, guests) and components (other alarms than calsync's).
pub(crate) fn extras(parts: &Parts) -> Extras {
    let calendar = parts.calendar.iter().filter(|line| !HEADER.contains(&line.name()));
    let mut extras =
        Extras { calendar: calendar.map(|line| line.text.clone()).collect(), ..Extras::default() };
    let lines = only_lines(parts).map(|event| event.lines.as_slice()).unwrap_or_default();
    let mut depth = 0_usize;
    let mut component: Vec<&Line> = Vec::new();
    for line in lines {
        match line.name() {
            "BEGIN" => depth += 1,
            "END" => depth = depth.saturating_sub(1),
            name if depth == 1 => {
                let ours = REPLACED.contains(&name) || name.starts_with("X-CALSYNC-");
                if !ours && !names_zone(line) {
                    extras.event.push(line.text.clone());
                }
                continue;
            }
            _ => {}
        }
        let inside = depth > 1 || (depth == 1 && line.name() == "END");
        if inside && !names_zone(line) {
            component.push(line);
        }
        if depth == 1 && line.name() == "END" {
            let lines = std::mem::take(&mut component);
            if !lines.iter().any(|line| line.name() == "X-CALSYNC-REMINDER") {
                extras.event.extend(lines.iter().map(|line| line.text.clone()));
            }
        }
    }
    // RFC 5545 requires properties before components.
    let (properties, components) = split(std::mem::take(&mut extras.event));
    extras.event = properties;
    extras.event.extend(components);
    extras
}

/// Whether a file and its new version have the same content, apart from the time and the revision
/// of the write.
pub(crate) fn has_same_content(before: &Parts, file: &str) -> bool {
    const IGNORED: [&str; 7] = [
        "DTSTAMP",
        "LAST-MODIFIED",
        "SEQUENCE",
        "X-CALSYNC-REVISION",
        // Each program writes its own values.
        "VERSION",
        "PRODID",
        "CALSCALE",
    ];
    let content = |parts: &Parts| -> Option<Vec<String>> {
        let lines = parts.calendar.iter().chain(&only_lines(parts).ok()?.lines);
        Some(lines.filter(|line| !IGNORED.contains(&line.name())).map(|line| line.text.clone()).collect())
    };
    let has_exceptions = before.events.len() > 1;
    !has_exceptions && parts(file.as_bytes()).is_ok_and(|parts| content(before) == content(&parts))
}

/// Whether the line has a time in a zone. Such lines are not kept, because the zone's definition is
/// not kept.
fn names_zone(line: &Line) -> bool {
    let head = line.text.split(':').next().unwrap_or_default();
    head.to_ascii_uppercase().contains(";TZID=")
}

fn split(lines: Vec<String>) -> (Vec<String>, Vec<String>) {
    let mut depth = 0_usize;
    lines.into_iter().partition(|line| {
        let outside = depth == 0 && !line.starts_with("BEGIN:");
        if line.starts_with("BEGIN:") {
            depth += 1;
        } else if line.starts_with("END:") {
            depth = depth.saturating_sub(1);
        }
        outside
    })
}
