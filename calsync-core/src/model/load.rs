//! Lists of rows, of which one that cannot be read costs no other.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::{InputError, Problem};
use crate::model::{Appointment, Customer, Order, Profile, Service, Staff};

/// A record of the host's that is loaded by rows.
pub trait Record: DeserializeOwned + sealed::Sealed {
    /// What errors call it, such as `order`.
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

/// The rows of a list that could be read, and what is wrong with each of the others.
///
/// Deserialises from a list of rows. A list that is null or missing holds no rows.
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
    /// The rows that could be read, in their order.
    pub records: Vec<T>,
    /// What is wrong with the others: the record by its id, or by its place in the list from 1 where it has none.
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

/// The rows of a JSON list, each for itself.
///
/// # Errors
/// When the text is no JSON list at all.
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

/// Names the field, and says what was expected there. Never the value that was found, which may be a person's data or a secret.
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
    // Serde's own words end so. An error of another kind may quote the value anywhere.
    let expected = text.strip_prefix("invalid ").and_then(|text| text.rsplit_once(", expected "));
    let expected = expected.map_or_else(String::new, |(_, expected)| expected.to_owned());
    InputError::new(kind, name, field, Problem::Unreadable(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints<T: Record>(json: &str) -> (usize, Vec<String>) {
        let loaded = load_each::<T>(json).unwrap();
        (loaded.records.len(), loaded.rejected.iter().map(InputError::to_string).collect())
    }

    #[test]
    fn one_bad_row_is_named_and_the_others_are_there() {
        let (good, bad) = complaints::<Order>(
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
    fn a_bad_value_is_never_told() {
        for json in [
            r#"[{"id": 1, "calendar_sync_enabled": "SECRET, expected SECRET"}]"#,
            r#"[{"id": 1, "calendar_access_token": {"SECRET": 1}}]"#,
            r#"[{"id": 1, "calendar_token_expires_at": "SECRET"}]"#,
            r#"[{"id": 1, "calendar_calendar_id": "../SECRET/.."}]"#,
            r#"[{"id": 1, "calendar_sync_settings": {"auto_sync": "SECRET"}}]"#,
            r#"[{"id": 1, "connections": [{"id": 1, "provider": "google", "access_token": ["SECRET"]}]}]"#,
        ] {
            let (good, bad) = complaints::<Profile>(json);
            assert_eq!((good, bad.len()), (0, 1), "{json}");
            assert!(bad[0].starts_with("profile 1: c") && !bad[0].contains("SECRET"), "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_list_is_an_error_and_a_null_list_is_empty() {
        assert!(load_each::<Staff>("{").is_err());
        assert!(load_each::<Staff>(r#"{"id": 1}"#).is_err());
        assert_eq!(complaints::<Staff>("null"), (0, Vec::new()));
    }
}
