//! Listing a calendar: every event of ours that is in it.

use crate::calendar::CalendarRef;
use crate::error::{Error, ErrorKind, Operation, Retry};
use crate::provider::{Found, PageToken};
use crate::sync::Syncer;
use crate::sync::caller::{Caller, is_retried};
use crate::sync::engine::Shared;

/// How many pages of one calendar are read before its listing is taken for endless.
const MOST_PAGES: usize = 400;

impl Syncer {
    /// Lists every live event in a calendar that carries the syncer's namespace, to [rebuild](crate::plan::Recovery) a lost
    /// ledger. Each page counts against the account's limits; a page that fails is tried again by the
    /// [retry policy](crate::sync::RetryPolicy).
    ///
    /// # Errors
    /// When the whole listing could not be read; then nothing is known of the calendar.
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
