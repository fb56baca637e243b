//! Inserts events through one client and says what it took.
//!
//! `drive URL CLIENT [INSERTS [AT_ONCE [THREADS]]]`, CLIENT one of `bare`, `calsync`, `google-calendar3`; THREADS 0 is a
//! runtime without threads of its own. Prints microseconds of CPU an insert and inserts a second.
//!
//! `drive check` inserts a few through all three into a server of its own, and stops where they did not send the same.

use std::sync::{Arc, Mutex};

use calsync_bench_google::booking::{Booking, bookings};
use calsync_bench_google::clients::Failure;
use calsync_bench_google::clients::bare::{self, Bare};
use calsync_bench_google::clients::calsync::{self, Calsync};
use calsync_bench_google::clients::google_calendar3::{self, GoogleCalendar3};
use calsync_bench_google::run::{Took, counted, run};
use calsync_bench_google::server::{Seen, serve};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

const CLIENTS: [&str; 3] = ["bare", "calsync", "google-calendar3"];

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |n: usize, default| arguments.get(n).map_or(Ok(default), |number| number.parse::<usize>());
    match arguments.first().map(String::as_str) {
        Some("check") => check(&runtime(0)?),
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
    let plan = Plan { bookings: bookings(inserts), at_once };
    match client {
        "bare" => {
            let client = Arc::new(Bare::new(url)?);
            plan.carry_out(runtime, bare::event, move |event| client.clone().insert(event))
        }
        "calsync" => {
            let client = Arc::new(runtime.block_on(Calsync::new(url))?);
            plan.carry_out(runtime, calsync::draft, move |draft| client.clone().insert(draft))
        }
        "google-calendar3" => {
            let client = Arc::new(GoogleCalendar3::new(url));
            plan.carry_out(runtime, google_calendar3::event, move |event| client.clone().insert(event))
        }
        other => Err(format!("there is no client {other:?}").into()),
    }
}

/// What to insert.
struct Plan {
    bookings: Vec<Booking>,
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
        let ids: Arc<Vec<_>> =
            Arc::new(self.bookings.iter().map(|booking| booking.key.to_string()).collect());
        let few: Vec<T> = self.bookings.iter().take(2 * self.at_once).map(&shape).collect();
        runtime.block_on(run(few, ids.clone(), self.at_once, insert.clone()))?;
        let all: Vec<T> = self.bookings.iter().map(shape).collect();
        counted(runtime, run(all, ids, self.at_once, insert))
    }
}

fn check(runtime: &Runtime) -> Result<(), Failure> {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let url = format!("http://{}", listener.local_addr()?);
    let seen = Seen::default();
    runtime.spawn(serve(listener, Some(seen.clone())));
    let mut sent = Vec::new();
    for client in CLIENTS {
        drive(runtime, &url, client, 20, 4)?;
        sent.push(events(&seen)?);
    }
    for (client, sent_by_it) in CLIENTS.iter().zip(&sent) {
        if *sent_by_it != sent[0] {
            return Err(format!("{client} sent other events than {}", CLIENTS[0]).into());
        }
    }
    println!("{} clients sent the same {} events", CLIENTS.len(), sent[0].len());
    Ok(())
}

/// What was sent since this was last asked, in order of the ids.
fn events(seen: &Mutex<Vec<hyper::body::Bytes>>) -> Result<Vec<Value>, Failure> {
    let bodies = std::mem::take(&mut *seen.lock().expect("no task panics with it"));
    let mut events =
        bodies.iter().map(|body| serde_json::from_slice(body)).collect::<Result<Vec<Value>, _>>()?;
    events.sort_by_key(|event| event["id"].to_string());
    Ok(events)
}
