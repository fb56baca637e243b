//! `calendarView/delta`: the changes in a time window since a token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use calsync_core::fake::{Params, Reply};
use chrono::{DateTime, Utc};
use http::StatusCode;
use http::header::LOCATION;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::api::Permitted;
use super::paging::{Page, link};
use super::reply::Problem;
use super::request::Received;
use super::state::{State, StoredEvent};
use super::times::plain_text;
use super::view;

/// The content of a delta token: the calendar, its window, and how far the client has read.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Token {
    mailbox: String,
    calendar: u64,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    epoch: u64,
    /// Whether this is the first round. It lists existing events and reports no deletions.
    first: bool,
    /// The client knows the changes up to this number.
    since: u64,
    /// The last change of the current round; `None` before a round begins. Later changes belong to
    /// the next round.
    until: Option<u64>,
    /// How many pages came before this one.
    page: usize,
}

impl State {
    pub(super) fn delta(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let calendar = self.calendar_of(&call.mailbox, &call.received.route.place)?;
        let query = &call.received.incoming.query;
        if let Some((name, _)) = query
            .pairs()
            .iter()
            .find(|(name, _)| name.starts_with('$') && !matches!(name.as_str(), "$deltatoken" | "$skiptoken"))
        {
            let message = format!(
                "The following parameters are not supported with change tracking over the 'CalendarView' resource: '{name}'."
            );
            return Err(Problem::bad("ErrorInvalidUrlQuery", message));
        }
        let token = match query.get("$deltatoken").or_else(|| query.get("$skiptoken")) {
            Some(text) => self.read_token(call, calendar, text)?,
            None => Token {
                mailbox: call.mailbox.clone(),
                calendar,
                from: call.received.window("startDateTime")?,
                to: call.received.window("endDateTime")?,
                epoch: self.stored(call, calendar)?.epoch,
                first: true,
                since: 0,
                until: None,
                page: 0,
            },
        };
        self.round(call, token)
    }

    /// Returns one page of a round.
    fn round(&mut self, call: &Permitted<'_>, mut token: Token) -> Result<Reply, Problem> {
        let until = *token.until.get_or_insert(self.serial.latest());
        let mut found = self.changes(call, &token, until)?;
        let size = call.prefers.page.unwrap_or(self.settings.page_size).max(1);
        let page = Page::new(found.len(), 0, size, token.page, &self.settings);
        found.truncate(page.to);
        let mut body = Map::new();
        body.insert("@odata.context".into(), call.context().into());
        if page.next.is_some() {
            token.since = found.last().map_or(token.since, |(change, _)| *change);
            token.page += 1;
            body.insert("@odata.nextLink".into(), continuation(call, "$skiptoken", &token).into());
        } else {
            (token.first, token.since, token.until, token.page) = (false, until, None, 0);
            body.insert("@odata.deltaLink".into(), continuation(call, "$deltatoken", &token).into());
        }
        let shown: Vec<Value> = found.into_iter().map(|(_, shown)| shown).collect();
        body.insert("value".into(), shown.into());
        Ok(Reply::json(StatusCode::OK, &body.into()))
    }

    /// The changes since the token, each with its number, oldest first.
    fn changes(&self, call: &Permitted<'_>, token: &Token, until: u64) -> Result<Vec<(u64, Value)>, Problem> {
        let mailbox = self.mailbox(&call.mailbox)?;
        let immutable = call.prefers.immutable_ids;
        let is_new = |change: u64| change > token.since && change <= until;
        let mut found = Vec::new();
        for event in mailbox.events_in(token.calendar).filter(|event| is_new(event.change)) {
            if is_within(event, token) {
                found.push((event.change, view::event(mailbox, event, &call.prefers, &[])));
            } else if !token.first {
                // A changed event outside the window is reported as removed, whether or not it was
                // in the window before.
                found.push((event.change, view::removed(event.id(immutable))));
            }
        }
        if !token.first {
            let gone = &self.stored(call, token.calendar)?.gone;
            for gone in gone.iter().filter(|gone| is_new(gone.change)) {
                let id = if immutable { &gone.immutable_id } else { &gone.id };
                // The event may have come back.
                if !mailbox.events_in(token.calendar).any(|event| event.id(immutable) == id) {
                    found.push((gone.change, view::removed(id)));
                }
            }
        }
        found.sort_by_key(|(change, _)| *change);
        Ok(found)
    }

    fn read_token(&self, call: &Permitted<'_>, calendar: u64, text: &str) -> Result<Token, Problem> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let token: Option<Token> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let Some(token) = token.filter(|token| token.mailbox == call.mailbox && token.calendar == calendar)
        else {
            return Err(Problem::bad("ErrorInvalidUrlQuery", "The delta token is malformed."));
        };
        if token.epoch == self.stored(call, calendar)?.epoch {
            return Ok(token);
        }
        let message = format!("The sync state generation is not found; generation={};", token.epoch);
        let problem = Problem::new(StatusCode::GONE, "SyncStateNotFound", message);
        Err(if self.settings.delta_location {
            let window = [("startDateTime", plain_text(token.from)), ("endDateTime", plain_text(token.to))];
            problem.with_header(LOCATION, link(&without_parameters(call), &window))
        } else {
            problem
        })
    }

    fn stored(&self, call: &Permitted<'_>, calendar: u64) -> Result<&super::state::Calendar, Problem> {
        self.mailbox(&call.mailbox)?.calendars.get(&calendar).ok_or_else(Problem::not_found)
    }
}

/// The URL of the next page or the next round.
fn continuation(call: &Permitted<'_>, name: &str, token: &Token) -> String {
    let text = serde_json::to_vec(token).map(|text| URL_SAFE_NO_PAD.encode(text)).unwrap_or_default();
    link(&without_parameters(call), &[(name, text)])
}

/// The request without its parameters.
fn without_parameters(call: &Permitted<'_>) -> Received {
    let mut received = call.received.clone();
    received.incoming.query = Params::default();
    received
}

fn is_within(event: &StoredEvent, token: &Token) -> bool {
    event.start.at < token.to && event.end.at > token.from
}
