//! A clock that was wrong once delays a row by a day at most.

use calsync_core::error::ErrorKind;
use calsync_core::testing::{Fault, TestClock};
use chrono::TimeDelta;

use crate::shop::Shop;

#[tokio::test]
async fn what_was_recorded_under_a_clock_far_ahead_is_void() {
    for fault in [
        Fault::Before(ErrorKind::Unavailable),
        Fault::Before(ErrorKind::QuotaExceeded),
        Fault::Before(ErrorKind::Forbidden),
        Fault::ResponseLost,
        Fault::RequestLost,
    ] {
        let mut shop = Shop::new(2);
        shop.sync().await;
        shop.move_all(TimeDelta::hours(1));
        let right = shop.clock.clone();
        // Before the appointments end, so that they are not closed.
        let ahead = TestClock::at(shop.now() + TimeDelta::days(140));
        shop.clock = ahead;
        shop.restart();
        shop.provider.script([fault, fault]);
        shop.sync().await;
        shop.provider.quiet();
        shop.clock = right;
        shop.restart();
        shop.clock.advance(TimeDelta::days(1));
        shop.sync().await;
        shop.sync().await;
        assert!(shop.is_right(), "{fault:?}");
    }
}

#[tokio::test]
async fn thirty_days_after_its_end_a_target_is_closed_and_may_still_be_cancelled() {
    let mut shop = Shop::new(1);
    shop.sync().await;
    let calls = shop.calls();
    shop.clock.advance(shop.appointments[0].end_time - shop.now() + TimeDelta::days(31));
    shop.move_all(TimeDelta::minutes(1));
    assert_eq!(shop.sync().await.outcomes, []);
    assert_eq!(shop.calls(), calls);
    shop.cancel_all();
    shop.sync().await;
    assert_eq!(shop.events(), []);
}
