//! The conformance suite for providers, with Google Calendar on its fake: in process, and over a
//! socket.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use calsync_core::http::{LoopbackServer, ReqwestTransport};
use calsync_core::testing::conformance::Stage;

use common::{World, place_of};

mod in_process {
    use super::*;

    async fn stage() -> Stage {
        let world = World::new().await;
        Stage::new(world.provider()).with_places(place_of(1), place_of(2))
    }

    calsync_core::conformance!(stage);
}

mod where_a_deleted_event_cannot_be_restored {
    use super::*;

    async fn stage() -> Stage {
        let world = World::new().await;
        world.google.set(|settings| settings.revive_forbidden = true);
        Stage::new(world.provider()).with_places(place_of(1), place_of(2))
    }

    calsync_core::conformance!(stage);
}

mod over_a_socket {
    use super::*;

    async fn stage() -> Stage {
        let world = World::new().await;
        let server =
            LoopbackServer::start(world.google.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let base = server.base_url();
        let provider = world
            .builder()
            .api_url(format!("{base}/calendar/v3"))
            .token_url(format!("{base}/token"))
            .transport(ReqwestTransport::builder().without_tls().build().unwrap())
            .build()
            .unwrap();
        Stage::new(provider).with_places(place_of(1), place_of(2)).keeping(server)
    }

    calsync_core::conformance!(stage);
}
