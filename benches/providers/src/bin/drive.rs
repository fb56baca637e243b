//! Inserts events through one client and says what it took.
//!
//! `drive URL CLIENT [INSERTS [AT_ONCE [THREADS]]]`, CLIENT such as `google/bare`, one of those
//! below; THREADS 0 is a runtime without threads of its own. Prints microseconds of CPU an insert
//! and inserts a second.
//!
//! `drive check` inserts a few through all of them into a server of its own, and stops where those
//! of a provider did not send the same.

use std::sync::{Arc, Mutex};

use calsync_bench_providers::booking::{Booking, bookings};
use calsync_bench_providers::given::draft;
use calsync_bench_providers::google::{self, google_calendar3};
use calsync_bench_providers::outlook::{self, graph_rs_sdk};
use calsync_bench_providers::run::{Failure, Took, counted, run};
use calsync_bench_providers::server::{Seen, serve};
use hyper::body::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

const PROVIDERS: [[&str; 3]; 2] = [
    ["google/bare", "google/calsync", "google/google-calendar3"],
    ["outlook/bare", "outlook/calsync", "outlook/graph-rs-sdk"],
];

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |n: usize, default| arguments.get(n).map_or(Ok(default), |number| number.parse::<usize>());
    match arguments.first().map(String::as_str) {
        Some("check") => PROVIDERS.iter().try_for_each(|clients| check(&runtime(0)?, clients)),
        Some(url) => {
            let client = arguments.get(1).ok_or("which client?")?;
            let (inserts, at_once, threads) = (number(2, 20_000)?, number(3, 64)?, number(4, 0)?);
            let took = drive(&runtime(threads)?, url, client, inserts, at_once)?;
            let cpu = took.cpu.as_secs_f64() * 1e6 / inserts as f64;
            println!("{cpu:.2} {:.0}", inserts as f64 / took.wall.as_secs_f64());
            Ok(())
        }
        None => Err("drive URL CLIENT [INSERTS [AT_ONCE [THREADS]]], or drive check".into()),
    }
}

fn runtime(threads: usize) -> std::io::Result<Runtime> {
    match threads {
        0 => Builder::new_current_thread().enable_all().build(),
        threads => Builder::new_multi_thread().worker_threads(threads).enable_all().build(),
    }
}

/// Inserts through that client.
fn drive(
    runtime: &Runtime,
    url: &str,
    client: &str,
    inserts: usize,
    at_once: usize,
) -> Result<Took, Failure> {
    let plan = |id| Plan { bookings: bookings(inserts), id, at_once };
    match client {
        "google/bare" => {
            let client = Arc::new(google::bare::Bare::new(url)?);
            let insert = move |event| client.clone().insert(event);
            plan(google::id).carry_out(runtime, google::bare::event, insert)
        }
        "google/calsync" => {
            let client = Arc::new(runtime.block_on(google::calsync::Calsync::new(url))?);
            plan(google::id).carry_out(runtime, draft, move |draft| client.clone().insert(draft))
        }
        "google/google-calendar3" => {
            let client = Arc::new(google_calendar3::GoogleCalendar3::new(url));
            let insert = move |event| client.clone().insert(event);
            plan(google::id).carry_out(runtime, google_calendar3::event, insert)
        }
        "outlook/bare" => {
            let client = Arc::new(outlook::bare::Bare::new(url)?);
            let insert = move |event| client.clone().insert(event);
            plan(outlook::id).carry_out(runtime, outlook::bare::event, insert)
        }
        "outlook/calsync" => {
            let client = Arc::new(runtime.block_on(outlook::calsync::Calsync::new(url))?);
            plan(outlook::id).carry_out(runtime, draft, move |draft| client.clone().insert(draft))
        }
        "outlook/graph-rs-sdk" => {
            let client = Arc::new(graph_rs_sdk::GraphRsSdk::new(url)?);
            let insert = move |event| client.clone().insert(event);
            plan(outlook::id).carry_out(runtime, outlook::bare::event, insert)
        }
        other => Err(format!("there is no client {other:?}").into()),
    }
}

/// What to insert, and the id that its answer must name.
struct Plan {
    bookings: Vec<Booking>,
    id: fn(&Booking) -> String,
    at_once: usize,
}

impl Plan {
    /// Warms up first: connections, the token, the allocator.
    fn carry_out<T, F>(
        self,
        runtime: &Runtime,
        shape: impl Fn(&Booking) -> T,
        insert: impl Fn(T) -> F + Clone + Send + 'static,
    ) -> Result<Took, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<String, Failure>> + Send,
    {
        let ids: Arc<Vec<_>> = Arc::new(self.bookings.iter().map(self.id).collect());
        let few: Vec<T> = self.bookings.iter().take(2 * self.at_once).map(&shape).collect();
        runtime.block_on(run(few, ids.clone(), self.at_once, insert.clone()))?;
        let all: Vec<T> = self.bookings.iter().map(shape).collect();
        counted(runtime, run(all, ids, self.at_once, insert))
    }
}

fn check(runtime: &Runtime, clients: &[&str]) -> Result<(), Failure> {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let url = format!("http://{}", listener.local_addr()?);
    let seen = Seen::default();
    runtime.spawn(serve(listener, Some(seen.clone())));
    let mut sent = Vec::new();
    for client in clients {
        drive(runtime, &url, client, 20, 4)?;
        sent.push(events(&seen)?);
    }
    for (client, sent_by_it) in clients.iter().zip(&sent) {
        if *sent_by_it != sent[0] {
            return Err(format!("{client} sent other events than {}", clients[0]).into());
        }
    }
    println!("{} sent the same {} events", clients.join(", "), sent[0].len());
    Ok(())
}

/// What was sent since this was last asked, in an order of its own.
fn events(seen: &Mutex<Vec<Bytes>>) -> Result<Vec<Value>, Failure> {
    let bodies = std::mem::take(&mut *seen.lock().expect("no task panics with it"));
    let mut events =
        bodies.iter().map(|body| serde_json::from_slice(body)).collect::<Result<Vec<Value>, _>>()?;
    events.sort_by_cached_key(Value::to_string);
    Ok(events)
}
