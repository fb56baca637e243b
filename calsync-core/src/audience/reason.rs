//! Why a member of the audience gets no event, and what happens to an event they have.

use std::fmt;

use crate::audience::Trigger;
use crate::calendar::Role;
use crate::model::{Column, Profile, StatedConnections, SyncDirection};

/// Why a member of the audience gets no event.
///
/// Events that the member has are removed, unless the variant says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// `calendar_sync_enabled` is off.
    SyncDisabled,
    /// `sync_direction` is `inbound`: calsync writes nothing.
    InboundOnly,
    /// `sync_direction` has a value that calsync does not know. Existing events are not changed.
    UnknownDirection,
    /// `auto_sync` is off and the plan is automatic. Existing events are not changed.
    AutoSyncOff,
    /// No calendar is connected.
    NoConnection,
    /// The customer has no profile and no e-mail address.
    NoAccount,
    /// The e-mail address is not valid. Existing events are not changed.
    BadEmail,
    /// The person is already a member in another role.
    AlreadyAs(Role),
    /// The admin's `sync_all_appointments` is `false`.
    NotAllAppointments,
    /// The host's data do not state whether the person gets an event. Existing events stay and are
    /// kept up to date.
    NotStated(Column),
    /// The admin's profile is not in the directory. Existing events stay and are kept up to date.
    NoRecord,
}

/// What happens to an event of the ledger that the audience does not ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// It is removed.
    Withdraw,
    /// It is neither updated nor removed, even if the appointment is cancelled.
    LeaveAsIs,
    /// It is kept up to date, and removed if the appointment is cancelled. No new event is created.
    KeepRight,
}

impl Reason {
    /// Returns `true` if the member's existing events are neither updated nor removed while the
    /// member is in the audience, even if the appointment is cancelled. With `auto_sync` off, a
    /// plan with [`Trigger::Manual`] changes them.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.treatment() == Treatment::LeaveAsIs
    }

    /// Returns `true` if the member's existing events are kept up to date and no new event is
    /// created, because the host's data do not state whether the member gets one. If the
    /// appointment is cancelled, they are removed.
    #[must_use]
    pub fn is_kept_up_to_date(&self) -> bool {
        self.treatment() == Treatment::KeepRight
    }

    pub(crate) fn treatment(&self) -> Treatment {
        match self {
            Self::AutoSyncOff | Self::UnknownDirection | Self::BadEmail => Treatment::LeaveAsIs,
            Self::NotStated(_) | Self::NoRecord => Treatment::KeepRight,
            Self::SyncDisabled
            | Self::InboundOnly
            | Self::NoConnection
            | Self::NoAccount
            | Self::AlreadyAs(_)
            | Self::NotAllAppointments => Treatment::Withdraw,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SyncDisabled => f.write_str("calendar sync is off"),
            Self::InboundOnly => f.write_str("the calendar is only read"),
            Self::UnknownDirection => f.write_str("the sync direction is unknown; events are not changed"),
            Self::AutoSyncOff => f.write_str("automatic sync is off; events are not changed"),
            Self::NoConnection => f.write_str("no calendar is connected"),
            Self::NoAccount => f.write_str("no account and no e-mail address"),
            Self::BadEmail => f.write_str("the e-mail address is not valid; events are not changed"),
            Self::AlreadyAs(role) => write!(f, "already there as {role}"),
            Self::NotAllAppointments => f.write_str("does not follow every appointment"),
            Self::NotStated(column) => write!(f, "{column} is not stated; existing events are kept"),
            Self::NoRecord => f.write_str("the record is missing; existing events are kept"),
        }
    }
}

/// Returns why the owner of a profile gets no event, in any role. `None` if the profile allows
/// events.
pub(super) fn reason_of(profile: &Profile, trigger: Trigger) -> Option<Reason> {
    if profile.calendar_sync_enabled == Some(false) {
        return Some(Reason::SyncDisabled);
    }
    if profile.connections.is_empty() {
        return Some(match profile.connections_stated {
            StatedConnections::Nothing => Reason::NotStated(Column::CalendarProvider),
            StatedConnections::All | StatedConnections::Flat => Reason::NoConnection,
        });
    }
    let settings = &profile.calendar_sync_settings;
    match settings.direction() {
        SyncDirection::Inbound => Some(Reason::InboundOnly),
        SyncDirection::Other(_) => Some(Reason::UnknownDirection),
        SyncDirection::Outbound | SyncDirection::Both => {
            if trigger == Trigger::Automatic && !settings.auto_sync() {
                Some(Reason::AutoSyncOff)
            } else if profile.calendar_sync_enabled.is_none() {
                Some(Reason::NotStated(Column::CalendarSyncEnabled))
            } else {
                None
            }
        }
    }
}
