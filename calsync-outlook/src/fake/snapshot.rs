//! What the fake knows, written out, so that a later process goes on as if it had never stopped.

use std::collections::BTreeMap;

use calsync_core::fake::Serial;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids;
use super::outlook::FakeOutlook;
use super::people::FakeUser;
use super::questions::FakeMail;
use super::state::{Calendar, Mailbox, State};

/// The version of a snapshot's form.
const VERSION: u64 = 1;

/// Why a snapshot cannot be taken over. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It is none, or was damaged.
    #[error("this is no snapshot of a fake Outlook")]
    Malformed(#[source] serde_json::Error),
    /// Another version of calsync wrote it.
    #[error("the snapshot has the form {0}, which this version does not read")]
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
    /// All that lasts: users, calendars, events with their versions and what is deleted, transactions, mails, and the numbers that
    /// keep ids and change keys from being given twice. Clients, tokens, subscriptions, settings, faults and the log of requests
    /// are not among it.
    #[must_use]
    pub fn snapshot(&self) -> Value {
        serde_json::to_value(Snapshot::of(&self.state())).unwrap_or_default()
    }

    /// Takes over what [`FakeOutlook::snapshot`] wrote, in the place of what lasts here. Clients, tokens and settings stay.
    ///
    /// # Errors
    /// See [`SnapshotError`].
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
    /// Has a calendar of that id, which is made where it is not there; its name is the id. The text has to look like an id, or
    /// Graph refuses it: see [`FakeUser::adds_calendar`] for one that does.
    pub fn has_calendar(&self, id: &str) {
        let email = self.email().to_owned();
        let mut state = self.state();
        if state.calendar_by_hand(&email, id).is_some() {
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
