//! Content lines: escaping, folding, and nothing in them that was not meant (RFC 5545 sections 3.1, 3.2 and 3.3.11).

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

/// The longest line, in octets, without its line end.
const LINE: usize = 75;

/// Content lines under construction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(String);

impl Lines {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whole lines that this crate made, line ends included.
    pub(crate) fn lines(&mut self, lines: &str) {
        self.0.push_str(lines);
    }

    /// A short line of this crate's own words.
    pub(crate) fn plain(&mut self, head: &str, value: &str) {
        self.0.push_str(head);
        self.0.push_str(value);
        self.end();
    }

    /// A TEXT value. `head` is the property's name and the colon.
    pub(crate) fn text(&mut self, head: &str, value: &str) {
        self.0.push_str(head);
        let mut column = head.len();
        let mut rest = value;
        loop {
            let plain = rest.bytes().position(needs_care).unwrap_or(rest.len());
            let (run, tail) = rest.split_at_checked(plain).unwrap_or((rest, ""));
            column = self.folded(run, column);
            let mut characters = tail.chars();
            let Some(character) = characters.next() else { break };
            rest = characters.as_str();
            column = match character {
                '\\' => self.unit("\\\\", column),
                ';' => self.unit("\\;", column),
                ',' => self.unit("\\,", column),
                '\t' => self.unit("\t", column),
                // The line feed that follows will be the line end.
                '\r' if rest.starts_with('\n') => column,
                // Readers in Python end a line at each of these.
                '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                    self.unit("\\n", column)
                }
                character if character.is_control() => column,
                character => self.unit(character.encode_utf8(&mut [0; 4]), column),
            };
        }
        self.end();
    }

    /// A parameter with its value: a quote cannot be written there at all, other separators need quotes around.
    pub(crate) fn param(&mut self, name: &str, value: &str) {
        self.0.push(';');
        self.0.push_str(name);
        self.0.push('=');
        let quoted = value.contains([':', ';', ',', '"']);
        if quoted {
            self.0.push('"');
        }
        self.0.extend(value.chars().filter(|c| !c.is_control()).map(|c| if c == '"' { '\'' } else { c }));
        if quoted {
            self.0.push('"');
        }
    }

    /// A line that somebody else wrote, unfolded. Control characters go.
    pub(crate) fn foreign(&mut self, line: &str) {
        if line.chars().any(is_stray) {
            let clean: String = line.chars().filter(|c| !is_stray(*c)).collect();
            self.folded(&clean, 0);
        } else {
            self.folded(line, 0);
        }
        self.end();
    }

    /// A DATE-TIME; `tail` is `Z` or nothing.
    pub(crate) fn time(&mut self, head: &str, at: NaiveDateTime, tail: &str) {
        let [y1, y2, y3, y4, m1, m2, d1, d2] = day(at.date());
        let ([h1, h2], [n1, n2], [s1, s2]) = (two(at.hour()), two(at.minute()), two(at.second()));
        self.ascii(head, &[y1, y2, y3, y4, m1, m2, d1, d2, b'T', h1, h2, n1, n2, s1, s2], tail);
    }

    /// A DATE.
    pub(crate) fn date(&mut self, head: &str, date: NaiveDate) {
        self.ascii(head, &day(date), "");
    }

    /// A whole number.
    pub(crate) fn number(&mut self, head: &str, number: u64, tail: &str) {
        let mut digits = [0; 20];
        let mut left = number;
        let mut start = digits.len();
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (left % 10) as u8;
            left /= 10;
            start -= 1;
            if left == 0 {
                break;
            }
        }
        self.ascii(head, digits.get(start..).unwrap_or_default(), tail);
    }

    /// A short line with digits in it.
    fn ascii(&mut self, head: &str, digits: &[u8], tail: &str) {
        self.0.push_str(head);
        self.0.push_str(std::str::from_utf8(digits).unwrap_or_default());
        self.0.push_str(tail);
        self.end();
    }

    /// Characters that stay together, such as an escape.
    fn unit(&mut self, unit: &str, column: usize) -> usize {
        let column = if column + unit.len() > LINE { self.fold() } else { column };
        self.0.push_str(unit);
        column + unit.len()
    }

    /// Text without special characters. A fold is made only when something follows it.
    fn folded(&mut self, run: &str, mut column: usize) -> usize {
        let mut rest = run;
        while column + rest.len() > LINE {
            let mut cut = LINE.saturating_sub(column);
            while !rest.is_char_boundary(cut) {
                cut -= 1;
            }
            let (line, next) = rest.split_at_checked(cut).unwrap_or((rest, ""));
            self.0.push_str(line);
            column = self.fold();
            rest = next;
        }
        self.0.push_str(rest);
        column + rest.len()
    }

    fn fold(&mut self) -> usize {
        self.0.push_str("\r\n ");
        1
    }

    fn end(&mut self) {
        self.0.push_str("\r\n");
    }
}

/// Whether two texts are one after having been written and read.
pub(crate) fn same_text(a: &str, b: &str) -> bool {
    let stored = |text| {
        let mut lines = Lines::default();
        lines.text("", text);
        lines.into_string()
    };
    a == b || stored(a) == stored(b)
}

/// A date of a year of four digits; the writer takes no others.
fn day(date: NaiveDate) -> [u8; 8] {
    let year = date.year().unsigned_abs();
    let ([y1, y2], [y3, y4]) = (two(year / 100), two(year));
    let ([m1, m2], [d1, d2]) = (two(date.month()), two(date.day()));
    [y1, y2, y3, y4, m1, m2, d1, d2]
}

fn two(number: u32) -> [u8; 2] {
    [number / 10 % 10, number % 10].map(|digit| b'0' + digit as u8)
}

/// Everything that is not written as it stands. 0xC2 begins U+0080 to U+009F, 0xE2 begins U+2028; along with much that
/// is harmless.
fn needs_care(byte: u8) -> bool {
    matches!(byte, 0..=0x1f | b'\\' | b';' | b',' | 0x7f | 0xc2 | 0xe2)
}

/// What can end a line in some reader, or is refused by some server.
fn is_stray(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}') || (character.is_control() && character != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> String {
        let mut lines = Lines::default();
        lines.text("SUMMARY:", value);
        lines.into_string()
    }

    #[test]
    fn escapes_are_those_of_the_rfc() {
        assert_eq!(text("a\\b;c,d\ne\tf:\"g\""), "SUMMARY:a\\\\b\\;c\\,d\\ne\tf:\"g\"\r\n");
        assert_eq!(text("a\r\nb\rc\u{85}d\u{2028}e\u{b}f"), "SUMMARY:a\\nb\\nc\\nd\\ne\\nf\r\n");
        assert_eq!(text("a\u{0}b\u{7}c\u{7f}d\u{9b}e£–"), "SUMMARY:abcde£–\r\n");
    }

    #[test]
    fn lines_fold_at_75_octets_and_only_when_more_follows() {
        // 8 + 67 = 75: one line. One more: a second line of one character.
        assert_eq!(text(&"a".repeat(67)), format!("SUMMARY:{}\r\n", "a".repeat(67)));
        assert_eq!(text(&"a".repeat(68)), format!("SUMMARY:{}\r\n a\r\n", "a".repeat(67)));
        // A full second line holds 74.
        assert_eq!(text(&"a".repeat(141)), format!("SUMMARY:{}\r\n {}\r\n", "a".repeat(67), "a".repeat(74)));
        // Neither a character nor an escape is split.
        assert_eq!(text(&format!("{}é", "a".repeat(66))), format!("SUMMARY:{}\r\n é\r\n", "a".repeat(66)));
        assert_eq!(text(&format!("{},", "a".repeat(66))), format!("SUMMARY:{}\r\n \\,\r\n", "a".repeat(66)));
    }

    #[test]
    fn a_parameter_cannot_be_left() {
        let mut lines = Lines::default();
        lines.param("CN", "Bob \"the man\"\r\nATTENDEE:x;Y=1");
        assert_eq!(lines.as_str(), ";CN=\"Bob 'the man'ATTENDEE:x;Y=1\"");
    }

    #[test]
    fn numbers() {
        let mut lines = Lines::default();
        for number in [0, 7, 10, u64::MAX] {
            lines.number("N:", number, ";");
        }
        assert_eq!(lines.as_str(), "N:0;\r\nN:7;\r\nN:10;\r\nN:18446744073709551615;\r\n");
    }
}
