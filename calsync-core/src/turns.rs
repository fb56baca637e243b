//! Lets others go first.

use std::task::Poll;

/// Lets the other futures of the task take so many turns.
pub(crate) async fn pass(turns: u16) {
    for _ in 0..turns {
        let mut yielded = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}
