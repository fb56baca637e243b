//! Yields to the other futures of a task, without a runtime.

use std::task::Poll;

/// Yields this number of times, so that the other futures of the task are polled first.
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
