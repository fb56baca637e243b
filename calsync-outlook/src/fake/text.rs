//! Event bodies: Exchange stores HTML, and converts plain text to it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The line before and after the join details of Teams.
pub(super) const ROW: &str =
    "________________________________________________________________________________";

/// Length of a preview, in characters.
const PREVIEW_CHARS: usize = 255;

/// An event's body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Text {
    /// The whole HTML page; empty without a body.
    pub(super) html: String,
    /// The same as plain text.
    pub(super) plain: String,
}

impl Text {
    /// From plain text as it was sent.
    pub(super) fn of_plain(sent: &str) -> Self {
        let plain = crlf(sent);
        if plain.is_empty() {
            return Self::default();
        }
        let inner = escaped(&plain).replace("\r\n", "<br>\r\n");
        let html = page(&format!("<div class=\"PlainText\">{inner}</div>"));
        Self { html, plain: ended(plain) }
    }

    /// From HTML as it was sent. Exchange writes its own page around it and drops scripts.
    pub(super) fn of_html(sent: &str) -> Self {
        let sent = crlf(sent);
        if sent.is_empty() {
            return Self::default();
        }
        let inner = without(inner(&sent), "<script", "</script>");
        Self { html: page(inner.trim()), plain: ended(plain(&inner)) }
    }

    /// With more HTML at the end.
    pub(super) fn with_html(&self, more: &str) -> Self {
        Self::of_html(&format!("{}\r\n{more}", inner(&self.html)))
    }

    /// The JSON of a response.
    pub(super) fn write(&self, as_text: bool) -> Value {
        if as_text {
            json!({"contentType": "text", "content": self.plain})
        } else {
            json!({"contentType": "html", "content": self.html})
        }
    }

    pub(super) fn preview(&self) -> String {
        self.plain.trim().chars().take(PREVIEW_CHARS).collect()
    }
}

/// The join details that Teams writes into the body of a meeting, or the same without lines. The
/// meeting lasts as long as they are in the body.
pub(super) fn meeting_blob(url: &str, has_lines: bool) -> String {
    let row = if has_lines { ROW } else { "" };
    format!(
        "<div class=\"me-email-text\"><span>{row}</span><br>\r\nMicrosoft Teams meeting<br>\r\n\
         <a class=\"me-email-link\" href=\"{url}\">Join the meeting now</a><br>\r\n<span>{row}</span></div>"
    )
}

/// Whether the body contains the join details with that URL.
pub(super) fn holds_meeting(text: &Text, url: &str, has_lines: bool) -> bool {
    let rows = if has_lines { text.html.matches(ROW).count() } else { 2 };
    text.html.contains(&format!("href=\"{url}\"")) && rows >= 2
}

fn page(inner: &str) -> String {
    format!(
        "<html>\r\n<head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\r\n</head>\r\n\
         <body>\r\n{inner}\r\n</body>\r\n</html>\r\n"
    )
}

/// The content of the page's body element; the whole text if there is none.
fn inner(html: &str) -> &str {
    // ASCII lower case keeps all byte positions.
    let low = html.to_ascii_lowercase();
    let Some(open) = low.find("<body") else { return html };
    let Some(begin) = low.get(open..).and_then(|rest| rest.find('>')).map(|at| open + at + 1) else {
        return html;
    };
    let end = low.rfind("</body").filter(|end| *end >= begin).unwrap_or(html.len());
    html.get(begin..end).unwrap_or(html).trim_matches(['\r', '\n'])
}

fn crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}

/// Exchange ends a text with a line end.
fn ended(text: String) -> String {
    if text.is_empty() || text.ends_with("\r\n") { text } else { text + "\r\n" }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Removes everything from `open` to `close`.
fn without(text: &str, open: &str, close: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(at) = rest.to_ascii_lowercase().find(open) {
        kept.push_str(rest.get(..at).unwrap_or_default());
        let end = rest.to_ascii_lowercase().get(at..).and_then(|rest| rest.find(close));
        let Some(end) = end.map(|end| at + end + close.len()) else { return kept };
        rest = rest.get(end..).unwrap_or_default();
    }
    kept.push_str(rest);
    kept
}

/// Converts HTML to text: blocks and breaks end lines, other tags are dropped.
fn plain(html: &str) -> String {
    let html = without(&without(html, "<!--", "-->"), "<style", "</style>");
    let mut lines = vec![String::new()];
    let mut rest = html.as_str();
    while !rest.is_empty() {
        let (words, after) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
        if let Some(line) = lines.last_mut() {
            add_words(line, words);
        }
        let Some((tag, after)) = after.split_once('>') else { break };
        if ends_line(tag) {
            lines.push(String::new());
        }
        rest = after;
    }
    let lines: Vec<String> = lines.iter().map(|line| unescaped(line.trim())).collect();
    lines.join("\r\n").trim_matches(['\r', '\n']).to_owned()
}

fn ends_line(tag: &str) -> bool {
    let name: String = tag
        .trim_start_matches('<')
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '/')
        .collect::<String>()
        .to_ascii_lowercase();
    matches!(
        name.as_str(),
        "br" | "br/" | "/p" | "/div" | "/li" | "/tr" | "/h1" | "/h2" | "/h3" | "/h4" | "hr" | "hr/"
    )
}

/// Appends text; several white spaces become one space.
fn add_words(line: &mut String, words: &str) {
    for c in words.chars() {
        if !matches!(c, ' ' | '\r' | '\n' | '\t') {
            line.push(c);
        } else if !line.ends_with(' ') {
            line.push(' ');
        }
    }
}

fn unescaped(text: &str) -> String {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        whole.push_str(before);
        match after.split_once(';').and_then(|(name, after)| Some((entity(name)?, after))) {
            Some((c, after)) => {
                whole.push(c);
                rest = after;
            }
            None => {
                whole.push('&');
                rest = after;
            }
        }
    }
    whole + rest
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_returned_as_a_page_or_with_crlf_line_ends() {
        let text = Text::of_plain("Hall B\nTea & <cake>\n\n€ 3");
        assert!(
            text.html.contains("Hall B<br>\r\nTea &amp; &lt;cake&gt;<br>\r\n<br>\r\n€ 3</div>"),
            "{}",
            text.html
        );
        assert!(text.html.starts_with("<html>\r\n<head>") && text.html.ends_with("</html>\r\n"));
        assert_eq!(text.plain, "Hall B\r\nTea & <cake>\r\n\r\n€ 3\r\n");
        assert_eq!(Text::of_plain("").write(false), json!({"contentType": "html", "content": ""}));
    }

    #[test]
    fn html_is_rewritten_once_and_then_stays() {
        let text =
            Text::of_html("<p>Hall  <b>B</b></p><script>x()</script>\nTea &amp; &#99;ake<br>&nbsp;end");
        assert!(!text.html.contains("x()") && text.html.contains("<p>Hall  <b>B</b></p>\r\nTea"));
        assert_eq!(text.plain, "Hall B\r\nTea & cake\r\n end\r\n");
        assert_eq!(Text::of_html(&text.html), text, "what comes back can be sent back");
        let long = Text::of_html(&"ä".repeat(300));
        assert_eq!(long.preview().chars().count(), 255);
    }

    #[test]
    fn a_meeting_lasts_as_long_as_its_join_details() {
        let url = "https://teams.microsoft.com/l/meetup-join/x";
        for has_lines in [true, false] {
            let with = Text::of_plain("Hello").with_html(&meeting_blob(url, has_lines));
            assert!(holds_meeting(&with, url, has_lines));
            assert!(with.plain.starts_with("Hello\r\n"));
            assert_eq!(with.plain.contains(ROW), has_lines);
            assert!(holds_meeting(&Text::of_html(&with.html), url, has_lines));
            assert!(!holds_meeting(&Text::of_plain(&with.plain), url, has_lines), "plain text has no links");
        }
    }
}
