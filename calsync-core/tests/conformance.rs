//! The reference provider, and the faulty one around it, keep the contract.

use calsync_core::memory::MemoryCalendar;
use calsync_core::testing::Faulty;
use calsync_core::testing::conformance::Stage;

mod memory {
    use super::*;

    async fn stage() -> Stage {
        Stage::new(MemoryCalendar::new())
    }

    calsync_core::conformance!(stage);
}

mod faulty_but_quiet {
    use super::*;

    async fn stage() -> Stage {
        Stage::new(Faulty::new(MemoryCalendar::new()))
    }

    calsync_core::conformance!(stage);
}
