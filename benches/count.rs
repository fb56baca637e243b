//! Some work, once, for an instruction counter: `count first-plan 1000`. See README.md.

use std::time::Duration;

use calsync_benches::company::{Company, plain_all};
use calsync_benches::event::{events, formats};
use calsync_benches::ics::{Prepared, Writer};
use calsync_benches::syncer::backlog::Backlog;
use calsync_benches::syncer::bare::Bare;
use calsync_benches::syncer::google::google;
use calsync_benches::syncer::{NAMESPACE, run_all, server};
use calsync_core::ProviderKind;
use calsync_core::calendar::Role;
use calsync_core::clock::SystemClock;
use calsync_core::http::ReqwestTransport;
use calsync_core::memory::MemoryCalendar;
use calsync_core::plan::Begun;
use calsync_core::sync::Syncer;
use tokio::runtime::Runtime;

fn main() {
    let mut args = std::env::args().skip(1);
    let work = args.next().unwrap_or_default();
    let size: usize = args.next().and_then(|size| size.parse().ok()).unwrap_or(1_000);
    let company = Company::with_targets(size);
    match work.as_str() {
        "format" => {
            let targets = company.targets();
            counted(|| plain_all(&targets));
        }
        "first-plan" => counted(|| company.plan_all()),
        "no-change" => {
            let company = company.written();
            counted(|| company.plan_all());
        }
        "manager-format" => counted(formats(&company, Role::Manager)),
        "manager-event" => counted(events(&company, Role::Manager)),
        "steps-memory" => {
            let syncer = Syncer::builder(NAMESPACE).provider(MemoryCalendar::new()).build();
            steps(&syncer, Backlog::new(ProviderKind::MEMORY, 200, size / 200));
        }
        "steps-google" => {
            let url = server::start(Duration::ZERO);
            let transport = ReqwestTransport::builder().without_tls().build().expect("a transport");
            let google = google(&url, transport, SystemClock);
            let syncer = Syncer::builder(NAMESPACE).shared_provider(google).build();
            steps(&syncer, Backlog::new(ProviderKind::GOOGLE, 200, size / 200));
        }
        "inserts-bare" => {
            let bare = Bare::new(&server::start(Duration::ZERO));
            let runtime = runtime();
            counted(|| runtime.block_on(bare.insert_all(size, 16)));
        }
        "files-bare" => files(size, Writer::BareWithZone),
        "files-calsync" => files(size, Writer::Calsync),
        "files-icalendar" => files(size, Writer::Icalendar),
        "files-calcard" => files(size, Writer::Calcard),
        _ => panic!("no such work"),
    }
}

fn files(size: usize, writer: Writer) {
    let events = Prepared::new(size);
    writer.files(&events);
    counted(|| {
        writer.files(&events);
    });
}

fn steps(syncer: &Syncer, backlog: Backlog) {
    let plans: Vec<Begun> = backlog.collect();
    let runtime = runtime();
    counted(|| {
        runtime.block_on(run_all(syncer, plans));
    });
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[inline(never)]
fn counted(work: impl FnOnce()) {
    work();
}
