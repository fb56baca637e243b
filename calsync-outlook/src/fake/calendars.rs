//! The calendar methods: list, get, create, update, delete.

use calsync_core::fake::Reply;
use http::StatusCode;
use serde_json::Value;

use super::api::{Permitted, resource};
use super::paging;
use super::reply::Problem;
use super::schema;
use super::select::{OF_CALENDARS, Query};
use super::state::{Calendar, State};
use super::view;

impl State {
    pub(super) fn list_calendars(&self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let query = Query::of(call.received, OF_CALENDARS, schema::is_calendar_property, &self.settings)?;
        let mailbox = self.mailbox(&call.mailbox)?;
        let shown = |calendar| query.kept(view::calendar(mailbox, calendar));
        let items: Vec<Value> = mailbox.calendars.values().map(shown).collect();
        Ok(paging::collection(call.received, &query, &call.prefers, &self.settings, &items))
    }

    pub(super) fn get_calendar(&self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let number = self.calendar_of(&call.mailbox, &call.received.route.place)?;
        self.shown_calendar(call, number, StatusCode::OK)
    }

    pub(super) fn create_calendar(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let body = schema::checked("calendar", &call.received.object(&self.settings)?)?;
        let name = body.get("name").and_then(Value::as_str).filter(|name| !name.trim().is_empty());
        let name = name.ok_or_else(Problem::validation)?;
        self.check_name(call, name, None)?;
        let made_by = Some(call.caller.client.clone());
        let number = self.add_calendar(&call.mailbox, name, false, made_by).ok_or_else(Problem::not_found)?;
        self.colour(call, number, body.get("color"))?;
        self.shown_calendar(call, number, StatusCode::CREATED)
    }

    pub(super) fn update_calendar(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let number = self.calendar_of(&call.mailbox, &call.received.route.place)?;
        let body = schema::checked("calendar", &call.received.object(&self.settings)?)?;
        if let Some(name) = body.get("name").and_then(Value::as_str) {
            self.check_name(call, name, Some(number))?;
            self.stored_calendar(call, number)?.name = name.to_owned();
        }
        self.colour(call, number, body.get("color"))?;
        self.shown_calendar(call, number, StatusCode::OK)
    }

    pub(super) fn delete_calendar(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        if self.is_default(&call.mailbox, &call.received.route.place) {
            let message = "The default calendar cannot be deleted.";
            return Err(Problem::bad("ErrorDeleteDistinguishedFolder", message));
        }
        let number = self.calendar_of(&call.mailbox, &call.received.route.place)?;
        self.remove_calendar(&call.mailbox, number);
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }

    /// Deletes a calendar and its events.
    pub(super) fn remove_calendar(&mut self, mailbox: &str, number: u64) -> bool {
        let Some(mailbox) = self.mailboxes.get_mut(mailbox) else { return false };
        for event in mailbox.events.values_mut().filter(|event| event.calendar == number) {
            event.deleted = true;
        }
        mailbox.calendars.remove(&number).is_some()
    }

    fn colour(&mut self, call: &Permitted<'_>, number: u64, colour: Option<&Value>) -> Result<(), Problem> {
        let change_key = self.change_key();
        let calendar = self.stored_calendar(call, number)?;
        calendar.change_key = change_key;
        if let Some(colour) = colour.and_then(Value::as_str) {
            calendar.color = colour.to_owned();
        }
        Ok(())
    }

    /// Checks that no other calendar of the mailbox has this name.
    fn check_name(&self, call: &Permitted<'_>, name: &str, but: Option<u64>) -> Result<(), Problem> {
        let calendars = &self.mailbox(&call.mailbox)?.calendars;
        let mut others = calendars.iter().filter(|(number, _)| Some(**number) != but);
        if others.any(|(_, other)| other.name.eq_ignore_ascii_case(name)) {
            let message = "A folder with the specified name already exists.";
            return Err(Problem::new(StatusCode::CONFLICT, "ErrorFolderExists", message));
        }
        Ok(())
    }

    fn stored_calendar(&mut self, call: &Permitted<'_>, number: u64) -> Result<&mut Calendar, Problem> {
        self.mailbox_mut(&call.mailbox)?.calendars.get_mut(&number).ok_or_else(Problem::not_found)
    }

    fn shown_calendar(
        &self,
        call: &Permitted<'_>,
        number: u64,
        status: StatusCode,
    ) -> Result<Reply, Problem> {
        let mailbox = self.mailbox(&call.mailbox)?;
        let calendar = mailbox.calendars.get(&number).ok_or_else(Problem::not_found)?;
        let query = match status {
            StatusCode::OK => {
                Query::of(call.received, &["$select"], schema::is_calendar_property, &self.settings)?
            }
            _ => Query::default(),
        };
        let shown = query.kept(view::calendar(mailbox, calendar));
        Ok(resource(status, &view::in_context(&call.context(), shown)))
    }
}
