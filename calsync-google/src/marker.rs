//! calsync's marker in the private extended properties of an event.

use std::borrow::Cow;

use calsync_core::AppointmentId;
use calsync_core::calendar::{Person, Role};
use calsync_core::identity::EventKey;
use calsync_core::provider::Marker;

use crate::wire::EventResource;

/// Property with the target. The target has its own property because a search matches only whole
/// values: this one finds the events of every generation.
///
/// Names of properties have at most 44 characters
/// (<https://developers.google.com/workspace/calendar/api/guides/extended-properties>).
pub(crate) const TARGET: &str = "calsyncTarget";
pub(crate) const KEY: &str = "calsyncKey";
pub(crate) const NAMESPACE: &str = "calsyncNamespace";
pub(crate) const REVISION: &str = "calsyncRevision";
pub(crate) const APPOINTMENT: &str = "calsyncAppointment";
/// `profile:` and the profile's id, or `guest`.
pub(crate) const PERSON: &str = "calsyncPerson";
pub(crate) const ROLE: &str = "calsyncRole";
/// The reminders as calsync last set them. The event's `reminders` may have been changed by the
/// person since.
pub(crate) const REMINDERS: &str = "calsyncReminders";

/// Longest value of a property, in characters. Google silently truncates a longer one.
pub(crate) const MAX_VALUE_CHARS: usize = 1024;

/// Properties in a request, by name; `None` deletes one.
pub(crate) type Properties<'a> = Vec<(&'static str, Option<Cow<'a, str>>)>;

/// Returns the properties that store the marker.
pub(crate) fn properties(marker: &Marker) -> Properties<'_> {
    // Longer values are left out: Google would truncate them, and they would read back as another
    // value.
    let whole = |text: String| (text.chars().count() <= MAX_VALUE_CHARS).then_some(Cow::Owned(text));
    let appointment = marker.appointment.as_ref().map(AppointmentId::to_string);
    vec![
        (TARGET, Some(Cow::Owned(marker.key.target().to_string()))),
        (KEY, Some(Cow::Owned(marker.key.to_string()))),
        (NAMESPACE, Some(Cow::Borrowed(&*marker.namespace))),
        (REVISION, Some(Cow::Owned(marker.revision.to_string()))),
        (APPOINTMENT, appointment.and_then(whole)),
        (PERSON, marker.person.as_ref().map(person_text).and_then(whole)),
        (ROLE, marker.role.map(|role| Cow::Borrowed(role.name()))),
    ]
}

/// Returns calsync's marker, if the event carries a complete and valid one.
pub(crate) fn marker(resource: &EventResource) -> Option<Marker> {
    let key = EventKey::parse(property(resource, KEY)?)?;
    let revision = property(resource, REVISION)?.parse().ok()?;
    let appointment = property(resource, APPOINTMENT).and_then(|text| text.parse().ok());
    let person = property(resource, PERSON).and_then(person_of);
    let marker = Marker::new(property(resource, NAMESPACE)?, key, revision);
    let role = property(resource, ROLE).and_then(Role::parse);
    Some(marker.with_appointment(appointment).with_person(person).with_role(role))
}

/// Returns the key that the event was created under: its id, if the id is an [`EventKey`]. A copy
/// that a person made has an id of another form.
pub(crate) fn own_key(resource: &EventResource) -> Option<EventKey> {
    EventKey::parse(resource.id.as_deref()?)
}

/// Returns the value of a private extended property.
pub(crate) fn property<'a>(resource: &'a EventResource, name: &str) -> Option<&'a str> {
    let properties = resource.extended_properties.as_ref()?;
    properties.private.get(name).map(String::as_str)
}

fn person_text(person: &Person) -> String {
    match person {
        Person::Profile(id) => format!("profile:{id}"),
        Person::Guest => "guest".to_owned(),
    }
}

fn person_of(text: &str) -> Option<Person> {
    match text.strip_prefix("profile:") {
        Some(id) => id.parse().ok().map(Person::Profile),
        None => (text == "guest").then_some(Person::Guest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn marker_of(person: Option<Person>) -> Marker {
        let key = EventKey::parse("6d709f8152a05a61b10906a7ec27a32cg2").unwrap();
        Marker::new("my-shop", key, 7)
            .with_appointment(Some(10.into()))
            .with_person(person)
            .with_role(Some(Role::Manager))
    }

    /// An event with the marker's properties, as in Google's response.
    fn written(marker: &Marker) -> Value {
        let properties =
            properties(marker).into_iter().filter_map(|(name, value)| Some((name, json!(value?))));
        let private: Value = properties
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<serde_json::Map<_, _>>()
            .into();
        json!({"id": marker.key.to_string(), "extendedProperties": {"private": private}})
    }

    fn read(json: Value) -> EventResource {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_marker_is_read_back_complete_or_not_at_all() {
        for person in [Some(Person::Profile(3.into())), Some(Person::Guest), None] {
            let ours = marker_of(person);
            let event = read(written(&ours));
            assert_eq!((marker(&event), own_key(&event)), (Some(ours.clone()), Some(ours.key)));
        }
        let mut json = written(&marker_of(None));
        for (name, value) in [(REVISION, json!("x")), (KEY, json!("no-key"))] {
            let mut broken = json.clone();
            broken["extendedProperties"]["private"][name] = value;
            assert_eq!(marker(&read(broken)), None, "{name}");
        }
        json["extendedProperties"] = json!({});
        assert_eq!(marker(&read(json)), None);
    }

    #[test]
    fn an_appointment_id_that_google_would_truncate_is_not_stored() {
        let mut long = marker_of(None);
        long.appointment = Some(AppointmentId::text(&"n".repeat(MAX_VALUE_CHARS + 1)).unwrap());
        assert_eq!(written(&long)["extendedProperties"]["private"].get(APPOINTMENT), None);
    }
}
