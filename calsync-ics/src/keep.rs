//! What stays in a file that is written over.

use crate::reader::only_lines;
use crate::scan::{Line, Parts, parts};
use crate::writer::Extras;

/// Properties of an event that a draft decides, whether it writes them or not: those of the time, and what would
/// contradict a new text or place.
const DECIDED: [&str; 19] = [
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

/// Properties of a calendar that every file of ours has, or none.
const HEADER: [&str; 4] = ["VERSION", "PRODID", "CALSCALE", "METHOD"];

/// Everything in a file that is not a draft's to decide: the person's own properties (colour, categories, guests) and
/// components (alarms that are not ours).
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
                let ours = DECIDED.contains(&name) || name.starts_with("X-CALSYNC-");
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
    // RFC 5545 wants properties before components.
    let (properties, components) = split(std::mem::take(&mut extras.event));
    extras.event = properties;
    extras.event.extend(components);
    extras
}

/// Whether a file says what another one, made from it, says: all but when and in which revision it was written.
pub(crate) fn says_the_same(before: &Parts, file: &str) -> bool {
    const WHEN: [&str; 7] = [
        "DTSTAMP",
        "LAST-MODIFIED",
        "SEQUENCE",
        "X-CALSYNC-REVISION",
        // How a program spells it is its own.
        "VERSION",
        "PRODID",
        "CALSCALE",
    ];
    let content = |parts: &Parts| -> Option<Vec<String>> {
        let lines = parts.calendar.iter().chain(&only_lines(parts).ok()?.lines);
        Some(lines.filter(|line| !WHEN.contains(&line.name())).map(|line| line.text.clone()).collect())
    };
    let has_exceptions = before.events.len() > 1;
    !has_exceptions && parts(file.as_bytes()).is_ok_and(|parts| content(before) == content(&parts))
}

/// A time in a zone would need the zone's definition, which is not kept.
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
