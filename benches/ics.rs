//! Writing 10,000 events as .ics: one file each, and one feed. calsync-ics, its peers, and a bare
//! `String` formatter, all from the same bookings in memory.

use calsync_benches::ics::{EVENTS, Prepared, Writer, check};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

fn main() {
    check();
    divan::main();
}

#[divan::bench(args = Writer::ALL)]
fn one_file_each(bencher: Bencher<'_, '_>, writer: Writer) {
    let events = Prepared::new(EVENTS);
    let bytes = BytesCount::new(writer.files(&events));
    bencher.counter(ItemsCount::new(EVENTS)).counter(bytes).bench_local(|| writer.files(&events));
}

#[divan::bench(args = Writer::ALL)]
fn one_feed(bencher: Bencher<'_, '_>, writer: Writer) {
    let events = Prepared::new(EVENTS);
    let bytes = BytesCount::new(writer.feed(&events));
    bencher.counter(ItemsCount::new(EVENTS)).counter(bytes).bench_local(|| writer.feed(&events));
}
