//! The log of received requests.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use ::http::Method;
use ::http::header::IF_MATCH;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::incoming::Incoming;
use super::rules::RequestContext;
use crate::http::Call;

/// The latest requests, and the number of requests per method. `R` is the record of one request,
/// usually a [`SeenRequest`].
#[derive(Debug)]
pub struct Log<M, R> {
    seen: VecDeque<R>,
    counts: BTreeMap<M, usize>,
}

impl<M, R> Default for Log<M, R> {
    fn default() -> Self {
        Self { seen: VecDeque::new(), counts: BTreeMap::new() }
    }
}

impl<M: Ord, R: Clone> Log<M, R> {
    /// Counts a request and keeps its record. Only the latest `size` records are kept.
    pub fn record(&mut self, method: M, seen: R, size: usize) {
        *self.counts.entry(method).or_default() += 1;
        self.seen.push_back(seen);
        while self.seen.len() > size {
            self.seen.pop_front();
        }
    }

    /// The kept records, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<R> {
        self.seen.iter().cloned().collect()
    }

    /// The number of requests of that method, including those whose record is not kept.
    #[must_use]
    pub fn count(&self, method: &M) -> usize {
        self.counts.get(method).copied().unwrap_or_default()
    }

    /// The number of all requests, including those whose record is not kept.
    #[must_use]
    pub fn count_all(&self) -> usize {
        self.counts.values().sum()
    }

    /// Removes all records, and resets the counts.
    pub fn clear(&mut self) {
        self.seen.clear();
        self.counts.clear();
    }
}

/// The record of a received request. It contains no token, and no body of an OAuth request.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct SeenRequest<M> {
    /// When the request was received.
    pub at: DateTime<Utc>,
    /// The API's method, by the fake's own names.
    pub method: M,
    /// The HTTP method, such as `POST`.
    pub http_method: Method,
    /// The path, percent-encoded as it was sent.
    pub path: String,
    /// The query's parameters, decoded; empty for OAuth requests.
    pub query: Vec<(String, String)>,
    /// The user whose token it carried.
    pub user: Option<String>,
    /// The id of the calendar in the path.
    pub calendar: Option<String>,
    /// The id of the event in the path.
    pub event: Option<String>,
    /// The header `If-Match`.
    pub if_match: Option<String>,
    /// All headers `Prefer`, joined with commas.
    pub prefer: Option<String>,
    /// The body, if it is JSON; `None` for OAuth requests.
    pub body: Option<Value>,
    /// The provider and operation, if the sender's request carried them.
    pub call: Option<Call>,
    /// Whether it was a part of a batch.
    pub in_batch: bool,
    /// The response's status; `None` if there was no response.
    pub status: Option<u16>,
}

impl<M> SeenRequest<M> {
    /// The record of a request, without the event, the batch and the status, which the fake sets.
    /// The parameters and the body of a request to the OAuth server are not kept.
    #[must_use]
    pub fn of(at: DateTime<Utc>, occasion: RequestContext<'_, M>, is_oauth: bool) -> Self {
        let incoming = occasion.incoming;
        Self {
            at,
            method: occasion.method,
            http_method: incoming.http_method.clone(),
            path: incoming.path.clone(),
            query: if is_oauth { Vec::new() } else { incoming.query.pairs().to_vec() },
            user: occasion.user.map(str::to_owned),
            calendar: occasion.calendar.map(str::to_owned),
            event: None,
            if_match: incoming.header(IF_MATCH).map(str::to_owned),
            prefer: preferences(incoming),
            body: incoming.json().filter(|_| !is_oauth),
            call: incoming.call.clone(),
            in_batch: false,
            status: None,
        }
    }

    /// The first query parameter of that name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The values of all `Prefer` headers (RFC 7240): several headers mean the same as one joined with
/// commas.
fn preferences(incoming: &Incoming) -> Option<String> {
    let all = incoming.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let all: Vec<&str> = all.collect();
    (!all.is_empty()).then(|| all.join(", "))
}

impl<M: fmt::Debug> fmt::Debug for SeenRequest<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenRequest")
            .field("method", &self.method)
            .field("status", &self.status)
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Incoming;

    #[test]
    fn parameters_and_bodies_of_oauth_requests_are_not_kept() {
        let request = ::http::Request::get("http://localhost/token?code=secret");
        let incoming = Incoming::of(&request.body("{\"code\": \"secret\"}".into()).unwrap());
        let occasion = RequestContext { method: "token", incoming: &incoming, calendar: None, user: None };
        let seen = SeenRequest::of(DateTime::UNIX_EPOCH, occasion, false);
        assert_eq!((seen.parameter("code"), seen.body.is_some()), (Some("secret"), true));
        assert!(!format!("{seen:?}").contains("secret"));
        let seen = SeenRequest::of(DateTime::UNIX_EPOCH, occasion, true);
        assert_eq!((seen.path.as_str(), seen.query.len(), seen.body), ("/token", 0, None));
    }

    #[test]
    fn the_log_keeps_the_latest_requests_and_counts_all() {
        let mut log = Log::default();
        for number in 0..5 {
            log.record(if number % 2 == 0 { "even" } else { "odd" }, number, 3);
        }
        assert_eq!(log.requests(), [2, 3, 4]);
        assert_eq!(
            (log.count(&"even"), log.count(&"odd"), log.count(&"none"), log.count_all()),
            (3, 2, 0, 5)
        );
        log.record("even", 5, 0);
        assert_eq!((log.requests().len(), log.count_all()), (0, 6));
        log.clear();
        assert_eq!(log.count_all(), 0);
    }
}
