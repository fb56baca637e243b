//! Calendars whose ids changed: where they were found again.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use calsync_core::calendar::{CalendarKey, CalendarRef};
use calsync_core::names::CalendarId;
use calsync_core::provider::AccountCalendar;

/// Above this many all are forgotten, and found again.
const MOST: usize = 10_000;

/// Where calendars were found again whose ids stopped existing, for as long as the process lives. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moved(Arc<Mutex<HashMap<CalendarKey, CalendarId>>>);

/// A calendar under the id that it is known to have now. Small, since there is one for every call under way.
pub(crate) enum CurrentPlace<'p> {
    Unchanged(&'p CalendarRef),
    Relocated(Box<CalendarRef>),
}

impl Deref for CurrentPlace<'_> {
    type Target = CalendarRef;

    fn deref(&self) -> &CalendarRef {
        match self {
            Self::Unchanged(place) => place,
            Self::Relocated(place) => place,
        }
    }
}

impl Moved {
    /// The calendar under the id that it is known to have now.
    pub(crate) fn current<'p>(&self, place: &'p CalendarRef) -> CurrentPlace<'p> {
        let moved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Most of the time nothing has moved.
        if !moved.is_empty()
            && let Some(calendar) = moved.get(&place.key())
        {
            let mut relocated = place.clone();
            relocated.calendar = calendar.clone();
            return CurrentPlace::Relocated(Box::new(relocated));
        }
        CurrentPlace::Unchanged(place)
    }

    /// That calendar has this id now.
    pub(crate) fn note(&self, place: &CalendarRef, calendar: CalendarId) {
        let mut moved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if moved.len() >= MOST {
            moved.clear();
        }
        moved.insert(place.key(), calendar);
    }
}

/// The one calendar among these that goes by this name and is the account's own, if it is one alone.
pub(crate) fn of_name<'a>(calendars: &'a [AccountCalendar], name: &str) -> Option<&'a CalendarId> {
    let owner = |calendar: &AccountCalendar| calendar.owner.as_deref().map(str::to_lowercase);
    let own = calendars.iter().find(|calendar| calendar.is_primary).and_then(owner);
    let is_own = |calendar: &&AccountCalendar| own.is_none() || owner(calendar) == own;
    let mut found = calendars.iter().filter(|calendar| calendar.name.trim() == name).filter(is_own);
    let first = found.next()?;
    found.next().is_none().then_some(&first.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(id: &str, name: &str, owner: &str) -> AccountCalendar {
        AccountCalendar::new(CalendarId::new(id).unwrap(), name).with_owner(Some(owner.to_owned()))
    }

    #[test]
    fn a_name_is_only_believed_where_it_is_the_owners_and_the_only_one() {
        let mut calendars = vec![
            calendar("p", "Calendar", "anna@example.org").with_primary(true),
            calendar("a", "Work", "Anna@example.org"),
            calendar("b", "Work", "ben@example.org"),
        ];
        let found =
            |calendars: &[AccountCalendar], name| of_name(calendars, name).map(|id| id.as_str().to_owned());
        assert_eq!(found(&calendars, "Work").as_deref(), Some("a"));
        assert_eq!(found(&calendars, "Gone"), None);
        calendars.push(calendar("c", "Work", "anna@example.org"));
        assert_eq!(found(&calendars, "Work"), None, "which of the two?");
    }
}
