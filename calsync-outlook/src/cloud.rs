//! Which of Microsoft's clouds, and whose accounts.

/// One of Microsoft's clouds: where Graph and the sign-in answer
/// (<https://learn.microsoft.com/graph/deployments>). Accounts of one are unknown in the others; personal accounts are in the global one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cloud {
    /// For everybody who does not know of another.
    #[default]
    Global,
    /// US government, level 4 (GCC High).
    UsGovernment,
    /// US Department of Defense, level 5.
    UsDefense,
    /// China, operated by 21Vianet.
    China,
}

impl Cloud {
    /// Where Graph answers.
    #[must_use]
    pub fn graph_url(self) -> &'static str {
        match self {
            Self::Global => "https://graph.microsoft.com",
            Self::UsGovernment => "https://graph.microsoft.us",
            Self::UsDefense => "https://dod-graph.microsoft.us",
            Self::China => "https://microsoftgraph.chinacloudapi.cn",
        }
    }

    /// Where people sign in.
    #[must_use]
    pub fn login_url(self) -> &'static str {
        match self {
            Self::Global => "https://login.microsoftonline.com",
            Self::UsGovernment | Self::UsDefense => "https://login.microsoftonline.us",
            Self::China => "https://login.chinacloudapi.cn",
        }
    }

    /// The sign-in's other name, by which it calls itself in id tokens
    /// (<https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>).
    #[cfg(feature = "oauth")]
    pub(crate) fn other_login_url(self) -> Option<&'static str> {
        match self {
            Self::China => Some("https://login.partner.microsoftonline.cn"),
            Self::Global | Self::UsGovernment | Self::UsDefense => None,
        }
    }
}

/// Whose accounts may be connected. It has to fit how the app is registered: an app for one organization may use that one's id
/// alone (AADSTS50194).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tenant {
    /// Of any organization, and personal ones.
    #[default]
    Common,
    /// Of any organization.
    Organizations,
    /// Personal ones.
    Consumers,
    /// Of the organization with that id or domain.
    Id(String),
}

impl Tenant {
    /// Its name in the URLs of the sign-in.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Common => "common",
            Self::Organizations => "organizations",
            Self::Consumers => "consumers",
            Self::Id(id) => id,
        }
    }
}
