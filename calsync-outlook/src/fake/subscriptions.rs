//! Subscriptions and their notifications.

use std::sync::Arc;

use bytes::Bytes;
use calsync_core::fake::Reply;
use calsync_core::fake::oauth::with_query;
use calsync_core::http::{Request, Response};
use chrono::{DateTime, TimeDelta, Utc};
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::api::{Permitted, ok};
use super::outlook::FakeOutlook;
use super::reply::Problem;
use super::route::{ApiMethod, CalendarRef, Route, Whose};
use super::schema;
use super::state::{State, StoredEvent};
use super::times::{instant, plain_text};
use super::view;

/// Responds to the validation request in place of the host.
pub(super) type Validator = Arc<dyn Fn(&Request) -> Response + Send + Sync>;

/// The longest lifetime of a subscription to events: seven days.
const MAX_LIFETIME: TimeDelta = TimeDelta::minutes(10_080);
/// The shortest lifetime; a shorter one is raised to this.
const MIN_LIFETIME: TimeDelta = TimeDelta::minutes(45);
/// The most characters of a `clientState`.
const MAX_CLIENT_STATE: usize = 128;

/// A stored subscription.
#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) client: String,
    pub(super) mailbox: String,
    /// The calendar it watches; `None` for all of them.
    pub(super) calendar: Option<u64>,
    pub(super) resource: String,
    pub(super) change_type: String,
    pub(super) notification_url: String,
    pub(super) lifecycle_url: Option<String>,
    pub(super) client_state: Option<String>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) immutable_ids: bool,
}

/// What happened to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangeType {
    Created,
    Updated,
    Deleted,
}

/// The kind of a lifecycle notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LifecycleEvent {
    /// The subscription must be renewed, or it ends.
    ReauthorizationRequired,
    /// Graph ended the subscription early.
    SubscriptionRemoved,
    /// Notifications were lost.
    Missed,
}

impl ChangeType {
    fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

impl LifecycleEvent {
    fn name(self) -> &'static str {
        match self {
            Self::ReauthorizationRequired => "reauthorizationRequired",
            Self::SubscriptionRemoved => "subscriptionRemoved",
            Self::Missed => "missed",
        }
    }
}

impl State {
    pub(super) fn subscribe(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let body = schema::checked("subscription", &call.received.object(&self.settings)?)?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let needed = |name: &str| text(name).ok_or_else(|| Problem::invalid(format!("'{name}' is missing.")));
        let change_type = needed("changeType")?;
        if !change_type.split(',').all(|kind| matches!(kind.trim(), "created" | "updated" | "deleted")) {
            return Err(Problem::invalid("'changeType' is invalid."));
        }
        let notification_url = needed("notificationUrl")?;
        let lifecycle_url = text("lifecycleNotificationUrl");
        for url in [Some(notification_url), lifecycle_url].into_iter().flatten() {
            if !url.starts_with("https://") {
                return Err(Problem::invalid("The notification URL must be HTTPS."));
            }
        }
        let client_state = text("clientState");
        if client_state.is_some_and(|state| state.chars().count() > MAX_CLIENT_STATE) {
            return Err(Problem::invalid("'clientState' is too long."));
        }
        let resource = needed("resource")?;
        let (mailbox, calendar) = self.watched(call, resource)?;
        let expires_at = self.expiry(&body)?;
        let now = self.now();
        self.subscriptions.retain(|subscription| subscription.expires_at > now);
        let is_same = |one: &Subscription| {
            one.client == call.caller.client
                && one.mailbox == mailbox
                && one.resource == resource
                && one.notification_url == notification_url
                && one.change_type == change_type
        };
        if self.subscriptions.iter().any(is_same) {
            let message = "A subscription with the same parameters exists already.";
            return Err(Problem::new(StatusCode::CONFLICT, "Conflict", message));
        }
        for url in [Some(notification_url), lifecycle_url].into_iter().flatten() {
            self.validate_url(url)?;
        }
        let subscription = Subscription {
            id: self.guid("subscription"),
            client: call.caller.client.clone(),
            mailbox,
            calendar,
            resource: resource.to_owned(),
            change_type: change_type.to_owned(),
            notification_url: notification_url.to_owned(),
            lifecycle_url: lifecycle_url.map(str::to_owned),
            client_state: client_state.map(str::to_owned),
            expires_at,
            immutable_ids: call.prefers.immutable_ids,
        };
        let shown = view::in_context(&call.context(), subscription.shown());
        self.subscriptions.push(subscription);
        Ok(Reply::json(StatusCode::CREATED, &shown))
    }

    /// The mailbox and the calendar of a resource such as `/me/calendars/{id}/events`.
    fn watched(&self, call: &Permitted<'_>, resource: &str) -> Result<(String, Option<u64>), Problem> {
        let route = Route::of(&Method::GET, &format!("/v1.0/{}", resource.trim_start_matches('/')));
        if route.method != ApiMethod::EventsList {
            return Err(Problem::invalid(format!("The resource '{resource}' cannot be subscribed to here.")));
        }
        let own = call.caller.user.clone();
        let mailbox = match &route.whose {
            Some(Whose::User(user)) => {
                self.email_of(user).map(str::to_owned).ok_or_else(Problem::not_found)?
            }
            _ => own.clone().ok_or_else(|| Problem::invalid("There is no /me without a user."))?,
        };
        if own.is_some_and(|own| own != mailbox) {
            return Err(Problem::denied());
        }
        self.check_mailbox(&mailbox)?;
        let calendar = match &route.place {
            CalendarRef::Mailbox => None,
            place => Some(self.calendar_of(&mailbox, place)?),
        };
        Ok((mailbox, calendar))
    }

    /// The expiry from the body, checked and raised to the minimum.
    fn expiry(&self, body: &Map<String, Value>) -> Result<DateTime<Utc>, Problem> {
        let now = self.now();
        let text = body.get("expirationDateTime").and_then(Value::as_str);
        let ends =
            text.and_then(instant).ok_or_else(|| Problem::invalid("'expirationDateTime' is missing."))?;
        if ends <= now {
            return Err(Problem::invalid("Subscription expiration has to be in the future."));
        }
        if ends > now + MAX_LIFETIME {
            let minutes = MAX_LIFETIME.num_minutes();
            return Err(Problem::invalid(format!(
                "Subscription expiration can only be {minutes} minutes in the future."
            )));
        }
        Ok(ends.max(now + MIN_LIFETIME))
    }

    /// Sends the validation request. The host must return the token as plain text.
    fn validate_url(&mut self, url: &str) -> Result<(), Problem> {
        let token = format!(
            "Validation: Testing client application reachability. {}",
            self.serial.opaque("validation")
        );
        let request = http::Request::builder()
            .method(Method::POST)
            .uri(with_query(url, [("validationToken", token.as_str())]))
            .header(CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(Bytes::new());
        let failed = |why: &str| {
            Problem::bad("ValidationError", format!("Subscription validation request failed. {why}"))
        };
        let request = request.map_err(|_| failed("The notification URL is malformed."))?;
        let Some(validator) = self.validator.clone() else { return Ok(()) };
        let response = validator(&request);
        let kind =
            response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if response.status() != StatusCode::OK {
            return Err(failed(&format!("HTTP status code is '{}'.", response.status().as_u16())));
        }
        if !kind.starts_with("text/plain") {
            return Err(failed("The content type is not text/plain."));
        }
        if *response.body() != token.as_bytes() {
            return Err(failed("Must respond with the validation token."));
        }
        Ok(())
    }

    pub(super) fn get_subscription(&self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let number = self.subscription_of(call)?;
        self.shown_subscription(call, number)
    }

    /// Renews a subscription: only its expiry changes.
    pub(super) fn renew(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let number = self.subscription_of(call)?;
        let body = schema::checked("subscription", &call.received.object(&self.settings)?)?;
        if body.keys().any(|name| !matches!(name.as_str(), "expirationDateTime" | "notificationUrl")) {
            return Err(Problem::invalid("Only 'expirationDateTime' and 'notificationUrl' can be changed."));
        }
        let expires_at = self.expiry(&body)?;
        if let Some(subscription) = self.subscriptions.get_mut(number) {
            subscription.expires_at = expires_at;
        }
        self.shown_subscription(call, number)
    }

    pub(super) fn unsubscribe(&mut self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        let number = self.subscription_of(call)?;
        self.subscriptions.remove(number);
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }

    pub(super) fn reauthorize(&self, call: &Permitted<'_>) -> Result<Reply, Problem> {
        self.subscription_of(call).map(|_| Reply::empty(StatusCode::NO_CONTENT))
    }

    fn subscription_of(&self, call: &Permitted<'_>) -> Result<usize, Problem> {
        let now = self.now();
        let id = call.received.route.id.as_deref().unwrap_or_default();
        let is_match =
            |one: &Subscription| one.id == id && one.client == call.caller.client && one.expires_at > now;
        self.subscriptions.iter().position(is_match).ok_or_else(|| {
            Problem::new(StatusCode::NOT_FOUND, "ResourceNotFound", "The object was not found.")
        })
    }

    fn shown_subscription(&self, call: &Permitted<'_>, number: usize) -> Result<Reply, Problem> {
        let found = self.subscriptions.get(number).ok_or_else(Problem::not_found)?;
        Ok(ok(&view::in_context(&call.context(), found.shown())))
    }

    /// Queues a notification for every subscription to this kind of change.
    pub(super) fn notify(&mut self, mailbox: &str, event: &StoredEvent, change: ChangeType) {
        let now = self.now();
        let user = self.mailboxes.get(mailbox).map(|mailbox| mailbox.id.clone()).unwrap_or_default();
        let is_match = |one: &&Subscription| {
            one.mailbox == mailbox
                && one.expires_at > now
                && one.calendar.is_none_or(|number| number == event.calendar)
                && one.change_type.split(',').any(|kind| kind.trim() == change.name())
        };
        for subscription in self.subscriptions.iter().filter(is_match) {
            let id = event.id(subscription.immutable_ids);
            let resource = format!("Users/{user}/Events/{id}");
            let mut notice = subscription.notice(&resource);
            notice.insert("changeType".into(), change.name().into());
            let data = json!({
                "@odata.type": "#Microsoft.Graph.Event",
                "@odata.id": resource,
                "@odata.etag": format!("W/\"{}\"", event.change_key),
                "id": id,
            });
            notice.insert("resourceData".into(), data);
            self.notices.extend(message(&subscription.notification_url, notice));
        }
    }

    pub(super) fn send_lifecycle(&mut self, id: &str, event: LifecycleEvent) -> bool {
        let Some(number) = self.subscriptions.iter().position(|one| one.id == id) else { return false };
        let Some(subscription) = self.subscriptions.get(number) else { return false };
        let Some(url) = subscription.lifecycle_url.clone() else { return false };
        let mut notice = subscription.notice(&subscription.resource);
        notice.insert("lifecycleEvent".into(), event.name().into());
        self.notices.extend(message(&url, notice));
        if event == LifecycleEvent::SubscriptionRemoved {
            self.subscriptions.remove(number);
        }
        true
    }
}

impl Subscription {
    fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "resource": self.resource,
            "applicationId": self.client,
            "changeType": self.change_type,
            "clientState": self.client_state,
            "notificationUrl": self.notification_url,
            "lifecycleNotificationUrl": self.lifecycle_url,
            "expirationDateTime": plain_text(self.expires_at),
            "creatorId": self.mailbox,
            "includeResourceData": null,
            "latestSupportedTlsVersion": "v1_2",
            "notificationQueryOptions": null,
            "encryptionCertificate": null,
            "encryptionCertificateId": null,
            "notificationUrlAppId": null,
        })
    }

    fn notice(&self, resource: &str) -> Map<String, Value> {
        let notice = json!({
            "subscriptionId": self.id,
            "subscriptionExpirationDateTime": plain_text(self.expires_at),
            "clientState": self.client_state,
            "resource": resource,
            "tenantId": FakeOutlook::TENANT,
        });
        notice.as_object().cloned().unwrap_or_default()
    }
}

fn message(url: &str, notice: Map<String, Value>) -> Option<Request> {
    let body = json!({ "value": [notice] }).to_string();
    let request =
        http::Request::builder().method(Method::POST).uri(url).header(CONTENT_TYPE, "application/json");
    request.body(Bytes::from(body)).ok()
}
