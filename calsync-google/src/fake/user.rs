//! [`FakeUser`]: what a person does and sees in Google Calendar itself.

use std::fmt;
use std::sync::Arc;

use calsync_core::fake::oauth::{FakeTokens, Granted};
use calsync_core::time::Zone;
use serde_json::{Map, Value, json};

use super::access::AccessRole;
use super::events::{Change, SendUpdates, Writer};
use super::google::FakeGoogle;
use super::grants::full_scopes;
use super::inspection::FakeEvent;
use super::state::State;

/// A user of the fake, who acts in Google Calendar itself and not through the API. Parameter
/// `calendar` is a calendar's id or `primary`.
#[derive(Clone)]
pub struct FakeUser {
    google: FakeGoogle,
    email: Arc<str>,
}

impl fmt::Debug for FakeUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeUser(..)")
    }
}

impl FakeUser {
    pub(super) fn new(google: FakeGoogle, email: &str) -> Self {
        Self { google, email: email.into() }
    }

    /// The user's e-mail address, which is also the id of the primary calendar.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.email
    }

    /// Issues tokens for [`FakeGoogle::CLIENT_ID`], as if the user had consented to those scopes.
    /// `calendar.events` is short for `https://www.googleapis.com/auth/calendar.events`.
    #[must_use]
    pub fn tokens(&self, scopes: &[&str]) -> FakeTokens {
        self.tokens_for(FakeGoogle::CLIENT_ID, scopes)
    }

    /// Issues tokens for that client; see [`FakeUser::tokens`].
    #[must_use]
    pub fn tokens_for(&self, client: &str, scopes: &[&str]) -> FakeTokens {
        let granted = Granted::new(&self.email, client, full_scopes(scopes));
        let mut state = self.google.state();
        state.grants.agree(&granted);
        let access = state.issue_access(granted.clone());
        FakeTokens::new(access, state.issue_refresh(granted))
    }

    /// Reduces the grants of every client to these scopes.
    pub fn keeps_only(&self, scopes: &[&str]) {
        self.google.state().grants.keep_scopes(&self.email, &full_scopes(scopes));
    }

    /// Revokes the grants of every client: no token of this user is valid any more.
    pub fn revokes_access(&self) {
        self.google.state().grants.revoke(&self.email, None);
    }

    /// Removes Google Calendar from the account: every call gets 403 `notACalendarUser`.
    pub fn loses_calendar(&self) {
        if let Some(user) = self.google.state().users.get_mut(&*self.email) {
            user.has_calendar = false;
        }
    }

    /// Creates a secondary calendar. Returns its id.
    #[must_use]
    pub fn adds_calendar(&self, summary: &str) -> String {
        let mut state = self.google.state();
        let id = state.new_calendar_id();
        state.add_calendar(&self.email, id.clone(), summary, None);
        id
    }

    /// Sets a calendar's time zone. Returns `false` if the calendar or the zone does not exist.
    pub fn sets_time_zone(&self, calendar: &str, zone: &str) -> bool {
        let mut state = self.google.state();
        let id = state.calendar_id(&self.email, calendar).to_owned();
        match (state.calendars.get_mut(&id), Zone::new(zone)) {
            (Some(calendar), Ok(zone)) => {
                calendar.zone = zone;
                true
            }
            _ => false,
        }
    }

    /// Shares a calendar with another user, or with `None` ends the sharing. The calendar's sync
    /// tokens expire. Returns `false` if the calendar does not exist.
    pub fn shares(&self, calendar: &str, with: &str, role: Option<AccessRole>) -> bool {
        let mut state = self.google.state();
        state.user(with);
        let id = state.calendar_id(&self.email, calendar).to_owned();
        let Some(calendar) = state.calendars.get_mut(&id) else { return false };
        match role {
            Some(role) => calendar.access.insert(with.to_owned(), role),
            None => calendar.access.remove(with),
        };
        calendar.epoch += 1;
        true
    }

    /// Deletes a calendar with all its events. Returns `false` if it does not exist.
    pub fn deletes_calendar(&self, calendar: &str) -> bool {
        let mut state = self.google.state();
        let id = state.calendar_id(&self.email, calendar).to_owned();
        state.channels.retain(|channel| channel.calendar != id);
        state.calendars.remove(&id).is_some()
    }

    /// Adds an event, in the API's JSON. Returns its id, or `None` if the API would refuse it.
    pub fn adds_event(&self, calendar: &str, event: Value) -> Option<String> {
        let mut state = self.google.state();
        let id = state.calendar_id(&self.email, calendar).to_owned();
        state.insert_event(&id, &self.writer(), &object(event)).ok()
    }

    /// Changes an event as PATCH does: objects are merged, `null` clears. Returns `false` if the
    /// API would refuse it.
    pub fn edits_event(&self, calendar: &str, event: &str, patch: Value) -> bool {
        let mut state = self.google.state();
        let id = state.calendar_id(&self.email, calendar).to_owned();
        state.change_event(&id, &self.writer(), event, Change::Merge(object(patch))).is_ok()
    }

    /// Sets the user's own reminders of an event, in minutes before the start; an empty slice means
    /// no reminder. The event's etag does not change. Returns `false` if the API would refuse it.
    pub fn sets_reminders(&self, calendar: &str, event: &str, minutes: &[u32]) -> bool {
        let overrides: Value =
            minutes.iter().map(|minutes| json!({"method": "popup", "minutes": minutes})).collect();
        let reminders = json!({"useDefault": false, "overrides": overrides});
        self.edits_event(calendar, event, json!({"reminders": reminders}))
    }

    /// Sets an event's colour, `1` to `11`. Returns `false` if the API would refuse it.
    pub fn sets_colour(&self, calendar: &str, event: &str, colour: &str) -> bool {
        self.edits_event(calendar, event, json!({"colorId": colour}))
    }

    /// Adds a guest to an event; existing guests stay. Returns `false` if the API would refuse it.
    pub fn adds_guest(&self, calendar: &str, event: &str, email: &str) -> bool {
        let found = self.event(calendar, event);
        let guests = found.as_ref().and_then(|event| event.json.get("attendees")?.as_array()).cloned();
        let mut guests = guests.unwrap_or_default();
        guests.push(json!({"email": email}));
        self.edits_event(calendar, event, json!({"attendees": guests}))
    }

    /// Deletes an event. Returns `false` if it does not exist or is deleted already.
    pub fn deletes_event(&self, calendar: &str, event: &str) -> bool {
        let mut state = self.google.state();
        let id = state.calendar_id(&self.email, calendar).to_owned();
        state.cancel_event(&id, &self.writer(), event).is_ok()
    }

    /// Moves an event to another calendar. The event keeps its id, and a tombstone stays in the old
    /// calendar. Returns `false` if the API would refuse it.
    pub fn moves_event(&self, calendar: &str, event: &str, to: &str) -> bool {
        let mut state = self.google.state();
        let from = state.calendar_id(&self.email, calendar).to_owned();
        let to = state.calendar_id(&self.email, to).to_owned();
        state.move_event(&from, &to, &self.writer(), event).is_ok()
    }

    /// Returns the events of a calendar that are not deleted, ordered by id.
    #[must_use]
    pub fn events(&self, calendar: &str) -> Vec<FakeEvent> {
        let state = self.google.state();
        state.events_of(state.calendar_id(&self.email, calendar), false)
    }

    /// Returns the deleted events of a calendar, ordered by id.
    #[must_use]
    pub fn tombstones(&self, calendar: &str) -> Vec<FakeEvent> {
        let state = self.google.state();
        state.events_of(state.calendar_id(&self.email, calendar), true)
    }

    /// Returns an event. Returns `None` if it does not exist or is deleted.
    #[must_use]
    pub fn event(&self, calendar: &str, event: &str) -> Option<FakeEvent> {
        self.events(calendar).into_iter().find(|found| found.id == event)
    }

    pub(super) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.google.state()
    }

    fn writer(&self) -> Writer {
        Writer {
            user: self.email.to_string(),
            by_hand: true,
            mails: SendUpdates::None,
            conference: true,
            attachments: true,
        }
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
