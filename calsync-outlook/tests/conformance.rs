//! The contract of all providers, checked for Outlook over its fake: in process, over a socket, and
//! with each setting whose real behaviour is not documented.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use calsync_core::http::{LoopbackServer, ReqwestTransport};
use calsync_core::testing::conformance::Stage;
use calsync_outlook::fake::{AfterDeletion, Settings};

use common::{World, calendar_of};

/// A stage with these settings of the fake.
async fn with(change: fn(&mut Settings)) -> Stage {
    let world = World::new().await;
    world.outlook.set(change);
    Stage::new(world.provider()).with_places(calendar_of(1), calendar_of(2))
}

mod in_process {
    use super::*;

    async fn stage() -> Stage {
        with(|_| {}).await
    }

    calsync_core::conformance!(stage);
}

mod over_a_socket {
    use super::*;

    async fn stage() -> Stage {
        let world = World::new().await;
        let server =
            LoopbackServer::start(world.outlook.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let base = server.base_url();
        let provider = world
            .builder()
            .api_url(format!("{base}/v1.0"))
            .login_url(base)
            .transport(ReqwestTransport::builder().without_tls().build().unwrap())
            .build()
            .unwrap();
        Stage::new(provider).with_places(calendar_of(1), calendar_of(2)).keeping(server)
    }

    calsync_core::conformance!(stage);
}

mod with_a_repeated_create_that_returns_the_deleted_event {
    use super::*;

    async fn stage() -> Stage {
        with(|settings| settings.after_deletion = AfterDeletion::ReplaysDeadEvent).await
    }

    calsync_core::conformance!(stage);
}

mod with_a_repeated_create_that_makes_another_event {
    use super::*;

    async fn stage() -> Stage {
        with(|settings| settings.after_deletion = AfterDeletion::MakesAnother).await
    }

    calsync_core::conformance!(stage);
}

mod with_a_duplicate_error_that_names_no_event {
    use super::*;

    async fn stage() -> Stage {
        with(|settings| (settings.duplicate_is_conflict, settings.duplicate_names_event) = (true, false))
            .await
    }

    calsync_core::conformance!(stage);
}

mod with_change_keys_that_change_without_an_edit {
    use super::*;

    async fn stage() -> Stage {
        with(|settings| settings.change_keys_move = Some(2)).await
    }

    calsync_core::conformance!(stage);
}

mod with_sparse_pages_and_ids_of_one_calendar {
    use super::*;

    async fn stage() -> Stage {
        with(|settings| (settings.sparse_pages, settings.ids_are_mailbox_wide) = (true, false)).await
    }

    calsync_core::conformance!(stage);
}
