//! Push notifications: channels, and the messages that Google would send.

use bytes::Bytes;
use calsync_core::http::Request;
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use serde_json::{Value, json};

use super::access::{AccessRole, Caller};
use super::reply::{Problem, Reply};
use super::request::Incoming;
use super::state::State;

/// An open push channel.
#[derive(Debug, Clone)]
pub(super) struct Channel {
    pub(super) id: String,
    pub(super) resource: String,
    pub(super) resource_uri: String,
    pub(super) address: String,
    pub(super) token: Option<String>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) user: String,
    pub(super) calendar: String,
    /// Number of messages sent so far.
    pub(super) messages: u64,
}

/// Longest life of a channel.
const MAX_LIFE: TimeDelta = TimeDelta::days(7);

impl State {
    pub(super) fn watch(&mut self, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let calendar = self.open(caller, &incoming.route, AccessRole::Reader)?.id;
        let body = incoming.object()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let id = text("id").filter(|id| !id.is_empty()).ok_or_else(|| Problem::required("Missing id."))?;
        if id.len() > 64 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+/=".contains(&byte)) {
            return Err(Problem::invalid("Invalid channel id."));
        }
        if self.channels.iter().any(|channel| channel.id == id) {
            let message = format!("Channel id {id} not unique");
            return Err(Problem::new(StatusCode::BAD_REQUEST, "channelIdNotUnique", message));
        }
        if !matches!(text("type"), Some("web_hook" | "webhook")) {
            return Err(Problem::invalid("Invalid channel type."));
        }
        let address = text("address").ok_or_else(|| Problem::required("Missing address."))?.to_owned();
        if !address.starts_with("https://") {
            let message = "WebHook callback must be HTTPS";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "push.webhookUrlNotHttps", message));
        }
        let token = text("token").map(str::to_owned);
        if token.as_ref().is_some_and(|token| token.len() > 256) {
            return Err(Problem::invalid("Invalid channel token."));
        }
        let now = self.now();
        let millis = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
        let asked = match body.get("expiration") {
            None => None,
            Some(value) => {
                let instant = millis(value).and_then(DateTime::from_timestamp_millis);
                Some(instant.ok_or_else(|| Problem::invalid("Invalid expiration."))?)
            }
        };
        let ttl = body.get("params").and_then(|params| params.get("ttl")).and_then(millis);
        let asked = asked.or_else(|| now.checked_add_signed(TimeDelta::try_seconds(ttl?)?));
        let expires_at = asked.unwrap_or(now + MAX_LIFE).min(now + MAX_LIFE);
        if expires_at <= now {
            return Err(Problem::invalid("Invalid expiration."));
        }
        let channel = Channel {
            id: id.to_owned(),
            resource: self.serial.opaque("resource"),
            resource_uri: format!(
                "https://www.googleapis.com/calendar/v3/calendars/{calendar}/events?alt=json"
            ),
            address,
            token,
            expires_at,
            user: caller.user.clone(),
            calendar,
            messages: 0,
        };
        let mut response = json!({
            "kind": "api#channel",
            "id": channel.id,
            "resourceId": channel.resource,
            "resourceUri": channel.resource_uri,
            // Milliseconds since 1970 as a string, as in Google's responses.
            "expiration": expires_at.timestamp_millis().to_string(),
        });
        if let (Some(token), Some(response)) = (&channel.token, response.as_object_mut()) {
            response.insert("token".into(), token.as_str().into());
        }
        let mut channel = channel;
        self.notices.extend(channel.message("sync"));
        self.channels.push(channel);
        Ok(Reply::json(StatusCode::OK, &response))
    }

    pub(super) fn stop(&mut self, caller: &Caller, incoming: &Incoming) -> Result<Reply, Problem> {
        let body = incoming.object()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let (id, resource) = (text("id"), text("resourceId"));
        let found = self.channels.iter().position(|channel| {
            channel.id == id && channel.resource == resource && channel.user == caller.user
        });
        let Some(found) = found else {
            let message = format!("Channel '{id}' not found for project");
            return Err(Problem::new(StatusCode::NOT_FOUND, "notFound", message));
        };
        self.channels.remove(found);
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }

    /// Sends a message to every channel of the calendar: something has changed. The message does
    /// not say what.
    pub(super) fn notify(&mut self, calendar_id: &str) {
        let now = self.now();
        self.channels.retain(|channel| channel.expires_at > now);
        for channel in self.channels.iter_mut().filter(|channel| channel.calendar == calendar_id) {
            self.notices.extend(channel.message("exists"));
        }
    }
}

impl Channel {
    /// Builds the next message: headers without a body.
    fn message(&mut self, state: &str) -> Option<Request> {
        self.messages += 1;
        let expires = self.expires_at.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let mut request = http::Request::post(&self.address)
            .header("X-Goog-Channel-ID", &self.id)
            .header("X-Goog-Channel-Expiration", expires)
            .header("X-Goog-Resource-ID", &self.resource)
            .header("X-Goog-Resource-URI", &self.resource_uri)
            .header("X-Goog-Resource-State", state)
            .header("X-Goog-Message-Number", self.messages)
            .header("Content-Length", 0);
        if let Some(token) = &self.token {
            request = request.header("X-Goog-Channel-Token", token);
        }
        request.body(Bytes::new()).ok()
    }
}
