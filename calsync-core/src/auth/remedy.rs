//! What has to happen before a refused grant works again.

use super::ServerCode;
use crate::error::ErrorKind;

/// What has to happen before a refused grant works again. For the first three a new connect is
/// enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Remedy {
    /// The person connects again: the grant was revoked, or has expired.
    Reconnect,
    /// The person, or an administrator, consents to what the client asks for.
    Consent,
    /// The person signs in interactively: a second factor, a new password, or a managed device.
    Interaction,
    /// An administrator acts: the account is disabled or not assigned to the client, or a company's
    /// policy blocks the client.
    Admin,
    /// Nothing but time: the account is locked for a while, after too many wrong passwords.
    Wait,
}

/// Microsoft's `AADSTS` numbers, which are more precise than `invalid_grant`
/// (<https://learn.microsoft.com/entra/identity-platform/reference-error-codes>). They only choose
/// the remedy that is reported, because Microsoft asks programs not to rely on them.
const NUMBERS: &[(Remedy, &[u32])] = &[
    (Remedy::Consent, &[65001, 65004, 650_052, 650_056]),
    (
        Remedy::Interaction,
        &[50055, 50072, 50074, 50076, 50078, 50079, 50125, 50144, 50158, 53000, 53001, 53002, 53003],
    ),
    (Remedy::Admin, &[50020, 50034, 50057, 50105, 700_016]),
    (Remedy::Wait, &[50053]),
];

impl ServerCode {
    /// What has to happen before a grant that was refused with this code works again.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self.code() {
            "consent_required" => Remedy::Consent,
            "interaction_required" | "login_required" | "mfa_required" => Remedy::Interaction,
            // Google Workspace: an administrator's policy, and a client of another organization.
            // https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors
            "admin_policy_enforced" | "org_internal" => Remedy::Admin,
            _ => self.number().and_then(by_number).unwrap_or(Remedy::Reconnect),
        }
    }

    /// Whether the account is locked for a while.
    pub(super) fn is_locked(&self) -> bool {
        self.remedy() == Remedy::Wait
    }

    /// The number in a code such as `AADSTS65001`.
    fn number(&self) -> Option<u32> {
        self.detail()?.strip_prefix("AADSTS")?.parse().ok()
    }
}

impl Remedy {
    /// The error kind of a calendar call that failed for this reason.
    pub(super) fn kind(self) -> ErrorKind {
        match self {
            Self::Reconnect | Self::Interaction => ErrorKind::Unauthenticated,
            Self::Consent => ErrorKind::MissingScope,
            Self::Admin => ErrorKind::Forbidden,
            Self::Wait => ErrorKind::Unavailable,
        }
    }
}

fn by_number(number: u32) -> Option<Remedy> {
    NUMBERS.iter().find(|(_, numbers)| numbers.contains(&number)).map(|(remedy, _)| *remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_takes_precedence_over_the_number() {
        for (code, detail, remedy) in [
            ("invalid_grant", "", Remedy::Reconnect),
            ("invalid_grant", "AADSTS700082", Remedy::Reconnect),
            ("invalid_grant", "AADSTS50173", Remedy::Reconnect),
            ("invalid_grant", "invalid_rapt", Remedy::Reconnect),
            ("invalid_grant", "AADSTS65001", Remedy::Consent),
            ("invalid_grant", "AADSTS50076", Remedy::Interaction),
            ("invalid_grant", "AADSTS50057", Remedy::Admin),
            ("invalid_grant", "AADSTS50105", Remedy::Admin),
            ("invalid_grant", "AADSTS50053", Remedy::Wait),
            ("admin_policy_enforced", "", Remedy::Admin),
            ("org_internal", "", Remedy::Admin),
            ("consent_required", "AADSTS50057", Remedy::Consent),
            ("interaction_required", "AADSTS50076", Remedy::Interaction),
            ("interaction_required", "AADSTS65001", Remedy::Interaction),
            ("login_required", "", Remedy::Interaction),
        ] {
            assert_eq!(ServerCode::new(code).with_detail(detail).remedy(), remedy, "{code} {detail}");
        }
    }
}
