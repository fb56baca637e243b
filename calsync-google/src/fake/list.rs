//! `events.list` and `events.instances`: filters, pages, and incremental listings.

use calsync_core::fake::Params;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::access::{AccessRole, Caller, Opened};
use super::api::{event_id, response_zone};
use super::paging::{Page, Sync, page_signature, sync_signature};
use super::reply::{Problem, Reply, resource};
use super::request::{Incoming, Typed as _};
use super::series::{occurrences, span};
use super::state::{Calendar, State, StoredEvent};
use super::times::stamp_text;
use super::view;

/// Parameters that cannot be combined with `syncToken` (discovery document, `events.list`).
const NOT_WITH_SYNC: [&str; 8] = [
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "sharedExtendedProperty",
    "q",
    "timeMin",
    "timeMax",
    "updatedMin",
];

/// The filters of a listing.
#[derive(Debug, Default)]
struct Filter {
    since: Option<u64>,
    deleted: bool,
    single: bool,
    order: Order,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    updated_from: Option<DateTime<Utc>>,
    uid: Option<String>,
    text: Option<String>,
    properties: Vec<(&'static str, String, String)>,
    of_series: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Order {
    #[default]
    Any,
    Start,
    Updated,
}

impl State {
    pub(super) fn list_events(&mut self, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let opened = self.open(caller, &incoming.route, AccessRole::FreeBusyReader)?;
        let filter = self.filter(&opened.id, &incoming.query)?;
        self.page(caller, incoming, &opened, &filter)
    }

    pub(super) fn list_instances(&mut self, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let opened = self.open(caller, &incoming.route, AccessRole::FreeBusyReader)?;
        let id = event_id(incoming)?;
        self.event_or_instance(&opened.id, id)?;
        let mut filter = self.filter(&opened.id, &incoming.query)?;
        filter.single = true;
        filter.order = Order::Start;
        filter.of_series = Some(id.to_owned());
        self.page(caller, incoming, &opened, &filter)
    }

    fn filter(&self, calendar_id: &str, query: &Params) -> Result<Filter, Problem> {
        let single = query.flag("singleEvents")? == Some(true);
        let mut properties = Vec::new();
        for (kind, name) in [("private", "privateExtendedProperty"), ("shared", "sharedExtendedProperty")] {
            for constraint in query.all(name) {
                let (key, value) =
                    constraint.split_once('=').ok_or_else(|| Problem::invalid_parameter(name))?;
                properties.push((kind, key.to_owned(), value.to_owned()));
            }
        }
        let filter = Filter {
            since: self.since(calendar_id, query)?,
            deleted: query.flag("showDeleted")? == Some(true),
            single,
            order: match query.get("orderBy") {
                None => Order::Any,
                Some("updated") => Order::Updated,
                Some("startTime") if single => Order::Start,
                Some("startTime") => {
                    let message = "The requested ordering is not available for the particular query.";
                    return Err(Problem::invalid(message).at("parameter", "orderBy"));
                }
                Some(_) => return Err(Problem::invalid_parameter("orderBy")),
            },
            from: query.instant("timeMin")?,
            to: query.instant("timeMax")?,
            updated_from: query.instant("updatedMin")?,
            uid: query.get("iCalUID").map(str::to_owned),
            text: query.get("q").map(str::to_lowercase),
            properties,
            of_series: None,
        };
        if matches!((filter.from, filter.to), (Some(from), Some(to)) if from >= to) {
            let message = "The specified time range is empty.";
            return Err(Problem::new(http::StatusCode::BAD_REQUEST, "timeRangeEmpty", message)
                .in_domain("calendar")
                .at("parameter", "timeMax"));
        }
        let reach = TimeDelta::from_std(self.settings.updated_min_reach).unwrap_or(TimeDelta::MAX);
        let oldest = self.now().checked_sub_signed(reach);
        if filter.updated_from.is_some_and(|from| oldest.is_some_and(|oldest| from < oldest)) {
            let message = "The requested minimum modification time lies too far in the past.";
            return Err(Problem::gone("updatedMinTooLongAgo", message).in_domain("calendar"));
        }
        Ok(filter)
    }

    /// Reads the parameter `syncToken`: the number of the last change that the client has seen.
    fn since(&self, calendar_id: &str, query: &Params) -> Result<Option<u64>, Problem> {
        let Some(token) = query.get("syncToken") else { return Ok(None) };
        let refused = NOT_WITH_SYNC.iter().any(|name| query.get(name).is_some());
        if refused || query.flag("showDeleted")? == Some(false) {
            let message = "Sync token cannot be used with other request restrictions.";
            let status = http::StatusCode::BAD_REQUEST;
            return Err(Problem::new(status, "syncTokenWithRequestRestrictions", message)
                .in_domain("calendar")
                .at("parameter", "syncToken"));
        }
        let expired = || {
            let message = "Sync token is no longer valid, a full sync is required.";
            Problem::gone("fullSyncRequired", message).in_domain("calendar").at("parameter", "syncToken")
        };
        let sync = Sync::read(token).filter(|sync| sync.calendar == calendar_id).ok_or_else(expired)?;
        if sync.epoch != self.calendar(calendar_id)?.epoch {
            return Err(expired());
        }
        if sync.signature != sync_signature(query) {
            let message = "The sync token was made for other parameters.";
            return Err(Problem::invalid(message).at("parameter", "syncToken"));
        }
        Ok(Some(sync.since))
    }

    fn page(
        &mut self,
        caller: &Caller,
        incoming: &Incoming,
        opened: &Opened,
        filter: &Filter,
    ) -> Result<Reply, Problem> {
        let query = &incoming.query;
        let bad_page = || Problem::invalid("Invalid page token value.").at("parameter", "pageToken");
        let page = match query.get("pageToken") {
            None => None,
            Some(token) => {
                let page = Page::read(token).filter(|page| page.signature == page_signature(query));
                Some(page.ok_or_else(bad_page)?)
            }
        };
        let events = self.calendar(&opened.id)?.events.iter();
        let meetings = events.filter(|(_, event)| event.body.contains_key("conferenceData"));
        let meetings: Vec<String> = meetings.map(|(id, _)| id.clone()).collect();
        for id in meetings {
            self.settle_conference(&opened.id, &id);
        }
        let calendar = self.calendar(&opened.id)?;
        let zone = response_zone(incoming, calendar)?;
        let number = page.as_ref().map_or(0, |page| page.number);
        let upto = page.as_ref().map_or(self.serial.latest(), |page| page.upto);
        let most = query.number("maxResults")?.unwrap_or(250).min(2500);
        let most = self.settings.page_size.map_or(most, |size| most.min(size.max(1)));
        // Pages are half as long, and every second one is empty.
        let most = if self.settings.sparse_pages { (number % 2) as usize * most.div_ceil(2) } else { most };

        let mut found = filter.find(calendar);
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        let after = page.map(|page| page.after).unwrap_or_default();
        let mut rest = found.iter().filter(|(position, _)| *position > after);
        let shown = |event: &StoredEvent| {
            let event_view = view::event(calendar, event, &caller.user, &zone);
            if event.is_cancelled() && (filter.since.is_some() || self.settings.bare_tombstones) {
                view::tombstone(&event_view)
            } else if opened.only_times {
                view::times_only(&event_view)
            } else {
                event_view
            }
        };
        let chosen: Vec<&(String, StoredEvent)> = rest.by_ref().take(most).collect();
        let mut body = header(calendar, &caller.user, zone.name());
        body.insert("items".into(), chosen.iter().map(|(_, event)| shown(event)).collect());
        if rest.next().is_some() {
            let after = chosen.last().map_or(after, |(position, _)| position.clone());
            let next = Page { after, upto, number: number + 1, signature: page_signature(query) };
            body.insert("nextPageToken".into(), next.write().into());
        } else if filter.of_series.is_none() {
            let signature = sync_signature(query);
            let next = Sync { calendar: opened.id.clone(), since: upto, epoch: calendar.epoch, signature };
            body.insert("nextSyncToken".into(), next.write().into());
        }
        Ok(resource(&body.into()))
    }
}

impl Filter {
    /// Returns the events that pass the filters, each with its position in the order.
    fn find(&self, calendar: &Calendar) -> Vec<(String, StoredEvent)> {
        let mut found = Vec::new();
        for event in calendar.events.values() {
            let is_series = event.body.contains_key("recurrence");
            if self.single && is_series && !event.is_cancelled() {
                let occurrences = occurrences(calendar, event);
                found.extend(occurrences.into_iter().filter(|event| self.takes(calendar, event)));
            } else if self.takes(calendar, event) {
                found.push(event.clone());
            }
        }
        found.into_iter().map(|event| (self.position(calendar, &event), event)).collect()
    }

    fn takes(&self, calendar: &Calendar, event: &StoredEvent) -> bool {
        if self.of_series.as_ref().is_some_and(|id| event.text("recurringEventId") != id) {
            return false;
        }
        if let Some(since) = self.since {
            return event.change > since;
        }
        if event.is_cancelled() && !self.deleted && self.updated_from.is_none() {
            return false;
        }
        let (start, end) = span(calendar, event).unwrap_or_default();
        let property = |(kind, key, value): &(&str, String, String)| {
            let properties = event.body.get("extendedProperties").and_then(|all| all.get(*kind));
            properties.and_then(|all| all.get(key)).and_then(Value::as_str) == Some(value)
        };
        // `timeMin` is an exclusive bound of the end, `timeMax` of the start. Every property has to
        // match, according to Google's reference; its guide contradicts that.
        self.from.is_none_or(|from| end > from)
            && self.to.is_none_or(|to| start < to)
            && self.updated_from.is_none_or(|from| event.updated >= from)
            && self.uid.as_ref().is_none_or(|uid| event.text("iCalUID") == uid)
            && self.text.as_ref().is_none_or(|text| contains(event, text))
            && self.properties.iter().all(property)
    }

    fn position(&self, calendar: &Calendar, event: &StoredEvent) -> String {
        let id = event.text("id");
        match self.order {
            Order::Any => id.to_owned(),
            Order::Updated => format!("{:020} {id}", event.change),
            Order::Start => {
                let start = span(calendar, event).unwrap_or_default().0.timestamp();
                // The offset makes times before 1970 positive, so that they sort as text.
                format!("{:020} {id}", start.saturating_add(1 << 40))
            }
        }
    }
}

/// Whether the event's texts or guests contain `text`, which is in lower case.
fn contains(event: &StoredEvent, text: &str) -> bool {
    let guests = event.body.get("attendees").and_then(Value::as_array);
    let of_guest = |guest: &Value, name: &str| {
        guest.get(name).and_then(Value::as_str).is_some_and(|value| value.to_lowercase().contains(text))
    };
    let in_guests = guests.is_some_and(|guests| {
        guests.iter().any(|guest| of_guest(guest, "email") || of_guest(guest, "displayName"))
    });
    in_guests
        || ["summary", "description", "location"]
            .iter()
            .any(|name| event.text(name).to_lowercase().contains(text))
}

/// The fields of the response that describe the calendar.
fn header(calendar: &Calendar, user: &str, zone: &str) -> Map<String, Value> {
    let role = calendar.access.get(user).map(|role| role.name()).unwrap_or_default();
    let updated = calendar.events.values().map(|event| event.updated).max().unwrap_or(calendar.updated);
    let header = json!({
        "kind": "calendar#events",
        "etag": format!("\"p{}\"", updated.timestamp_millis()),
        "summary": calendar.summary,
        "updated": stamp_text(updated),
        "timeZone": zone,
        "accessRole": role,
        "defaultReminders": view::default_reminders(calendar),
    });
    match header {
        Value::Object(header) => header,
        _ => Map::new(),
    }
}
