//! A transport that returns responses from a script.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::error::Operation;
use crate::http::{Call, HttpTransport, Request, Response, TransportError, TransportErrorKind};

/// A transport that returns the responses of a script, in order, for any request. Clones share the
/// script.
///
/// To see the requests, wrap it in a [`Recording`](super::Recording). A request after the end of
/// the script fails with [`TransportErrorKind::Setup`], and the error names the request.
/// [`assert_done`](Self::assert_done) reports it, even if the code under test ignores the error.
///
/// ```
/// use calsync_core::http::TransportErrorKind;
/// use calsync_core::testing::{Recording, ScriptedTransport, responses};
/// let script = ScriptedTransport::new([
///     Ok(responses::throttled(30)),
///     Err(TransportErrorKind::TimedOut),
///     Ok(responses::json(200, r#"{"id": "abc"}"#)),
/// ]);
/// let transport = Recording::new(script.clone());
/// // … the code under test sends its requests to `transport` …
/// # let _ = transport;
/// # assert_eq!(script.left(), 3);
/// ```
#[derive(Clone, Default)]
pub struct ScriptedTransport(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    responses: VecDeque<Result<Response, TransportErrorKind>>,
    requests: usize,
    beyond: Option<BeyondScript>,
}

/// The error for a request after the end of the script.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the script has no response for request {number} ({})", .operation.map_or_else(|| "of no operation".to_owned(), |operation| operation.to_string()))]
struct BeyondScript {
    number: usize,
    operation: Option<Operation>,
}

impl ScriptedTransport {
    /// Creates a transport with these responses.
    pub fn new(responses: impl IntoIterator<Item = Result<Response, TransportErrorKind>>) -> Self {
        let script = Self::default();
        script.then(responses);
        script
    }

    /// Adds responses at the end of the script.
    pub fn then(&self, responses: impl IntoIterator<Item = Result<Response, TransportErrorKind>>) {
        self.lock().responses.extend(responses);
    }

    /// Returns the number of unused responses.
    #[must_use]
    pub fn left(&self) -> usize {
        self.lock().responses.len()
    }

    /// Asserts that every response was used and that there was no further request.
    ///
    /// # Panics
    /// If a response is unused, or if there was a request after the end of the script.
    #[expect(clippy::panic, reason = "a test fails by panicking")]
    #[track_caller]
    pub fn assert_done(&self) {
        let script = self.lock();
        if let Some(beyond) = &script.beyond {
            panic!("{beyond}");
        }
        assert!(
            script.responses.is_empty(),
            "{} responses of the script were not used",
            script.responses.len()
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
        script.requests += 1;
        if let Some(response) = script.responses.pop_front() {
            return response.map_err(TransportError::new);
        }
        let operation = request.extensions().get::<Call>().map(|call| call.operation);
        let beyond = BeyondScript { number: script.requests, operation };
        script.beyond.get_or_insert_with(|| beyond.clone());
        Err(TransportError::new(TransportErrorKind::Setup).with_source(beyond))
    }
}

/// Shows the position in the script, never its responses.
impl fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = self.lock();
        f.debug_struct("ScriptedTransport")
            .field("requests", &script.requests)
            .field("left", &script.responses.len())
            .finish_non_exhaustive()
    }
}
