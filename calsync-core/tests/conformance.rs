//! The reference provider passes the conformance suite, also inside `Faulty` without faults.

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

mod faulty_without_faults {
    use super::*;

    async fn stage() -> Stage {
        Stage::new(Faulty::new(MemoryCalendar::new()))
    }

    calsync_core::conformance!(stage);
}
