//! Listing the events of ours in a calendar.

use crate::calendar::CalendarRef;
use crate::error::{Error, ErrorKind, Operation, Retry};
use crate::provider::{Found, PageToken};
use crate::sync::Syncer;
use crate::sync::caller::{Caller, is_retried};
use crate::sync::engine::Shared;

/// The largest number of pages of one calendar; a longer listing is an error (`endless_listing`).
const MOST_PAGES: usize = 400;

impl Syncer {
    /// Lists every event in a calendar that carries the syncer's namespace and is not deleted, to
    /// [rebuild](crate::plan::Recovery) a lost ledger. Each page counts against the account's
    /// limits; a page that fails is retried by the [retry policy](crate::sync::RetryPolicy).
    ///
    /// # Errors
    /// If a page could not be read, if the listing has more than 400 pages, or if no provider of
    /// the calendar's kind is registered. An incomplete listing is never returned.
    pub async fn list_ours(&self, calendar: &CalendarRef) -> Result<Vec<Found>, Error> {
        let engine = self.engine();
        let error = |kind| Error::new(kind, calendar.provider.clone(), Operation::ListOurs);
        let Some(provider) = engine.providers.get(&calendar.provider) else {
            return Err(error(ErrorKind::Configuration));
        };
        let shared = Shared::new(engine.clone());
        let mut found = Vec::new();
        let mut next: Option<PageToken> = None;
        for _ in 0..MOST_PAGES {
            let caller = Caller::of(&shared, &**provider, calendar);
            let mut attempts = 1;
            let page = loop {
                let call = provider.list_ours(calendar, engine.planner.namespace(), next.clone());
                match caller.call(Operation::ListOurs, call).await {
                    Ok(page) => break page,
                    Err(error) if is_retried(error.failure()) && attempts < engine.retry.attempts => {
                        attempts += 1;
                    }
                    Err(error) => return Err(error),
                }
            };
            found.extend(page.events);
            next = page.next;
            if next.is_none() {
                return Ok(found);
            }
        }
        Err(error(ErrorKind::Unavailable).with_retry(Retry::Later).with_code("endless_listing"))
    }
}
