//! The Calendar API's methods: handles a request and builds the response.

use calsync_core::time::Zone;
use http::StatusCode;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use serde_json::Value;

use super::access::{AccessRole, Caller};
use super::events::{Change, SendUpdates, Writer};
use super::fields;
use super::reply::{Problem, Reply, resource};
use super::request::{Incoming, Typed as _};
use super::route::ApiMethod;
use super::state::{Calendar, State, StoredEvent};
use super::view;

impl State {
    /// Handles a call of the Calendar API.
    pub(super) fn calendar_api(&mut self, incoming: &Incoming) -> Reply {
        let result = self.checked(incoming);
        let shape = self.settings.errors;
        match result.and_then(|reply| partial(reply, incoming)) {
            Ok(reply) => reply,
            Err(problem) => problem.reply(shape),
        }
    }

    fn checked(&mut self, incoming: &Incoming) -> Result<Reply, Problem> {
        let method = incoming.route.method;
        if method == ApiMethod::Unknown {
            return Err(Problem::not_found());
        }
        let caller = self.caller(incoming)?;
        self.count_request(&caller, incoming)?;
        self.check_scopes(&caller, method)?;
        if self.users.get(&caller.user).is_none_or(|user| !user.has_calendar) {
            let message = "The user must be signed up for Google Calendar.";
            return Err(Problem::forbidden("notACalendarUser", message).in_domain("calendar"));
        }
        match method {
            ApiMethod::CalendarListList => self.calendar_list(&caller, incoming),
            ApiMethod::CalendarListGet => self.calendar_list_entry(&caller, incoming),
            ApiMethod::CalendarsInsert => self.insert_calendar(&caller, incoming),
            ApiMethod::CalendarsGet => self.get_calendar(&caller, incoming),
            ApiMethod::CalendarsUpdate | ApiMethod::CalendarsPatch => self.change_calendar(&caller, incoming),
            ApiMethod::CalendarsDelete => self.delete_calendar(&caller, incoming),
            ApiMethod::EventsList => self.list_events(&caller, incoming),
            ApiMethod::EventsInstances => self.list_instances(&caller, incoming),
            ApiMethod::EventsInsert | ApiMethod::EventsImport => self.add(&caller, incoming),
            ApiMethod::EventsGet => self.get(&caller, incoming),
            ApiMethod::EventsUpdate | ApiMethod::EventsPatch => self.change(&caller, incoming),
            ApiMethod::EventsDelete => self.delete(&caller, incoming),
            ApiMethod::EventsMove => self.relocate(&caller, incoming),
            ApiMethod::EventsWatch => self.watch(&caller, incoming),
            ApiMethod::ChannelsStop => self.stop(&caller, incoming),
            ApiMethod::FreeBusyQuery => self.free_busy(&caller, incoming),
            ApiMethod::Batch
            | ApiMethod::Authorize
            | ApiMethod::Token
            | ApiMethod::Revoke
            | ApiMethod::Unknown => Err(Problem::not_found()),
        }
    }

    fn add(&mut self, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let calendar = self.open(caller, &incoming.route, AccessRole::Writer)?.id;
        let writer = writer(caller, incoming)?;
        let body = incoming.object()?;
        let id = if incoming.route.method == ApiMethod::EventsImport {
            let writer = Writer { mails: SendUpdates::None, ..writer };
            self.import_event(&calendar, &writer, &body)?
        } else {
            self.insert_event(&calendar, &writer, &body)?
        };
        self.shown(&calendar, &id, caller, incoming)
    }

    fn get(&mut self, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let opened = self.open(caller, &incoming.route, AccessRole::FreeBusyReader)?;
        let id = event_id(incoming)?;
        self.settle_conference(&opened.id, id);
        let event = self.event_or_instance(&opened.id, id)?;
        if incoming.header(IF_NONE_MATCH).is_some_and(|tags| matches(tags, &event.etag)) {
            return Ok(Reply::empty(StatusCode::NOT_MODIFIED));
        }
        let calendar = self.calendar(&opened.id)?;
        let zone = response_zone(incoming, calendar)?;
        let mut shown = view::event(calendar, &event, &caller.user, &zone);
        if opened.only_times {
            shown = view::times_only(&shown);
        }
        if event.is_cancelled() && self.settings.bare_tombstones {
            shown = view::tombstone(&shown);
        }
        Ok(resource(&shown))
    }

    fn change(&mut self, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let calendar = self.open(caller, &incoming.route, AccessRole::Writer)?.id;
        let id = event_id(incoming)?;
        let writer = writer(caller, incoming)?;
        let body = incoming.object()?;
        let before = self.event_or_instance(&calendar, id)?;
        check_etag(incoming, &before)?;
        let change = match incoming.route.method {
            ApiMethod::EventsUpdate => Change::Replace(body),
            _ => Change::Merge(body),
        };
        self.change_event(&calendar, &writer, id, change)?;
        self.shown(&calendar, id, caller, incoming)
    }

    fn delete(&mut self, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let calendar = self.open(caller, &incoming.route, AccessRole::Writer)?.id;
        let id = event_id(incoming)?;
        let writer = writer(caller, incoming)?;
        let before = self.event_or_instance(&calendar, id)?;
        if !before.is_cancelled() {
            check_etag(incoming, &before)?;
        }
        self.cancel_event(&calendar, &writer, id)?;
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }

    /// `events.move`
    fn relocate(&mut self, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let from = self.open(caller, &incoming.route, AccessRole::Writer)?.id;
        let to = incoming.query.get("destination");
        let to = to.ok_or_else(|| Problem::required("Required parameter: destination"))?;
        let to = self.open_calendar(caller, ApiMethod::EventsMove, to, AccessRole::Writer)?.id;
        let id = event_id(incoming)?;
        let writer = writer(caller, incoming)?;
        self.move_event(&from, &to, &writer, id)?;
        self.shown(&to, id, caller, incoming)
    }

    fn shown(&self, id: &str, event: &str, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let calendar = self.calendar(id)?;
        let stored = calendar.events.get(event).ok_or_else(Problem::not_found)?;
        let zone = response_zone(incoming, calendar)?;
        Ok(resource(&view::event(calendar, stored, &caller.user, &zone)))
    }

    /// Completes a pending conference. Called before an event is read: a conference is pending only
    /// in the response to its write.
    pub(super) fn settle_conference(&mut self, calendar_id: &str, id: &str) {
        let pointer = "/createRequest/status/statusCode";
        let Some(event) = self.calendars.get(calendar_id).and_then(|calendar| calendar.events.get(id)) else {
            return;
        };
        let data = event.body.get("conferenceData");
        if data.and_then(|data| data.pointer(pointer)).and_then(Value::as_str) != Some("pending") {
            return;
        }
        let stamp = self.stamp();
        let calendar = self.calendars.get_mut(calendar_id);
        let Some(event) = calendar.and_then(|calendar| calendar.events.get_mut(id)) else { return };
        let link = format!("https://meet.google.com/fake-{}", stamp.change);
        if let Some(Value::Object(data)) = event.body.get_mut("conferenceData") {
            if let Some(status) = data.get_mut("createRequest").and_then(|data| data.pointer_mut("/status")) {
                *status = serde_json::json!({"statusCode": "success"});
            }
            let entry = serde_json::json!([{"entryPointType": "video", "uri": link}]);
            data.insert("entryPoints".into(), entry);
        }
        event.stamp(&stamp);
    }
}

/// Reads who writes, and how, from the caller and the query parameters.
fn writer(caller: &Caller, incoming: &Incoming) -> Result<Writer, Problem> {
    let mails = match incoming.query.get("sendUpdates") {
        Some("all") => SendUpdates::All,
        Some("externalOnly") => SendUpdates::ExternalOnly,
        Some("none") => SendUpdates::None,
        Some(_) => return Err(Problem::invalid_parameter("sendUpdates")),
        None if incoming.query.flag("sendNotifications")? == Some(true) => SendUpdates::All,
        None => SendUpdates::default(),
    };
    let conference = match incoming.query.get("conferenceDataVersion") {
        None | Some("0") => false,
        Some("1") => true,
        Some(_) => return Err(Problem::invalid_parameter("conferenceDataVersion")),
    };
    let attachments = incoming.query.flag("supportsAttachments")? == Some(true);
    Ok(Writer { user: caller.user.clone(), by_hand: false, mails, conference, attachments })
}

pub(super) fn event_id(incoming: &Incoming) -> Result<&str, Problem> {
    incoming.route.event.as_deref().filter(|id| !id.is_empty()).ok_or_else(Problem::not_found)
}

/// The zone of the times in the response: parameter `timeZone`, else the calendar's zone.
pub(super) fn response_zone(incoming: &Incoming, calendar: &Calendar) -> Result<Zone, Problem> {
    match incoming.query.get("timeZone") {
        None => Ok(calendar.zone.clone()),
        Some(name) => Zone::new(name).map_err(|_| Problem::invalid_parameter("timeZone")),
    }
}

fn check_etag(incoming: &Incoming, event: &StoredEvent) -> Result<(), Problem> {
    match incoming.header(IF_MATCH) {
        Some(tags) if !matches(tags, &event.etag) => Err(Problem::stale()),
        _ => Ok(()),
    }
}

/// Compares `If-Match` with an etag (RFC 9110 section 13.1.1, strong comparison).
fn matches(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag == etag)
}

/// Reduces the response to the fields named in parameter `fields`.
fn partial(reply: Reply, incoming: &Incoming) -> Result<Reply, Problem> {
    let (Some(mask), true) = (incoming.query.get("fields"), reply.status.is_success()) else {
        return Ok(reply);
    };
    let Some(value) = reply.value() else { return Ok(reply) };
    let kept = fields::select(&value, mask).ok_or_else(|| Problem::invalid_parameter("fields"))?;
    Ok(Reply { body: kept.to_string().into(), ..reply })
}
