//! An event that its owner made an online meeting of: how to join is written into its body, and the meeting is off when that goes
//! (<https://learn.microsoft.com/graph/api/event-update>). Teams draws a line before it. Others draw none
//! (microsoftgraph/microsoft-graph-docs#16336): then the text of ours is put before all that is there, with such a line after it, so
//! that the next text takes its place.

use std::borrow::Cow;

/// What the line that Teams draws consists of, at least.
const RULE: &str = "____________________";

/// The line that is drawn where there is none.
const OWN_RULE: &str = "<div>________________________________</div>";

/// A text of ours, in which a line of that kind is shorter: a meeting could not be told from what follows it.
pub(crate) fn without_rule(text: &str) -> Cow<'_, str> {
    // Most texts have no such character at all, which is quickly seen.
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

/// The part of a body, as text, that was there before the meeting.
pub(crate) fn own_text(body: &str) -> &str {
    match body.find(RULE) {
        Some(at) => body.get(..at).unwrap_or(body),
        None => body,
    }
}

/// A body, as HTML, that says this text and keeps the meeting of `there`: what follows the line, or all of it where there is no line.
pub(crate) fn with_meeting(text: &str, there: &str) -> String {
    let low = there.to_ascii_lowercase();
    // In ASCII lower case, so that places are the same.
    let end = low.rfind("</body>").unwrap_or(there.len());
    let text = escaped(text);
    let Some(rule) = there.find(RULE).filter(|rule| *rule < end) else {
        let begin = low.find("<body").and_then(|at| Some(at + low.get(at..)?.find('>')? + 1)).unwrap_or(0);
        let kept = there.get(begin..end).unwrap_or(there).trim();
        return format!("<html><body><div>{text}</div>{OWN_RULE}{kept}</body></html>");
    };
    // From the beginning of the block that the line is in.
    let begins = ["<div", "<p", "<hr"].iter().filter_map(|tag| there.get(..rule)?.rfind(tag)).max();
    let meeting = there.get(begins.unwrap_or(rule)..end).unwrap_or_default();
    format!("<html><body><div>{text}</div>{meeting}</body></html>")
}

/// The HTML of a body that came as text all the same.
pub(crate) fn html_of<'a>(content_type: &str, content: &'a str) -> Cow<'a, str> {
    if content_type.eq_ignore_ascii_case("text") {
        Cow::Owned(escaped(&content.replace("\r\n", "\n")))
    } else {
        Cow::Borrowed(content)
    }
}

/// Text as HTML has it.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('\n', "<br>")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDING: &str = "<html><head></head><body>\r\n<div>Order: 1 &lt;night&gt;</div>\
        <div style=\"x\"><span>________________________________________</span></div>\
        <div class=\"me-email-text\"><a href=\"https://teams.example/j\">Join</a></div>\r\n</body></html>";

    #[test]
    fn the_text_changes_and_the_meeting_stays() {
        let body = with_meeting("Order: 2\nStaff: <Eve> & co", STANDING);
        assert!(
            body.starts_with("<html><body><div>Order: 2<br>Staff: &lt;Eve&gt; &amp; co</div><div style"),
            "{body}"
        );
        assert!(body.contains("https://teams.example/j") && !body.contains("Order: 1"), "{body}");
        assert_eq!(body.matches("</body>").count(), 1);
        // Again and again.
        let again = with_meeting("Order: 3", &body);
        assert_eq!(again.matches("teams.example").count(), 1);
        assert!(!again.contains("Order: 2"), "{again}");
    }

    #[test]
    fn without_a_line_the_text_comes_before_all_that_is_there_once() {
        let page = "<HTML><head></head><BODY lang=\"en\">\r\n<p>Join: <a href=\"https://meet.example/j\">here</a></p>\r\n</BODY></HTML>";
        for there in [page, "<p>Join: <a href=\"https://meet.example/j\">here</a></p>"] {
            let body = with_meeting("Order: 2", there);
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
    fn a_body_that_came_as_text_is_text_still() {
        assert_eq!(html_of("text", "a < b\r\nc"), "a &lt; b<br>c");
        assert_eq!(html_of("html", "<p>a</p>"), "<p>a</p>");
    }

    #[test]
    fn a_line_of_our_own_is_not_taken_for_a_meetings() {
        let text = without_rule("Order: 1\n________________________________\nBring: keys");
        assert_eq!(text, format!("Order: 1\n{}\nBring: keys", "_".repeat(19)));
        assert_eq!(own_text(&text), text);
        let once = with_meeting(&text, STANDING);
        let again = with_meeting(&text, &once);
        assert_eq!(again, once, "nothing is there twice");
        assert_eq!(without_rule("a_b __ c"), "a_b __ c");
    }

    #[test]
    fn the_text_before_the_meeting_is_ours() {
        assert_eq!(own_text("Order: 1\n________________________\nJoin"), "Order: 1\n");
        assert_eq!(own_text("Order: 1"), "Order: 1");
    }
}
