//! The scopes a person can be asked to consent to.

#[cfg(feature = "oauth")]
use crate::cloud::Cloud;

/// A permission of Microsoft Graph.
///
/// <https://learn.microsoft.com/graph/permissions-reference#calendars-permissions>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// Read and write the person's own calendars. Enough for everything calsync does.
    CalendarsReadWrite,
    /// Also read and write the calendars that others share with the person.
    CalendarsReadWriteShared,
}

impl Scope {
    /// The scope's name in Microsoft Graph, without the cloud's host.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CalendarsReadWrite => "Calendars.ReadWrite",
            Self::CalendarsReadWriteShared => "Calendars.ReadWrite.Shared",
        }
    }

    /// The scope as requested: outside the global cloud it starts with the URL of that cloud's
    /// Graph.
    #[cfg(feature = "oauth")]
    pub(crate) fn in_cloud(self, cloud: Cloud) -> String {
        match cloud {
            Cloud::Global => self.as_str().to_owned(),
            _ => format!("{}/{}", cloud.graph_url(), self.as_str()),
        }
    }
}
