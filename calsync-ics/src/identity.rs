//! Identity of the event in a file: UID and marker. The rest of the content may be invalid.

use std::fmt;

use calsync_core::calendar::{Person, Role};
use calsync_core::identity::EventKey;
use calsync_core::provider::Marker;

use crate::error::{IcsError, IcsProblem};
use crate::lines::same_text;
use crate::reader::only_lines;
use crate::scan::{Line, Parts, parts};

/// UID and marker of an event. They are read from a few lines; times, zones and texts may be
/// invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) uid: String,
    /// calsync's marker, if the event carries one.
    pub(crate) marker: Option<Marker>,
    /// The event's own key: its UID if that is a key, or the marker's key for an adopted event.
    pub(crate) key: Option<EventKey>,
    /// Whether a person copied one of calsync's events: the marker is there, with another UID than
    /// it was written with.
    pub(crate) is_copy: bool,
}

impl Identity {
    /// Reads the identity of the only event of a file. Text outside the calendar is an error:
    /// rewriting the file would lose it.
    pub(crate) fn of_file(bytes: &[u8]) -> Result<(Self, Parts), IcsError> {
        let parts = parts(bytes)?;
        if let Some(line) = parts.stray {
            return Err(IcsError::file(IcsProblem::Malformed).at_line(line));
        }
        let lines = &only_lines(&parts)?.lines;
        let identity = Self::of(|name| value_of(lines, name))?;
        Ok((identity, parts))
    }

    /// Reads the identity from an event's properties.
    pub(crate) fn of(property: impl Fn(&str) -> Option<String>) -> Result<Self, IcsError> {
        let uid = property("UID").map(|uid| uid.trim().to_owned()).filter(|uid| !uid.is_empty());
        let uid = uid.ok_or(IcsError::event("UID", IcsProblem::Missing))?;
        let own = EventKey::parse(&uid);
        let text = |name| property(name).map(|value| value.trim().to_owned());
        let marker_key = match text("X-CALSYNC-KEY") {
            Some(key) => EventKey::parse(&key),
            None => own,
        };
        let number = |name| text(name).and_then(|value| value.parse::<u64>().ok());
        let marker = property("X-CALSYNC-NAMESPACE").zip(marker_key).map(|(namespace, key)| {
            // A person's calendar program raises SEQUENCE at every edit; only calsync writes the
            // revision.
            let revision = number("X-CALSYNC-REVISION").or_else(|| number("SEQUENCE")).unwrap_or(0);
            Marker::new(namespace, key, revision)
                .with_appointment(property("X-CALSYNC-APPOINTMENT").and_then(|id| id.parse().ok()))
                .with_person(property("X-CALSYNC-PERSON").and_then(|person| person_of(&person)))
                .with_role(text("X-CALSYNC-ROLE").and_then(|role| Role::parse(&role)))
        });
        let mut key = own;
        let mut is_copy = false;
        if let Some(marker) = &marker
            && own.is_none_or(|own| own.target() != marker.key.target())
        {
            is_copy = text("X-CALSYNC-UID").is_none_or(|adopted| adopted != uid);
            key = if is_copy { own } else { Some(marker.key) };
        }
        Ok(Self { uid, marker, key, is_copy })
    }

    /// Replaces the marker's namespace by the host's, if both are written as the same text.
    /// Escaping is lossy: a namespace with control characters reads back as another text.
    pub(crate) fn with_original_namespace(mut self, namespace: &str) -> Self {
        if let Some(marker) = &mut self.marker
            && same_text(&marker.namespace, namespace)
        {
            marker.namespace = namespace.into();
        }
        self
    }
}

/// A person in a file: `profile:` and the profile's id, or `guest`.
pub(crate) struct PersonText<'a>(pub(crate) &'a Person);

impl fmt::Display for PersonText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Person::Profile(id) => write!(f, "profile:{id}"),
            Person::Guest => f.write_str("guest"),
        }
    }
}

fn person_of(text: &str) -> Option<Person> {
    match text.split_once(':') {
        Some(("profile", id)) => id.parse().ok().map(Person::Profile),
        None if text == "guest" => Some(Person::Guest),
        _ => None,
    }
}

/// Returns the TEXT value of a property of the event itself; the first one if the property is
/// repeated.
fn value_of(lines: &[Line], name: &str) -> Option<String> {
    let mut depth = 0_usize;
    let line = lines.iter().find(|line| {
        match line.name() {
            "BEGIN" => depth += 1,
            "END" => depth = depth.saturating_sub(1),
            other => return depth == 1 && other == name,
        }
        false
    })?;
    Some(unescape(line.value()))
}

/// Unescapes a TEXT value (RFC 5545 section 3.3.11).
fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('n' | 'N') => text.push('\n'),
            Some(escaped @ ('\\' | ',' | ';' | ':')) => text.push(escaped),
            Some(other) => text.extend(['\\', other]),
            None => text.push('\\'),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789ab5def8123456789abcdef";

    fn identity(lines: &str) -> Result<Identity, IcsError> {
        let file = format!(
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{lines}BEGIN:VALARM\r\nUID:alarm\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        Identity::of_file(file.as_bytes()).map(|(identity, _)| identity)
    }

    #[test]
    fn the_identity_is_read_from_an_event_with_invalid_content() {
        let lines = "DTSTART;TZID=GMT Standard Time:20260701T090000\r\nDTEND:never\r\nDURATION:long\r\nRRULE:?\r\nSUMMARY;X=\":\r\n";
        let ours = format!(
            "{lines}UID:{KEY}\r\nX-CALSYNC-NAMESPACE:a\\, b\\\\n\r\nX-CALSYNC-REVISION:7\r\nSEQUENCE:9\r\n"
        );
        let read = identity(&ours).unwrap();
        assert_eq!((read.uid.as_str(), read.is_copy), (KEY, false));
        assert_eq!(read.marker, Some(Marker::new("a, b\\n", EventKey::parse(KEY).unwrap(), 7)));
        assert_eq!(identity(lines).unwrap_err().problem, IcsProblem::Missing);
    }

    #[test]
    fn a_copy_is_recognized_by_its_uid() {
        let copied = format!("X-CALSYNC-NAMESPACE:s\r\nX-CALSYNC-KEY:{KEY}\r\n");
        let read = |uid: &str, note: &str| identity(&format!("UID:{uid}\r\n{copied}{note}")).unwrap();
        assert!(!read(KEY, "").is_copy);
        assert!(read("A3F0C1D2-0000-4000-8000-0123456789AB", "").is_copy);
        // An adopted event has the UID recorded at its adoption; a copy of it has another.
        assert!(!read("old@example.org", "X-CALSYNC-UID:old@example.org\r\n").is_copy);
        assert!(read("new@example.org", "X-CALSYNC-UID:old@example.org\r\n").is_copy);
        // Without a key there is no marker. A UUID with hyphens is no key.
        let foreign =
            identity("UID:01234567-89ab-5def-8123-456789abcdef\r\nX-CALSYNC-NAMESPACE:s\r\n").unwrap();
        assert_eq!((foreign.marker, foreign.is_copy), (None, false));
    }
}
