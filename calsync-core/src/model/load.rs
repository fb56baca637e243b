//! Loads lists of rows. A row that cannot be read is reported, and the other rows are loaded.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::{InputError, Problem};
use crate::model::{Appointment, Customer, Order, Profile, Service, Staff};

/// A record of the host that [`load_each`] can load from a list of rows. Sealed.
pub trait Record: DeserializeOwned + sealed::Sealed {
    /// The name of the record type in errors, such as `order`.
    const KIND: &'static str;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! records {
    ($($record:ident $kind:literal),+ $(,)?) => {
        $(
            impl sealed::Sealed for $record {}
            impl Record for $record {
                const KIND: &'static str = $kind;
            }
        )+
    };
}

records! {
    Order "order", Appointment "appointment", Profile "profile", Service "service", Staff "staff", Customer "customer",
}

/// The rows of a list that could be read, and an error for each of the others.
///
/// Deserialises from a list of rows. A null or missing list has no rows.
///
/// ```
/// use calsync_core::model::{Loaded, Service};
/// let services: Loaded<Service> = serde_json::from_str(
///     r#"[{"id": 5, "name": "Deep clean", "duration": 90}, {"id": 6, "name": "Windows", "duration": "long"}]"#,
/// )?;
/// assert_eq!(services.records.len(), 1);
/// assert_eq!(services.rejected[0].to_string(), "service 6: duration: cannot be read, expected i64");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
#[non_exhaustive]
pub struct Loaded<T> {
    /// The rows that could be read, in the order of the list.
    pub records: Vec<T>,
    /// One error for each other row. It names the record by its id, or by its position in the list
    /// (from 1) if the id is missing or not usable.
    pub rejected: Vec<InputError>,
}

impl<T> Default for Loaded<T> {
    fn default() -> Self {
        Self { records: Vec::new(), rejected: Vec::new() }
    }
}

impl<'de, T: Record> Deserialize<'de> for Loaded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows = Option::<Vec<Value>>::deserialize(deserializer)?.unwrap_or_default();
        let mut loaded = Self::default();
        for (at, row) in rows.into_iter().enumerate() {
            let name = name_of(&row, at);
            match serde_path_to_error::deserialize(row) {
                Ok(record) => loaded.records.push(record),
                Err(error) => loaded.rejected.push(rejection(T::KIND, &name, &error)),
            }
        }
        Ok(loaded)
    }
}

/// Loads each row of a JSON list separately.
///
/// # Errors
/// [`Problem::Unreadable`] if the text is not a JSON list.
pub fn load_each<T: Record>(json: &str) -> Result<Loaded<T>, InputError> {
    let unreadable = |_| InputError::new(T::KIND, &"list", "rows", Problem::Unreadable(String::new()));
    serde_json::from_str(json).map_err(unreadable)
}

fn name_of(row: &Value, at: usize) -> String {
    let id = match row.get("id") {
        Some(Value::Number(id)) => Some(id.to_string()),
        Some(Value::String(id)) if !id.is_empty() && !id.contains(char::is_control) => Some(id.clone()),
        _ => None,
    };
    id.unwrap_or_else(|| format!("in row {}", at.saturating_add(1)))
}

/// Builds an error that names the field and the expected type. It never contains the value, which
/// may be personal data or a secret.
fn rejection(
    kind: &str,
    name: &dyn fmt::Display,
    error: &serde_path_to_error::Error<serde_json::Error>,
) -> InputError {
    let (path, text) = (error.path().to_string(), error.inner().to_string());
    let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    if let Some(missing) = missing {
        let field = if path == "." { missing.to_owned() } else { format!("{path}.{missing}") };
        return InputError::new(kind, name, field, Problem::Missing);
    }
    let field = if path == "." { "row".to_owned() } else { path };
    // serde's own messages end with ", expected …". Other messages may quote the value anywhere.
    let expected = text.strip_prefix("invalid ").and_then(|text| text.rsplit_once(", expected "));
    let expected = expected.map_or_else(String::new, |(_, expected)| expected.to_owned());
    InputError::new(kind, name, field, Problem::Unreadable(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_errors<T: Record>(json: &str) -> (usize, Vec<String>) {
        let loaded = load_each::<T>(json).unwrap();
        (loaded.records.len(), loaded.rejected.iter().map(InputError::to_string).collect())
    }

    #[test]
    fn a_bad_row_is_an_error_that_names_it_and_the_other_rows_load() {
        let (good, bad) = load_errors::<Order>(
            r#"[{"id": 1, "status": "confirmed"}, null, {"id": 2, "status": null}, {"status": "confirmed"},
                {"id": "a\u0000b", "status": "confirmed"}, {"id": 3, "status": "pending", "scheduled_date": "20.1.2026"},
                {"id": "x9", "status": "confirmed", "items": [{"id": 1, "service_id": 5}, {"id": 2}]},
                {"id": 4, "status": "pending"}]"#,
        );
        assert_eq!(good, 2);
        assert_eq!(
            bad,
            [
                "order in row 2: row: cannot be read, expected struct Order",
                "order 2: status: cannot be read, expected a string",
                "order in row 4: id: is missing",
                "order in row 5: id: cannot be read",
                "order 3: scheduled_date: cannot be read",
                "order x9: items[1].service_id: is missing",
            ]
        );
    }

    #[test]
    fn an_error_never_contains_the_bad_value() {
        for json in [
            r#"[{"id": 1, "calendar_sync_enabled": "SECRET, expected SECRET"}]"#,
            r#"[{"id": 1, "calendar_access_token": {"SECRET": 1}}]"#,
            r#"[{"id": 1, "calendar_token_expires_at": "SECRET"}]"#,
            r#"[{"id": 1, "calendar_calendar_id": "../SECRET/.."}]"#,
            r#"[{"id": 1, "calendar_sync_settings": {"auto_sync": "SECRET"}}]"#,
            r#"[{"id": 1, "connections": [{"id": 1, "provider": "google", "access_token": ["SECRET"]}]}]"#,
        ] {
            let (good, bad) = load_errors::<Profile>(json);
            assert_eq!((good, bad.len()), (0, 1), "{json}");
            assert!(bad[0].starts_with("profile 1: c") && !bad[0].contains("SECRET"), "{bad:?}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_list_is_an_error_and_a_null_list_is_empty() {
        assert!(load_each::<Staff>("{").is_err());
        assert!(load_each::<Staff>(r#"{"id": 1}"#).is_err());
        assert_eq!(load_errors::<Staff>("null"), (0, Vec::new()));
    }
}
