//! `calendars.*` and `calendarList.*`.

use serde_json::{Map, Value, json};

use calsync_core::time::Zone;
use http::StatusCode;

use super::access::{AccessRole, Caller};
use super::reply::{Problem, Reply, resource};
use super::request::{Incoming, Typed as _};
use super::route::ApiMethod;
use super::state::State;
use super::view;

impl State {
    pub(super) fn calendar_list(&self, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let query = &incoming.query;
        let least = match query.get("minAccessRole") {
            None | Some("freeBusyReader") => AccessRole::FreeBusyReader,
            Some("reader") => AccessRole::Reader,
            Some("writer") => AccessRole::Writer,
            Some("owner") => AccessRole::Owner,
            Some(_) => return Err(Problem::invalid_parameter("minAccessRole")),
        };
        let most = query.number("maxResults")?.unwrap_or(100).min(250);
        let most = self.settings.page_size.map_or(most, |size| most.min(size.max(1)));
        let after = query.get("pageToken").unwrap_or_default();
        let mut entries = self.calendars.iter().filter(|(id, calendar)| {
            let role = calendar.access.get(&caller.user);
            role.is_some_and(|role| *role >= least) && id.as_str() > after
        });
        let chosen: Vec<_> = entries.by_ref().take(most).collect();
        let items = chosen.iter().map(|(id, calendar)| view::list_entry(id, calendar, &caller.user));
        let mut body = json!({
            "kind": "calendar#calendarList",
            "etag": format!("\"p{}\"", self.serial.latest()),
            "items": items.collect::<Value>(),
        });
        if let (true, Some((last, _)), Some(body)) =
            (entries.next().is_some(), chosen.last(), body.as_object_mut())
        {
            body.insert("nextPageToken".into(), last.as_str().into());
        }
        Ok(resource(&body))
    }

    pub(super) fn calendar_list_entry(&self, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let id = self.open(caller, &incoming.route, AccessRole::FreeBusyReader)?.id;
        Ok(resource(&view::list_entry(&id, self.calendar(&id)?, &caller.user)))
    }

    pub(super) fn get_calendar(&self, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let id = self.open(caller, &incoming.route, AccessRole::FreeBusyReader)?.id;
        Ok(resource(&view::calendar(&id, self.calendar(&id)?)))
    }

    pub(super) fn insert_calendar(&mut self, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let body = incoming.object()?;
        if body.get("summary").and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(Problem::required("Missing title."));
        }
        check(&body)?;
        let id = self.new_calendar_id();
        self.add_calendar(&caller.user, id.clone(), "", Some(caller.client.clone()));
        self.write_calendar(&id, &body, true)?;
        Ok(resource(&view::calendar(&id, self.calendar(&id)?)))
    }

    pub(super) fn change_calendar(&mut self, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let id = self.open(caller, &incoming.route, AccessRole::Owner)?.id;
        let body = incoming.object()?;
        check(&body)?;
        self.write_calendar(&id, &body, incoming.route.method == ApiMethod::CalendarsUpdate)?;
        Ok(resource(&view::calendar(&id, self.calendar(&id)?)))
    }

    pub(super) fn delete_calendar(&mut self, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let id = self.open(caller, &incoming.route, AccessRole::Owner)?.id;
        if self.calendar(&id)?.primary {
            let message = "You cannot delete a primary calendar.";
            return Err(Problem::forbidden("forbidden", message).in_domain("calendar"));
        }
        self.calendars.remove(&id);
        self.channels.retain(|channel| channel.calendar != id);
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }

    /// Writes a body that was checked. `whole` clears the fields that are missing in it.
    fn write_calendar(&mut self, id: &str, body: &Map<String, Value>, whole: bool) -> Result<(), Problem> {
        let stamp = self.stamp();
        let calendar = self.calendar_mut(id)?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        if let Some(summary) = text("summary") {
            calendar.summary = summary;
        }
        if let Some(zone) = text("timeZone").and_then(|name| Zone::new(&name).ok()) {
            calendar.zone = zone;
        }
        if whole || body.contains_key("description") {
            calendar.description = text("description").filter(|text| !text.is_empty());
        }
        if whole || body.contains_key("location") {
            calendar.location = text("location").filter(|text| !text.is_empty());
        }
        calendar.etag = stamp.etag;
        calendar.updated = stamp.at;
        Ok(())
    }
}

fn check(body: &Map<String, Value>) -> Result<(), Problem> {
    for name in ["summary", "description", "location", "timeZone"] {
        if body.get(name).is_some_and(|value| !value.is_string() && !value.is_null()) {
            return Err(Problem::invalid_parameter(name));
        }
    }
    let zone = body.get("timeZone").and_then(Value::as_str).map(Zone::new);
    if matches!(zone, Some(Err(_))) {
        return Err(Problem::invalid("Invalid time zone."));
    }
    Ok(())
}
