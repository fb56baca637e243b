//! A row learns its account from the calls for its own event, never from what the host loads.

use calsync_core::error::ErrorKind;
use calsync_core::ledger::{BlockReason, Verdict};
use calsync_core::testing::Fault;
use chrono::TimeDelta;

use crate::shop::{Shop, connection};

#[tokio::test]
async fn a_row_learns_its_account_from_a_successful_call() {
    let mut shop = Shop::new(1);
    shop.profiles[0].connections[0] = connection(1).with_account("account-a");
    shop.provider.script([Fault::Before(ErrorKind::Unavailable)]);
    shop.sync().await;
    assert_eq!(shop.row(0).calendar().account, None, "no call has reached that account");
    shop.clock.advance(TimeDelta::minutes(5));
    shop.sync().await;
    assert_eq!(shop.row(0).calendar().account.as_deref(), Some("account-a"));
    // Loaded with another account: the row does not follow.
    shop.profiles[0].connections[0] = connection(1).with_account("account-b");
    shop.sync().await;
    assert_eq!(shop.row(0).calendar().account.as_deref(), Some("account-a"));
}

#[tokio::test]
async fn an_event_in_another_account_is_never_called_removed() {
    let mut shop = Shop::new(1);
    shop.profiles[0].connections[0] = connection(1).with_account("account-a");
    shop.sync().await;
    shop.profiles[0].connections[0] = connection(1);
    shop.cancel_all();
    // The tokens belong to another account, which the provider notices by itself.
    shop.provider.script([Fault::Before(ErrorKind::OtherAccount)]);
    let report = shop.sync().await;
    assert_eq!(report.outcomes[0].verdict, Verdict::LeftBehind);
    assert_eq!(report.notices()[0].reason, BlockReason::OtherAccount);
    assert!(shop.row(0).confirmed().is_some());
    assert_eq!(shop.events().len(), 1);
    shop.clock.advance(TimeDelta::days(8));
    shop.sync().await;
    assert_eq!(shop.events(), [], "the right account is connected again");
}
