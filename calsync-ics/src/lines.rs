//! Content lines: escaping, folding, and protection against injected lines (RFC 5545 sections 3.1,
//! 3.2 and 3.3.11).

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

/// Longest line, in octets, without its line end.
const MAX_LINE: usize = 75;

/// A buffer of content lines.
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

    /// Appends complete lines that this crate made, line ends included.
    pub(crate) fn lines(&mut self, lines: &str) {
        self.0.push_str(lines);
    }

    /// Appends a short line that this crate made; it needs neither escaping nor folding.
    pub(crate) fn plain(&mut self, head: &str, value: &str) {
        self.0.push_str(head);
        self.0.push_str(value);
        self.end();
    }

    /// Appends a property with a TEXT value, escaped and folded. `head` is the property's name with
    /// the colon.
    pub(crate) fn text(&mut self, head: &str, value: &str) {
        self.0.push_str(head);
        let mut column = head.len();
        let mut rest = value;
        loop {
            let plain = rest.bytes().position(needs_escaping).unwrap_or(rest.len());
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
                // CRLF is one line end: the line feed that follows is written.
                '\r' if rest.starts_with('\n') => column,
                // Readers written in Python end a line at each of these characters.
                '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                    self.unit("\\n", column)
                }
                character if character.is_control() => column,
                character => self.unit(character.encode_utf8(&mut [0; 4]), column),
            };
        }
        self.end();
    }

    /// Appends a parameter. A value with separators is quoted; a quote inside a value cannot be
    /// escaped and becomes `'`.
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

    /// Appends an unfolded line of another program, without its control characters.
    pub(crate) fn foreign(&mut self, line: &str) {
        if line.chars().any(is_stray) {
            let clean: String = line.chars().filter(|c| !is_stray(*c)).collect();
            self.folded(&clean, 0);
        } else {
            self.folded(line, 0);
        }
        self.end();
    }

    /// Appends a property with a DATE-TIME value; `tail` is `Z` or empty.
    pub(crate) fn time(&mut self, head: &str, at: NaiveDateTime, tail: &str) {
        let [y1, y2, y3, y4, m1, m2, d1, d2] = day(at.date());
        let ([h1, h2], [n1, n2], [s1, s2]) = (two(at.hour()), two(at.minute()), two(at.second()));
        self.ascii(head, &[y1, y2, y3, y4, m1, m2, d1, d2, b'T', h1, h2, n1, n2, s1, s2], tail);
    }

    /// Appends a property with a DATE value.
    pub(crate) fn date(&mut self, head: &str, date: NaiveDate) {
        self.ascii(head, &day(date), "");
    }

    /// Appends a property with a whole number between `head` and `tail`.
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

    /// Appends a short line that contains digits.
    fn ascii(&mut self, head: &str, digits: &[u8], tail: &str) {
        self.0.push_str(head);
        self.0.push_str(std::str::from_utf8(digits).unwrap_or_default());
        self.0.push_str(tail);
        self.end();
    }

    /// Appends characters that must stay on one line, such as an escape sequence. Returns the new
    /// column.
    fn unit(&mut self, unit: &str, column: usize) -> usize {
        let column = if column + unit.len() > MAX_LINE { self.fold() } else { column };
        self.0.push_str(unit);
        column + unit.len()
    }

    /// Appends text without special characters, folded. A line is folded only if more text follows.
    /// Returns the new column.
    fn folded(&mut self, run: &str, mut column: usize) -> usize {
        let mut rest = run;
        while column + rest.len() > MAX_LINE {
            let mut cut = MAX_LINE.saturating_sub(column);
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

/// Whether two texts are equal after being written and read back.
pub(crate) fn same_text(a: &str, b: &str) -> bool {
    let stored = |text| {
        let mut lines = Lines::default();
        lines.text("", text);
        lines.into_string()
    };
    a == b || stored(a) == stored(b)
}

/// Formats a date as `YYYYMMDD`. The year has four digits: the writer refuses others.
fn day(date: NaiveDate) -> [u8; 8] {
    let year = date.year().unsigned_abs();
    let ([y1, y2], [y3, y4]) = (two(year / 100), two(year));
    let ([m1, m2], [d1, d2]) = (two(date.month()), two(date.day()));
    [y1, y2, y3, y4, m1, m2, d1, d2]
}

fn two(number: u32) -> [u8; 2] {
    [number / 10 % 10, number % 10].map(|digit| b'0' + digit as u8)
}

/// Whether a byte may start a character that is escaped or removed. 0xC2 starts U+0080 to U+009F
/// and 0xE2 starts U+2028, but also many characters that are written unchanged.
fn needs_escaping(byte: u8) -> bool {
    matches!(byte, 0..=0x1f | b'\\' | b';' | b',' | 0x7f | 0xc2 | 0xe2)
}

/// Whether a character ends a line in some readers, or is refused by some servers.
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
    fn text_is_escaped_as_in_the_rfc() {
        assert_eq!(text("a\\b;c,d\ne\tf:\"g\""), "SUMMARY:a\\\\b\\;c\\,d\\ne\tf:\"g\"\r\n");
        assert_eq!(text("a\r\nb\rc\u{85}d\u{2028}e\u{b}f"), "SUMMARY:a\\nb\\nc\\nd\\ne\\nf\r\n");
        assert_eq!(text("a\u{0}b\u{7}c\u{7f}d\u{9b}e£–"), "SUMMARY:abcde£–\r\n");
    }

    #[test]
    fn lines_fold_at_75_octets_and_only_when_more_follows() {
        // 8 + 67 = 75 octets are one line. One more octet makes a second line.
        assert_eq!(text(&"a".repeat(67)), format!("SUMMARY:{}\r\n", "a".repeat(67)));
        assert_eq!(text(&"a".repeat(68)), format!("SUMMARY:{}\r\n a\r\n", "a".repeat(67)));
        // A full second line holds 74.
        assert_eq!(text(&"a".repeat(141)), format!("SUMMARY:{}\r\n {}\r\n", "a".repeat(67), "a".repeat(74)));
        // Neither a character nor an escape is split.
        assert_eq!(text(&format!("{}é", "a".repeat(66))), format!("SUMMARY:{}\r\n é\r\n", "a".repeat(66)));
        assert_eq!(text(&format!("{},", "a".repeat(66))), format!("SUMMARY:{}\r\n \\,\r\n", "a".repeat(66)));
    }

    #[test]
    fn a_value_cannot_end_its_parameter() {
        let mut lines = Lines::default();
        lines.param("CN", "Bob \"the man\"\r\nATTENDEE:x;Y=1");
        assert_eq!(lines.as_str(), ";CN=\"Bob 'the man'ATTENDEE:x;Y=1\"");
    }

    #[test]
    fn numbers_have_no_leading_zeros() {
        let mut lines = Lines::default();
        for number in [0, 7, 10, u64::MAX] {
            lines.number("N:", number, ";");
        }
        assert_eq!(lines.as_str(), "N:0;\r\nN:7;\r\nN:10;\r\nN:18446744073709551615;\r\n");
    }
}
