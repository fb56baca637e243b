//! Why somebody gets no event, and what becomes of one they have.

use std::fmt;

use crate::audience::Trigger;
use crate::calendar::Role;
use crate::model::{Column, Profile, StatedConnections, SyncDirection};

/// Why somebody gets no event.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// `calendar_sync_enabled` is off.
    SyncDisabled,
    /// `sync_direction` lets nothing out.
    InboundOnly,
    /// `sync_direction` has a value calsync does not know. What stands is left as it is.
    UnknownDirection,
    /// `auto_sync` is off and nobody asked. What stands is left as it is.
    AutoSyncOff,
    /// No calendar is connected.
    NoConnection,
    /// There is no account and no e-mail address.
    NoAccount,
    /// The e-mail address cannot be one. What stands is left as it is.
    BadEmail,
    /// They have their event in another role.
    AlreadyAs(Role),
    /// The admin does not want every appointment.
    NotAllAppointments,
    /// A row does not say whether they get one. What is there stays and is kept right.
    NotStated(Column),
    /// The record is not in the directory: the profile of an admin. What is there stays and is kept right.
    NoRecord,
}

/// What becomes of an event that is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// It is removed.
    Withdraw,
    /// It is neither kept right nor removed, not even when the appointment is cancelled.
    LeaveAsIs,
    /// It is kept right where it is, and removed when the appointment is cancelled. Where there is none, none is made.
    KeepRight,
}

impl Reason {
    /// Whether the events somebody has are left as they are, neither kept right nor removed, for as long as they belong to
    /// the audience. A cancelled appointment's stay too: with `auto_sync` off until the person asks.
    #[must_use]
    pub fn leaves_as_is(&self) -> bool {
        self.treatment() == Treatment::LeaveAsIs
    }

    /// Whether the events somebody has stay and are kept right, and no other is made, since a row does not say whether they are
    /// wanted. A cancelled appointment's are removed.
    #[must_use]
    pub fn keeps_right(&self) -> bool {
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
            Self::UnknownDirection => f.write_str("the sync direction is not known; left as it is"),
            Self::AutoSyncOff => f.write_str("syncs by hand only; left as it is"),
            Self::NoConnection => f.write_str("no calendar is connected"),
            Self::NoAccount => f.write_str("no account and no e-mail address"),
            Self::BadEmail => f.write_str("the e-mail address cannot be one; left as it is"),
            Self::AlreadyAs(role) => write!(f, "already there as {role}"),
            Self::NotAllAppointments => f.write_str("does not follow every appointment"),
            Self::NotStated(column) => write!(f, "{column} is not stated; what is there is kept"),
            Self::NoRecord => f.write_str("the record is not there; what is there is kept"),
        }
    }
}

/// Why the owner of a profile gets no event, in any role.
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
