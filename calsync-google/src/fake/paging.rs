//! Page tokens and sync tokens: opaque to clients.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use calsync_core::fake::Params;
use serde_json::{Value, json};

/// Content of a page token: where a listing continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// Position of the page's last item in the order; the next page starts after it.
    pub(super) after: String,
    /// Number of the last change when the first page was read: the sync token at the end continues
    /// from it.
    pub(super) upto: u64,
    /// Number of pages before this one.
    pub(super) number: u64,
    pub(super) signature: String,
}

/// Content of a sync token: where an incremental listing starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sync {
    pub(super) calendar: String,
    pub(super) since: u64,
    pub(super) epoch: u64,
    pub(super) signature: String,
}

impl Page {
    pub(super) fn write(&self) -> String {
        encode(&json!(["page", self.after, self.upto, self.number, self.signature]))
    }

    pub(super) fn read(token: &str) -> Option<Self> {
        let parts = decode(token, "page")?;
        let [_, after, upto, number, signature] = parts.as_slice() else { return None };
        Some(Self {
            after: after.as_str()?.to_owned(),
            upto: upto.as_u64()?,
            number: number.as_u64()?,
            signature: signature.as_str()?.to_owned(),
        })
    }
}

impl Sync {
    pub(super) fn write(&self) -> String {
        encode(&json!(["sync", self.calendar, self.since, self.epoch, self.signature]))
    }

    pub(super) fn read(token: &str) -> Option<Self> {
        let parts = decode(token, "sync")?;
        let [_, calendar, since, epoch, signature] = parts.as_slice() else { return None };
        Some(Self {
            calendar: calendar.as_str()?.to_owned(),
            since: since.as_u64()?,
            epoch: epoch.as_u64()?,
            signature: signature.as_str()?.to_owned(),
        })
    }
}

/// The parameters that must be equal for all pages of a listing.
pub(super) fn page_signature(query: &Params) -> String {
    signature(query, |name| !matches!(name, "pageToken" | "maxResults" | "fields" | "prettyPrint"))
}

/// The parameters that must be equal for all incremental listings. Search parameters are not among
/// them, because Google's tokens do not distinguish searches (home-assistant/core#81532).
pub(super) fn sync_signature(query: &Params) -> String {
    signature(query, |name| matches!(name, "singleEvents" | "eventTypes" | "showHiddenInvitations"))
}

fn signature(query: &Params, counts: impl Fn(&str) -> bool) -> String {
    let pairs = query.pairs().iter().filter(|(name, value)| counts(name) && value != "false");
    let mut pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
    pairs.sort();
    pairs.join("&")
}

fn encode(parts: &Value) -> String {
    URL_SAFE_NO_PAD.encode(parts.to_string())
}

fn decode(token: &str, kind: &str) -> Option<Vec<Value>> {
    let parts: Vec<Value> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    (parts.first()?.as_str()? == kind).then_some(parts)
}
