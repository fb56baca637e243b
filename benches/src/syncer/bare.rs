//! What one would write by hand to send as many inserts: reqwest, a struct to send, a struct to
//! read, some tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use super::google::API;

/// An event with what calsync's says.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    id: String,
    summary: String,
    description: String,
    location: String,
    start: Moment,
    end: Moment,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Moment {
    date_time: String,
    time_zone: &'static str,
}

#[derive(Debug, Deserialize)]
struct Answer {
    id: String,
    #[expect(dead_code, reason = "it is read to have read it")]
    etag: Option<String>,
}

/// A client that sends inserts to a server.
#[derive(Debug, Clone)]
pub struct Bare {
    client: reqwest::Client,
    url: Arc<str>,
}

impl Bare {
    /// With connections of its own.
    pub fn new(base: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let url = format!("{base}{API}/calendars/primary/events?sendUpdates=none&fields=id%2Cetag");
        Self { client, url: url.into() }
    }

    /// Sends so many inserts, so many at once.
    pub async fn insert_all(&self, inserts: usize, at_once: usize) {
        let next = Arc::new(AtomicUsize::new(0));
        let worker = || {
            let (bare, next) = (self.clone(), next.clone());
            async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= inserts {
                        break;
                    }
                    bare.insert(number).await;
                }
            }
        };
        let workers: Vec<_> = (0..at_once).map(|_| tokio::spawn(worker())).collect();
        for worker in workers {
            worker.await.expect("every insert is answered");
        }
    }

    async fn insert(&self, number: usize) {
        let event = event(number);
        let request = self.client.post(&*self.url).bearer_auth("profile 1").json(&event);
        let answer = request.send().await.expect("an answer").error_for_status().expect("a success");
        let answer: Answer = answer.json().await.expect("an event");
        assert_eq!(answer.id, event.id);
    }
}

fn event(number: usize) -> Event {
    let moment = |date_time: &str| Moment { date_time: date_time.to_owned(), time_zone: "Europe/London" };
    Event {
        id: format!("{number:032x}"),
        summary: "Service: Deep clean".to_owned(),
        description: format!(
            "Order: ORD-2026-{number:06}\nNotes: Key is under the blue flowerpot, left of the door. Please mind the cat."
        ),
        location: format!("{} Mill Lane, Leeds, LS1 1AA", number % 190 + 1),
        start: moment("2026-03-02T08:00:00Z"),
        end: moment("2026-03-02T09:30:00Z"),
    }
}
