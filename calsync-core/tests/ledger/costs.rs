//! The cost of ordinary work: one call for each change, and none if there is nothing to do.

use calsync_core::error::Operation;
use chrono::TimeDelta;

use crate::shop::Shop;

/// How many calls of each kind a run has made.
async fn calls_of_a_run(shop: &mut Shop) -> [usize; 6] {
    let count = |shop: &Shop| {
        let of = |operation| shop.memory.calls(operation);
        [
            of(Operation::Create),
            of(Operation::Update),
            of(Operation::Delete),
            of(Operation::Find),
            of(Operation::Get),
            shop.calls(),
        ]
    };
    let before = count(shop);
    shop.sync().await;
    let after = count(shop);
    std::array::from_fn(|at| after[at] - before[at])
}

#[tokio::test]
async fn a_change_without_a_fault_is_one_call_and_a_quiet_run_is_none() {
    let mut shop = Shop::new(5);
    assert_eq!(calls_of_a_run(&mut shop).await, [5, 0, 0, 0, 0, 5]);
    assert_eq!(calls_of_a_run(&mut shop).await, [0; 6]);
    shop.move_all(TimeDelta::hours(1));
    assert_eq!(calls_of_a_run(&mut shop).await, [0, 5, 0, 0, 0, 5]);
    // Another staff member: the event is made for them, then removed from the first.
    shop.assign_all(4);
    assert_eq!(calls_of_a_run(&mut shop).await, [5, 0, 5, 0, 0, 10]);
    shop.assign_all(3);
    assert_eq!(calls_of_a_run(&mut shop).await, [5, 0, 5, 0, 0, 10], "the next generation needs no look");
    shop.cancel_all();
    assert_eq!(calls_of_a_run(&mut shop).await, [0, 0, 5, 0, 0, 5]);
    // Days later too: nothing was left to look at.
    shop.clock.advance(TimeDelta::days(8));
    assert_eq!(calls_of_a_run(&mut shop).await, [0; 6]);
}
