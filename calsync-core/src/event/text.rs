//! Cleans and cuts texts, so that providers can store them.

use std::borrow::Cow;

/// The longest texts that a provider can store, in characters (Unicode scalar values), and its
/// highest number of reminders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TextLimits {
    /// The longest title, in characters. Default: 255.
    pub title: usize,
    /// The longest description, in characters. Default: 8192.
    pub description: usize,
    /// The longest location, in characters. Default: 255.
    pub location: usize,
    /// The highest number of reminders. Default: 5.
    pub reminders: usize,
}

impl Default for TextLimits {
    /// Returns limits that all widely used calendars accept.
    fn default() -> Self {
        Self { title: 255, description: 8_192, location: 255, reminders: 5 }
    }
}

impl TextLimits {
    /// Sets the longest title, in characters.
    #[must_use]
    pub fn with_title(mut self, characters: usize) -> Self {
        self.title = characters;
        self
    }

    /// Sets the longest description, in characters.
    #[must_use]
    pub fn with_description(mut self, characters: usize) -> Self {
        self.description = characters;
        self
    }

    /// Sets the longest location, in characters.
    #[must_use]
    pub fn with_location(mut self, characters: usize) -> Self {
        self.location = characters;
        self
    }

    /// Sets the highest number of reminders.
    #[must_use]
    pub fn with_reminders(mut self, reminders: usize) -> Self {
        self.reminders = reminders;
        self
    }
}

/// The last character of a text that was cut.
pub const CUT_MARK: char = '…';

/// Returns a text as one line: line ends and tabs become spaces, other control characters and
/// [invisible characters](is_invisible) are removed, both ends are trimmed.
///
/// Names are cleaned with it, so that no name can start a new line in a description.
#[must_use]
pub fn clean_line(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim();
    if !needs_cleaning(trimmed) && !trimmed.contains(['\n', '\t']) {
        return Cow::Borrowed(trimmed);
    }
    let mut line = String::with_capacity(trimmed.len());
    let mut space = false;
    for character in trimmed.chars() {
        match character {
            '\r' | '\n' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => space = true,
            ' ' if space => {}
            character if character.is_control() || is_invisible(character) => {}
            character => {
                if std::mem::take(&mut space) {
                    line.truncate(line.trim_end_matches(' ').len());
                    line.push(' ');
                }
                line.push(character);
            }
        }
    }
    Cow::Owned(line.trim().to_owned())
}

/// Cleans a text of several lines: each kind of line end (LF, CR, CRLF, VT, FF, NEL, U+2028,
/// U+2029) becomes a line feed, control characters other than the tab and [invisible
/// characters](is_invisible) are removed, both ends are trimmed.
#[must_use]
pub fn clean_block(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim();
    if !needs_cleaning(trimmed) {
        return Cow::Borrowed(trimmed);
    }
    let mut block = String::with_capacity(trimmed.len());
    let mut characters = trimmed.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                if characters.peek() != Some(&'\n') {
                    block.push('\n');
                }
            }
            '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => block.push('\n'),
            '\n' | '\t' => block.push(character),
            character if character.is_control() || is_invisible(character) => {}
            character => block.push(character),
        }
    }
    Cow::Owned(block.trim().to_owned())
}

/// Indents the second and later lines of a block by two spaces, for use after a label: notes cannot
/// forge a line such as `Address:`. Empty lines stay empty.
pub(crate) fn indented(block: Cow<'_, str>) -> Cow<'_, str> {
    if !block.contains('\n') {
        return block;
    }
    let mut indented = String::with_capacity(block.len() + 16);
    for (at, line) in block.split('\n').enumerate() {
        if at > 0 {
            indented.push('\n');
            if !line.trim().is_empty() {
                indented.push_str("  ");
            }
        }
        indented.push_str(line);
    }
    Cow::Owned(indented)
}

/// Returns `true` for an invisible character that changes how a text is read: the bidirectional and
/// zero-width controls of Unicode's category Cf (Unicode 16). `\u{202e}` reverses a text,
/// `\u{200b}` hides in a word.
///
/// `false` for the zero-width joiner and non-joiner, because Persian, Hindi and many emoji need
/// them, and for the visible characters of that category, such as the Arabic number sign.
#[must_use]
pub fn is_invisible(character: char) -> bool {
    // Fast path: nearly all characters are below the first invisible one.
    character >= '\u{ad}'
        && matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}'
        | '\u{e0020}'..='\u{e007f}')
}

/// Returns `true` if the text contains a character, other than line feed and tab, that must be
/// removed or replaced.
///
/// A plan cleans all its texts, and nearly all are clean. So there are three checks, and each runs
/// only if the one before found a candidate. The first two have no branches, so that the compiler
/// can process many bytes at once.
fn needs_cleaning(text: &str) -> bool {
    let is_stray = |c: char| {
        matches!(c, '\u{2028}' | '\u{2029}') || (c.is_control() && c != '\n' && c != '\t') || is_invisible(c)
    };
    let starts = || text.bytes().enumerate().filter(|(_, byte)| is_not_plain(*byte));
    text.bytes().fold(false, |found, byte| found | (is_not_plain(byte) & (byte != b'\n') & (byte != b'\t')))
        && text.bytes().fold(false, |found, byte| found | may_begin_one(byte))
        && starts().filter_map(|(at, _)| text.get(at..)?.chars().next()).any(is_stray)
}

/// Returns `true` unless the byte is a visible ASCII character or a space.
fn is_not_plain(byte: u8) -> bool {
    byte.wrapping_sub(0x20) >= 0x5f
}

/// Returns `true` if a character that begins with this byte may have to be removed. It has false
/// positives: the first bytes of U+0080 to U+00BF (0xC2), U+1000 to U+2FFF (0xE1 and 0xE2), most
/// letters from Greek to Arabic (0xCF to 0xDF), and everything from U+F000 on (0xEF and above).
fn may_begin_one(byte: u8) -> bool {
    ((byte < 0x20) & (byte != b'\n') & (byte != b'\t'))
        | (byte == 0x7f)
        | ((byte & 0xdf).wrapping_sub(0xc1) < 2)
        | ((byte | 0x20) >= 0xef)
}

/// Cuts a text to at most `limit` characters; the last one is then [`CUT_MARK`]. A shorter text is
/// returned unchanged. Never splits a character.
#[must_use]
pub fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    // A character has at least one byte: a text of `limit` bytes has at most `limit` characters.
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    let Some((end, _)) = text.char_indices().nth(limit) else { return Cow::Borrowed(text) };
    let Some(keep) = limit.checked_sub(1) else { return Cow::Borrowed("") };
    let kept = text.get(..end).unwrap_or(text);
    let end = kept.char_indices().nth(keep).map_or(kept.len(), |(at, _)| at);
    let kept = text.get(..end).unwrap_or(text).trim_end();
    Cow::Owned(format!("{kept}{CUT_MARK}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_start_a_line_of_its_own() {
        for name in [
            "Eve\nPhone: 1",
            "Eve\r\nPhone: 1",
            "Eve\u{2028}Phone: 1",
            "Eve\u{85}\tPhone: 1",
            " Eve \n Phone: 1",
        ] {
            assert_eq!(clean_line(name), "Eve Phone: 1", "{name:?}");
        }
        assert_eq!(clean_line("a\u{0}b\u{1b}[31mc\u{7f}d\u{9f}"), "ab[31mcd");
        assert!(matches!(clean_line("Zoë Brontë"), Cow::Borrowed(_)));
    }

    #[test]
    fn blocks_keep_their_lines() {
        assert_eq!(clean_block("a\r\nb\rc\u{2029}d\n\n\te\u{8}"), "a\nb\nc\nd\n\n\te");
        assert_eq!(clean_block("£5 – fine…"), "£5 – fine…");
    }

    #[test]
    fn characters_that_reverse_text_or_hide_in_it_are_removed() {
        for (dirty, clean) in [
            ("\u{202e}gnp.exe\u{200b}", "gnp.exe"),
            ("\u{200f} Eve\u{feff} \u{2066}K\u{2069}", "Eve K"),
            ("a\u{ad}b\u{61c}c\u{180e}d\u{2060}e\u{fff9}f", "abcdef"),
            ("x\u{13430}\u{1bca0}\u{1d173}\u{e0001}\u{e0041}y", "xy"),
        ] {
            assert_eq!(clean_line(dirty), clean, "{dirty:?}");
            assert_eq!(clean_block(dirty), clean, "{dirty:?}");
        }
        for needed in ["می\u{200c}خواهم", "👩\u{200d}🔧", "क्\u{200d}ष", "\u{600}123", "Đặng Thị"]
        {
            assert_eq!(clean_line(needed), needed);
            assert_eq!(clean_block(needed), needed);
        }
    }

    #[test]
    fn the_quick_look_misses_no_character_that_has_to_go() {
        for character in ('\0'..=char::MAX).filter(|c| !matches!(c, '\n' | '\t')) {
            let text = format!("a{character}b");
            let has_to_go = character.is_control()
                || is_invisible(character)
                || matches!(character, '\u{2028}' | '\u{2029}');
            assert_eq!(clean_block(&text) != text, has_to_go, "{character:?}");
        }
    }

    #[test]
    fn later_lines_are_indented() {
        assert_eq!(indented("one".into()), "one");
        assert_eq!(indented("one\n\nAddress: 2\n  three".into()), "one\n\n  Address: 2\n    three");
    }

    #[test]
    fn cutting_counts_characters_and_leaves_a_mark() {
        assert_eq!(cut("王小明王小明", 6), "王小明王小明");
        assert_eq!(cut("王小明王小明", 5), "王小明王…");
        assert_eq!(cut("ab cd", 4), "ab…");
        assert_eq!(cut("abc", 1), "…");
        assert_eq!(cut("abc", 0), "");
        let long = "é".repeat(1_000_000);
        assert_eq!(cut(&long, 8_192).chars().count(), 8_192);
    }
}
