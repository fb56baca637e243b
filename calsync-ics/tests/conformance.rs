//! The conformance suite for providers, with a folder of files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use calsync_core::testing::conformance::Stage;
use calsync_ics::IcsFolder;

async fn stage() -> Stage {
    let root = tempfile::tempdir().unwrap();
    Stage::new(IcsFolder::new(root.path())).keeping(root)
}

calsync_core::conformance!(stage);
