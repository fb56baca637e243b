//! Some work, once, for an instruction counter: `count first-plan 1000`. See README.md.

use calsync_benches::company::{Company, plain_all};
use calsync_benches::event::{events, formats};
use calsync_benches::ics::{Prepared, Writer};
use calsync_core::place::Role;

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

#[inline(never)]
fn counted(work: impl FnOnce()) {
    work();
}
