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
/// Loads the guide's flat columns (`calendar_provider`, `calendar_access_token`, …) as the first connection, under the
/// id [`Profile::FLAT_CONNECTION`], where they name a provider; followed by those in `connections`. `"none"` withdraws the
/// flat one. A column that is null or missing says nothing, and [`connections_stated`](Profile::connections_stated) keeps
/// track of it: with `connections` that list alone counts, flat columns that say nothing then being none; without it the
/// flat ones count alone, and other connections keep their events. Writes them back the same way, without tokens:
/// a secret is only ever written out by the host, through [`Secret::expose`].
#[derive(Clone)]
#[non_exhaustive]
pub struct Profile {
    /// The host's id.
    pub id: ProfileId,
    /// The person's name.
    pub name: String,
    /// The person's e-mail address.
    pub email: Option<String>,
    /// Whether the person wants events at all. `None`, from a column that is null or missing, says nothing: the events
    /// that are there stay and are kept right, and no other is made.
    pub calendar_sync_enabled: Option<bool>,
    /// The calendars, of any mix of providers.
    pub connections: Vec<Connection>,
    /// Which connections the row speaks of. The others keep the events they have.
    pub connections_stated: StatedConnections,
    /// How the person wants it.
    pub calendar_sync_settings: SyncSettings,
}

/// Which of a profile's connections a row speaks of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatedConnections {
    /// All of them: one that is not listed is disconnected.
    #[default]
    All,
    /// The one in the flat columns ([`Profile::FLAT_CONNECTION`]).
    Flat,
    /// None: `calendar_provider` and `connections` are null or missing.
    Nothing,
}

/// One calendar of a profile.
#[derive(Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Connection {
    /// Unique within the profile.
    pub id: ConnectionId,
    /// The kind of backend.
    pub provider: ProviderKind,
    /// The calendar. `None`, from a column that is null, empty or missing, says nothing: an event stays in the calendar it
    /// is in, and a new one goes where this connection's events of the appointment were, else to
    /// [`CalendarId::primary`].
    #[serde(default, deserialize_with = "no_empty_calendar", skip_serializing_if = "Option::is_none")]
    pub calendar_id: Option<CalendarId>,
    /// What the person calls the calendar. With it a provider finds a calendar again whose id has changed, as Outlook's do.
    #[serde(default, deserialize_with = "no_empty_name", skip_serializing_if = "Option::is_none")]
    pub calendar_name: Option<CalendarName>,
    /// The account, where the provider could tell. Two connections with the same account and calendar are one place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The provider's own id of the account's default calendar, where it is known: a connection to `primary` and one to this id
    /// lead to the same calendar. A connect tells it for Google, a list of calendars for Outlook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_calendar: Option<CalendarId>,
    /// The credentials. Read, never written.
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
    /// When the access token runs out.
    #[serde(default)]
    pub token_expires_at: Option<DateTime<Utc>>,
}

/// The guide's `calendar_sync_settings`: a JSON object of which calsync knows some keys and keeps the others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SyncSettings {
    object: Map<String, Value>,
}

/// Which way changes travel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncDirection {
    /// From the host into the calendar.
    Outbound,
    /// From the calendar to the host only: nothing is written.
    Inbound,
    /// Both ways.
    Both,
    /// A value calsync does not know: nothing is written, and nothing is removed.
    Other(String),
}

impl Profile {
    /// The id of the connection that the guide's flat columns make.
    pub const FLAT_CONNECTION: &str = "default";

    /// A profile that syncs, with no calendar yet.
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

    /// The same profile with one connection more.
    #[must_use]
    pub fn with_connection(mut self, connection: Connection) -> Self {
        self.connections.push(connection);
        self
    }

    /// Whether the row speaks of that connection: one that it does not list is disconnected then.
    pub(crate) fn states(&self, connection: &ConnectionId) -> bool {
        match self.connections_stated {
            StatedConnections::All => true,
            StatedConnections::Flat => is_flat(connection),
            StatedConnections::Nothing => false,
        }
    }
}

impl Profile {
    /// The calendars of the person, one for each connection.
    pub fn calendars(&self) -> impl Iterator<Item = CalendarRef> + '_ {
        let person = Person::Profile(self.id.clone());
        self.connections.iter().map(move |connection| connection.calendar(&person))
    }
}

impl Connection {
    /// The calendar that the connection of a person leads to.
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

    /// A connection to a calendar, without credentials.
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

    /// The same connection with the calendar's name.
    #[must_use]
    pub fn with_calendar_name(mut self, name: &str) -> Self {
        self.calendar_name = CalendarName::new(name);
        self
    }

    /// The same connection with the provider's own id of the account's default calendar.
    #[must_use]
    pub fn with_primary_calendar(mut self, id: CalendarId) -> Self {
        self.primary_calendar = Some(id);
        self
    }

    /// The same connection to a known account.
    #[must_use]
    pub fn with_account(mut self, account: impl Into<AccountId>) -> Self {
        self.account = Some(account.into());
        self
    }
}

/// Without the person's name and address, and without the calendars' names.
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

    /// `auto_sync`: whether events are written without being asked for. True unless said otherwise.
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

    /// `sync_direction`. Outbound unless said otherwise.
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

    /// `sync_all_appointments`: whether an administrator follows every appointment. Listing somebody among the admins
    /// says yes; `false` here says no.
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

    /// Any other setting, as JSON text.
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
        for (key, fits, wanted) in [
            (Self::AUTO_SYNC, Value::is_boolean as fn(&Value) -> bool, "true or false"),
            (Self::DIRECTION, Value::is_string, "a text"),
            (Self::ALL, Value::is_boolean, "true or false"),
        ] {
            if object.get(key).is_some_and(|value| !value.is_null() && !fits(value)) {
                return Err(D::Error::custom(format!("{key} must be {wanted}")));
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

/// The guide's word for no calendar.
const NO_PROVIDER: &str = "none";

/// The guide's columns, as they are stored.
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
        // An empty text says as little as null: it is what some databases have in its place.
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
    fn a_profile_written_out_holds_no_secret_and_loads_again() {
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
    fn none_is_no_connection_and_missing_columns_are_fine() {
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
    fn settings_of_the_wrong_type_are_refused_by_name() {
        for (json, word) in [
            (r#"{"id": 1, "calendar_sync_settings": {"auto_sync": "yes"}}"#, "auto_sync"),
            (r#"{"id": 1, "calendar_sync_settings": {"sync_direction": 3}}"#, "sync_direction"),
            (r#"{"id": 1, "calendar_provider": "apple", "calendar_calendar_id": "../../x"}"#, "path step"),
            (
                r#"{"id": 1, "connections": [{"id": 1, "provider": "apple"}, {"id": "1", "provider": "x"}]}"#,
                "two",
            ),
        ] {
            let error = serde_json::from_str::<Profile>(json).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
