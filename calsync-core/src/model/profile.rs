//! A person's calendar settings.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::calendar::{CalendarName, CalendarRef, Person};
use crate::id::{ConnectionId, ProfileId};
use crate::names::{AccountId, CalendarId, ProviderKind};
use crate::secret::Secret;

/// A person's calendar settings and connections.
///
/// The guide's flat columns (`calendar_provider`, `calendar_access_token`, …) load as the first
/// connection, with the id [`Profile::FLAT_CONNECTION`], if they name a provider. The entries of
/// `connections` follow. `"none"` as provider means that the flat connection is disconnected.
///
/// A null or missing column is not stated; [`connections_stated`](Profile::connections_stated)
/// records this. If `connections` is stated, the profile states all its connections; flat columns
/// that are null then mean that there is no flat connection. If only the flat columns are stated,
/// the profile states that connection alone, and other connections keep their events.
///
/// Serialises to the same columns, without tokens: only the host writes a secret, through
/// [`Secret::expose`].
#[derive(Clone)]
#[non_exhaustive]
pub struct Profile {
    /// The host's id.
    pub id: ProfileId,
    /// The person's name.
    pub name: String,
    /// The person's e-mail address.
    pub email: Option<String>,
    /// Whether the person wants calendar events. `None` (null or missing column) is not stated:
    /// existing events stay and are kept up to date, and no new event is created.
    pub calendar_sync_enabled: Option<bool>,
    /// The connected calendars, of any mix of providers.
    pub connections: Vec<Connection>,
    /// Which connections the row states. The others keep their events.
    pub connections_stated: StatedConnections,
    /// The person's settings for the sync (column `calendar_sync_settings`).
    pub calendar_sync_settings: SyncSettings,
}

/// Which of a profile's connections the stored row states.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatedConnections {
    /// All of them: a connection that is not listed is disconnected.
    #[default]
    All,
    /// Only the one in the flat columns ([`Profile::FLAT_CONNECTION`]).
    Flat,
    /// None: `calendar_provider` and `connections` are null or missing.
    Nothing,
}

/// One calendar of a profile.
#[derive(Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Connection {
    /// The id of the connection, unique within the profile.
    pub id: ConnectionId,
    /// The kind of provider.
    pub provider: ProviderKind,
    /// The calendar. `None` (null, empty or missing column) is not stated: an existing event stays
    /// in its calendar. A new event goes to the calendar where this connection's event of the
    /// appointment was before, or to [`CalendarId::primary`] if there was none.
    #[serde(default, deserialize_with = "no_empty_calendar", skip_serializing_if = "Option::is_none")]
    pub calendar_id: Option<CalendarId>,
    /// The display name of the calendar. If the calendar's id has changed, as ids do at Outlook, a
    /// provider can find the calendar by its name.
    #[serde(default, deserialize_with = "no_empty_name", skip_serializing_if = "Option::is_none")]
    pub calendar_name: Option<CalendarName>,
    /// The provider account behind the connection, if known. Two connections with the same account
    /// and calendar lead to one calendar, which gets one event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The provider's own id of the account's default calendar, if known: a connection to `primary`
    /// and a connection to this id lead to the same calendar. For Google it comes from the connect,
    /// for Outlook from the list of calendars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_calendar: Option<CalendarId>,
    /// The OAuth tokens. They are deserialised and never serialised.
    #[serde(flatten, skip_serializing)]
    pub credentials: Credentials,
}

/// The tokens of a connection. Never serialised, printed or logged.
#[derive(Debug, Clone, Default, Deserialize)]
#[non_exhaustive]
pub struct Credentials {
    /// The OAuth access token.
    #[serde(default)]
    pub access_token: Option<Secret>,
    /// The OAuth refresh token.
    #[serde(default)]
    pub refresh_token: Option<Secret>,
    /// When the access token expires.
    #[serde(default)]
    pub token_expires_at: Option<DateTime<Utc>>,
}

/// The guide's column `calendar_sync_settings`, a JSON object. calsync knows some of its keys and
/// keeps the others unchanged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SyncSettings {
    object: Map<String, Value>,
}

/// In which direction changes are synchronised.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncDirection {
    /// From the host to the calendar.
    Outbound,
    /// From the calendar to the host only: calsync creates no events, and removes existing ones.
    Inbound,
    /// In both directions. calsync writes as for `Outbound`; it reads no changes back.
    Both,
    /// A value that calsync does not know: nothing is written, and nothing is removed.
    Other(String),
}

impl Profile {
    /// The id of the connection that is loaded from the guide's flat columns.
    pub const FLAT_CONNECTION: &str = "default";

    /// Creates a profile with sync enabled, without connections.
    #[must_use]
    pub fn new(id: impl Into<ProfileId>) -> Self {
        Self {
            id: id.into(),
            name: String::new(),
            email: None,
            calendar_sync_enabled: Some(true),
            connections: Vec::new(),
            connections_stated: StatedConnections::All,
            calendar_sync_settings: SyncSettings::default(),
        }
    }

    /// Adds a connection.
    #[must_use]
    pub fn with_connection(mut self, connection: Connection) -> Self {
        self.connections.push(connection);
        self
    }

    /// Returns `true` if the row states the connection. If it does and the profile does not list
    /// it, it is disconnected.
    pub(crate) fn states(&self, connection: &ConnectionId) -> bool {
        match self.connections_stated {
            StatedConnections::All => true,
            StatedConnections::Flat => is_flat(connection),
            StatedConnections::Nothing => false,
        }
    }
}

impl Profile {
    /// Returns the calendars of the person, one for each connection, in the order of the
    /// connections.
    pub fn calendars(&self) -> impl Iterator<Item = CalendarRef> + '_ {
        let person = Person::Profile(self.id.clone());
        self.connections.iter().map(move |connection| connection.calendar(&person))
    }
}

impl Connection {
    /// Returns the calendar of this connection. If `calendar_id` is `None`, it is the primary one.
    #[must_use]
    pub fn calendar(&self, person: &Person) -> CalendarRef {
        CalendarRef::new(
            person.clone(),
            self.provider.clone(),
            self.id.clone(),
            self.calendar_id.clone().unwrap_or_else(CalendarId::primary),
        )
        .with_account(self.account.clone())
        .with_name(self.calendar_name.clone())
        .with_primary(self.primary_calendar.clone())
    }

    /// Creates a connection to a calendar, without credentials.
    #[must_use]
    pub fn new(id: impl Into<ConnectionId>, provider: ProviderKind, calendar_id: CalendarId) -> Self {
        Self {
            id: id.into(),
            provider,
            calendar_id: Some(calendar_id),
            calendar_name: None,
            account: None,
            primary_calendar: None,
            credentials: Credentials::default(),
        }
    }

    /// Sets the calendar's display name. An empty name means none.
    #[must_use]
    pub fn with_calendar_name(mut self, name: &str) -> Self {
        self.calendar_name = CalendarName::new(name);
        self
    }

    /// Sets the provider's own id of the account's default calendar.
    #[must_use]
    pub fn with_primary_calendar(mut self, id: CalendarId) -> Self {
        self.primary_calendar = Some(id);
        self
    }

    /// Sets the provider account behind the connection.
    #[must_use]
    pub fn with_account(mut self, account: impl Into<AccountId>) -> Self {
        self.account = Some(account.into());
        self
    }
}

/// Leaves out the person's name and e-mail address, and the calendars' names.
impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("id", &self.id)
            .field("calendar_sync_enabled", &self.calendar_sync_enabled)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.id)
            .field("provider", &self.provider)
            .field("calendar_id", &self.calendar_id)
            .finish_non_exhaustive()
    }
}

impl SyncSettings {
    const AUTO_SYNC: &str = "auto_sync";
    const DIRECTION: &str = "sync_direction";
    const ALL: &str = "sync_all_appointments";

    /// Returns `auto_sync`: whether automatic plans write events. Default: `true`.
    #[must_use]
    pub fn auto_sync(&self) -> bool {
        self.flag(Self::AUTO_SYNC).unwrap_or(true)
    }

    /// Sets `auto_sync`.
    #[must_use]
    pub fn with_auto_sync(mut self, on: bool) -> Self {
        self.object.insert(Self::AUTO_SYNC.into(), Value::Bool(on));
        self
    }

    /// Returns `sync_direction`. Default: outbound. `both`, `bidirectional` and `two_way` mean the
    /// same.
    #[must_use]
    pub fn direction(&self) -> SyncDirection {
        match self.object.get(Self::DIRECTION).and_then(Value::as_str) {
            None | Some("" | "outbound") => SyncDirection::Outbound,
            Some("inbound") => SyncDirection::Inbound,
            Some("both" | "bidirectional" | "two_way") => SyncDirection::Both,
            Some(other) => SyncDirection::Other(other.to_owned()),
        }
    }

    /// Sets `sync_direction`.
    #[must_use]
    pub fn with_direction(mut self, direction: &SyncDirection) -> Self {
        let text = match direction {
            SyncDirection::Outbound => "outbound",
            SyncDirection::Inbound => "inbound",
            SyncDirection::Both => "both",
            SyncDirection::Other(text) => text,
        };
        self.object.insert(Self::DIRECTION.into(), text.into());
        self
    }

    /// Returns `sync_all_appointments`: whether an administrator gets an event for every
    /// appointment. A person in the list of admins does, unless this is `false`.
    #[must_use]
    pub fn sync_all_appointments(&self) -> Option<bool> {
        self.flag(Self::ALL)
    }

    /// Sets `sync_all_appointments`.
    #[must_use]
    pub fn with_sync_all_appointments(mut self, on: bool) -> Self {
        self.object.insert(Self::ALL.into(), Value::Bool(on));
        self
    }

    /// Returns the value of any key as JSON text, or `None` if the object has no such key.
    #[must_use]
    pub fn other(&self, key: &str) -> Option<String> {
        self.object.get(key).map(Value::to_string)
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.object.get(key).and_then(Value::as_bool)
    }
}

impl Serialize for SyncSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SyncSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Option::<Map<String, Value>>::deserialize(deserializer)?.unwrap_or_default();
        for (key, fits, expected) in [
            (Self::AUTO_SYNC, Value::is_boolean as fn(&Value) -> bool, "true or false"),
            (Self::DIRECTION, Value::is_string, "a text"),
            (Self::ALL, Value::is_boolean, "true or false"),
        ] {
            if object.get(key).is_some_and(|value| !value.is_null() && !fits(value)) {
                return Err(D::Error::custom(format!("{key} must be {expected}")));
            }
        }
        Ok(Self { object })
    }
}

fn is_flat(connection: &ConnectionId) -> bool {
    ConnectionId::text(Profile::FLAT_CONNECTION).is_ok_and(|flat| flat == *connection)
}

fn no_empty_calendar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<CalendarId>, D::Error> {
    let id = Option::<String>::deserialize(deserializer)?.filter(|id| !id.trim().is_empty());
    id.map(|id| CalendarId::new(&id).map_err(D::Error::custom)).transpose()
}

fn no_empty_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<CalendarName>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|name| CalendarName::new(&name)))
}

/// The guide's value of `calendar_provider` for "no calendar".
const NO_PROVIDER: &str = "none";

/// The stored columns, as in the guide.
#[derive(Serialize, Deserialize)]
struct Row {
    id: ProfileId,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calendar_sync_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calendar_provider: Option<ProviderKind>,
    #[serde(default, skip_serializing)]
    calendar_access_token: Option<Secret>,
    #[serde(default, skip_serializing)]
    calendar_refresh_token: Option<Secret>,
    #[serde(default, skip_serializing)]
    calendar_token_expires_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "no_empty_calendar")]
    calendar_calendar_id: Option<CalendarId>,
    #[serde(default, deserialize_with = "no_empty_name", skip_serializing_if = "Option::is_none")]
    calendar_calendar_name: Option<CalendarName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calendar_account: Option<AccountId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calendar_primary_calendar: Option<CalendarId>,
    #[serde(default)]
    calendar_sync_settings: SyncSettings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connections: Option<Vec<Connection>>,
}

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let row = Row::deserialize(deserializer)?;
        let mut connections = Vec::new();
        // Some databases store an empty text instead of null.
        let provider = row.calendar_provider.filter(|kind| !kind.as_str().is_empty());
        let connections_stated = match (&row.connections, &provider) {
            (Some(_), _) => StatedConnections::All,
            (None, Some(_)) => StatedConnections::Flat,
            (None, None) => StatedConnections::Nothing,
        };
        if let Some(provider) = provider.filter(|kind| kind.as_str() != NO_PROVIDER) {
            connections.push(Connection {
                id: ConnectionId::text(Self::FLAT_CONNECTION).map_err(D::Error::custom)?,
                provider,
                calendar_id: row.calendar_calendar_id,
                calendar_name: row.calendar_calendar_name,
                account: row.calendar_account,
                primary_calendar: row.calendar_primary_calendar,
                credentials: Credentials {
                    access_token: row.calendar_access_token,
                    refresh_token: row.calendar_refresh_token,
                    token_expires_at: row.calendar_token_expires_at,
                },
            });
        }
        for connection in row.connections.into_iter().flatten() {
            if connections.iter().any(|other| other.id == connection.id) {
                return Err(D::Error::custom(format!("two connections have the id {}", connection.id)));
            }
            connections.push(connection);
        }
        Ok(Self {
            id: row.id,
            name: row.name.unwrap_or_default(),
            email: row.email,
            calendar_sync_enabled: row.calendar_sync_enabled,
            connections,
            connections_stated,
            calendar_sync_settings: row.calendar_sync_settings,
        })
    }
}

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let flat = self.connections.first().filter(|connection| is_flat(&connection.id));
        let others: Vec<Connection> =
            self.connections.iter().skip(usize::from(flat.is_some())).cloned().collect();
        Row {
            id: self.id.clone(),
            name: Some(self.name.clone()),
            email: self.email.clone(),
            calendar_sync_enabled: self.calendar_sync_enabled,
            calendar_provider: match flat {
                Some(flat) => Some(flat.provider.clone()),
                None if self.connections_stated == StatedConnections::Nothing => None,
                None => Some(ProviderKind::from_static(NO_PROVIDER)),
            },
            calendar_access_token: None,
            calendar_refresh_token: None,
            calendar_token_expires_at: None,
            calendar_calendar_id: flat.and_then(|flat| flat.calendar_id.clone()),
            calendar_calendar_name: flat.and_then(|flat| flat.calendar_name.clone()),
            calendar_primary_calendar: flat.and_then(|flat| flat.primary_calendar.clone()),
            calendar_account: flat.and_then(|flat| flat.account.clone()),
            calendar_sync_settings: self.calendar_sync_settings.clone(),
            connections: (self.connections_stated == StatedConnections::All).then_some(others),
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUIDE: &str = r#"{"id": 10, "calendar_sync_enabled": true, "calendar_provider": "google",
        "calendar_access_token": "ya29.SECRET", "calendar_refresh_token": "1//SECRET", "calendar_calendar_id": "primary",
        "calendar_sync_settings": {"auto_sync": true, "sync_direction": "outbound", "colour": {"id": 3}},
        "connections": [{"id": "home", "provider": "apple", "calendar_id": "family", "access_token": "SECRET"}]}"#;

    #[test]
    fn the_guides_columns_load_as_the_first_connection() {
        let profile: Profile = serde_json::from_str(GUIDE).unwrap();
        let kinds: Vec<_> =
            profile.connections.iter().map(|c| (c.id.to_string(), c.provider.as_str())).collect();
        assert_eq!(kinds, [("default".to_owned(), "google"), ("home".to_owned(), "apple")]);
        let token = profile.connections[0].credentials.refresh_token.as_ref().unwrap();
        assert_eq!(token.expose(), "1//SECRET");
        assert_eq!(profile.calendar_sync_settings.other("colour").as_deref(), Some(r#"{"id":3}"#));
    }

    #[test]
    fn a_serialised_profile_holds_no_secret_and_loads_again() {
        let profile: Profile = serde_json::from_str(GUIDE).unwrap();
        let json = serde_json::to_string(&profile).unwrap();
        assert!(!json.contains("SECRET"), "{json}");
        assert!(!format!("{profile:?}").contains("SECRET"));
        assert!(!format!("{:?}", profile.connections[1].credentials).contains("SECRET"));
        let again: Profile = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), json);
        assert_eq!(again.connections.len(), 2);
    }

    #[test]
    fn the_provider_none_and_missing_columns_give_no_connection() {
        for json in [
            r#"{"id": "u1"}"#,
            r#"{"id": 1, "calendar_provider": "none", "calendar_calendar_id": "", "calendar_sync_settings": null}"#,
            r#"{"id": 1, "name": null, "calendar_provider": "", "connections": null, "calendar_access_token": null}"#,
        ] {
            let profile: Profile = serde_json::from_str(json).unwrap();
            assert!(profile.connections.is_empty());
            assert!(profile.calendar_sync_settings.auto_sync());
            assert_eq!(profile.calendar_sync_settings.direction(), SyncDirection::Outbound);
        }
    }

    #[test]
    fn a_setting_of_the_wrong_type_is_an_error_that_names_it() {
        for (json, expected) in [
            (r#"{"id": 1, "calendar_sync_settings": {"auto_sync": "yes"}}"#, "auto_sync"),
            (r#"{"id": 1, "calendar_sync_settings": {"sync_direction": 3}}"#, "sync_direction"),
            (r#"{"id": 1, "calendar_provider": "apple", "calendar_calendar_id": "../../x"}"#, "path step"),
            (
                r#"{"id": 1, "connections": [{"id": 1, "provider": "apple"}, {"id": "1", "provider": "x"}]}"#,
                "two",
            ),
        ] {
            let error = serde_json::from_str::<Profile>(json).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
