//! Snapshots: the fake's persistent state as JSON, so that a later process can continue with it.

use std::collections::BTreeMap;

use calsync_core::fake::Serial;
use calsync_core::time::Zone;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::access::AccessRole;
use super::google::FakeGoogle;
use super::inspection::{FakeMail, MailKind};
use super::state::{Calendar, State, StoredEvent, User};
use super::user::FakeUser;

/// Version of the snapshot's JSON format.
const VERSION: u64 = 1;

/// A snapshot cannot be restored. The fake is unchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The JSON is not a snapshot, or is damaged.
    #[error("not a valid snapshot of a fake Google")]
    Malformed(#[source] serde_json::Error),
    /// Another version of calsync wrote the snapshot, in another format.
    #[error("the snapshot has format version {0}, which this version of calsync cannot read")]
    Version(u64),
}

#[derive(Debug, Serialize, Deserialize)]
struct Snapshot {
    version: u64,
    serial: u64,
    last_change: DateTime<Utc>,
    users: BTreeMap<String, UserRow>,
    calendars: BTreeMap<String, CalendarRow>,
    #[serde(default)]
    mails: Vec<MailRow>,
    #[serde(default)]
    invitations: usize,
    /// Number of events that clients have created, by user, for the quota.
    #[serde(default)]
    made: BTreeMap<String, usize>,
}

#[derive(Debug, Serialize, Deserialize)]
struct UserRow {
    zone: Zone,
    has_calendar: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct CalendarRow {
    owner: String,
    summary: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    zone: Zone,
    primary: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made_by: Option<String>,
    etag: String,
    access: BTreeMap<String, AccessRole>,
    epoch: u64,
    updated: DateTime<Utc>,
    /// Events by id, tombstones included.
    events: BTreeMap<String, EventRow>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EventRow {
    body: Map<String, Value>,
    etag: String,
    change: u64,
    updated: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    reminders: BTreeMap<String, Value>,
}

#[derive(Debug, Serialize, Deserialize)]
struct MailRow {
    to: String,
    kind: MailKind,
    calendar: String,
    event: String,
}

impl FakeGoogle {
    /// Returns the persistent state: users, calendars, events with their versions and tombstones,
    /// mails, and the counters that keep ids and etags unique. Clients, tokens, channels, settings,
    /// faults and the log of requests are not part of it.
    #[must_use]
    pub fn snapshot(&self) -> Value {
        serde_json::to_value(Snapshot::of(&self.state())).unwrap_or_default()
    }

    /// Replaces the persistent state with one that [`FakeGoogle::snapshot`] returned. Clients,
    /// tokens and settings stay.
    ///
    /// # Errors
    /// See [`SnapshotError`]: the JSON is not a snapshot, or has another format version.
    pub fn restore(&self, snapshot: &Value) -> Result<(), SnapshotError> {
        let version = snapshot.get("version").and_then(Value::as_u64);
        if let Some(other) = version.filter(|version| *version != VERSION) {
            return Err(SnapshotError::Version(other));
        }
        let snapshot = Snapshot::deserialize(snapshot).map_err(SnapshotError::Malformed)?;
        snapshot.restore(&mut self.state());
        Ok(())
    }
}

impl FakeUser {
    /// Makes sure that the user has a calendar with that id. Creates it if it does not exist;
    /// otherwise shares it with the user.
    pub fn has_calendar(&self, id: &str) {
        let email = self.email().to_owned();
        let mut state = self.state();
        let id = state.calendar_id(&email, id).to_owned();
        match state.calendars.get_mut(&id) {
            Some(calendar) => {
                calendar.access.entry(email).or_insert(AccessRole::Owner);
            }
            None => state.add_calendar(&email, id.clone(), &id, None),
        }
    }
}

impl Snapshot {
    fn of(state: &State) -> Self {
        let (serial, last_change) = state.serial.counters();
        let users = state.users.iter().map(|(email, user)| {
            (email.clone(), UserRow { zone: user.zone.clone(), has_calendar: user.has_calendar })
        });
        let calendars = state.calendars.iter().map(|(id, calendar)| (id.clone(), calendar.into()));
        let mails = state.mails.iter().cloned().map(|FakeMail { to, kind, calendar, event }| MailRow {
            to,
            kind,
            calendar,
            event,
        });
        Self {
            version: VERSION,
            serial,
            last_change,
            users: users.collect(),
            calendars: calendars.collect(),
            mails: mails.collect(),
            invitations: state.invitations,
            made: state.windows.made.clone(),
        }
    }

    fn restore(self, state: &mut State) {
        let users = self.users.into_iter();
        state.users = users
            .map(|(email, UserRow { zone, has_calendar })| (email, User { zone, has_calendar }))
            .collect();
        state.calendars = self.calendars.into_iter().map(|(id, row)| (id, row.into())).collect();
        let mails = self.mails.into_iter();
        state.mails = mails
            .map(|MailRow { to, kind, calendar, event }| FakeMail { to, kind, calendar, event })
            .collect();
        state.invitations = self.invitations;
        state.windows.made = self.made;
        state.serial = Serial::after(self.serial, self.last_change);
    }
}

impl From<&Calendar> for CalendarRow {
    fn from(calendar: &Calendar) -> Self {
        Self {
            owner: calendar.owner.clone(),
            summary: calendar.summary.clone(),
            description: calendar.description.clone(),
            location: calendar.location.clone(),
            zone: calendar.zone.clone(),
            primary: calendar.primary,
            made_by: calendar.made_by.clone(),
            etag: calendar.etag.clone(),
            access: calendar.access.clone(),
            epoch: calendar.epoch,
            updated: calendar.updated,
            events: calendar.events.iter().map(|(id, event)| (id.clone(), event.into())).collect(),
        }
    }
}

impl From<CalendarRow> for Calendar {
    fn from(row: CalendarRow) -> Self {
        Self {
            owner: row.owner,
            summary: row.summary,
            description: row.description,
            location: row.location,
            zone: row.zone,
            primary: row.primary,
            made_by: row.made_by,
            etag: row.etag,
            access: row.access,
            events: row.events.into_iter().map(|(id, event)| (id, event.into())).collect(),
            epoch: row.epoch,
            updated: row.updated,
        }
    }
}

impl From<&StoredEvent> for EventRow {
    fn from(event: &StoredEvent) -> Self {
        let StoredEvent { body, etag, change, updated, reminders } = event.clone();
        Self { body, etag, change, updated, reminders }
    }
}

impl From<EventRow> for StoredEvent {
    fn from(row: EventRow) -> Self {
        let EventRow { body, etag, change, updated, reminders } = row;
        Self { body, etag, change, updated, reminders }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(summary: &str) -> Value {
        json!({"summary": summary, "start": {"date": "2026-12-03"}, "end": {"date": "2026-12-04"}})
    }

    /// A fake with a changed event, a deleted one, reminders, and a second calendar that is shared.
    fn fake_with_history() -> FakeGoogle {
        let google = FakeGoogle::new();
        let anna = google.user("anna@example.org");
        let kept = anna.adds_event("primary", event("kept")).unwrap();
        let deleted = anna.adds_event("primary", event("deleted")).unwrap();
        assert!(anna.edits_event("primary", &kept, json!({"summary": "changed"})));
        assert!(anna.sets_reminders("primary", &kept, &[10]));
        assert!(anna.deletes_event("primary", &deleted));
        let family = anna.adds_calendar("Family");
        assert!(anna.shares(&family, "ben@example.org", Some(AccessRole::Writer)));
        assert!(anna.sets_time_zone(&family, "Europe/Paris"));
        google
    }

    #[test]
    fn a_restored_fake_behaves_like_the_one_that_was_saved() {
        let (before, after) = (fake_with_history(), FakeGoogle::new());
        let text = before.snapshot().to_string();
        after.restore(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(after.events(), before.events());
        assert_eq!(after.tombstones(), before.tombstones());
        assert_eq!(after.calendars(), before.calendars());
        assert_eq!(after.snapshot(), before.snapshot());
        // The same action in both gives the same id and etag, and neither was used before.
        let (ids, etags): (Vec<_>, Vec<_>) = before
            .events()
            .into_iter()
            .chain(before.tombstones())
            .map(|event| (event.id, event.etag))
            .unzip();
        let [one, other] = [&before, &after].map(|google| {
            let anna = google.user("anna@example.org");
            let id = anna.adds_event("primary", event("new")).unwrap();
            let etag = anna.event("primary", &id).unwrap().etag;
            assert!(!ids.contains(&id) && !etags.contains(&etag));
            (id, etag)
        });
        assert_eq!(one, other);
    }

    #[test]
    fn a_snapshot_contains_no_tokens() {
        let google = fake_with_history();
        let tokens = google.tokens("anna@example.org", &["calendar"]);
        let text = google.snapshot().to_string();
        assert!(
            !text.contains(tokens.access_token.expose()) && !text.contains(tokens.refresh_token.expose())
        );
    }

    #[test]
    fn restoring_an_invalid_snapshot_changes_nothing() {
        let google = fake_with_history();
        let before = google.snapshot();
        for bad in [json!({}), json!(null), json!({"version": 1, "users": {}}), json!({"version": 2})] {
            assert!(google.restore(&bad).is_err(), "{bad}");
        }
        assert_eq!(google.snapshot(), before);
    }

    #[test]
    fn a_calendar_is_created_once_and_then_shared() {
        let google = FakeGoogle::new();
        let (anna, ben) = (google.user("anna@example.org"), google.user("ben@example.org"));
        for user in [&anna, &ben, &anna] {
            user.has_calendar("team@group.calendar.google.com");
            user.has_calendar("primary");
        }
        assert_eq!(google.calendars().len(), 3);
        assert!(ben.adds_event("team@group.calendar.google.com", event("by Ben")).is_some());
    }
}
