//! A file as unfolded lines and components, whatever bytes it holds.

use crate::error::{IcsError, IcsProblem};

/// The largest file taken: more events than any calendar program shows.
pub(crate) const MAX_FILE: usize = 16 << 20;
/// How deep components may be nested; RFC 5545 knows three levels.
const MAX_DEPTH: usize = 8;

/// A content line, unfolded, its name in upper case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Where it began in the file, from 1.
    pub(crate) number: usize,
    pub(crate) text: String,
}

impl Line {
    /// The property's name.
    pub(crate) fn name(&self) -> &str {
        self.text.split([';', ':']).next().unwrap_or_default()
    }

    /// The parameters and the value, separators included.
    pub(crate) fn rest(&self) -> &str {
        self.text.get(self.name().len()..).unwrap_or_default()
    }

    /// The component that begins or ends here.
    fn component(&self, name: &str) -> Option<&str> {
        (self.name() == name).then(|| self.rest().trim_start_matches(':').trim())
    }
}

/// What a file is made of.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// The properties of the calendar.
    pub(crate) calendar: Vec<Line>,
    /// The events, each from its `BEGIN` to its `END`.
    pub(crate) events: Vec<Vec<Line>>,
}

/// Takes a file apart.
pub(crate) fn parts(bytes: &[u8]) -> Result<Parts, IcsError> {
    let mut parts = Parts::default();
    let mut open: Vec<String> = Vec::new();
    let mut event: Vec<Line> = Vec::new();
    let mut calendars = 0_usize;
    let malformed = |line: &Line| IcsError::file(IcsProblem::Malformed).at_line(line.number);
    for line in unfold(bytes)? {
        let in_event = open.get(1).is_some_and(|name| name == "VEVENT");
        if let Some(name) = line.component("BEGIN").map(str::to_ascii_uppercase) {
            if open.is_empty() {
                if name != "VCALENDAR" {
                    return Err(malformed(&line));
                }
                calendars += 1;
            }
            if open.len() >= MAX_DEPTH {
                return Err(IcsError::file(IcsProblem::TooDeep).at_line(line.number));
            }
            if in_event || (open.len() == 1 && name == "VEVENT") {
                event.push(Line { number: line.number, text: format!("BEGIN:{name}") });
            }
            open.push(name);
        } else if let Some(name) = line.component("END").map(str::to_ascii_uppercase) {
            if open.pop().is_none_or(|begun| begun != name) {
                return Err(malformed(&line));
            }
            if in_event {
                event.push(Line { number: line.number, text: format!("END:{name}") });
                if open.len() == 1 {
                    parts.events.push(std::mem::take(&mut event));
                }
            }
        } else if in_event {
            event.push(line);
        } else if open.len() == 1 {
            parts.calendar.push(line);
        } else if open.is_empty() {
            return Err(malformed(&line));
        }
    }
    match (calendars, open.is_empty()) {
        (0, _) => Err(IcsError::file(IcsProblem::Missing)),
        (_, false) => Err(IcsError::file(IcsProblem::Malformed)),
        (_, true) => Ok(parts),
    }
}

/// The content lines. What is no content line is left out.
fn unfold(bytes: &[u8]) -> Result<Vec<Line>, IcsError> {
    if bytes.len() > MAX_FILE {
        return Err(IcsError::file(IcsProblem::TooLarge));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| IcsError::file(IcsProblem::NotUtf8))?;
    let mut lines: Vec<Line> = Vec::new();
    for (number, line) in (1..).zip(text.split('\n')) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (target, piece) = match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some(last)) => (last, more),
            _ => {
                lines.push(Line { number, text: String::with_capacity(line.len()) });
                match lines.last_mut() {
                    Some(new) => (new, line),
                    None => continue,
                }
            }
        };
        // A stray return or another control character ends a line in some readers, and must not in this one.
        target.text.extend(piece.chars().filter(|c| !c.is_control() || *c == '\t'));
    }
    lines.retain_mut(|line| {
        let length = line.name().len();
        let named = line.name().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if let Some(name) = line.text.get_mut(..length) {
            name.make_ascii_uppercase();
        }
        named && length > 0 && line.text.len() > length
    });
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> IcsError {
        parts(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn lines_are_unfolded_and_counted() {
        let file = "\u{feff}begin:vcalendar\r\nx-a:1\r\n 2\n\t3\r\n\r\nnonsense\r\nBEGIN:VEVENT\r\nSUM\r\n MARY:a\rb\r\n\
                    END:VEVENT\r\nEND:VCALENDAR\r\n";
        let parts = parts(file.as_bytes()).unwrap();
        assert_eq!(parts.calendar, [Line { number: 2, text: "X-A:123".into() }]);
        let event: Vec<_> = parts.events[0].iter().map(|line| (line.number, line.text.as_str())).collect();
        assert_eq!(event, [(7, "BEGIN:VEVENT"), (8, "SUMMARY:ab"), (10, "END:VEVENT")]);
    }

    #[test]
    fn what_is_no_calendar_says_where() {
        assert_eq!(problem("").to_string(), "VCALENDAR is missing");
        assert_eq!(
            problem("BEGIN:VCALENDAR\r\nEND:VEVENT\r\n").to_string(),
            "line 2: VCALENDAR is malformed"
        );
        assert_eq!(problem("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n").to_string(), "VCALENDAR is malformed");
        assert_eq!(problem("BEGIN:VCARD\r\nEND:VCARD\r\n").problem, IcsProblem::Malformed);
        assert_eq!(problem(&"BEGIN:VCALENDAR\n".repeat(100_000)).problem, IcsProblem::TooDeep);
        assert_eq!(parts(b"BEGIN:VCALENDAR\xff").unwrap_err().problem, IcsProblem::NotUtf8);
        assert_eq!(parts(&vec![b' '; MAX_FILE + 1]).unwrap_err().problem, IcsProblem::TooLarge);
    }
}
