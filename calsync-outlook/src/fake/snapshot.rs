//! Saves and restores the fake's state, so that a later process can continue.

use std::collections::BTreeMap;

use calsync_core::fake::Serial;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids;
use super::inspect::FakeMail;
use super::outlook::FakeOutlook;
use super::state::{Calendar, Mailbox, State};
use super::user::FakeUser;

/// The version of the snapshot format.
const VERSION: u64 = 1;

/// A snapshot cannot be restored. The fake is unchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The value is not a snapshot, or is damaged.
    #[error("the value is not a snapshot of a fake Outlook")]
    Malformed(#[source] serde_json::Error),
    /// The snapshot has the format of another version of calsync.
    #[error("the snapshot has format version {0}, which this version of calsync cannot read")]
    Version(u64),
}

#[derive(Serialize, Deserialize)]
struct Snapshot {
    version: u64,
    serial: u64,
    last_change: DateTime<Utc>,
    mailboxes: BTreeMap<String, Mailbox>,
    #[serde(default)]
    mails: Vec<FakeMail>,
    #[serde(default)]
    invitations: usize,
}

impl FakeOutlook {
    /// The lasting state: users, calendars, events with their versions, deleted events,
    /// transactions, mails, and the counters that keep ids and change keys unique. Clients, tokens,
    /// subscriptions, settings, faults and the request log are not included.
    #[must_use]
    pub fn snapshot(&self) -> Value {
        serde_json::to_value(Snapshot::of(&self.state())).unwrap_or_default()
    }

    /// Replaces the lasting state by that of a [`FakeOutlook::snapshot`]. Clients, tokens and
    /// settings stay.
    ///
    /// # Errors
    /// [`SnapshotError`] if the value is not a snapshot, or has another format version.
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
    /// Ensures that the user has a calendar with that id; a new one has the id as its name. The
    /// text must have the form of an id, or Graph refuses it: [`FakeUser::adds_calendar`] returns a
    /// valid one.
    pub fn has_calendar(&self, id: &str) {
        let email = self.email().to_owned();
        let mut state = self.state();
        if state.find_calendar(&email, id).is_some() {
            return;
        }
        let number = state.add_calendar(&email, id, false, None);
        let calendars = state.mailboxes.get_mut(&email).map(|mailbox| &mut mailbox.calendars);
        let made: Option<&mut Calendar> =
            calendars.zip(number).and_then(|(all, number)| all.get_mut(&number));
        if let Some(made) = made.filter(|_| ids::is_well_formed(id)) {
            id.clone_into(&mut made.id);
        }
    }
}

impl Snapshot {
    fn of(state: &State) -> Self {
        let (serial, last_change) = state.serial.counters();
        Self {
            version: VERSION,
            serial,
            last_change,
            mailboxes: state.mailboxes.clone(),
            mails: state.mails.clone(),
            invitations: state.invitations,
        }
    }

    fn restore(self, state: &mut State) {
        state.mailboxes = self.mailboxes;
        state.mails = self.mails;
        state.invitations = self.invitations;
        state.serial = Serial::after(self.serial, self.last_change);
    }
}
