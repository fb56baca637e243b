//! Every event is written exactly once at Google, for any network fault: see
//! [`calsync_core::testing::story`].
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use calsync_core::auth::{MemoryTokenStore, Tokens};
use calsync_core::testing::story::{Scene, SeenEvent, tell_all};
use calsync_core::testing::{FaultyTransport, TestClock};
use calsync_google::GoogleCalendar;
use calsync_google::fake::{FakeEvent, FakeGoogle};
use serde_json::json;

use common::{SCOPES, at, builder};

/// Number of random stories in this test. 3,000 were run once; this number keeps the test fast.
const STORIES: u64 = 100;

/// The scene of a story at the fake Google.
struct AtGoogle(FakeGoogle);

impl Scene for AtGoogle {
    type Fake = FakeGoogle;
    type Provider = GoogleCalendar;

    fn open(story: u64, clock: &TestClock) -> Self {
        let google = FakeGoogle::new().with_clock(clock.clone());
        google.set(|settings| {
            settings.revive_forbidden = story % 3 == 1;
            settings.bare_tombstones = story % 3 == 2;
            settings.sparse_pages = story % 2 == 1;
        });
        Self(google)
    }

    fn fake(&self) -> FakeGoogle {
        self.0.clone()
    }

    fn provider(
        &self,
        network: FaultyTransport<FakeGoogle>,
        store: &MemoryTokenStore,
        clock: &TestClock,
    ) -> GoogleCalendar {
        builder(store, clock).transport(network).build().unwrap()
    }

    fn connects(&self, email: &str) -> Tokens {
        let person = self.0.user(email);
        person.revokes_access();
        person.tokens(SCOPES).into()
    }

    fn tokens_run_out(&self) {
        self.0.expire_access_tokens();
    }

    fn events_of(&self, email: &str) -> Vec<SeenEvent> {
        self.0.user(email).events("primary").iter().map(seen).collect()
    }

    fn count_events(&self) -> usize {
        self.0.events().len()
    }

    fn deletes(&self, email: &str, id: &str) -> bool {
        self.0.user(email).deletes_event("primary", id)
    }

    fn edits(&self, email: &str, id: &str, title: &str) -> bool {
        self.0.user(email).edits_event("primary", id, json!({"summary": title, "colorId": "5"}))
    }

    fn mails(&self) -> usize {
        self.0.mails().len() + self.0.invitations()
    }

    fn requests(&self) -> usize {
        self.0.count_all()
    }
}

fn seen(event: &FakeEvent) -> SeenEvent {
    let start = at(event.json["start"]["dateTime"].as_str().unwrap());
    SeenEvent::new(&event.id, start, event.text("summary").unwrap_or_default())
}

#[tokio::test]
async fn every_story_ends_with_each_event_exactly_once() {
    tell_all::<AtGoogle>(STORIES).await;
}
