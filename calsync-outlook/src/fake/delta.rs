//! `calendarView/delta`: what has changed in a window since a token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use calsync_core::fake::Reply;
use chrono::{DateTime, Utc};
use http::StatusCode;
use http::header::LOCATION;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::api::Permitted;
use super::paging::{Page, link};
use super::reply::Problem;
use super::state::{State, StoredEvent};
use super::view;

/// What a token stands for: a calendar, its window, and how far somebody has read.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Token {
    mailbox: String,
    calendar: u64,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    epoch: u64,
    /// Changes up to this one are known.
    since: u64,
    /// Changes up to this one are in the round that is being read; none before a round begins.
    upto: Option<u64>,
    skip: usize,
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
                since: 0,
                upto: None,
                skip: 0,
                page: 0,
            },
        };
        self.round(call, token)
    }

    /// One page of a round.
    fn round(&mut self, call: &Permitted<'_>, mut token: Token) -> Result<Reply, Problem> {
        let upto = *token.upto.get_or_insert(self.serial.latest());
        let mailbox = self.mailbox(&call.mailbox)?;
        let is_first = token.since == 0;
        let mut found: Vec<(u64, Value)> = Vec::new();
        let is_new = |change: u64| change > token.since && change <= upto;
        for event in mailbox.events_in(token.calendar).filter(|event| is_first || is_new(event.change)) {
            let shown = if is_within(event, &token) {
                view::event(mailbox, event, &call.prefers, &[])
            } else if is_first {
                continue;
            } else {
                view::removed(event.id(call.prefers.immutable_ids))
            };
            found.push((event.change, shown));
        }
        let gone =
            self.stored(call, token.calendar)?.gone.iter().filter(|gone| !is_first && is_new(gone.change));
        for gone in gone {
            let id = if call.prefers.immutable_ids { &gone.immutable_id } else { &gone.id };
            found.push((gone.change, view::removed(id)));
        }
        found.sort_by_key(|(change, _)| *change);
        let size = call.prefers.page.unwrap_or(self.settings.page_size).max(1);
        let page = Page::new(found.len(), token.skip, size, token.page, &self.settings);
        let mut body = Map::new();
        body.insert("@odata.context".into(), call.context().into());
        match page.next {
            Some(next) => {
                (token.skip, token.page) = (next, token.page + 1);
                body.insert("@odata.nextLink".into(), self.goes_on(call, "$skiptoken", &token).into());
            }
            None => {
                (token.since, token.upto, token.skip, token.page) = (upto, None, 0, 0);
                body.insert("@odata.deltaLink".into(), self.goes_on(call, "$deltatoken", &token).into());
            }
        }
        let shown: Vec<Value> =
            found.into_iter().take(page.to).skip(page.from).map(|(_, value)| value).collect();
        body.insert("value".into(), shown.into());
        Ok(Reply::json(StatusCode::OK, &body.into()))
    }

    fn goes_on(&self, call: &Permitted<'_>, name: &str, token: &Token) -> String {
        let text = serde_json::to_vec(token).map(|text| URL_SAFE_NO_PAD.encode(text)).unwrap_or_default();
        let mut asked = call.asked.clone();
        asked.incoming.query = calsync_core::fake::Params::default();
        link(&asked, &[(name, text)])
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
            let mut asked = call.asked.clone();
            asked.incoming.query = calsync_core::fake::Params::default();
            let window = [
                ("startDateTime", super::times::plain_text(token.from)),
                ("endDateTime", super::times::plain_text(token.to)),
            ];
            problem.with_header(LOCATION, link(&asked, &window))
        } else {
            problem
        })
    }

    fn stored(&self, call: &Permitted<'_>, calendar: u64) -> Result<&super::state::Calendar, Problem> {
        self.mailbox(&call.mailbox)?.calendars.get(&calendar).ok_or_else(Problem::not_found)
    }
}

fn is_within(event: &StoredEvent, token: &Token) -> bool {
    event.start.at < token.to && event.end.at > token.from
}
