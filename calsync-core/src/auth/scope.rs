//! Compares requested scopes with granted scopes.

/// How a server writes the names of granted scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ScopeNames {
    /// Exactly as they were asked for (RFC 6749 section 3.3), except `email` and `profile`, for
    /// which Google returns full URLs.
    #[default]
    Exact,
    /// With or without the resource as a prefix, in any letter case, and without `offline_access`:
    /// Microsoft.
    Short,
}

impl ScopeNames {
    /// Returns the `requested` scopes that are not among `granted`.
    pub(super) fn missing(self, requested: &[String], granted: &[String]) -> Vec<String> {
        let is_granted = |scope: &&String| granted.iter().any(|granted| self.is_same(scope, granted));
        requested.iter().filter(|scope| !self.is_unreported(scope) && !is_granted(scope)).cloned().collect()
    }

    fn is_same(self, a: &str, b: &str) -> bool {
        match self {
            Self::Exact => a == b || full_name(a) == full_name(b),
            Self::Short => short(a).eq_ignore_ascii_case(short(b)),
        }
    }

    /// Whether the server never lists this scope as granted.
    fn is_unreported(self, scope: &str) -> bool {
        self == Self::Short && scope.eq_ignore_ascii_case("offline_access")
    }
}

/// The full name that Google returns for a scope of OpenID Connect.
fn full_name(scope: &str) -> &str {
    match scope {
        "email" => "https://www.googleapis.com/auth/userinfo.email",
        "profile" => "https://www.googleapis.com/auth/userinfo.profile",
        scope => scope,
    }
}

/// A scope without its resource prefix.
fn short(scope: &str) -> &str {
    scope.rsplit('/').next().unwrap_or(scope)
}

/// Splits a space-separated list of scopes. Some servers write two spaces.
pub(super) fn split(list: &str) -> Vec<String> {
    list.split_ascii_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_scope_is_reported_as_it_was_requested() {
        let google = "https://www.googleapis.com/auth/calendar.events";
        for (names, requested, granted, missing) in [
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
            assert_eq!(
                names.missing(&split(requested), &split(granted)),
                split(missing),
                "{requested}: {granted}"
            );
        }
    }
}
