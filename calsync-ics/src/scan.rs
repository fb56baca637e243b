//! Splits a file into unfolded lines and components. Accepts any bytes.

use crate::error::{IcsError, IcsProblem};

/// Largest file that is read, in bytes: 16 MiB, more events than any calendar program shows.
pub(crate) const MAX_FILE: usize = 16 << 20;
/// Deepest nesting of components; RFC 5545 has three levels.
const MAX_DEPTH: usize = 8;

/// An unfolded content line. Its name is in upper case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Number of its first line in the file, from 1.
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

    /// The raw value. A colon inside quotes belongs to a parameter.
    pub(crate) fn value(&self) -> &str {
        let mut quoted = false;
        let colon = self.text.bytes().position(|byte| {
            quoted ^= byte == b'"';
            byte == b':' && !quoted
        });
        colon.and_then(|at| self.text.get(at + 1..)).unwrap_or_default()
    }

    /// Whether this is a valid content line.
    fn is_content(&self) -> bool {
        let name = self.name();
        let named = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        named && !name.is_empty() && self.text.len() > name.len()
    }

    /// The component's name, if the line is `name` (`BEGIN` or `END`).
    fn component(&self, name: &str) -> Option<&str> {
        (self.name() == name).then(|| self.rest().trim_start_matches(':').trim())
    }
}

/// An event, from its `BEGIN` to its `END`.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) lines: Vec<Line>,
    /// Whether its calendar has `METHOD:CANCEL`.
    pub(crate) withdrawn: bool,
}

/// The parts of a file.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// The properties of the calendar.
    pub(crate) calendar: Vec<Line>,
    pub(crate) events: Vec<Block>,
    /// The first line with text outside any calendar. A reader ignores such text; rewriting the
    /// file would lose it.
    pub(crate) stray: Option<usize>,
}

/// Splits a file into its parts.
pub(crate) fn parts(bytes: &[u8]) -> Result<Parts, IcsError> {
    let mut parts = Parts::default();
    let mut open: Vec<String> = Vec::new();
    let mut event: Vec<Line> = Vec::new();
    let mut calendars = 0_usize;
    let mut withdrawn = false;
    let malformed = |line: &Line| IcsError::file(IcsProblem::Malformed).at_line(line.number);
    for line in unfold(bytes)? {
        if !line.is_content() {
            if open.is_empty() && !line.text.trim().is_empty() {
                parts.stray.get_or_insert(line.number);
            }
            continue;
        }
        let in_event = open.get(1).is_some_and(|name| name == "VEVENT");
        if let Some(name) = line.component("BEGIN").map(str::to_ascii_uppercase) {
            if open.is_empty() {
                if name != "VCALENDAR" {
                    return Err(malformed(&line));
                }
                calendars += 1;
                withdrawn = false;
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
                    parts.events.push(Block { lines: std::mem::take(&mut event), withdrawn });
                }
            }
        } else if in_event {
            event.push(line);
        } else if open.len() == 1 {
            // METHOD comes before the events (section 3.4).
            withdrawn |= line.name() == "METHOD" && line.value().trim().eq_ignore_ascii_case("CANCEL");
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

/// Returns the lines of a file. They are unfolded before they are decoded, because a fold may split
/// a character (section 3.1).
fn unfold(bytes: &[u8]) -> Result<Vec<Line>, IcsError> {
    if bytes.len() > MAX_FILE {
        return Err(IcsError::file(IcsProblem::TooLarge));
    }
    let wide = from_utf16(bytes)?;
    let bytes = wide.as_deref().map_or(bytes, str::as_bytes);
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // Files of old systems end lines with CR only. In other files a CR without LF is a stray
    // character.
    let end = if bytes.contains(&b'\n') { b'\n' } else { b'\r' };
    let mut lines: Vec<(usize, Vec<u8>)> = Vec::new();
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == end)) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (line, lines.last_mut()) {
            ([b' ' | b'\t', more @ ..], Some((_, last))) => last.extend_from_slice(more),
            _ => lines.push((number, line.to_vec())),
        }
    }
    let latin = is_latin_1(&lines);
    let decoded = lines.into_iter().map(|(number, line)| {
        let text =
            if latin { Ok(line.into_iter().map(char::from).collect()) } else { String::from_utf8(line) };
        let mut text = text.map_err(|_| IcsError::file(IcsProblem::NotUtf8).at_line(number))?;
        // Some readers end a line at a stray CR or another control character. Here they are
        // removed.
        if text.contains(is_stray) {
            text.retain(|character| !is_stray(character));
        }
        let mut line = Line { number, text };
        let length = line.name().len();
        if let Some(name) = line.text.get_mut(..length) {
            name.make_ascii_uppercase();
        }
        Ok(line)
    });
    decoded.collect()
}

fn is_stray(character: char) -> bool {
    character.is_control() && character != '\t'
}

/// Decodes a file that starts with the byte order mark of UTF-16. Returns `None` for other files.
fn from_utf16(bytes: &[u8]) -> Result<Option<String>, IcsError> {
    let (read, bytes): (fn([u8; 2]) -> u16, _) = match bytes {
        [0xff, 0xfe, bytes @ ..] => (u16::from_le_bytes, bytes),
        [0xfe, 0xff, bytes @ ..] => (u16::from_be_bytes, bytes),
        _ => return Ok(None),
    };
    let (pairs, []) = bytes.as_chunks() else { return Err(IcsError::file(IcsProblem::NotUtf8)) };
    let text = char::decode_utf16(pairs.iter().map(|pair| read(*pair))).collect::<Result<_, _>>();
    text.map(Some).map_err(|_| IcsError::file(IcsProblem::NotUtf8))
}

/// Whether every line that is not ASCII is Latin-1, and none is UTF-8. A file with both encodings
/// is damaged.
fn is_latin_1(lines: &[(usize, Vec<u8>)]) -> bool {
    let mut beyond = lines.iter().map(|(_, line)| line).filter(|line| !line.is_ascii()).peekable();
    let is_latin = |line: &Vec<u8>| {
        !line.iter().any(|byte| (0x80..0xa0).contains(byte)) && std::str::from_utf8(line).is_err()
    };
    beyond.peek().is_some() && beyond.all(is_latin)
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
        let event: Vec<_> =
            parts.events[0].lines.iter().map(|line| (line.number, line.text.as_str())).collect();
        assert_eq!(event, [(7, "BEGIN:VEVENT"), (8, "SUMMARY:ab"), (10, "END:VEVENT")]);
    }

    #[test]
    fn a_file_that_is_not_a_calendar_is_refused_with_its_line() {
        assert_eq!(problem("").to_string(), "VCALENDAR is missing");
        assert_eq!(
            problem("BEGIN:VCALENDAR\r\nEND:VEVENT\r\n").to_string(),
            "line 2: VCALENDAR is malformed"
        );
        assert_eq!(problem("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n").to_string(), "VCALENDAR is malformed");
        assert_eq!(problem("BEGIN:VCARD\r\nEND:VCARD\r\n").problem, IcsProblem::Malformed);
        assert_eq!(problem(&"BEGIN:VCALENDAR\n".repeat(100_000)).problem, IcsProblem::TooDeep);
        let damaged = b"BEGIN:VCALENDAR\r\nX-A:\xc3\xa9\r\nX-B:\xe9\r\nEND:VCALENDAR";
        assert_eq!(parts(damaged).unwrap_err().to_string(), "line 3: VCALENDAR is not UTF-8");
        assert_eq!(parts(b"\xff\xfeB\0E").unwrap_err().problem, IcsProblem::NotUtf8);
        assert_eq!(parts(b"\xff\xfe\x00\xd8").unwrap_err().problem, IcsProblem::NotUtf8);
        assert_eq!(parts(&vec![b' '; MAX_FILE + 1]).unwrap_err().problem, IcsProblem::TooLarge);
    }

    #[test]
    fn a_fold_may_split_a_character() {
        let file =
            b"BEGIN:VCALENDAR\r\nX-A:Caf\xc3\r\n \xa9 \xf0\r\n\t\x9f\r\n \x8f\xa0\r\nEND:VCALENDAR\r\n";
        assert_eq!(parts(file).unwrap().calendar[0].text, "X-A:Caf\u{e9} \u{1f3e0}");
    }

    #[test]
    fn other_encodings_and_line_ends_are_read() {
        let text = "BEGIN:VCALENDAR\r\nX-A:Caf\u{e9}\r\n s\r\nEND:VCALENDAR\r\n";
        let latin: Vec<u8> = text.chars().map(|character| character as u8).collect();
        let little: Vec<u8> =
            "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> =
            "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
        let returns = text.replace("\r\n", "\r").into_bytes();
        for file in [text.as_bytes(), &latin, &little, &big, &returns] {
            let parts = parts(file).unwrap();
            assert_eq!(parts.calendar, [Line { number: 2, text: "X-A:Caf\u{e9}s".into() }]);
            assert_eq!(parts.stray, None);
        }
    }

    #[test]
    fn text_outside_the_calendar_is_reported() {
        let stray = |after: &str| {
            parts(format!("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n{after}").as_bytes()).map(|parts| parts.stray)
        };
        for blank in ["", "\r\n \t\r\n", "\0\0\0", "\u{1a}"] {
            assert_eq!(stray(blank), Ok(None), "{blank:?}");
        }
        assert_eq!(stray("\r\n</html>\r\nx"), Ok(Some(4)));
        assert_eq!(stray("X-A:1").unwrap_err().problem, IcsProblem::Malformed);
    }

    #[test]
    fn a_value_starts_after_the_parameters() {
        let value = |text: &str| Line { number: 1, text: text.into() }.value().to_owned();
        assert_eq!(value("UID:a:b"), "a:b");
        assert_eq!(value("UID;X=\"a:b\";Y=c:d"), "d");
        assert_eq!(value("UID;X=\"a"), "");
    }
}
