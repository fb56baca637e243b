//! An event that its owner made an online meeting of: how to join stands at the end of its body, and the meeting is off when that
//! goes (<https://learn.microsoft.com/graph/api/event-update>).

use std::borrow::Cow;

/// The line that Teams puts before it.
const RULE: &str = "____________________";

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

/// A body, as HTML, that says this text and keeps the meeting of `standing`. `None` where no meeting is to be seen in it.
pub(crate) fn with_meeting(text: &str, standing: &str) -> Option<String> {
    let rule = standing.find(RULE)?;
    // From the beginning of the block that the line is in.
    let from =
        ["<div", "<p", "<hr"].iter().filter_map(|tag| standing.get(..rule)?.rfind(tag)).max().unwrap_or(rule);
    let end = standing.find("</body>").unwrap_or(standing.len());
    let meeting = standing.get(from..end)?;
    Some(format!("<html><body><div>{}</div>{meeting}</body></html>", escaped(text)))
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
        let body = with_meeting("Order: 2\nStaff: <Eve> & co", STANDING).unwrap();
        assert!(
            body.starts_with("<html><body><div>Order: 2<br>Staff: &lt;Eve&gt; &amp; co</div><div style"),
            "{body}"
        );
        assert!(body.contains("https://teams.example/j") && !body.contains("Order: 1"), "{body}");
        assert_eq!(body.matches("</body>").count(), 1);
        // Again and again.
        let again = with_meeting("Order: 3", &body).unwrap();
        assert_eq!(again.matches("teams.example").count(), 1);
        assert!(!again.contains("Order: 2"), "{again}");
    }

    #[test]
    fn what_shows_no_meeting_is_left_to_its_owner() {
        assert_eq!(with_meeting("x", "<html><body>Order: 1</body></html>"), None);
    }

    #[test]
    fn a_line_of_our_own_is_not_taken_for_a_meetings() {
        let text = without_rule("Order: 1\n________________________________\nBring: keys");
        assert_eq!(text, format!("Order: 1\n{}\nBring: keys", "_".repeat(19)));
        assert_eq!(own_text(&text), text);
        let once = with_meeting(&text, STANDING).unwrap();
        let again = with_meeting(&text, &once).unwrap();
        assert_eq!(again, once, "nothing is there twice");
        assert_eq!(without_rule("a_b __ c"), "a_b __ c");
    }

    #[test]
    fn the_text_before_the_meeting_is_ours() {
        assert_eq!(own_text("Order: 1\n________________________\nJoin"), "Order: 1\n");
        assert_eq!(own_text("Order: 1"), "Order: 1");
    }
}
