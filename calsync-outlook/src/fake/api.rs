//! Graph's methods: from a request to a response.

use calsync_core::fake::Reply;
use http::StatusCode;
use http::header::{HeaderName, IF_MATCH};
use serde_json::{Value, json};

use super::access::Caller;
use super::events::Writer;
use super::paging;
use super::reply::{Problem, ResponseIds};
use super::request::{Prefers, Received};
use super::route::{ApiMethod, CalendarRef};
use super::schema;
use super::select::{OF_MANY, OF_ONE, Query};
use super::state::{State, StoredEvent};
use super::view;
use super::zones;

/// The header that names the preferences that were applied.
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// A permitted call: the caller, the mailbox, and the preferences.
pub(super) struct Permitted<'a> {
    pub(super) received: &'a Received,
    pub(super) caller: Caller,
    pub(super) mailbox: String,
    pub(super) prefers: Prefers,
}

impl Permitted<'_> {
    pub(super) fn writer(&self) -> Writer {
        Writer { mailbox: self.mailbox.clone(), by_user: false, immutable_ids: self.prefers.immutable_ids }
    }

    pub(super) fn context(&self) -> String {
        paging::context(self.received)
    }
}

impl State {
    /// Responds to a call to Graph.
    pub(super) fn graph(&mut self, received: &Received, ids: &ResponseIds) -> Reply {
        let shape = self.settings.errors;
        match self.checked(received) {
            Ok(reply) => reply,
            Err(problem) => problem.reply(shape, ids),
        }
    }

    fn checked(&mut self, received: &Received) -> Result<Reply, Problem> {
        let method = received.method();
        if method == ApiMethod::Unknown {
            let last = received.incoming.path.rsplit('/').next().unwrap_or_default();
            return Err(Problem::url(format!("Resource not found for the segment '{last}'.")));
        }
        let caller = self.caller(received)?;
        let mailbox = match (&received.route.whose, &caller.user) {
            (None, user) => user.clone().unwrap_or_default(),
            _ => self.target_mailbox(&caller, received)?,
        };
        self.count_request(&mailbox, received)?;
        self.check_scopes(&caller, method)?;
        let prefers = received.prefers(&self.settings)?;
        let applied = prefers.applied.join(", ");
        let call = Permitted { received, caller, mailbox, prefers };
        let reply = match method {
            ApiMethod::Me => self.me(&call),
            ApiMethod::SubscriptionsCreate => self.subscribe(&call),
            ApiMethod::SubscriptionsGet => self.get_subscription(&call),
            ApiMethod::SubscriptionsUpdate => self.renew(&call),
            ApiMethod::SubscriptionsDelete => self.unsubscribe(&call),
            ApiMethod::SubscriptionsReauthorize => self.reauthorize(&call),
            _ => {
                self.check_mailbox(&call.mailbox)?;
                self.calendar_call(&call)
            }
        }?;
        Ok(if applied.is_empty() { reply } else { reply.with_header(APPLIED, applied) })
    }

    fn calendar_call(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        match call.received.method() {
            ApiMethod::CalendarsList => self.list_calendars(call),
            ApiMethod::CalendarsGet => self.get_calendar(call),
            ApiMethod::CalendarsCreate => self.create_calendar(call),
            ApiMethod::CalendarsUpdate => self.update_calendar(call),
            ApiMethod::CalendarsDelete => self.delete_calendar(call),
            ApiMethod::EventsList => self.list(call),
            ApiMethod::CalendarView => self.view(call),
            ApiMethod::CalendarViewDelta => self.delta(call),
            ApiMethod::EventsCreate => self.create(call),
            ApiMethod::EventsGet => self.get(call),
            ApiMethod::EventsUpdate => self.update(call),
            ApiMethod::EventsDelete => self.delete(call),
            ApiMethod::EventsCancel => self.cancel(call),
            ApiMethod::EventsInstances => self.instances(call),
            ApiMethod::GetSchedule => self.schedule(call),
            ApiMethod::SupportedTimeZones => {
                let iana = call
                    .received
                    .route
                    .id
                    .as_deref()
                    .is_some_and(|rest| rest.to_lowercase().contains("iana"));
                Ok(ok(&json!({"@odata.context": call.context(), "value": zones::listed(iana)})))
            }
            ApiMethod::MailboxSettings => self.mailbox_settings(call),
            ApiMethod::TranslateExchangeIds => self.translate(call),
            _ => Err(Problem::url("Resource not found.")),
        }
    }

    fn me(&self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let user = view::user(self.mailbox(&call.mailbox)?);
        Ok(ok(&view::in_context(&call.context(), user)))
    }

    fn mailbox_settings(&self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let settings = view::mailbox_settings(self.mailbox(&call.mailbox)?);
        let body = match call.received.route.id.as_deref() {
            None => view::in_context(&call.context(), settings),
            Some(name) => {
                let value = settings.get(name).cloned();
                let value = value
                    .ok_or_else(|| Problem::url(format!("Resource not found for the segment '{name}'.")))?;
                json!({"@odata.context": call.context(), "value": value})
            }
        };
        Ok(ok(&body))
    }

    fn list(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let calendar = self.calendar_of(&call.mailbox, &call.received.route.place)?;
        self.listed(call, calendar, |_| true)
    }

    fn view(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let calendar = self.calendar_of(&call.mailbox, &call.received.route.place)?;
        let (from, to) = (call.received.window("startDateTime")?, call.received.window("endDateTime")?);
        self.listed(call, calendar, |event| event.start.at < to && event.end.at > from)
    }

    fn listed(
        &mut self,
        call: &Permitted<'_>,
        calendar: u64,
        is_within: impl Fn(&StoredEvent) -> bool,
    ) -> Result<Reply, Problem> {
        let query = Query::of(call.received, OF_MANY, schema::is_event_property, &self.settings)?;
        let mailbox = self.mailbox(&call.mailbox)?;
        let fits = |event: &&StoredEvent| {
            is_within(event) && query.filter.as_ref().is_none_or(|filter| filter.matches(event))
        };
        let mut events: Vec<StoredEvent> = mailbox.events_in(calendar).filter(fits).cloned().collect();
        query.sort(&mut events);
        let shown = |event| query.kept(view::event(mailbox, event, &call.prefers, &query.properties));
        let items: Vec<Value> = events.iter().map(shown).collect();
        Ok(paging::collection(call.received, &query, &call.prefers, &self.settings, &items))
    }

    fn create(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let calendar = self.calendar_of(&call.mailbox, &call.received.route.place)?;
        let body = call.received.object(&self.settings)?;
        let number = self.create_event(&call.writer(), calendar, &body)?;
        self.shown(call, number, StatusCode::CREATED)
    }

    fn get(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let number = match self.event_of(&call.mailbox, call.received) {
            Ok(number) => number,
            Err(problem) => self.in_deleted_items(call).ok_or(problem)?,
        };
        let query = Query::of(call.received, OF_ONE, schema::is_event_property, &self.settings)?;
        let mailbox = self.mailbox(&call.mailbox)?;
        let event = mailbox.events.get(&number).ok_or_else(Problem::not_found)?;
        let shown = query.kept(view::event(mailbox, event, &call.prefers, &query.properties));
        self.reads += 1;
        if self.settings.change_keys_move.is_some_and(|nth| self.reads.is_multiple_of(nth.max(1))) {
            self.touch_event(&call.mailbox, number)?;
        }
        Ok(resource(StatusCode::OK, &view::in_context(&call.context(), shown)))
    }

    /// A deleted event, if deleted items can be read.
    fn in_deleted_items(&self, call: &Permitted<'_>) -> Option<u64> {
        let id = call.received.route.id.as_deref()?;
        let is_match = |event: &StoredEvent| event.deleted && event.immutable_id == id;
        let mailbox = self.mailboxes.get(&call.mailbox).filter(|_| self.settings.deleted_items_readable)?;
        mailbox.events.iter().find(|(_, event)| is_match(event)).map(|(number, _)| *number)
    }

    fn update(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let number = self.event_of(&call.mailbox, call.received)?;
        let body = call.received.object(&self.settings)?;
        self.check_etag(call, number)?;
        self.update_event(&call.writer(), number, &body)?;
        self.shown(call, number, StatusCode::OK)
    }

    fn delete(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let number = self.event_of(&call.mailbox, call.received)?;
        self.check_etag(call, number)?;
        self.delete_event(&call.writer(), number)?;
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }

    /// Deletes a meeting and informs its guests. Only the organizer may do this.
    fn cancel(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let number = self.event_of(&call.mailbox, call.received)?;
        if !call.received.incoming.body.is_empty() {
            schema::checked("cancel", &call.received.object(&self.settings)?)?;
        }
        let event = self.existing_event(&call.mailbox, number)?;
        if event.organizer.is_some() || super::body::guests(&event).is_empty() {
            let message = "Your request can't be completed. You need to be an organizer to cancel a meeting.";
            return Err(Problem::invalid(message));
        }
        self.delete_event(&call.writer(), number)?;
        Ok(Reply::empty(StatusCode::ACCEPTED))
    }

    /// The fake has no series, so no event has instances.
    fn instances(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        self.event_of(&call.mailbox, call.received)?;
        call.received.window("startDateTime")?;
        call.received.window("endDateTime")?;
        Ok(ok(&json!({"@odata.context": call.context(), "value": []})))
    }

    /// An event in the response to a write, without extended properties.
    fn shown(&self, call: &Permitted<'_>, number: u64, status: StatusCode) -> Result<Reply, Problem> {
        let mailbox = self.mailbox(&call.mailbox)?;
        let event = mailbox.events.get(&number).ok_or_else(Problem::not_found)?;
        let shown = view::event(mailbox, event, &call.prefers, &[]);
        Ok(resource(status, &view::in_context(&call.context(), shown)))
    }

    fn check_etag(&self, call: &Permitted<'_>, number: u64) -> Result<(), Problem> {
        let event = self.existing_event(&call.mailbox, number)?;
        match call.received.incoming.header(IF_MATCH) {
            Some(tags) if !matches(tags, &event.change_key) => Err(Problem::conflict()),
            _ => Ok(()),
        }
    }

    /// Translates ids between the default and the immutable kind.
    fn translate(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let body = schema::checked("translateExchangeIds", &call.received.object(&self.settings)?)?;
        let of =
            |name: &str| body.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let inputs = of("inputIds").and_then(Value::as_array).filter(|inputs| inputs.len() <= 1000);
        let inputs = inputs.ok_or_else(|| Problem::invalid("There must be 1 to 1000 ids."))?;
        let kinds = (of("sourceIdType").and_then(Value::as_str), of("targetIdType").and_then(Value::as_str));
        let to_immutable = match kinds {
            (Some("restId"), Some("restImmutableEntryId")) => true,
            (Some("restImmutableEntryId"), Some("restId")) => false,
            _ => return Err(Problem::invalid("Only restId and restImmutableEntryId are translated here.")),
        };
        let mailbox = self.mailbox(&call.mailbox)?;
        let translated = inputs.iter().filter_map(Value::as_str).filter_map(|id| {
            let event = mailbox.events.values().find(|event| event.id(!to_immutable) == id)?;
            Some(json!({"sourceId": id, "targetId": event.id(to_immutable)}))
        });
        let translated: Vec<Value> = translated.collect();
        Ok(ok(&json!({"@odata.context": call.context(), "value": translated})))
    }

    /// Whether a path names the default calendar in any way.
    pub(super) fn is_default(&self, mailbox: &str, place: &CalendarRef) -> bool {
        let default = self.mailboxes.get(mailbox).and_then(super::state::Mailbox::default_calendar);
        self.calendar_of(mailbox, place).ok() == default
    }
}

pub(super) fn ok(body: &Value) -> Reply {
    Reply::json(StatusCode::OK, body)
}

/// A response with a resource and its etag as a header.
pub(super) fn resource(status: StatusCode, body: &Value) -> Reply {
    let reply = Reply::json(status, body);
    match body.get("@odata.etag").and_then(Value::as_str) {
        Some(etag) => reply.with_header(http::header::ETAG, etag),
        None => reply,
    }
}

/// Whether an `If-Match` value has the event's etag, weak or strong, or `*`.
fn matches(tags: &str, change_key: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| {
        let bare = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || bare.strip_prefix('"').and_then(|bare| bare.strip_suffix('"')) == Some(change_key)
    })
}
