//! `calendarView/delta`: what has changed in a window since a token.

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
use super::request::Asked;
use super::state::{State, StoredEvent};
use super::times::plain_text;
use super::view;

/// What a token stands for: a calendar, its window, and how far somebody has read.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Token {
    mailbox: String,
    calendar: u64,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    epoch: u64,
    /// Whether the round that is being read is the first: it tells what is there, not what has gone.
    first: bool,
    /// Changes up to this one are known.
    since: u64,
    /// Changes up to this one are in the round that is being read; none before a round begins. What changes meanwhile is told by
    /// the next one.
    upto: Option<u64>,
    /// The pages before this one.
    page: usize,
}

impl State {
    pub(super) fn delta(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let calendar = self.calendar_of(&call.mailbox, &call.asked.route.place)?;
        let query = &call.asked.incoming.query;
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
                from: call.asked.window("startDateTime")?,
                to: call.asked.window("endDateTime")?,
                epoch: self.stored(call, calendar)?.epoch,
                first: true,
                since: 0,
                upto: None,
                page: 0,
            },
        };
        self.round(call, token)
    }

    /// One page of a round.
    fn round(&mut self, call: &Permitted<'_>, mut token: Token) -> Result<Reply, Problem> {
        let upto = *token.upto.get_or_insert(self.serial.latest());
        let mut found = self.changes(call, &token, upto)?;
        let size = call.prefers.page.unwrap_or(self.settings.page_size).max(1);
        let page = Page::new(found.len(), 0, size, token.page, &self.settings);
        found.truncate(page.to);
        let mut body = Map::new();
        body.insert("@odata.context".into(), call.context().into());
        if page.next.is_some() {
            token.since = found.last().map_or(token.since, |(change, _)| *change);
            token.page += 1;
            body.insert("@odata.nextLink".into(), goes_on(call, "$skiptoken", &token).into());
        } else {
            (token.first, token.since, token.upto, token.page) = (false, upto, None, 0);
            body.insert("@odata.deltaLink".into(), goes_on(call, "$deltatoken", &token).into());
        }
        let shown: Vec<Value> = found.into_iter().map(|(_, shown)| shown).collect();
        body.insert("value".into(), shown.into());
        Ok(Reply::json(StatusCode::OK, &body.into()))
    }

    /// What is new to the token, by the number of its change.
    fn changes(&self, call: &Permitted<'_>, token: &Token, upto: u64) -> Result<Vec<(u64, Value)>, Problem> {
        let mailbox = self.mailbox(&call.mailbox)?;
        let immutable = call.prefers.immutable_ids;
        let is_new = |change: u64| change > token.since && change <= upto;
        let mut found = Vec::new();
        for event in mailbox.events_in(token.calendar).filter(|event| is_new(event.change)) {
            if is_within(event, token) {
                found.push((event.change, view::event(mailbox, event, &call.prefers, &[])));
            } else if !token.first {
                // What lies outside the window and has changed is told as gone, whether or not it was ever in it.
                found.push((event.change, view::removed(event.id(immutable))));
            }
        }
        if !token.first {
            let gone = &self.stored(call, token.calendar)?.gone;
            for gone in gone.iter().filter(|gone| is_new(gone.change)) {
                let id = if immutable { &gone.immutable_id } else { &gone.id };
                // It may have come back.
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
            problem.with_header(LOCATION, link(&bare(call), &window))
        } else {
            problem
        })
    }

    fn stored(&self, call: &Permitted<'_>, calendar: u64) -> Result<&super::state::Calendar, Problem> {
        self.mailbox(&call.mailbox)?.calendars.get(&calendar).ok_or_else(Problem::not_found)
    }
}

/// The URL to go on at.
fn goes_on(call: &Permitted<'_>, name: &str, token: &Token) -> String {
    let text = serde_json::to_vec(token).map(|text| URL_SAFE_NO_PAD.encode(text)).unwrap_or_default();
    link(&bare(call), &[(name, text)])
}

/// The request without its parameters.
fn bare(call: &Permitted<'_>) -> Asked {
    let mut asked = call.asked.clone();
    asked.incoming.query = Params::default();
    asked
}

fn is_within(event: &StoredEvent, token: &Token) -> bool {
    event.start.at < token.to && event.end.at > token.from
}
