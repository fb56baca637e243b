//! How many calls one account may have under way at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::names::ProviderKind;
use crate::place::{Person, Place};

/// The limits of every account, shared by all the runs of a syncer.
#[derive(Debug, Default)]
pub(super) struct Limits {
    accounts: Mutex<HashMap<Account, Weak<Semaphore>>>,
}

/// What a provider counts requests by: the account, or the person's connection while the account is not known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Account {
    provider: ProviderKind,
    holder: Result<Arc<str>, (Person, String)>,
}

impl Limits {
    /// Waits until the account of `place` has room for one more call among `in_flight`. The room is given back when the
    /// permit is dropped.
    pub(super) async fn room(&self, place: &Place, in_flight: usize) -> Option<OwnedSemaphorePermit> {
        let account = Account {
            provider: place.provider.clone(),
            holder: match &place.account {
                Some(account) => Ok(account.clone()),
                None => Err((place.person.clone(), place.connection.to_string())),
            },
        };
        // Nobody closes these semaphores; were one closed, the call would go out without waiting.
        self.of(account, in_flight).acquire_owned().await.ok()
    }

    fn of(&self, account: Account, in_flight: usize) -> Arc<Semaphore> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = accounts.get(&account).and_then(Weak::upgrade) {
            return semaphore;
        }
        // Accounts nobody is talking to are forgotten, before the map would have to grow for a new one.
        if accounts.len() == accounts.capacity() {
            accounts.retain(|_, semaphore| semaphore.strong_count() > 0);
        }
        let semaphore = Arc::new(Semaphore::new(in_flight.max(1)));
        accounts.insert(account, Arc::downgrade(&semaphore));
        semaphore
    }
}
