//! Microsoft's clouds and tenants.

/// One of Microsoft's clouds, each with its own hosts for Graph and for the sign-in
/// (<https://learn.microsoft.com/graph/deployments>). An account of one cloud does not exist in the
/// others; personal accounts are in the global one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cloud {
    /// The worldwide cloud, for all accounts that are not in a national cloud.
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
    /// Base URL of Graph in this cloud, without a version.
    #[must_use]
    pub fn graph_url(self) -> &'static str {
        match self {
            Self::Global => "https://graph.microsoft.com",
            Self::UsGovernment => "https://graph.microsoft.us",
            Self::UsDefense => "https://dod-graph.microsoft.us",
            Self::China => "https://microsoftgraph.chinacloudapi.cn",
        }
    }

    /// Base URL of the sign-in in this cloud.
    #[must_use]
    pub fn login_url(self) -> &'static str {
        match self {
            Self::Global => "https://login.microsoftonline.com",
            Self::UsGovernment | Self::UsDefense => "https://login.microsoftonline.us",
            Self::China => "https://login.chinacloudapi.cn",
        }
    }

    /// A second host of the sign-in, which appears in id tokens
    /// (<https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>).
    #[cfg(feature = "oauth")]
    pub(crate) fn other_login_url(self) -> Option<&'static str> {
        match self {
            Self::China => Some("https://login.partner.microsoftonline.cn"),
            Self::Global | Self::UsGovernment | Self::UsDefense => None,
        }
    }
}

/// Whose accounts may be connected. It must match the app registration: an app for one organization
/// may use only that organization's id (AADSTS50194).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tenant {
    /// Accounts of any organization, and personal accounts.
    #[default]
    Common,
    /// Accounts of any organization.
    Organizations,
    /// Personal accounts.
    Consumers,
    /// Accounts of the organization with this tenant id or domain.
    Id(String),
}

impl Tenant {
    /// The tenant's name in the URLs of the sign-in.
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
