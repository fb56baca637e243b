//! The consent page, for browsers.

use std::collections::BTreeSet;

use super::consent::Decision;
use crate::fake::Params;

/// The name of the page's check boxes.
pub(super) const TICKED: &str = "granted";

/// A page on which a user chooses an account and the scopes to grant. Its form is posted to the
/// page's URL.
pub struct ConsentPage<'a> {
    /// The page's title, such as `Fake Google`.
    pub title: &'a str,
    /// The id of the client that asks.
    pub client: &'a str,
    /// The scopes it asks for.
    pub scopes: &'a BTreeSet<String>,
    /// The request's parameters, which are sent again with the form.
    pub params: &'a Params,
}

/// The form of a [`ConsentPage`], as a user submitted it.
pub struct ConsentForm {
    /// The user who decided.
    pub user: String,
    /// The user's decision.
    pub decision: Decision,
}

impl ConsentPage<'_> {
    /// The page's HTML, with these users to choose from. The user that `login_hint` names is
    /// preselected, else the first one.
    pub fn html<'u>(&self, users: impl Iterator<Item = &'u str>) -> String {
        let hint = self.params.get("login_hint");
        let hidden = self.params.pairs().iter().map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">\n", escaped(name), escaped(value))
        });
        let users = users.enumerate().map(|(number, email)| {
            choice("radio", "user", email, hint.map_or(number == 0, |hint| hint == email))
        });
        let scopes = self.scopes.iter().map(|scope| choice("checkbox", TICKED, scope, true));
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head><body>\n\
             <h1>{} wants to access your account</h1>\n<form method=\"post\">\n{}<p>Who are you?</p>\n{}\
             <p>What may it do?</p>\n{}<button name=\"decision\" value=\"allow\">Allow</button>\n\
             <button name=\"decision\" value=\"deny\">Cancel</button>\n</form>\n</body></html>\n",
            escaped(self.title),
            escaped(self.client),
            hidden.collect::<String>(),
            users.collect::<String>(),
            scopes.collect::<String>(),
        )
    }
}

fn choice(kind: &str, name: &str, value: &str, is_chosen: bool) -> String {
    let value = escaped(value);
    let checked = if is_chosen { " checked" } else { "" };
    format!("<label><input type=\"{kind}\" name=\"{name}\" value=\"{value}\"{checked}> {value}</label><br>\n")
}

impl ConsentForm {
    /// Reads the form of a [`ConsentPage`]; `None` if it names no user.
    #[must_use]
    pub fn of(form: &Params) -> Option<Self> {
        let user = form.get("user").filter(|user| user.contains('@'))?.to_owned();
        let decision = match form.get("decision") {
            Some("allow") => Decision::AllowOnly(form.all(TICKED).map(str::to_owned).collect()),
            _ => Decision::Deny,
        };
        Some(Self { user, decision })
    }
}

/// Escapes a text for HTML.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_values_on_the_page_are_escaped() {
        let params = Params::parse("state=%22%3E%3Cscript%3E&login_hint=ben%40example.org");
        let scopes = ["read&write".to_owned()].into();
        let page = ConsentPage { title: "Fake", client: "<b>", scopes: &scopes, params: &params };
        let html = page.html(["anna@example.org", "ben@example.org"].into_iter());
        assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
        assert!(
            html.contains("value=\"ben@example.org\" checked") && html.contains("read&amp;write"),
            "{html}"
        );
        assert!(!html.contains("value=\"anna@example.org\" checked"), "{html}");
    }

    #[test]
    fn the_form_has_a_user_and_a_decision() {
        let of = |text| ConsentForm::of(&Params::parse(text)).map(|form| (form.user, form.decision));
        let only =
            |scopes: &[&str]| Decision::AllowOnly(scopes.iter().map(|scope| (*scope).to_owned()).collect());
        let anna = |decision| Some(("anna@example.org".to_owned(), decision));
        assert_eq!(of("user=anna%40example.org&decision=allow&granted=a&granted=b"), anna(only(&["a", "b"])));
        assert_eq!(of("user=anna%40example.org&decision=allow"), anna(only(&[])));
        assert_eq!(of("user=anna%40example.org&granted=a"), anna(Decision::Deny));
        assert_eq!(of("user=anna&decision=allow"), None);
    }
}
