//! Names that providers give: kinds of provider, calendar ids, account ids, event ids, etags.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The kind of a provider: the guide's `google`, `outlook` or `apple`, or the host's own name.
///
/// Stored in lower case, so that `Google` and `google` are the same kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderKind(Cow<'static, str>);

impl ProviderKind {
    /// Google Calendar.
    pub const GOOGLE: Self = Self::from_static("google");
    /// Outlook, through Microsoft Graph.
    pub const OUTLOOK: Self = Self::from_static("outlook");
    /// Apple Calendar: .ics files or CalDAV, depending on the provider that the host registers.
    pub const APPLE: Self = Self::from_static("apple");
    /// Invitations by e-mail, for guests who have no calendar connection.
    pub const INVITATION: Self = Self::from_static("invitation");
    /// The reference provider, [`MemoryCalendar`](crate::memory::MemoryCalendar).
    pub const MEMORY: Self = Self::from_static("memory");

    /// Creates a kind of the host's own. The name must be in lower case; this is not checked.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Creates a kind from its name. The name is trimmed and converted to lower case (ASCII), and
    /// control characters are removed.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let name = name.trim();
        let known = [Self::GOOGLE, Self::OUTLOOK, Self::APPLE, Self::INVITATION, Self::MEMORY];
        let found = known.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(name));
        let own = || name.chars().filter(|c| !c.is_control()).collect::<String>().to_ascii_lowercase();
        found.unwrap_or_else(|| Self(Cow::Owned(own())))
    }

    /// Returns the name.
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

/// The provider's id of a calendar, such as `primary`. Not shown in `Debug`, because Google's ids
/// are e-mail addresses.
///
/// An id that could be an attack is rejected: control characters, the path steps `.` and `..`, and
/// more than [`CalendarId::MAX_LEN`] bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CalendarId(Arc<str>);

/// The error for a text that cannot be a [`CalendarId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CalendarIdError {
    /// The text has more than [`CalendarId::MAX_LEN`] bytes.
    #[error("a calendar id is longer than {} bytes", CalendarId::MAX_LEN)]
    TooLong,
    /// The text contains a control character.
    #[error("a calendar id contains a control character")]
    Control,
    /// The text contains a path step, `.` or `..`.
    #[error("a calendar id contains a path step (`.` or `..`)")]
    PathStep,
}

impl CalendarId {
    /// The longest accepted id, in bytes.
    pub const MAX_LEN: usize = 1024;

    /// Returns the id `primary`, which means the account's default calendar.
    #[must_use]
    pub fn primary() -> Self {
        Self("primary".into())
    }

    /// Creates an id from the provider's text, without the white space around it. An empty text
    /// becomes [`CalendarId::primary`].
    ///
    /// # Errors
    /// [`CalendarIdError`] if the text is too long or contains a control character or a path step.
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

    /// Returns the provider's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns `true` for the id `primary`, which means a different calendar in each account.
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

/// The stable id of a person's account at a provider: the subject (`sub`) of its OpenID Connect id
/// token, or another id that the host knows. Not shown in `Debug`, because it may be an e-mail
/// address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(Arc<str>);

impl AccountId {
    /// Creates an id from the provider's text, unchanged.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// Returns the provider's text.
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

/// The provider's id of an event. Opaque: only the provider interprets it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RemoteId(Arc<str>);

impl RemoteId {
    /// Creates an id from the provider's text, unchanged.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// Returns the provider's text.
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

/// The provider's version of an event (HTTP `ETag`, RFC 9110 section 8.8.3). Opaque; compared byte
/// by byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Etag(Arc<str>);

impl Etag {
    /// Creates an etag from the provider's text, unchanged, with its quotes.
    #[must_use]
    pub fn new(etag: impl Into<Arc<str>>) -> Self {
        Self(etag.into())
    }

    /// Returns the provider's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_id_with_a_path_step_or_control_character_or_too_many_bytes_is_an_error() {
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
    fn debug_does_not_show_a_calendar_id() {
        assert!(!format!("{:?}", CalendarId::new("anna@example.org").unwrap()).contains("anna"));
    }
}
