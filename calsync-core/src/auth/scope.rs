//! What was asked for and what was granted.

/// How a server writes the names of granted scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ScopeNames {
    /// As they were asked for, letter by letter (RFC 6749 section 3.3), but for `email` and `profile`, which Google writes out.
    #[default]
    Exact,
    /// With or without the resource in front, in any letter case, and without `offline_access`: Microsoft.
    Short,
}

impl ScopeNames {
    /// Those of `wanted` that are not among `granted`.
    pub(super) fn missing(self, wanted: &[String], granted: &[String]) -> Vec<String> {
        let is_granted = |scope: &&String| granted.iter().any(|granted| self.is_same(scope, granted));
        wanted.iter().filter(|scope| !self.is_unseen(scope) && !is_granted(scope)).cloned().collect()
    }

    fn is_same(self, a: &str, b: &str) -> bool {
        match self {
            Self::Exact => a == b || written_out(a) == written_out(b),
            Self::Short => short(a).eq_ignore_ascii_case(short(b)),
        }
    }

    /// Whether the server never says that it granted this one.
    fn is_unseen(self, scope: &str) -> bool {
        self == Self::Short && scope.eq_ignore_ascii_case("offline_access")
    }
}

/// A scope of OpenID Connect as Google writes it where it says what was granted.
fn written_out(scope: &str) -> &str {
    match scope {
        "email" => "https://www.googleapis.com/auth/userinfo.email",
        "profile" => "https://www.googleapis.com/auth/userinfo.profile",
        scope => scope,
    }
}

/// A scope without the resource it belongs to.
fn short(scope: &str) -> &str {
    scope.rsplit('/').next().unwrap_or(scope)
}

/// The scopes in a space-separated list. Some servers separate twice.
pub(super) fn split(list: &str) -> Vec<String> {
    list.split_ascii_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_unticked_is_named_as_it_was_asked_for() {
        let google = "https://www.googleapis.com/auth/calendar.events";
        for (names, wanted, granted, missing) in [
            (ScopeNames::Exact, google, google, ""),
            (ScopeNames::Exact, google, "https://www.googleapis.com/auth/calendar", google),
            (ScopeNames::Exact, "a b", "", "a b"),
            (ScopeNames::Exact, "a b", "b  c a", ""),
            (ScopeNames::Exact, "a", "A", "a"),
            (ScopeNames::Exact, "openid email", "openid https://www.googleapis.com/auth/userinfo.email", ""),
            (ScopeNames::Exact, "email", "https://www.googleapis.com/auth/userinfo.profile", "email"),
            (ScopeNames::Short, "Calendars.ReadWrite offline_access", "calendars.readwrite", ""),
            (
                ScopeNames::Short,
                "Calendars.ReadWrite",
                "https://graph.microsoft.com/Calendars.ReadWrite openid",
                "",
            ),
            (
                ScopeNames::Short,
                "https://graph.microsoft.com/Calendars.ReadWrite offline_access",
                "User.Read",
                "https://graph.microsoft.com/Calendars.ReadWrite",
            ),
        ] {
            assert_eq!(names.missing(&split(wanted), &split(granted)), split(missing), "{wanted}: {granted}");
        }
    }
}
