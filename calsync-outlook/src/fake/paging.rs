//! Pages of a listing.

use calsync_core::fake::Incoming;
use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use calsync_core::fake::Reply;

use super::request::{Prefers, Received};
use super::select::Query;
use super::settings::Settings;

/// Encodes all but RFC 3986's unreserved characters and `$`, which OData queries leave plain.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'$');

/// A page's range in a listing.
pub(super) struct Page {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Where the next page begins; `None` on the last page.
    pub(super) next: Option<usize>,
}

impl Page {
    /// Page `number` of `len` items, from `from` on, with up to `size` items. With sparse pages the
    /// first page is empty and the others are short.
    pub(super) fn new(len: usize, from: usize, size: usize, number: usize, settings: &Settings) -> Self {
        let size = match (settings.sparse_pages, number) {
            (false, _) => size,
            (true, 0) => 0,
            (true, _) => (size / 2).max(1),
        };
        let from = from.min(len);
        let to = from.saturating_add(size).min(len);
        Self { from, to, next: (to < len || (settings.sparse_pages && number == 0)).then_some(to) }
    }
}

/// The response with one page of a collection.
pub(super) fn collection(
    received: &Received,
    query: &Query,
    prefers: &Prefers,
    settings: &Settings,
    items: &[Value],
) -> Reply {
    let size = query.top.or(prefers.page).unwrap_or(settings.page_size).max(1);
    let page = Page::new(items.len(), query.skip, size, query.page, settings);
    let mut body = Map::new();
    body.insert("@odata.context".into(), context(received).into());
    if query.count {
        body.insert("@odata.count".into(), items.len().into());
    }
    let shown = items.get(page.from..page.to).unwrap_or_default();
    body.insert("value".into(), shown.to_vec().into());
    if let Some(next) = page.next {
        let more = [("$skip", next.to_string()), ("$skiptoken", (query.page + 1).to_string())];
        body.insert("@odata.nextLink".into(), link(received, &more).into());
    }
    Reply::json(StatusCode::OK, &body.into())
}

/// The request's own URL with these parameters added. They replace parameters of the same name.
pub(super) fn link(received: &Received, parameters: &[(&str, String)]) -> String {
    let Incoming { path, query, .. } = &received.incoming;
    let kept = query.pairs().iter().filter(|(name, _)| !parameters.iter().any(|(new, _)| name == new));
    let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
    let new = parameters.iter().map(|(name, value)| (*name, value.as_str()));
    let encoded = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
    let pairs: Vec<String> =
        kept.chain(new).map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    format!("{}{path}?{}", received.origin, pairs.join("&"))
}

/// `@odata.context`: the URL that describes the types.
pub(super) fn context(received: &Received) -> String {
    let path = received.incoming.path.trim_start_matches("/v1.0/");
    format!("{}/v1.0/$metadata#{path}", received.origin)
}
