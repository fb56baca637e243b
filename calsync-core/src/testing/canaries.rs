//! Canaries: secrets and personal data that a test puts into every field, and then searches for in
//! all errors, texts and log lines.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// The minimum length of a canary, in bytes: a shorter text could occur by chance.
const SHORTEST: usize = 10;

/// A writer that keeps what is written to it, such as the log of a `tracing` subscriber. Clones
/// share the text.
#[derive(Debug, Clone, Default)]
pub struct LogBuffer(Arc<Mutex<Vec<u8>>>);

impl LogBuffer {
    /// Returns the text that was written so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl io::Write for LogBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns everything that an error and its sources show, as `Display` and as `Debug`.
#[must_use]
pub fn told(error: &dyn Error) -> String {
    let (mut text, mut next) = (String::new(), Some(error));
    while let Some(error) = next {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{error} {error:?} {error:#?} ");
        next = error.source();
    }
    text
}

/// Asserts that no canary is in the texts or in the log.
///
/// There is one exception: other libraries may log an e-mail address (a canary with `@`), for
/// example at their trace level. Log lines of calsync must not contain any canary.
///
/// # Panics
/// If a canary is found, or is shorter than 10 bytes.
#[track_caller]
pub fn assert_no_canary(canaries: &[String], texts: &str, log: &LogBuffer) {
    let log = log.text();
    let ours: String = log.lines().filter(|line| line.contains("calsync")).collect();
    for canary in canaries {
        assert!(canary.len() >= SHORTEST, "{canary}");
        assert!(!texts.contains(canary.as_str()), "{canary} is in a text");
        assert!(!ours.contains(canary.as_str()), "{canary} is in a log line of calsync");
        assert!(!log.contains(canary.as_str()) || canary.contains('@'), "{canary} is in the log");
    }
}
