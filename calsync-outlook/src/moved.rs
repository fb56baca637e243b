//! Remembers the new ids of calendars whose ids changed.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use calsync_core::calendar::{CalendarKey, CalendarRef};
use calsync_core::names::CalendarId;
use calsync_core::provider::AccountCalendar;

/// At this size the map is cleared; the calendars are then looked up again.
const MAX_RELOCATED: usize = 10_000;

/// New ids of calendars whose ids no longer exist, by the calendar's key. Lives as long as the
/// process. Clones share one map.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moved(Arc<Mutex<HashMap<CalendarKey, CalendarId>>>);

/// A calendar with its current id. Small, since every call in flight holds one.
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
    /// The calendar with its current id.
    pub(crate) fn current<'p>(&self, place: &'p CalendarRef) -> CurrentPlace<'p> {
        let moved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Usually no calendar has moved.
        if !moved.is_empty()
            && let Some(calendar) = moved.get(&place.key())
        {
            let mut relocated = place.clone();
            relocated.calendar = calendar.clone();
            return CurrentPlace::Relocated(Box::new(relocated));
        }
        CurrentPlace::Unchanged(place)
    }

    /// Records the calendar's new id.
    pub(crate) fn record(&self, place: &CalendarRef, calendar: CalendarId) {
        let mut moved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if moved.len() >= MAX_RELOCATED {
            moved.clear();
        }
        moved.insert(place.key(), calendar);
    }
}

/// The account's own calendar with this name. `None` if there are none or several.
pub(crate) fn find_by_name<'a>(calendars: &'a [AccountCalendar], name: &str) -> Option<&'a CalendarId> {
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
    fn a_name_finds_a_calendar_only_if_it_is_the_owners_and_unique() {
        let mut calendars = vec![
            calendar("p", "Calendar", "anna@example.org").with_primary(true),
            calendar("a", "Work", "Anna@example.org"),
            calendar("b", "Work", "ben@example.org"),
        ];
        let found = |calendars: &[AccountCalendar], name| {
            find_by_name(calendars, name).map(|id| id.as_str().to_owned())
        };
        assert_eq!(found(&calendars, "Work").as_deref(), Some("a"));
        assert_eq!(found(&calendars, "Gone"), None);
        calendars.push(calendar("c", "Work", "anna@example.org"));
        assert_eq!(found(&calendars, "Work"), None, "which of the two?");
    }
}
