//! People: what they do with their own hands, and what they can see.

use std::fmt;
use std::sync::Arc;

use calsync_core::fake::oauth::{FakeTokens, Granted};
use calsync_core::time::Zone;
use serde_json::{Map, Value, json};

use super::access::AccessRole;
use super::events::{Change, SendUpdates, Writer};
use super::google::FakeGoogle;
use super::grants::full_scopes;
use super::questions::FakeEvent;
use super::state::State;

/// A user of the fake: acts by hand, not through the API. Calendars go by their id or by `primary`.
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

    /// The address; also the id of the primary calendar.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.email
    }

    /// Tokens for the first client, as if the user had agreed to those scopes. A name such as `calendar.events` stands for
    /// `https://www.googleapis.com/auth/calendar.events`.
    #[must_use]
    pub fn tokens(&self, scopes: &[&str]) -> FakeTokens {
        self.tokens_for(FakeGoogle::CLIENT_ID, scopes)
    }

    /// Tokens for that client; see [`FakeUser::tokens`].
    #[must_use]
    pub fn tokens_for(&self, client: &str, scopes: &[&str]) -> FakeTokens {
        let granted = Granted::new(&self.email, client, full_scopes(scopes));
        let mut state = self.google.state();
        state.grants.agree(&granted);
        let access = state.issue_access(granted.clone());
        FakeTokens::new(access, state.issue_refresh(granted))
    }

    /// Takes every client's permissions back, but these.
    pub fn keeps_only(&self, scopes: &[&str]) {
        self.google.state().grants.keep_scopes(&self.email, &full_scopes(scopes));
    }

    /// Takes every client's access back: all tokens die.
    pub fn revokes_access(&self) {
        self.google.state().grants.revoke(&self.email, None);
    }

    /// The account has no calendar (any more): 403 `notACalendarUser`.
    pub fn loses_calendar(&self) {
        if let Some(user) = self.google.state().users.get_mut(&*self.email) {
            user.has_calendar = false;
        }
    }

    /// Makes a secondary calendar. Returns its id.
    #[must_use]
    pub fn adds_calendar(&self, summary: &str) -> String {
        let mut state = self.google.state();
        let id = state.new_calendar_id();
        state.add_calendar(&self.email, id.clone(), summary, None);
        id
    }

    /// Sets a calendar's time zone. Returns whether there is such a calendar and such a zone.
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

    /// Lets another user into a calendar, or out of it. Its sync tokens die with that.
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

    /// Deletes a calendar with everything in it. Returns whether it was there.
    pub fn deletes_calendar(&self, calendar: &str) -> bool {
        let mut state = self.google.state();
        let id = state.calendar_id(&self.email, calendar).to_owned();
        state.channels.retain(|channel| channel.calendar != id);
        state.calendars.remove(&id).is_some()
    }

    /// Puts an event in, as the API takes it. Returns its id; `None` where the API would refuse it.
    pub fn adds_event(&self, calendar: &str, event: Value) -> Option<String> {
        let mut state = self.google.state();
        let id = state.calendar_id(&self.email, calendar).to_owned();
        state.insert_event(&id, &self.hand(), &object(event)).ok()
    }

    /// Changes an event as PATCH does: objects are merged, `null` clears. Returns whether that was possible.
    pub fn edits_event(&self, calendar: &str, event: &str, patch: Value) -> bool {
        let mut state = self.google.state();
        let id = state.calendar_id(&self.email, calendar).to_owned();
        state.change_event(&id, &self.hand(), event, Change::Merge(object(patch))).is_ok()
    }

    /// Changes the user's own reminders of an event: minutes ahead, none for no reminder. The event's version stays.
    pub fn sets_reminders(&self, calendar: &str, event: &str, minutes: &[u32]) -> bool {
        let overrides: Value =
            minutes.iter().map(|minutes| json!({"method": "popup", "minutes": minutes})).collect();
        let reminders = json!({"useDefault": false, "overrides": overrides});
        self.edits_event(calendar, event, json!({"reminders": reminders}))
    }

    /// Gives an event a colour, `1` to `11`.
    pub fn sets_colour(&self, calendar: &str, event: &str, colour: &str) -> bool {
        self.edits_event(calendar, event, json!({"colorId": colour}))
    }

    /// Invites somebody to an event, beside those who are.
    pub fn adds_guest(&self, calendar: &str, event: &str, email: &str) -> bool {
        let found = self.event(calendar, event);
        let guests = found.as_ref().and_then(|event| event.json.get("attendees")?.as_array()).cloned();
        let mut guests = guests.unwrap_or_default();
        guests.push(json!({"email": email}));
        self.edits_event(calendar, event, json!({"attendees": guests}))
    }

    /// Deletes an event. Returns whether it stood.
    pub fn deletes_event(&self, calendar: &str, event: &str) -> bool {
        let mut state = self.google.state();
        let id = state.calendar_id(&self.email, calendar).to_owned();
        state.cancel_event(&id, &self.hand(), event).is_ok()
    }

    /// Drags an event to another calendar: the id stays, and a tombstone is left behind. Returns whether that was possible.
    pub fn moves_event(&self, calendar: &str, event: &str, to: &str) -> bool {
        let mut state = self.google.state();
        let from = state.calendar_id(&self.email, calendar).to_owned();
        let to = state.calendar_id(&self.email, to).to_owned();
        state.move_event(&from, &to, &self.hand(), event).is_ok()
    }

    /// The events that stand in a calendar, by id.
    #[must_use]
    pub fn events(&self, calendar: &str) -> Vec<FakeEvent> {
        let state = self.google.state();
        state.events_of(state.calendar_id(&self.email, calendar), false)
    }

    /// The events that were deleted from a calendar, by id.
    #[must_use]
    pub fn tombstones(&self, calendar: &str) -> Vec<FakeEvent> {
        let state = self.google.state();
        state.events_of(state.calendar_id(&self.email, calendar), true)
    }

    /// An event that stands.
    #[must_use]
    pub fn event(&self, calendar: &str, event: &str) -> Option<FakeEvent> {
        self.events(calendar).into_iter().find(|found| found.id == event)
    }

    pub(super) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.google.state()
    }

    fn hand(&self) -> Writer {
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
