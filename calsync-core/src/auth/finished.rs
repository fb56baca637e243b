//! Each callback's `state` is accepted once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

/// The states of finished connects, kept until their expiry.
#[derive(Default)]
pub(super) struct FinishedStates(Mutex<HashMap<String, DateTime<Utc>>>);

/// A state in use. When dropped without [`keep`](Self::keep), the state may be used again.
pub(super) struct Claim<'a> {
    states: &'a FinishedStates,
    state: Option<String>,
}

impl FinishedStates {
    /// The most states in memory. Above it the one that expires first is forgotten; the server
    /// still accepts each code only once.
    const MAX: usize = 10_000;

    /// Claims a state; `None` if it is already claimed.
    pub(super) fn claim(&self, state: String, until: DateTime<Utc>, now: DateTime<Utc>) -> Option<Claim<'_>> {
        let mut states = self.states();
        states.retain(|_, until| *until > now);
        if states.contains_key(&state) {
            return None;
        }
        if states.len() >= Self::MAX {
            let oldest = states.iter().min_by_key(|(_, until)| **until).map(|(state, _)| state.clone());
            oldest.and_then(|oldest| states.remove(&oldest));
        }
        states.insert(state.clone(), until);
        Some(Claim { states: self, state: Some(state) })
    }

    fn states(&self) -> MutexGuard<'_, HashMap<String, DateTime<Utc>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim<'_> {
    /// Remembers the state as used.
    pub(super) fn keep(mut self) {
        self.state = None;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(state) = &self.state {
            self.states.states().remove(state);
        }
    }
}
