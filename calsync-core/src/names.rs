//! Names the outside world gives: kinds of provider, calendars, remote events, etags.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which kind of backend: the guide's `google`, `outlook`, `apple`, or a host's own name.
///
/// Kept in lower case, so that `Google` and `google` are one kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderKind(Cow<'static, str>);

impl ProviderKind {
    /// Google Calendar.
    pub const GOOGLE: Self = Self::from_static("google");
    /// Outlook, through Microsoft Graph.
    pub const OUTLOOK: Self = Self::from_static("outlook");
    /// Apple Calendar: .ics files or CalDAV, whichever provider the host registers under this name.
    pub const APPLE: Self = Self::from_static("apple");
    /// Invitations by e-mail, for guests who have no calendar connection.
    pub const INVITATION: Self = Self::from_static("invitation");
    /// The reference provider, [`MemoryCalendar`](crate::memory::MemoryCalendar).
    pub const MEMORY: Self = Self::from_static("memory");

    /// A kind of the host's own, in lower case.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// A kind by its name; the case does not matter, and control characters go.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let name = name.trim();
        let known = [Self::GOOGLE, Self::OUTLOOK, Self::APPLE, Self::INVITATION, Self::MEMORY];
        let found = known.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(name));
        let own = || name.chars().filter(|c| !c.is_control()).collect::<String>().to_ascii_lowercase();
        found.unwrap_or_else(|| Self(Cow::Owned(own())))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for ProviderKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ProviderKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&Cow::<'de, str>::deserialize(deserializer)?))
    }
}

/// The provider's own name of a calendar, such as `primary`. Never shown in `Debug`: Google's are e-mail addresses.
///
/// Text that could only be meant to lead somewhere else is refused: control characters, the path steps `.` and `..`,
/// and anything over [`CalendarId::MAX_LEN`] bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CalendarId(Arc<str>);

/// Why a text cannot be a [`CalendarId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CalendarIdError {
    /// More than [`CalendarId::MAX_LEN`] bytes.
    #[error("a calendar id is longer than {} bytes", CalendarId::MAX_LEN)]
    TooLong,
    /// A control character.
    #[error("a calendar id holds a control character")]
    Control,
    /// A path step `.` or `..`.
    #[error("a calendar id holds a path step")]
    PathStep,
}

impl CalendarId {
    /// The longest id taken, in bytes.
    pub const MAX_LEN: usize = 1024;

    /// The calendar that the provider itself takes when none is named (`primary`).
    #[must_use]
    pub fn primary() -> Self {
        Self("primary".into())
    }

    /// A calendar by the provider's name for it; an empty name is [`CalendarId::primary`].
    ///
    /// # Errors
    /// See [`CalendarIdError`].
    pub fn new(id: &str) -> Result<Self, CalendarIdError> {
        let id = id.trim();
        if id.is_empty() {
            return Ok(Self::primary());
        }
        if id.len() > Self::MAX_LEN {
            return Err(CalendarIdError::TooLong);
        }
        if id.chars().any(char::is_control) {
            return Err(CalendarIdError::Control);
        }
        if id.split(['/', '\\']).any(|step| step == "." || step == "..") {
            return Err(CalendarIdError::PathStep);
        }
        Ok(Self(id.into()))
    }

    /// The provider's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the provider's own default, which means another calendar in every account.
    #[must_use]
    pub fn is_primary(&self) -> bool {
        self.as_str() == "primary"
    }
}

impl fmt::Debug for CalendarId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_primary() { "CalendarId(primary)" } else { "CalendarId(..)" })
    }
}

impl Serialize for CalendarId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for CalendarId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&Cow::<'de, str>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The stable id of a person's account at a provider: the subject of its OpenID Connect id token, or what else the host knows it
/// by. Not shown in `Debug`, since some are e-mail addresses.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(Arc<str>);

impl AccountId {
    /// An account's id as the provider wrote it.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The provider's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Arc<str>>> From<T> for AccountId {
    fn from(id: T) -> Self {
        Self::new(id)
    }
}

impl std::ops::Deref for AccountId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountId(..)")
    }
}

/// The id a provider gave an event. Opaque: nobody but that provider reads it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RemoteId(Arc<str>);

impl RemoteId {
    /// The id as the provider wrote it.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The provider's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RemoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A provider's version of an event (HTTP `ETag`, RFC 9110 section 8.8.3). Opaque, compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Etag(Arc<str>);

impl Etag {
    /// The etag as the provider wrote it, quotes included.
    #[must_use]
    pub fn new(etag: impl Into<Arc<str>>) -> Self {
        Self(etag.into())
    }

    /// The provider's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_id_that_leads_elsewhere_is_refused() {
        for id in ["../../x", "..", "a/../b", "a\\..\\b", ".", "./x", "a\u{0}b", "a\nb", &"x".repeat(1025)] {
            assert!(CalendarId::new(id).is_err(), "{id:?}");
        }
        for id in
            ["primary", "anna@example.org", "AAMk/AGI+2=", "..hidden", "c_1.2@group.calendar.google.com"]
        {
            assert_eq!(CalendarId::new(id).unwrap().as_str(), id);
        }
        assert!(CalendarId::new(" ").unwrap().is_primary());
    }

    #[test]
    fn debug_does_not_show_whose_calendar_it_is() {
        assert!(!format!("{:?}", CalendarId::new("anna@example.org").unwrap()).contains("anna"));
    }
}
