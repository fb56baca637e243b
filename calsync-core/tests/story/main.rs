//! Stories: random sequences of changes to a company's orders and people, with racing workers,
//! hosts that crash between any two effects, and providers that fail at any call. After a few quiet
//! runs there are exactly the desired events, and one more run makes no call.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod company;
mod host;
#[path = "../common/reached.rs"]
mod reached;

use calsync_core::ledger::DeliveryState;
use calsync_core::model::Stated;
use calsync_core::sync::RetryPolicy;
use company::{Company, Event};
use host::{Crash, Host};
use proptest::prelude::*;

/// One event of a story.
#[derive(Debug, Clone)]
enum Happening {
    Confirm { order: usize },
    Cancel { order: usize },
    Move { appointment: usize, hours: i64 },
    Reassign { appointment: usize, staff: usize },
    CancelOne { appointment: usize },
    Restore { appointment: usize },
    Enable { person: usize, on: bool },
    Connect { person: usize, connection: usize },
    Disconnect { person: usize, connection: usize },
    SwitchCalendar { person: usize, connection: usize, calendar: usize },
    GuestSignsUp { order: usize },
    PersonDeletes { nth: usize },
    Sync { appointment: usize, crash: Crash },
    Straggler { appointment: usize, meanwhile: Vec<Happening>, crash: Crash },
    TwoWorkers { appointment: usize, between: Box<Happening>, crash: Crash },
    Trouble { seed: u64, per_mille: u64 },
    Reconnected,
}

fn crash() -> impl Strategy<Value = Crash> {
    prop_oneof![
        6 => Just(Crash::Never),
        1 => Just(Crash::BeforeBeginIsSaved),
        1 => Just(Crash::BeforeTheRun),
        2 => (1usize..3).prop_map(Crash::AfterOutcomes),
        2 => (1u32..6).prop_map(Crash::AfterPolls),
        1 => Just(Crash::BeforeTheReportIsSaved),
    ]
}

fn change() -> impl Strategy<Value = Happening> {
    prop_oneof![
        (0usize..3).prop_map(|order| Happening::Confirm { order }),
        (0usize..3).prop_map(|order| Happening::Cancel { order }),
        (0usize..4, 1i64..48).prop_map(|(appointment, hours)| Happening::Move { appointment, hours }),
        (0usize..4, 0usize..3).prop_map(|(appointment, staff)| Happening::Reassign { appointment, staff }),
        (0usize..4).prop_map(|appointment| Happening::CancelOne { appointment }),
        (0usize..4).prop_map(|appointment| Happening::Restore { appointment }),
        (0usize..5, any::<bool>()).prop_map(|(person, on)| Happening::Enable { person, on }),
        (0usize..5, 0usize..3).prop_map(|(person, connection)| Happening::Connect { person, connection }),
        (0usize..5, 0usize..3).prop_map(|(person, connection)| Happening::Disconnect { person, connection }),
        (0usize..5, 0usize..3, 0usize..2).prop_map(|(person, connection, calendar)| {
            Happening::SwitchCalendar { person, connection, calendar }
        }),
        (0usize..3).prop_map(|order| Happening::GuestSignsUp { order }),
    ]
}

fn change_or_sync() -> impl Strategy<Value = Happening> {
    prop_oneof![
        change(),
        (0usize..4, crash()).prop_map(|(appointment, crash)| Happening::Sync { appointment, crash }),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        5 => change(),
        5 => (0usize..4, crash()).prop_map(|(appointment, crash)| Happening::Sync { appointment, crash }),
        2 => (0usize..4, change(), crash()).prop_map(|(appointment, between, crash)| {
            Happening::TwoWorkers { appointment, between: Box::new(between), crash }
        }),
        2 => (0usize..4, prop::collection::vec(change_or_sync(), 1..4), crash()).prop_map(
            |(appointment, meanwhile, crash)| Happening::Straggler { appointment, meanwhile, crash }
        ),
        1 => (0usize..20).prop_map(|nth| Happening::PersonDeletes { nth }),
        1 => (any::<u64>(), prop_oneof![Just(0u64), Just(300), Just(900)])
            .prop_map(|(seed, per_mille)| Happening::Trouble { seed, per_mille }),
        1 => Just(Happening::Reconnected),
    ]
}

async fn happen(host: &mut Host, happening: &Happening) {
    match happening {
        Happening::Confirm { order } => host.confirm(*order),
        Happening::Cancel { order } => host.cancel(*order),
        Happening::Move { appointment, hours } => {
            host.change(*appointment, |company, it| company.shift(it, *hours))
        }
        Happening::Reassign { appointment, staff } => {
            host.change(*appointment, |_, it| it.staff_id = Stated::Is(Company::staff_id(*staff)));
        }
        Happening::CancelOne { appointment } => {
            host.change(*appointment, |_, it| it.status = "cancelled".into())
        }
        Happening::Restore { appointment } => host.change(*appointment, |_, it| {
            it.status = "confirmed".into();
            it.cancelled_with_order = false;
        }),
        Happening::Enable { person, on } => host.company.person(*person).calendar_sync_enabled = Some(*on),
        Happening::Connect { person, connection } => host.company.connect(*person, *connection),
        Happening::Disconnect { person, connection } => host.company.disconnect(*person, *connection),
        Happening::SwitchCalendar { person, connection, calendar } => {
            host.company.switch(*person, *connection, *calendar);
        }
        Happening::GuestSignsUp { order } => host.company.sign_up(*order),
        Happening::PersonDeletes { nth } => host.person_deletes(*nth),
        Happening::Sync { appointment, crash } => host.sync(*appointment, *crash).await,
        Happening::TwoWorkers { appointment, between, crash } => {
            host.race(*appointment, between, *crash).await
        }
        Happening::Straggler { appointment, meanwhile, crash } => {
            host.straggle(*appointment, meanwhile, *crash).await;
        }
        Happening::Trouble { seed, per_mille } => host.trouble(*seed, *per_mille),
        Happening::Reconnected => host.revive(),
    }
}

/// Runs a story, then quiet runs, and checks the result.
async fn run_story(story: &[Happening], retry: RetryPolicy) -> Result<(), TestCaseError> {
    let mut host = Host::new(retry);
    for happening in story {
        happen(&mut host, happening).await;
    }
    let rounds = host.quiet().await;
    prop_assert!(rounds <= 4, "still something to do after {rounds} quiet rounds: {}", host.plans());

    let calls = host.calls();
    host.sync_all().await;
    prop_assert_eq!(host.calls(), calls, "a further run makes no call");

    let desired = host.desired();
    let existing: Vec<Event> = host.existing();
    prop_assert_eq!(existing, desired);
    for appointment in host.appointments() {
        for row in appointment.ledger.deliveries() {
            prop_assert!(!matches!(row.state(), DeliveryState::Pending(_)), "{}", row.explain());
        }
    }
    prop_assert!(host.foreign_event_is_untouched());
    Ok(())
}

/// The number of stories; set `PROPTEST_CASES` for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1500)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn every_story_ends_with_exactly_the_desired_events(
        story in prop::collection::vec(happening(), 1..40),
        retries in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let retry = if retries { RetryPolicy::new() } else { RetryPolicy::none() };
        runtime.block_on(run_story(&story, retry))?;
    }
}

/// Staff A, then B, then A again: the key of a deleted event stays used, so the event must come
/// back under another key.
#[tokio::test]
async fn an_appointment_assigned_back_returns_to_the_calendar() {
    let mut story = vec![Happening::Confirm { order: 0 }, sync(0)];
    for staff in [1, 0, 1, 0] {
        story.extend([Happening::Reassign { appointment: 0, staff }, sync(0)]);
    }
    run_story(&story, RetryPolicy::new()).await.unwrap();
}

/// The crash that `begin` guards against: an event is deleted, that is not saved, and then the
/// event is desired again.
#[tokio::test]
async fn a_delete_that_was_not_saved_does_not_lose_the_event() {
    for crash in
        [Crash::BeforeTheRun, Crash::AfterOutcomes(1), Crash::AfterPolls(2), Crash::BeforeTheReportIsSaved]
    {
        let story = [
            Happening::Confirm { order: 0 },
            sync(0),
            Happening::Cancel { order: 0 },
            Happening::Sync { appointment: 0, crash },
            Happening::Confirm { order: 0 },
        ];
        run_story(&story, RetryPolicy::new()).await.unwrap();
    }
}

fn sync(appointment: usize) -> Happening {
    Happening::Sync { appointment, crash: Crash::Never }
}

/// Runs a story that failed once, with both retry policies.
async fn run_both(story: &[Happening]) {
    for retry in [RetryPolicy::none(), RetryPolicy::new()] {
        run_story(story, retry).await.unwrap();
    }
}

/// Sets the seed for the order in which concurrent calls proceed.
fn turns(seed: u64) -> Happening {
    Happening::Trouble { seed, per_mille: 0 }
}

fn two_workers(appointment: usize, between: Happening, crash: Crash) -> Happening {
    Happening::TwoWorkers { appointment, between: Box::new(between), crash }
}

/// A slow removal meets the newer revision of the worker that found the event as it should be.
#[tokio::test]
async fn a_slow_removal_does_not_remove_an_event_found_right() {
    let connect = Happening::Connect { person: 4, connection: 2 };
    run_both(&[
        turns(2_618_333_438_489_190_286),
        Happening::Confirm { order: 0 },
        sync(0),
        Happening::Connect { person: 0, connection: 1 },
        Happening::Sync { appointment: 0, crash: Crash::AfterOutcomes(1) },
        Happening::Disconnect { person: 4, connection: 0 },
        two_workers(0, connect, Crash::Never),
    ])
    .await;
    run_both(&[
        Happening::Confirm { order: 1 },
        Happening::Sync { appointment: 0, crash: Crash::AfterOutcomes(1) },
        turns(7_232_749_503_488_264_580),
        Happening::Reassign { appointment: 0, staff: 2 },
        two_workers(0, Happening::Reassign { appointment: 0, staff: 1 }, Crash::BeforeTheReportIsSaved),
    ])
    .await;
}

/// A look that is due later stays due after a write that comes first.
#[tokio::test]
async fn a_look_that_is_due_later_outlives_the_next_write() {
    run_both(&[
        turns(3_228_949_463_092_206_608),
        Happening::Confirm { order: 1 },
        two_workers(0, Happening::Cancel { order: 1 }, Crash::AfterOutcomes(1)),
        two_workers(0, Happening::Confirm { order: 1 }, Crash::Never),
    ])
    .await;
}

/// The create of a worker that died took effect; the next worker's create was refused, and then the
/// event is no longer desired.
#[tokio::test]
async fn an_unreported_create_is_looked_for_when_the_event_is_no_longer_desired() {
    run_both(&[
        Happening::Trouble { seed: 2_670_934_306_407_825_506, per_mille: 300 },
        Happening::Confirm { order: 2 },
        two_workers(0, Happening::CancelOne { appointment: 1 }, Crash::AfterPolls(3)),
        Happening::Disconnect { person: 1, connection: 0 },
    ])
    .await;
}

/// A worker looks in order to write, and finds nothing, because another worker removed the event in
/// the meantime. It makes the next event and dies.
#[tokio::test]
async fn an_event_that_a_look_made_and_did_not_report_is_looked_for() {
    let switch = Happening::SwitchCalendar { person: 3, connection: 0, calendar: 1 };
    run_both(&[
        turns(5_355_997_267_945_395_964),
        Happening::Confirm { order: 0 },
        Happening::Straggler { appointment: 0, meanwhile: vec![switch], crash: Crash::Never },
        two_workers(0, Happening::Confirm { order: 0 }, Crash::Never),
        two_workers(0, Happening::Disconnect { person: 3, connection: 0 }, Crash::AfterOutcomes(1)),
    ])
    .await;
}

/// An absent row with a due look does not move to a calendar that gets an event by the same plan.
#[tokio::test]
async fn a_calendar_has_one_row() {
    run_both(&[
        Happening::Confirm { order: 0 },
        Happening::Enable { person: 0, on: false },
        Happening::Sync { appointment: 0, crash: Crash::AfterOutcomes(1) },
        Happening::Disconnect { person: 1, connection: 0 },
        sync(0),
        Happening::Connect { person: 1, connection: 2 },
    ])
    .await;
}
