//! Every event exists exactly once at Outlook, however the network behaves: see
//! [`calsync_core::testing::story`].
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use calsync_core::auth::{MemoryTokenStore, Tokens};
use calsync_core::testing::story::{Scene, SeenEvent, tell_all};
use calsync_core::testing::{FaultyTransport, TestClock};
use calsync_outlook::OutlookCalendar;
use calsync_outlook::fake::{AfterDeletion, ErrorFormat, FakeEvent, FakeOutlook, Latency, LimitResponse};
use serde_json::json;

use common::{SCOPES, at, builder};

/// How many stories run.
const STORIES: u64 = 100;

/// The scene: Outlook's fake.
struct AtOutlook(FakeOutlook);

impl Scene for AtOutlook {
    type Fake = FakeOutlook;
    type Provider = OutlookCalendar;

    fn open(story: u64, clock: &TestClock) -> Self {
        let outlook = FakeOutlook::new().with_clock(clock.clone());
        outlook.set(|settings| {
            settings.after_deletion = match story % 3 {
                0 => AfterDeletion::DuplicateError,
                1 => AfterDeletion::ReplaysDeadEvent,
                _ => AfterDeletion::MakesAnother,
            };
            settings.duplicate_names_event = story.is_multiple_of(2);
            settings.duplicate_is_conflict = story % 4 < 2;
            settings.sparse_pages = story % 5 == 1;
            settings.change_keys_move = (story % 7 == 3).then_some(3);
            settings.ids_are_mailbox_wide = story % 5 < 3;
            settings.loses_properties_on_error = story % 4 == 3;
            settings.latency = (story % 3 == 2).then_some(Latency::Turns(2));
            settings.limits.answer = if story.is_multiple_of(2) {
                LimitResponse::TooManyRequests
            } else {
                LimitResponse::Unavailable
            };
            settings.limits.retry_after = (story % 4 < 2).then_some(10);
            settings.errors = match story % 3 {
                0 => ErrorFormat::Classic,
                1 => ErrorFormat::LowerCase,
                _ => ErrorFormat::Bare,
            };
            settings.batch_seed = story;
        });
        Self(outlook)
    }

    fn fake(&self) -> FakeOutlook {
        self.0.clone()
    }

    fn provider(
        &self,
        network: FaultyTransport<FakeOutlook>,
        store: &MemoryTokenStore,
        clock: &TestClock,
    ) -> OutlookCalendar {
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
        let edit = json!({"subject": title, "categories": ["Blue category"], "showAs": "oof"});
        self.0.user(email).edits_event("primary", id, edit)
    }

    fn mails(&self) -> usize {
        self.0.mails().len() + self.0.invitations()
    }

    fn requests(&self) -> usize {
        self.0.count_all()
    }
}

fn seen(event: &FakeEvent) -> SeenEvent {
    let start = event.json["start"]["dateTime"].as_str().unwrap();
    let start = at(&format!("{start}Z"));
    SeenEvent::new(&event.id, start, event.text("subject").unwrap_or_default())
}

#[tokio::test]
async fn every_story_ends_with_every_event_once() {
    tell_all::<AtOutlook>(STORIES).await;
}
