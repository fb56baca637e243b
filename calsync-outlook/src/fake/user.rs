//! Users: their own actions, and what they see.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, MutexGuard};

use calsync_core::fake::oauth::{FakeTokens, Granted};
use serde_json::{Map, Value, json};

use super::aadsts;
use super::events::Writer;
use super::inspect::FakeEvent;
use super::outlook::FakeOutlook;
use super::scopes;
use super::state::State;
use super::subscriptions::ChangeType;

/// A user of the fake, who acts directly and not through the API. Calendars are named by id or
/// `primary`, events by either of their ids.
#[derive(Clone)]
pub struct FakeUser {
    outlook: FakeOutlook,
    email: Arc<str>,
}

impl fmt::Debug for FakeUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeUser(..)")
    }
}

impl FakeUser {
    pub(super) fn new(outlook: FakeOutlook, email: &str) -> Self {
        Self { outlook, email: email.into() }
    }

    /// The user's address, which is also the principal name.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.email
    }

    /// The user's id in the directory.
    #[must_use]
    pub fn id(&self) -> String {
        self.state().mailboxes.get(&*self.email).map(|mailbox| mailbox.id.clone()).unwrap_or_default()
    }

    /// Tokens for the default client, as if the user had consented to those scopes and
    /// `offline_access`. Scopes have Graph's names, such as `Calendars.ReadWrite`.
    #[must_use]
    pub fn tokens(&self, scopes: &[&str]) -> FakeTokens {
        self.tokens_for(FakeOutlook::CLIENT_ID, scopes)
    }

    /// Tokens for that client; see [`FakeUser::tokens`].
    #[must_use]
    pub fn tokens_for(&self, client: &str, scopes: &[&str]) -> FakeTokens {
        let scopes: BTreeSet<String> = scopes.iter().map(|scope| scopes::short(scope)).collect();
        let offline = scopes.iter().cloned().chain([scopes::OFFLINE.to_owned()]).collect();
        let granted = Granted::new(&self.email, client, offline);
        let mut state = self.state();
        state.grants.agree(&granted);
        let access = state.issue_access(Granted { scopes, ..granted.clone() });
        FakeTokens::new(access, state.issue_refresh(granted))
    }

    /// Revokes all scopes but these, for every client.
    pub fn keeps_only(&self, scopes: &[&str]) {
        let kept =
            scopes.iter().map(|scope| scopes::short(scope)).chain([scopes::OFFLINE.to_owned()]).collect();
        self.state().grants.keep_scopes(&self.email, &kept);
    }

    /// Revokes the access of every client: refresh tokens fail with AADSTS50173, and access tokens
    /// end at once, as with continuous access evaluation.
    pub fn revokes_access(&self) {
        self.state().grants.revoke(&self.email, None);
    }

    /// From now on the token endpoint refuses this user's grants with that AADSTS code: 700082,
    /// 50173, 65001, 50076, 50105, 90006, … Returns whether the fake knows the code.
    ///
    /// An error that a new sign-in fixes ends with the next consent.
    pub fn sign_in_fails(&self, code: u32) -> bool {
        let is_known = aadsts::row(code).is_some();
        if is_known {
            self.state().sign_in.insert(self.email.to_string(), code);
        }
        is_known
    }

    /// The token endpoint accepts this user's grants again.
    pub fn sign_in_works(&self) {
        self.state().sign_in.remove(&*self.email);
    }

    /// Graph can no longer open the mailbox: 404 `MailboxNotEnabledForRESTAPI`.
    pub fn loses_mailbox(&self) {
        self.change(|mailbox| mailbox.has_mailbox = false);
    }

    /// Sets whether an application access policy keeps programs out of the mailbox: 403
    /// `ErrorAccessDenied`.
    pub fn is_barred(&self, barred: bool) {
        self.change(|mailbox| mailbox.is_barred = barred);
    }

    /// Makes the account a personal Microsoft account: no organization tenant, no `getSchedule`.
    pub fn is_personal(&self) {
        self.change(|mailbox| mailbox.is_personal = true);
    }

    /// Sets the mailbox's time zone: a Windows name, or empty as in some mailboxes.
    pub fn sets_time_zone(&self, zone: &str) {
        self.change(|mailbox| mailbox.zone = zone.to_owned());
    }

    /// Creates a calendar. Returns its id.
    #[must_use]
    pub fn adds_calendar(&self, name: &str) -> String {
        let mut state = self.state();
        let number = state.add_calendar(&self.email, name, false, None);
        let calendars = state.mailboxes.get(&*self.email).map(|mailbox| &mailbox.calendars);
        let found = calendars.zip(number).and_then(|(calendars, number)| calendars.get(&number));
        found.map(|calendar| calendar.id.clone()).unwrap_or_default()
    }

    /// Deletes a calendar and its events. Returns whether it existed.
    pub fn deletes_calendar(&self, calendar: &str) -> bool {
        let mut state = self.state();
        match state.find_calendar(&self.email, calendar) {
            Some(number) => state.remove_calendar(&self.email, number),
            None => false,
        }
    }

    /// Gives the calendar a new id, as was seen hours after a calendar was created
    /// (microsoft-graph-docs#5580). Returns the new id.
    #[must_use]
    pub fn moves_calendar_id(&self, calendar: &str) -> Option<String> {
        let mut state = self.state();
        let number = state.find_calendar(&self.email, calendar)?;
        let mailbox = state.mailboxes.get_mut(&*self.email)?;
        let id = mailbox.new_id();
        mailbox.calendars.get_mut(&number)?.id.clone_from(&id);
        Some(id)
    }

    /// Creates an event from a body as the API takes it. With another `organizer`, the user is
    /// invited to the event. Returns the immutable id; `None` if the API would refuse the event.
    pub fn adds_event(&self, calendar: &str, event: Value) -> Option<String> {
        let mut state = self.state();
        let number = state.find_calendar(&self.email, calendar)?;
        let organizer = event.pointer("/organizer/emailAddress/address").and_then(Value::as_str);
        let organizer = organizer.filter(|organizer| *organizer != &*self.email).map(str::to_owned);
        let number = state.create_event(&self.writer(), number, &object(event)).ok()?;
        let event = state.mailboxes.get_mut(&*self.email)?.events.get_mut(&number)?;
        event.organizer = organizer;
        Some(event.immutable_id.clone())
    }

    /// Updates an event like a PATCH. Returns whether it succeeded.
    pub fn edits_event(&self, calendar: &str, event: &str, patch: Value) -> bool {
        let mut state = self.state();
        let Some(number) = state.find_event(&self.email, calendar, event) else { return false };
        state.update_event(&self.writer(), number, &object(patch)).is_ok()
    }

    /// Sets an event's reminder, in minutes before the start; `None` turns it off. Returns whether
    /// it succeeded.
    pub fn sets_reminder(&self, calendar: &str, event: &str, minutes: Option<u32>) -> bool {
        self.edits_event(
            calendar,
            event,
            match minutes {
                Some(minutes) => json!({"isReminderOn": true, "reminderMinutesBeforeStart": minutes}),
                None => json!({"isReminderOn": false}),
            },
        )
    }

    /// Gives an event a category, which is its colour. Returns whether it succeeded.
    pub fn sets_colour(&self, calendar: &str, event: &str, category: &str) -> bool {
        self.edits_event(calendar, event, json!({"categories": [category]}))
    }

    /// Adds a guest to an event. Returns whether it succeeded.
    pub fn adds_guest(&self, calendar: &str, event: &str, email: &str) -> bool {
        let found = self.event(calendar, event);
        let guests = found.as_ref().and_then(|event| event.json.get("attendees")?.as_array()).cloned();
        let mut guests = guests.unwrap_or_default();
        guests.push(json!({"type": "required", "emailAddress": {"address": email}}));
        self.edits_event(calendar, event, json!({"attendees": guests}))
    }

    /// Turns an event into a Teams meeting. Its body gets the join details, and the meeting lasts
    /// as long as they are there.
    pub fn makes_meeting(&self, calendar: &str, event: &str) -> bool {
        self.edits_event(calendar, event, json!({"isOnlineMeeting": true}))
    }

    /// Gives an event a new change key, as Exchange does on its own. Nothing else changes.
    pub fn touches_event(&self, calendar: &str, event: &str) -> bool {
        let mut state = self.state();
        let Some(number) = state.find_event(&self.email, calendar, event) else { return false };
        state.touch_event(&self.email, number).is_ok()
    }

    /// Moves an event to another calendar, which changes its default id. Returns whether event and
    /// calendar exist.
    pub fn moves_event(&self, calendar: &str, event: &str, to: &str) -> bool {
        let mut state = self.state();
        let Some(number) = state.find_event(&self.email, calendar, event) else { return false };
        let Some(to) = state.find_calendar(&self.email, to) else { return false };
        state.move_event(&self.writer(), number, to).is_ok()
    }

    /// Deletes an event. Returns whether it existed.
    pub fn deletes_event(&self, calendar: &str, event: &str) -> bool {
        let mut state = self.state();
        let Some(number) = state.find_event(&self.email, calendar, event) else { return false };
        state.delete_event(&self.writer(), number).is_ok()
    }

    /// Restores an event from Deleted Items to its calendar. Returns whether it was deleted and its
    /// calendar exists.
    pub fn restores_event(&self, event: &str) -> bool {
        let mut state = self.state();
        let (change_key, change) = (state.change_key(), state.serial.next());
        let Some(mailbox) = state.mailboxes.get_mut(&*self.email) else { return false };
        let has_calendar = |number: &u64| mailbox.calendars.contains_key(number);
        let deleted = mailbox.events.values().find(|found| found.deleted && found.has_id(event));
        let Some(found) = deleted.filter(|found| has_calendar(&found.calendar)).cloned() else {
            return false;
        };
        let id = mailbox.new_id();
        let mut restored = found;
        (restored.deleted, restored.id, restored.change_key, restored.change) =
            (false, id, change_key, change);
        let slot = mailbox.events.values_mut().find(|event| event.immutable_id == restored.immutable_id);
        if let Some(slot) = slot {
            slot.clone_from(&restored);
        }
        state.notify(&self.email, &restored, ChangeType::Created);
        true
    }

    /// The events in a calendar, oldest first.
    #[must_use]
    pub fn events(&self, calendar: &str) -> Vec<FakeEvent> {
        let state = self.state();
        let number = state.find_calendar(&self.email, calendar);
        number.map(|number| state.events_of(&self.email, Some(number), false)).unwrap_or_default()
    }

    /// The deleted events of a calendar, oldest first.
    #[must_use]
    pub fn deleted(&self, calendar: &str) -> Vec<FakeEvent> {
        let state = self.state();
        let number = state.find_calendar(&self.email, calendar);
        number.map(|number| state.events_of(&self.email, Some(number), true)).unwrap_or_default()
    }

    /// An existing event, by either id.
    #[must_use]
    pub fn event(&self, calendar: &str, event: &str) -> Option<FakeEvent> {
        self.events(calendar).into_iter().find(|found| found.id == event || found.default_id == event)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.outlook.state()
    }

    fn change(&self, change: impl FnOnce(&mut super::state::Mailbox)) {
        if let Some(mailbox) = self.state().mailboxes.get_mut(&*self.email) {
            change(mailbox);
        }
    }

    fn writer(&self) -> Writer {
        Writer { mailbox: self.email.to_string(), by_user: true, immutable_ids: true }
    }
}

impl State {
    /// The number of the calendar with that id, or of the default one for `primary`.
    pub(super) fn find_calendar(&self, email: &str, calendar: &str) -> Option<u64> {
        self.mailboxes.get(email)?.calendar_number(calendar)
    }

    fn find_event(&self, email: &str, calendar: &str, event: &str) -> Option<u64> {
        let calendar = self.find_calendar(email, calendar)?;
        let mailbox = self.mailboxes.get(email)?;
        let number = mailbox.event_number(event)?;
        mailbox.events.get(&number).filter(|event| event.calendar == calendar).map(|_| number)
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
