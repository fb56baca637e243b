//! What stands out there: the ledger an appointment carries, one row a target.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::{CalendarRef, Person, Role};
use crate::error::{ErrorKind, Failure};
use crate::id::ConnectionId;
use crate::identity::{EventKey, Fingerprint};
use crate::names::{Etag, ProviderKind, RemoteId};

/// Everything calsync knows about the events of one appointment.
///
/// The host stores it with the appointment. [`revision`](Ledger::revision) rises whenever a plan is begun. A host with
/// several workers saves an appointment only where the stored revision is still the one it loaded (compare and save, or a
/// row lock). Where it is not, another worker was faster: after `begin` the host loads the appointment and plans again;
/// after `record` it loads it and records the report again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ledger {
    /// Rises with every plan that is begun, and above any newer revision met out there.
    #[serde(default)]
    pub revision: u64,
    /// The rows.
    #[serde(default)]
    pub deliveries: Vec<Delivery>,
    /// Events written before there was a ledger: one id per provider, for nobody knows whom. The next plan adopts them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inherited: BTreeMap<ProviderKind, RemoteId>,
}

/// One row: what stands at one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Delivery {
    /// Where.
    pub place: CalendarRef,
    /// The role the event was last worded for.
    pub role: Role,
    /// How often an event of ours was withdrawn here. Part of the next key, since a deleted event's id may be spent.
    #[serde(default)]
    pub generation: u32,
    /// What stands there.
    pub presence: Presence,
    /// What keeps us from changing it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The ledger's revision when a plan last began to touch this row.
    pub revision: u64,
    /// When that was.
    pub changed_at: DateTime<Utc>,
    /// Since when this row is not as it should be: when the first plan for it was begun that has not been carried out yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_since: Option<DateTime<Utc>>,
    /// When a write was begun that had not reported when the next plan was begun: a worker that died, or a slower one.
    /// Shortly after, what it wrote may still arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rivals_since: Option<DateTime<Utc>>,
    /// What the last attempt met, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<Failure>,
}

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Presence {
    /// Nothing of ours: never written, or withdrawn.
    Absent,
    /// The provider confirmed it.
    Present(Standing),
    /// A write is under way or its outcome is not known: look before believing.
    Unsure(Unsure),
}

/// An event the provider confirmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Standing {
    /// Its key.
    pub key: EventKey,
    /// The provider's id.
    pub remote_id: RemoteId,
    /// The provider's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<Etag>,
    /// What it says; `None` for an adopted event, whose content calsync never wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

/// A write under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unsure {
    /// The key it is written under.
    pub key: EventKey,
    /// What stood there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Standing>,
    /// Whether it is being removed, so that finding nothing is our own doing and not the person's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removing: bool,
    /// Other keys that a run which was cut off, or was slower, may have written under.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<EventKey>,
    /// When a plan that writes here was last begun.
    pub since: DateTime<Utc>,
}

/// What keeps a row from being acted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "hold", rename_all = "lowercase")]
pub enum Hold {
    /// Something outside must change first.
    Parked {
        /// What must change.
        reason: ParkReason,
        /// When it is worth trying again by itself; `None` until [`Ledger::revive`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
    },
    /// This content was refused for good; other content may be tried.
    Refused {
        /// The content that was refused.
        fingerprint: Fingerprint,
    },
}

/// Why a row is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ParkReason {
    /// The grant is dead: the person has to connect again.
    Reconnect,
    /// The person has to grant a permission.
    MissingScope,
    /// The account may not write to this calendar.
    Forbidden,
    /// The calendar is gone.
    CalendarGone,
    /// A quota is used up, for hours.
    Quota,
    /// The person deleted our event and the host respects that.
    RemovedByPerson,
    /// The provider refused to remove the event, for good.
    DeleteRefused,
    /// The calendar was disconnected, and the event left there on purpose. Connecting it again lifts this.
    Disconnected,
    /// Our event was removed, but a write begun shortly before may still arrive: one more look has to be taken.
    Settling,
    /// The account is to be left alone for a while, since calls to it failed.
    Busy,
}

/// A wait that a run takes upon itself; before a longer one is over nothing is planned.
const SHORT_WAIT: chrono::TimeDelta = chrono::TimeDelta::minutes(1);

/// How long a used-up quota rests when the provider does not say.
const QUOTA_WAIT: std::time::Duration = std::time::Duration::from_secs(60 * 60);

impl Delivery {
    /// A row for a place where nothing of ours stands.
    #[must_use]
    pub fn new(place: CalendarRef, role: Role, at: DateTime<Utc>) -> Self {
        Self {
            place,
            role,
            generation: 0,
            presence: Presence::Absent,
            hold: None,
            revision: 0,
            changed_at: at,
            open_since: None,
            rivals_since: None,
            last_error: None,
        }
    }

    /// The event that stands there for certain.
    #[must_use]
    pub fn standing(&self) -> Option<&Standing> {
        match &self.presence {
            Presence::Present(standing) => Some(standing),
            Presence::Absent | Presence::Unsure(_) => None,
        }
    }

    /// What the last attempt met, while its account is still to be left alone.
    pub(crate) fn pause(&self, now: DateTime<Utc>) -> Option<&Failure> {
        self.last_error.as_ref().filter(|failure| failure.next_attempt_at.is_some_and(|until| now < until))
    }

    /// The hold of a row whose account is to be left alone for longer than a run should wait.
    pub(crate) fn busy(&self, now: DateTime<Utc>) -> Option<Hold> {
        let until = self.pause(now)?.next_attempt_at.filter(|until| *until - now > SHORT_WAIT);
        until.map(|until| Hold::Parked { reason: ParkReason::Busy, until: Some(until) })
    }

    /// Whether this is the row of a place: by person, connection and calendar, which with the appointment make a target.
    pub(crate) fn is_at(&self, place: &CalendarRef) -> bool {
        self.place.person == place.person
            && self.place.connection == place.connection
            && self.place.calendar == place.calendar
            && self.place.provider == place.provider
    }

    /// Why this row is where it is, in words: what stands, what it waits for, and the last failure.
    #[must_use]
    pub fn explain(&self) -> impl fmt::Display + '_ {
        Explanation(self)
    }
}

impl Presence {
    /// The key of the event that stands there, or may.
    pub(crate) fn key(&self) -> Option<EventKey> {
        match self {
            Self::Absent => None,
            Self::Present(standing) => Some(standing.key),
            Self::Unsure(unsure) => Some(unsure.key),
        }
    }
}

impl Standing {
    /// An event under that key and provider's id, of unknown version and content.
    #[must_use]
    pub fn new(key: EventKey, remote_id: RemoteId) -> Self {
        Self { key, remote_id, etag: None, fingerprint: None }
    }
}

impl Unsure {
    /// A write under `key`, over what stood there before, begun at `since`.
    #[must_use]
    pub fn new(key: EventKey, before: Option<Standing>, since: DateTime<Utc>) -> Self {
        Self { key, before, removing: false, also: Vec::new(), since }
    }

    /// The same; another run may have written under that key too. Returns whether that is news.
    pub(crate) fn add_key(&mut self, key: EventKey) -> bool {
        let is_news = key != self.key && !self.also.contains(&key);
        if is_news {
            self.also.push(key);
        }
        is_news
    }

    /// The same, as a removal.
    #[must_use]
    pub fn with_removing(mut self, removing: bool) -> Self {
        self.removing = removing;
        self
    }
}

impl Hold {
    /// What a call that failed for good puts on its row; `None` where the next plan may simply try again.
    #[must_use]
    pub fn after(failure: &Failure, content: Option<Fingerprint>, now: DateTime<Utc>) -> Option<Self> {
        let parked = |reason| Some(Self::Parked { reason, until: None });
        match failure.kind {
            ErrorKind::Unauthenticated => parked(ParkReason::Reconnect),
            ErrorKind::MissingScope => parked(ParkReason::MissingScope),
            ErrorKind::Forbidden => parked(ParkReason::Forbidden),
            ErrorKind::CalendarNotFound => parked(ParkReason::CalendarGone),
            ErrorKind::QuotaExceeded => {
                let wait = failure.retry_after().unwrap_or(QUOTA_WAIT);
                let wait = chrono::Duration::from_std(wait).unwrap_or(chrono::Duration::hours(24));
                Some(Self::Parked { reason: ParkReason::Quota, until: now.checked_add_signed(wait) })
            }
            ErrorKind::Refused | ErrorKind::Unsupported => match content {
                Some(fingerprint) => Some(Self::Refused { fingerprint }),
                None => parked(ParkReason::DeleteRefused),
            },
            _ => None,
        }
    }

    /// Whether this waits for the person to connect the calendar again, which a new connection is.
    pub(crate) fn is_about_the_connection(&self) -> bool {
        let reasons = [
            ParkReason::Reconnect,
            ParkReason::MissingScope,
            ParkReason::Forbidden,
            ParkReason::Disconnected,
        ];
        matches!(self, Self::Parked { reason, .. } if reasons.contains(reason))
    }

    /// Whether the event was left in a calendar that was disconnected.
    pub(crate) fn is_disconnected(&self) -> bool {
        matches!(self, Self::Parked { reason: ParkReason::Disconnected, .. })
    }

    /// Whether there is no event because the person wants none.
    pub(crate) fn is_the_persons_wish(&self) -> bool {
        matches!(self, Self::Parked { reason: ParkReason::RemovedByPerson, .. })
    }

    /// Whether this keeps a plan from bringing about `content` (`None`: from removing what stands there).
    #[must_use]
    pub fn keeps_from(&self, content: Option<Fingerprint>, now: DateTime<Utc>) -> bool {
        match (self, content) {
            (Self::Refused { fingerprint }, Some(wanted)) => *fingerprint == wanted,
            (Self::Refused { .. }, None) => false,
            // What stood in a calendar that is gone is gone with it; asking settles it.
            (Self::Parked { reason: ParkReason::CalendarGone, .. }, None) => false,
            (Self::Parked { reason: ParkReason::DeleteRefused | ParkReason::Settling, .. }, Some(_)) => false,
            // Where an event is wanted, the calendar is connected again.
            (Self::Parked { reason: ParkReason::Disconnected, .. }, Some(_)) => false,
            (Self::Parked { until, .. }, _) => until.is_none_or(|until| now < until),
        }
    }
}

impl Ledger {
    /// The row of a place.
    #[must_use]
    pub fn delivery(&self, place: &CalendarRef) -> Option<&Delivery> {
        self.deliveries.iter().find(|row| row.is_at(place))
    }

    pub(crate) fn position(&self, place: &CalendarRef) -> Option<usize> {
        self.deliveries.iter().position(|row| row.is_at(place))
    }

    pub(crate) fn add(&mut self, row: Delivery) -> &mut Delivery {
        let at = self.deliveries.len();
        self.deliveries.push(row);
        #[expect(clippy::indexing_slicing, reason = "just pushed")]
        &mut self.deliveries[at]
    }

    /// Lets the rows of a person's connection be tried again: after a reconnect, a permission granted, a calendar
    /// restored. Returns how many rows were waiting.
    pub fn revive(&mut self, person: &Person, connection: &ConnectionId) -> usize {
        let mut revived = 0;
        for row in &mut self.deliveries {
            if row.place.person == *person && row.place.connection == *connection {
                let pause = row.last_error.as_mut().and_then(|failure| failure.next_attempt_at.take());
                revived += usize::from(row.hold.take().is_some() || pause.is_some());
            }
        }
        revived
    }

    /// The guide's `calendar_synced_to`: the providers where an event stands, in alphabetical order.
    #[must_use]
    pub fn synced_to(&self) -> Vec<ProviderKind> {
        self.event_ids().into_keys().collect()
    }

    /// The guide's `calendar_event_id`: one event id per provider. Where several stand with one provider it is the one
    /// the guide's code would have written last: the manager's, else the staff
    /// member's, the customer's; an admin's only where it is alone, since that code wrote none.
    #[must_use]
    pub fn event_ids(&self) -> BTreeMap<ProviderKind, RemoteId> {
        let mut ids: BTreeMap<ProviderKind, (u8, RemoteId)> = BTreeMap::new();
        for (kind, id) in &self.inherited {
            ids.insert(kind.clone(), (u8::MAX, id.clone()));
        }
        for row in &self.deliveries {
            let Some(standing) = row.standing() else { continue };
            let rank = match row.role {
                Role::Manager => 0,
                Role::Staff => 1,
                Role::Customer => 2,
                Role::Admin => 3,
            };
            if ids.get(&row.place.provider).is_none_or(|(best, _)| rank < *best) {
                ids.insert(row.place.provider.clone(), (rank, standing.remote_id.clone()));
            }
        }
        ids.into_iter().map(|(kind, (_, id))| (kind, id)).collect()
    }
}

struct Explanation<'a>(&'a Delivery);

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.0;
        write!(f, "{} in {}: ", row.role, row.place)?;
        match (&row.presence, row.generation) {
            (Presence::Absent, 0) => f.write_str("nothing of ours stands there")?,
            (Presence::Absent, _) => f.write_str("our event was withdrawn")?,
            (Presence::Present(_), _) => write!(f, "our event stands there, revision {}", row.revision)?,
            (Presence::Unsure(_), _) => {
                f.write_str("a write was begun and not confirmed; the next run looks first")?
            }
        }
        if let Some(hold) = &row.hold {
            write!(f, "; it waits: {hold}")?;
        }
        match &row.last_error {
            Some(error) => write!(f, "; last failure: {error}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parked { reason, until: Some(until) } => {
                write!(f, "{reason}, until {}", until.format("%F %T UTC"))
            }
            Self::Parked { reason, until: None } => write!(f, "{reason}"),
            Self::Refused { .. } => f.write_str("this content was refused; other content may be tried"),
        }
    }
}

impl fmt::Display for ParkReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Reconnect => "the person has to connect the calendar again",
            Self::MissingScope => "the person has to grant a permission",
            Self::Forbidden => "the account may not write to this calendar",
            Self::CalendarGone => "the calendar is gone",
            Self::Quota => "a quota is used up",
            Self::RemovedByPerson => "the person deleted the event",
            Self::DeleteRefused => "the provider refused to remove the event",
            Self::Disconnected => "the calendar is disconnected; the event was left there",
            Self::Settling => "removed, one more look will be taken",
            Self::Busy => "the account is to be left alone for a while",
        })
    }
}
