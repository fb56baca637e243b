//! Secrets and people's data as canaries: put in everywhere, and looked for in everything that is told.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// The shortest canary: a shorter one might be met by chance.
const SHORTEST: usize = 10;

/// Keeps what is written to it, such as all that a subscriber traces. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Traced(Arc<Mutex<Vec<u8>>>);

impl Traced {
    /// What was written so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl io::Write for Traced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All that an error says, in every form, with everything underneath.
#[must_use]
pub fn told(error: &dyn Error) -> String {
    let (mut text, mut next) = (String::new(), Some(error));
    while let Some(error) = next {
        // A String takes everything.
        let _ = write!(text, "{error} {error:?} {error:#?} ");
        next = error.source();
    }
    text
}

/// No canary is in the texts, and none was traced.
///
/// What others trace at their own lowest levels is between them and whoever switches that on, as far as addresses go;
/// calsync's own lines hold none of it at any level, and nobody's hold a secret.
///
/// # Panics
/// When one is.
#[track_caller]
pub fn assert_untold(canaries: &[String], texts: &str, log: &Traced) {
    let log = log.text();
    let ours: String = log.lines().filter(|line| line.contains("calsync")).collect();
    for canary in canaries {
        assert!(canary.len() >= SHORTEST, "{canary}");
        assert!(!texts.contains(canary.as_str()), "{canary} is told");
        assert!(!ours.contains(canary.as_str()), "{canary} is traced");
        assert!(!log.contains(canary.as_str()) || canary.contains('@'), "{canary} is traced by somebody");
    }
}
