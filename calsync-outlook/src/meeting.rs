//! Keeps online meetings in event bodies. If the owner makes an event an online meeting, the join
//! details are in its body, and removing them ends the meeting
//! (<https://learn.microsoft.com/graph/api/event-update>). Teams writes a line of underscores
//! before them. Others write none (microsoftgraph/microsoft-graph-docs#16336): then our text goes
//! before the whole body, with such a line after it, so that the next text replaces it.

use std::borrow::Cow;

/// The shortest line of underscores that counts as the start of a meeting. Teams writes longer
/// ones.
const RULE: &str = "____________________";

/// The line we write if there is none.
const OWN_RULE: &str = "<div>________________________________</div>";

/// Shortens lines of underscores in our text, so that none is mistaken for the start of a meeting.
pub(crate) fn without_rule(text: &str) -> Cow<'_, str> {
    // Fast path: most texts have no underscore.
    if !text.contains('_') || !text.contains(RULE) {
        return Cow::Borrowed(text);
    }
    let mut run = 0;
    let fits = |c: &char| {
        run = if *c == '_' { run + 1 } else { 0 };
        run < RULE.len()
    };
    text.chars().filter(fits).collect()
}

/// The part of a plain-text body before the meeting.
pub(crate) fn own_text(body: &str) -> &str {
    match body.find(RULE) {
        Some(at) => body.get(..at).unwrap_or(body),
        None => body,
    }
}

/// An HTML body with this text and the meeting of `there`: what follows the line, or the whole body
/// if it has no line.
pub(crate) fn with_meeting(text: &str, current: &str) -> String {
    let low = current.to_ascii_lowercase();
    // ASCII lower case keeps all byte positions.
    let end = low.rfind("</body>").unwrap_or(current.len());
    let text = escaped(text);
    let Some(rule) = current.find(RULE).filter(|rule| *rule < end) else {
        let begin = low.find("<body").and_then(|at| Some(at + low.get(at..)?.find('>')? + 1)).unwrap_or(0);
        let kept = current.get(begin..end).unwrap_or(current).trim();
        return format!("<html><body><div>{text}</div>{OWN_RULE}{kept}</body></html>");
    };
    // Starts at the block that contains the line.
    let begins = ["<div", "<p", "<hr"].iter().filter_map(|tag| current.get(..rule)?.rfind(tag)).max();
    let meeting = current.get(begins.unwrap_or(rule)..end).unwrap_or_default();
    format!("<html><body><div>{text}</div>{meeting}</body></html>")
}

/// The body as HTML, also if Graph returned plain text in spite of the preference.
pub(crate) fn html_of<'a>(content_type: &str, content: &'a str) -> Cow<'a, str> {
    if content_type.eq_ignore_ascii_case("text") {
        Cow::Owned(escaped(&content.replace("\r\n", "\n")))
    } else {
        Cow::Borrowed(content)
    }
}

/// Escapes plain text for HTML.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('\n', "<br>")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "<html><head></head><body>\r\n<div>Order: 1 &lt;night&gt;</div>\
        <div style=\"x\"><span>________________________________________</span></div>\
        <div class=\"me-email-text\"><a href=\"https://teams.example/j\">Join</a></div>\r\n</body></html>";

    #[test]
    fn the_text_changes_and_the_meeting_stays() {
        let body = with_meeting("Order: 2\nStaff: <Eve> & co", BODY);
        assert!(
            body.starts_with("<html><body><div>Order: 2<br>Staff: &lt;Eve&gt; &amp; co</div><div style"),
            "{body}"
        );
        assert!(body.contains("https://teams.example/j") && !body.contains("Order: 1"), "{body}");
        assert_eq!(body.matches("</body>").count(), 1);
        // A second change.
        let again = with_meeting("Order: 3", &body);
        assert_eq!(again.matches("teams.example").count(), 1);
        assert!(!again.contains("Order: 2"), "{again}");
    }

    #[test]
    fn without_a_line_the_text_goes_before_the_whole_body() {
        let page = "<HTML><head></head><BODY lang=\"en\">\r\n<p>Join: <a href=\"https://meet.example/j\">here</a></p>\r\n</BODY></HTML>";
        for current in [page, "<p>Join: <a href=\"https://meet.example/j\">here</a></p>"] {
            let body = with_meeting("Order: 2", current);
            let (ours, theirs) = body.split_once(RULE).unwrap();
            assert!(ours.contains("Order: 2") && !theirs.contains("Order: 2"), "{body}");
            assert!(theirs.contains("<p>Join: <a href=\"https://meet.example/j\">here</a></p>"), "{body}");
            assert_eq!((body.matches("<body").count(), body.matches("</body>").count()), (1, 1), "{body}");
            let again = with_meeting("Order: 3", &body);
            assert_eq!(
                (again.matches("meet.example").count(), again.matches(RULE).count()),
                (1, 1),
                "{again}"
            );
            assert!(!again.contains("Order: 2"), "{again}");
        }
    }

    #[test]
    fn a_plain_text_body_is_escaped() {
        assert_eq!(html_of("text", "a < b\r\nc"), "a &lt; b<br>c");
        assert_eq!(html_of("html", "<p>a</p>"), "<p>a</p>");
    }

    #[test]
    fn a_line_in_our_text_is_not_the_start_of_a_meeting() {
        let text = without_rule("Order: 1\n________________________________\nBring: keys");
        assert_eq!(text, format!("Order: 1\n{}\nBring: keys", "_".repeat(19)));
        assert_eq!(own_text(&text), text);
        let once = with_meeting(&text, BODY);
        let again = with_meeting(&text, &once);
        assert_eq!(again, once, "no text is repeated");
        assert_eq!(without_rule("a_b __ c"), "a_b __ c");
    }

    #[test]
    fn the_text_before_the_meeting_is_ours() {
        assert_eq!(own_text("Order: 1\n________________________\nJoin"), "Order: 1\n");
        assert_eq!(own_text("Order: 1"), "Order: 1");
    }
}
