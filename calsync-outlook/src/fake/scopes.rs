//! Names of scopes.

use super::settings::ScopeForm;

/// The scope for refresh tokens.
pub(super) const OFFLINE: &str = "offline_access";
/// All scopes that were consented to, or all roles of an application without a user.
pub(super) const DEFAULT: &str = ".default";

/// The hosts of Graph, in all clouds.
const HOSTS: [&str; 4] = [
    "https://graph.microsoft.com/",
    "https://graph.microsoft.us/",
    "https://dod-graph.microsoft.us/",
    "https://microsoftgraph.chinacloudapi.cn/",
];

/// The scopes that the fake knows.
const KNOWN: [&str; 17] = [
    "Calendars.Read",
    "Calendars.Read.Shared",
    "Calendars.ReadBasic",
    "Calendars.ReadWrite",
    "Calendars.ReadWrite.Shared",
    "MailboxSettings.Read",
    "MailboxSettings.ReadWrite",
    "OnlineMeetings.ReadWrite",
    "User.Read",
    "User.Read.All",
    "User.ReadBasic.All",
    "User.ReadWrite",
    "User.ReadWrite.All",
    "email",
    "openid",
    "profile",
    OFFLINE,
];

/// A scope's short name in its canonical spelling.
pub(super) fn short(scope: &str) -> String {
    let host = HOSTS
        .iter()
        .find(|host| scope.get(..host.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(host)));
    let bare = host.and_then(|host| scope.get(host.len()..)).unwrap_or(scope);
    let known = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(bare));
    known.map_or(bare, |known| known).to_owned()
}

/// Whether the fake knows the scope, by its short name.
pub(super) fn is_known(short: &str) -> bool {
    short == DEFAULT || KNOWN.contains(&short)
}

/// Scopes in the form of the token endpoint's responses, which leave `offline_access` out.
pub(super) fn written<'a>(scopes: impl Iterator<Item = &'a String>, form: ScopeForm) -> String {
    let host = HOSTS.first().copied().unwrap_or_default();
    let is_graphs = |scope: &str| scope.contains('.');
    let scopes = scopes.filter(|scope| *scope != OFFLINE).map(|scope| match form {
        ScopeForm::Qualified if is_graphs(scope) => format!("{host}{scope}"),
        ScopeForm::LowerCase if is_graphs(scope) => format!("{host}{}", scope.to_lowercase()),
        _ => scope.clone(),
    });
    scopes.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_recognised_with_any_host_and_letter_case() {
        for name in [
            "Calendars.ReadWrite",
            "calendars.readwrite",
            "https://graph.microsoft.com/Calendars.ReadWrite",
            "https://GRAPH.microsoft.us/calendars.ReadWrite",
        ] {
            assert_eq!(short(name), "Calendars.ReadWrite", "{name}");
        }
        assert!(!is_known(&short("https://graph.example/Calendars.ReadWrite")));
        let all = ["Calendars.ReadWrite".to_owned(), OFFLINE.to_owned(), "openid".to_owned()];
        let written = |form| super::written(all.iter(), form);
        assert_eq!(written(ScopeForm::Short), "Calendars.ReadWrite openid");
        assert_eq!(written(ScopeForm::LowerCase), "https://graph.microsoft.com/calendars.readwrite openid");
    }
}
