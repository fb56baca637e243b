//! A failure holds a row for a limited time; only a final verdict holds it without end.

use calsync_core::error::{ErrorKind, Operation};
use calsync_core::ledger::{BlockReason, Hold, Verdict};
use calsync_core::testing::Fault;
use chrono::TimeDelta;

use crate::shop::{STAFF, Shop, calendar};

/// After stray failures of any kind, daily runs correct everything within eight days, without a
/// call to `revive`.
#[tokio::test]
async fn an_outage_of_any_kind_heals_by_itself() {
    use ErrorKind::*;
    for kind in [
        Unavailable,
        RateLimited,
        QuotaExceeded,
        Forbidden,
        CalendarNotFound,
        NotFound,
        MissingScope,
        Refused,
        Configuration,
        Other,
        OtherAccount,
        Superseded,
        Unsupported,
        NotOurs,
        KeyUsed,
    ] {
        for failing in 1..4 {
            let mut shop = Shop::new(3);
            shop.sync().await;
            shop.move_all(TimeDelta::hours(1));
            shop.appointments[2].status = "cancelled".into();
            shop.provider.script(vec![Fault::Before(kind); 6 * failing]);
            for _ in 0..failing {
                shop.sync().await;
                shop.clock.advance(TimeDelta::hours(6));
            }
            shop.provider.quiet();
            for _ in 0..8 {
                shop.clock.advance(TimeDelta::days(1));
                shop.sync().await;
            }
            assert!(shop.is_right(), "{kind:?} {failing}: {}", shop.row(2).explain());
            let report = shop.sync().await;
            assert_eq!(report.outcomes, [], "{kind:?}: a quiet run");
        }
    }
}

#[tokio::test]
async fn holds_double_and_end() {
    let mut shop = Shop::new(1);
    let mut waits = Vec::new();
    for _ in 0..5 {
        shop.provider.script([Fault::Before(ErrorKind::Unavailable)]);
        let report = shop.sync().await;
        let until = report.outcomes[0].next_attempt_at().unwrap();
        waits.push((until - shop.now()).num_minutes());
        let calls = shop.calls();
        shop.sync().await;
        assert_eq!(shop.calls(), calls, "held");
        shop.clock.advance(until - shop.now());
    }
    assert_eq!(waits, [5, 10, 20, 40, 80]);
    shop.sync().await;
    assert!(shop.is_right());
    assert_eq!(shop.row(0).failures(), 0);
}

#[tokio::test]
async fn a_new_process_waits_as_long_as_one_that_keeps_running() {
    let mut shop = Shop::new(1);
    let mut waits = Vec::new();
    for _ in 0..4 {
        shop.restart();
        shop.provider.script([Fault::Before(ErrorKind::Unavailable)]);
        let report = shop.sync().await;
        let until = report.outcomes[0].next_attempt_at().unwrap();
        waits.push((until - shop.now()).num_minutes());
        shop.restart();
        assert_eq!(shop.sync().await.outcomes, []);
        shop.clock.advance(until - shop.now());
    }
    assert_eq!(waits, [5, 10, 20, 40]);
}

#[tokio::test]
async fn a_refused_grant_is_reported_once_probed_after_an_hour_and_then_waits_for_the_person() {
    let mut shop = Shop::new(5);
    shop.provider.script([Fault::Before(ErrorKind::Unauthenticated)]);
    let report = shop.sync().await;
    assert_eq!(shop.calls(), 0, "after one refusal the other steps make no call");
    let notices = report.notices();
    assert_eq!(notices.len(), 1);
    assert_eq!((notices[0].reason, notices[0].steps), (BlockReason::Reconnect, 5));
    assert_eq!(notices[0].since, shop.now());
    let first = shop.now();

    shop.clock.advance(TimeDelta::minutes(59));
    assert_eq!(shop.sync().await.outcomes, []);
    shop.clock.advance(TimeDelta::minutes(1));
    shop.provider.script([Fault::Before(ErrorKind::Unauthenticated)]);
    let report = shop.sync().await;
    assert_eq!(report.notices(), [], "a repeated hold is not reported again");
    let Some(Hold::Blocked { since, until, .. }) = &report.outcomes[0].hold else { panic!() };
    assert_eq!((*since, *until), (first, None));

    shop.clock.advance(TimeDelta::days(60));
    assert_eq!(shop.sync().await.outcomes, [], "only a new connection helps");
    let calendar = crate::shop::calendar(STAFF);
    for appointment in &mut shop.appointments {
        appointment.ledger.revive(&calendar.connection_key());
    }
    shop.restart();
    shop.sync().await;
    assert!(shop.is_right());
}

#[tokio::test]
async fn one_refusal_of_the_grant_ends_with_the_next_success() {
    let mut shop = Shop::new(3);
    shop.provider.script([Fault::Before(ErrorKind::Unauthenticated)]);
    shop.sync().await;
    shop.clock.advance(TimeDelta::hours(1));
    shop.sync().await;
    assert!(shop.is_right(), "one probe lifts the hold from all rows of the account");
}

#[tokio::test]
async fn one_probe_is_made_for_each_account_and_its_success_lifts_all_holds() {
    let mut shop = Shop::new(20);
    shop.provider.script([Fault::Before(ErrorKind::QuotaExceeded)]);
    let report = shop.sync().await;
    assert_eq!(report.outcomes.len(), 20);
    assert_eq!(
        report.outcomes.iter().filter(|outcome| outcome.failures > 0).count(),
        1,
        "untried rows count nothing"
    );
    for _ in 0..3 {
        let until = report.outcomes.iter().filter_map(|outcome| outcome.next_attempt_at()).max().unwrap();
        shop.clock.advance((until - shop.now()).max(TimeDelta::minutes(40)));
        shop.provider.script([Fault::Before(ErrorKind::QuotaExceeded)]);
        let calls = shop.calls();
        let report = shop.sync().await;
        assert_eq!(shop.calls(), calls, "one probe, which failed before it was made");
        assert_eq!(report.notices(), []);
    }
    shop.clock.advance(TimeDelta::days(1));
    shop.sync().await;
    assert!(shop.is_right());
}

#[tokio::test]
async fn refused_content_is_tried_again_within_a_week() {
    let mut shop = Shop::new(1);
    shop.provider.script([Fault::Before(ErrorKind::Refused)]);
    let report = shop.sync().await;
    assert_eq!(report.outcomes[0].verdict, Verdict::Failed);
    assert!(matches!(report.outcomes[0].hold, Some(Hold::Rejected { until: Some(_), .. })));
    assert_eq!(shop.sync().await.outcomes, []);
    shop.move_all(TimeDelta::hours(1));
    shop.provider.script([Fault::Before(ErrorKind::Refused)]);
    assert_eq!(shop.sync().await.outcomes.len(), 1, "other content is tried at once");
    shop.clock.advance(TimeDelta::days(7));
    shop.sync().await;
    assert!(shop.is_right());
}

#[tokio::test]
async fn a_create_may_be_forbidden_for_a_calendar_and_reads_do_not_lift_that() {
    let mut shop = Shop::new(4);
    shop.provider.script([Fault::Before(ErrorKind::Forbidden)]);
    let report = shop.sync().await;
    assert_eq!(report.notices().len(), 1);
    assert_eq!(shop.memory.calls(Operation::Create), 0);
    shop.clock.advance(TimeDelta::minutes(5));
    shop.sync().await;
    assert!(shop.is_right());
}

/// After a permission was granted or a calendar restored, the host reports it, and no row waits for
/// the next probe.
#[tokio::test]
async fn a_new_connection_ends_what_was_forbidden_through_the_old_one() {
    for kind in [ErrorKind::Forbidden, ErrorKind::CalendarNotFound, ErrorKind::MissingScope] {
        let mut shop = Shop::new(2);
        shop.provider.script(vec![Fault::Before(kind); 100]);
        for _ in 0..4 {
            shop.clock.advance(TimeDelta::hours(2));
            shop.sync().await;
        }
        shop.provider.quiet();
        let calls = shop.calls();
        shop.sync().await;
        assert_eq!(shop.calls(), calls, "{kind:?}: held");
        shop.syncer.connected(&calendar(STAFF).connection_key());
        assert!(shop.sync().await.is_all_done(), "{kind:?}");
        assert!(shop.is_right(), "{kind:?}");
    }
}
