//! A transport that gives the answers it was told to.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::error::Operation;
use crate::http::{Call, HttpTransport, Request, Response, TransportError, TransportErrorKind};

/// A transport that gives the answers it was told to, one after the other, whatever is asked. Clones share their script.
///
/// What was asked is seen by a [`Recording`](super::Recording) around it. A request beyond the script fails with
/// [`TransportErrorKind::Setup`] and says which one it was; [`assert_done`](Self::assert_done) tells a test of it where the
/// code under test does not.
///
/// ```
/// use calsync_core::http::TransportErrorKind;
/// use calsync_core::testing::{Recording, ScriptedTransport, answers};
/// let script = ScriptedTransport::new([
///     Ok(answers::throttled(30)),
///     Err(TransportErrorKind::TimedOut),
///     Ok(answers::json(200, r#"{"id": "abc"}"#)),
/// ]);
/// let transport = Recording::new(script.clone());
/// // … the code under test talks to `transport` …
/// # let _ = transport;
/// # assert_eq!(script.left(), 3);
/// ```
#[derive(Clone, Default)]
pub struct ScriptedTransport(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answers: VecDeque<Result<Response, TransportErrorKind>>,
    asked: usize,
    beyond: Option<BeyondScript>,
}

/// A request for which the script has no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the script has no answer to request {number} ({})", .operation.map_or_else(|| "of no operation".to_owned(), |operation| operation.to_string()))]
struct BeyondScript {
    number: usize,
    operation: Option<Operation>,
}

impl ScriptedTransport {
    /// A transport with these answers.
    pub fn new(answers: impl IntoIterator<Item = Result<Response, TransportErrorKind>>) -> Self {
        let script = Self::default();
        script.then(answers);
        script
    }

    /// And then these.
    pub fn then(&self, answers: impl IntoIterator<Item = Result<Response, TransportErrorKind>>) {
        self.lock().answers.extend(answers);
    }

    /// How many answers are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.lock().answers.len()
    }

    /// Every answer was taken, and nothing was asked beyond them.
    ///
    /// # Panics
    /// When that is not so.
    #[expect(clippy::panic, reason = "a test fails by panicking")]
    #[track_caller]
    pub fn assert_done(&self) {
        let script = self.lock();
        if let Some(beyond) = &script.beyond {
            panic!("{beyond}");
        }
        assert!(
            script.answers.is_empty(),
            "{} answers of the script were not asked for",
            script.answers.len()
        );
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl HttpTransport for ScriptedTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let mut script = self.lock();
        script.asked += 1;
        if let Some(answer) = script.answers.pop_front() {
            return answer.map_err(TransportError::new);
        }
        let operation = request.extensions().get::<Call>().map(|call| call.operation);
        let beyond = BeyondScript { number: script.asked, operation };
        script.beyond.get_or_insert_with(|| beyond.clone());
        Err(TransportError::new(TransportErrorKind::Setup).with_source(beyond))
    }
}

/// Shows how far the script has come, never what it holds.
impl fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = self.lock();
        f.debug_struct("ScriptedTransport")
            .field("asked", &script.asked)
            .field("left", &script.answers.len())
            .finish_non_exhaustive()
    }
}
