//! People: what they do with their own hands, and what they can see.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, MutexGuard};

use calsync_core::fake::oauth::{FakeTokens, Granted};
use serde_json::{Map, Value, json};

use super::aadsts;
use super::events::Writer;
use super::outlook::FakeOutlook;
use super::questions::FakeEvent;
use super::scopes;
use super::state::State;
use super::subscriptions::ChangeType;

/// A user of the fake: acts by hand, not through the API. Calendars go by their id or by `primary`, events by either id.
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

    /// The address; also the principal name.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.email
    }

    /// The id in the directory.
    #[must_use]
    pub fn id(&self) -> String {
        self.state().mailboxes.get(&*self.email).map(|mailbox| mailbox.id.clone()).unwrap_or_default()
    }

    /// Tokens for the first client, as if the user had agreed to those scopes and to `offline_access`. Names as Graph has them,
    /// such as `Calendars.ReadWrite`.
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

    /// Takes every client's permissions back, but these.
    pub fn keeps_only(&self, scopes: &[&str]) {
        let kept =
            scopes.iter().map(|scope| scopes::short(scope)).chain([scopes::OFFLINE.to_owned()]).collect();
        self.state().grants.keep_scopes(&self.email, &kept);
    }

    /// Takes every client's access back: all tokens die (AADSTS50173), access tokens as with continuous access evaluation.
    pub fn revokes_access(&self) {
        self.state().grants.revoke(&self.email, None);
    }

    /// The token endpoint refuses this user's grants from now on, with that AADSTS code and what belongs to it: 700082, 50173,
    /// 65001, 50076, 50105, 90006, … Returns whether the fake knows the code.
    ///
    /// What a new sign-in mends is over after the next consent.
    pub fn sign_in_fails(&self, code: u32) -> bool {
        let is_known = aadsts::row(code).is_some();
        if is_known {
            self.state().sign_in.insert(self.email.to_string(), code);
        }
        is_known
    }

    /// The token endpoint takes this user's grants again.
    pub fn sign_in_works(&self) {
        self.state().sign_in.remove(&*self.email);
    }

    /// The account has no mailbox that Graph reaches (any more): 404 `MailboxNotEnabledForRESTAPI`.
    pub fn loses_mailbox(&self) {
        self.change(|mailbox| mailbox.has_mailbox = false);
    }

    /// An application access policy keeps programs out of the mailbox, or lets them in again: 403 `ErrorAccessDenied`.
    pub fn is_barred(&self, barred: bool) {
        self.change(|mailbox| mailbox.is_barred = barred);
    }

    /// The account is a Microsoft account of the user's own: no tenant, no `getSchedule`.
    pub fn is_personal(&self) {
        self.change(|mailbox| mailbox.is_personal = true);
    }

    /// Sets the mailbox's time zone: a Windows name, or blank as some mailboxes have it.
    pub fn sets_time_zone(&self, zone: &str) {
        self.change(|mailbox| mailbox.zone = zone.to_owned());
    }

    /// Makes a calendar. Returns its id.
    #[must_use]
    pub fn adds_calendar(&self, name: &str) -> String {
        let mut state = self.state();
        let number = state.add_calendar(&self.email, name, false, None);
        let calendars = state.mailboxes.get(&*self.email).map(|mailbox| &mailbox.calendars);
        let found = calendars.zip(number).and_then(|(calendars, number)| calendars.get(&number));
        found.map(|calendar| calendar.id.clone()).unwrap_or_default()
    }

    /// Deletes a calendar with everything in it. Returns whether it was there.
    pub fn deletes_calendar(&self, calendar: &str) -> bool {
        let mut state = self.state();
        match state.calendar_by_hand(&self.email, calendar) {
            Some(number) => state.remove_calendar(&self.email, number),
            None => false,
        }
    }

    /// The calendar gets another id, as has happened hours after it was made (microsoft-graph-docs#5580). Returns it.
    #[must_use]
    pub fn moves_calendar_id(&self, calendar: &str) -> Option<String> {
        let mut state = self.state();
        let number = state.calendar_by_hand(&self.email, calendar)?;
        let mailbox = state.mailboxes.get_mut(&*self.email)?;
        let id = mailbox.new_id();
        mailbox.calendars.get_mut(&number)?.id.clone_from(&id);
        Some(id)
    }

    /// Puts an event in, as the API takes it; an `organizer` other than the user makes it one the user is invited to. Returns its
    /// immutable id; `None` where the API would refuse it.
    pub fn adds_event(&self, calendar: &str, event: Value) -> Option<String> {
        let mut state = self.state();
        let number = state.calendar_by_hand(&self.email, calendar)?;
        let organizer = event.pointer("/organizer/emailAddress/address").and_then(Value::as_str);
        let organizer = organizer.filter(|organizer| *organizer != &*self.email).map(str::to_owned);
        let made = state.create_event(&self.hand(), number, &object(event)).ok()?;
        let event = state.mailboxes.get_mut(&*self.email)?.events.get_mut(&made)?;
        event.organizer = organizer;
        Some(event.immutable_id.clone())
    }

    /// Changes an event as PATCH does. Returns whether that was possible.
    pub fn edits_event(&self, calendar: &str, event: &str, patch: Value) -> bool {
        let mut state = self.state();
        let Some(number) = state.event_by_hand(&self.email, calendar, event) else { return false };
        state.update_event(&self.hand(), number, &object(patch)).is_ok()
    }

    /// Sets an event's reminder: minutes ahead, none for no reminder.
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

    /// Gives an event a colour, which is a category.
    pub fn sets_colour(&self, calendar: &str, event: &str, category: &str) -> bool {
        self.edits_event(calendar, event, json!({"categories": [category]}))
    }

    /// Invites somebody to an event, beside those who are.
    pub fn adds_guest(&self, calendar: &str, event: &str, email: &str) -> bool {
        let found = self.event(calendar, event);
        let guests = found.as_ref().and_then(|event| event.json.get("attendees")?.as_array()).cloned();
        let mut guests = guests.unwrap_or_default();
        guests.push(json!({"type": "required", "emailAddress": {"address": email}}));
        self.edits_event(calendar, event, json!({"attendees": guests}))
    }

    /// Turns an event into a Teams meeting: its body says so from now on, and it is one as long as it does.
    pub fn makes_meeting(&self, calendar: &str, event: &str) -> bool {
        self.edits_event(calendar, event, json!({"isOnlineMeeting": true}))
    }

    /// Exchange touches an event: it has another change key, and is no different.
    pub fn touches_event(&self, calendar: &str, event: &str) -> bool {
        let mut state = self.state();
        let Some(number) = state.event_by_hand(&self.email, calendar, event) else { return false };
        state.touch_event(&self.email, number).is_ok()
    }

    /// Takes an event to another calendar: its default id changes. Returns whether both are there.
    pub fn moves_event(&self, calendar: &str, event: &str, to: &str) -> bool {
        let mut state = self.state();
        let Some(number) = state.event_by_hand(&self.email, calendar, event) else { return false };
        let Some(to) = state.calendar_by_hand(&self.email, to) else { return false };
        state.move_event(&self.hand(), number, to).is_ok()
    }

    /// Deletes an event. Returns whether it stood.
    pub fn deletes_event(&self, calendar: &str, event: &str) -> bool {
        let mut state = self.state();
        let Some(number) = state.event_by_hand(&self.email, calendar, event) else { return false };
        state.delete_event(&self.hand(), number).is_ok()
    }

    /// Takes an event out of Deleted Items, back to where it was. Returns whether it lay there.
    pub fn restores_event(&self, event: &str) -> bool {
        let mut state = self.state();
        let (change_key, change) = (state.change_key(), state.serial.next());
        let Some(mailbox) = state.mailboxes.get_mut(&*self.email) else { return false };
        let has_calendar = |number: &u64| mailbox.calendars.contains_key(number);
        let lies = mailbox.events.values().find(|found| found.deleted && found.is_called(event));
        let Some(found) = lies.filter(|found| has_calendar(&found.calendar)).cloned() else { return false };
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

    /// The events that stand in a calendar, in the order they were made.
    #[must_use]
    pub fn events(&self, calendar: &str) -> Vec<FakeEvent> {
        let state = self.state();
        let number = state.calendar_by_hand(&self.email, calendar);
        number.map(|number| state.events_of(&self.email, Some(number), false)).unwrap_or_default()
    }

    /// The events that were deleted from a calendar, in the order they were made.
    #[must_use]
    pub fn deleted(&self, calendar: &str) -> Vec<FakeEvent> {
        let state = self.state();
        let number = state.calendar_by_hand(&self.email, calendar);
        number.map(|number| state.events_of(&self.email, Some(number), true)).unwrap_or_default()
    }

    /// An event that stands, by either id.
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

    fn hand(&self) -> Writer {
        Writer { mailbox: self.email.to_string(), by_hand: true, immutable_ids: true }
    }
}

impl State {
    /// The calendar of that id, or the default one.
    pub(super) fn calendar_by_hand(&self, email: &str, calendar: &str) -> Option<u64> {
        self.mailboxes.get(email)?.calendar_number(calendar)
    }

    fn event_by_hand(&self, email: &str, calendar: &str, event: &str) -> Option<u64> {
        let calendar = self.calendar_by_hand(email, calendar)?;
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
