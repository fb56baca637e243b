//! Finds the records that an appointment refers to, and reads from its ledger which people have
//! events.

use std::fmt;

use crate::calendar::{CalendarRef, Person, Role};
use crate::error::{InputError, Problem};
use crate::id::{ConnectionId, ProfileId};
use crate::model::{Appointment, Directory, Profile};
use crate::names::CalendarId;

/// Finds the records that an appointment refers to, and reads from its ledger which people have
/// events.
pub(super) struct Lookup<'a, 'b> {
    pub(super) directory: &'a Directory,
    pub(super) appointment: &'b Appointment,
    /// The appointment or order is cancelled: the ledger alone tells which events to remove.
    pub(super) needs_no_record: bool,
}

impl<'a, 'b> Lookup<'a, 'b> {
    pub(super) fn of_appointment<I: fmt::Display, T>(
        &self,
        field: &'static str,
        of: &str,
        id: &I,
        get: impl Fn(&'a Directory, &I) -> Option<&'a T>,
    ) -> Result<Option<&'a T>, InputError> {
        self.find("appointment", &self.appointment.id, field, of, id, get)
    }

    /// Returns the record with this id. A missing record is an error of the record that refers to
    /// it, unless no record is needed.
    pub(super) fn find<I: fmt::Display, T>(
        &self,
        kind: &str,
        record: &dyn fmt::Display,
        field: &'static str,
        of: &str,
        id: &I,
        get: impl Fn(&'a Directory, &I) -> Option<&'a T>,
    ) -> Result<Option<&'a T>, InputError> {
        match get(self.directory, id) {
            None if !self.needs_no_record => {
                Err(InputError::new(kind, record, field, Problem::NoSuchRecord(format!("{of} {id}"))))
            }
            found => Ok(found),
        }
    }

    /// Returns the calendars that have or had an event in a role, and whether the event may still
    /// exist.
    pub(super) fn rows(&self, role: Role) -> impl Iterator<Item = (&'b CalendarRef, bool)> {
        let rows = self.appointment.ledger.deliveries().iter();
        rows.filter(move |row| row.role() == role).map(|row| (row.calendar(), row.may_exist()))
    }

    /// Returns the profile that has the event of a role.
    pub(super) fn holder_of(&self, role: Role) -> Option<&'b ProfileId> {
        self.rows(role).filter(|(_, is_there)| *is_there).find_map(|(place, _)| match &place.person {
            Person::Profile(id) => Some(id),
            Person::Guest => None,
        })
    }

    /// For each connection without a stated calendar, returns the calendar that has or had the
    /// event. Of several calendars, returns the last one where the event may still exist.
    pub(super) fn calendars_of(&self, person: &Person, profile: &Profile) -> Vec<(ConnectionId, CalendarId)> {
        let silent = profile.connections.iter().filter(|connection| connection.calendar_id.is_none());
        let rows = self.appointment.ledger.deliveries();
        let known = silent.filter_map(|connection| {
            let theirs = rows.iter().filter(|row| row.calendar().is_through(&connection.calendar(person)));
            let row = theirs.max_by_key(|row| row.may_exist())?;
            Some((connection.id.clone(), row.calendar().calendar.clone()))
        });
        known.collect()
    }
}
