//! For any bytes the reader does not panic, and every event that it reads can be written and read
//! back unchanged.
//!
//! ```sh
//! cargo +nightly fuzz run reader --fuzz-dir calsync-ics/fuzz -- -dict=calsync-ics/fuzz/ics.dict -max_total_time=180
//! ```
#![no_main]

use calsync_core::identity::{Generation, TargetKey};
use calsync_core::provider::{Draft, Marker};
use calsync_ics::{CalendarInfo, FeedWriter, read_event, read_events, write_event};
use chrono::DateTime;
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

fuzz_target!(|bytes: &[u8]| {
    let Ok(events) = read_events(bytes) else {
        assert!(read_event(bytes).is_err());
        return;
    };
    let mut feed = FeedWriter::new(Vec::new(), &CalendarInfo::new()).unwrap();
    let mut written = Vec::new();
    for read in events.into_iter().flatten() {
        let key = TargetKey::from_uuid(Uuid::nil()).event(Generation::FIRST);
        let marker = read.marker.unwrap_or_else(|| Marker::new(&*read.uid, key, 1));
        let draft = Draft::new(marker, read.event, read.changed_at.unwrap_or(DateTime::UNIX_EPOCH));
        // An event that was changed in a year outside 1900 to 2999 is read, but cannot be written.
        let Ok(file) = write_event(&draft) else { continue };
        feed.write(&draft).unwrap();
        for line in file.split_inclusive('\n') {
            assert!(line.ends_with("\r\n") && line.len() <= 77 && line != " \r\n");
        }
        let again = read_event(file.as_bytes()).unwrap();
        assert_eq!(again.event, *draft.event);
        let marker = again.marker.clone().unwrap();
        assert_eq!((marker.key, marker.revision), (draft.marker.key, draft.marker.revision));
        let second = Draft::new(marker, again.event, again.changed_at.unwrap());
        assert_eq!(write_event(&second).unwrap(), file);
        written.push(second.event);
    }
    let feed = feed.finish().unwrap();
    let read = read_events(&feed).unwrap().into_iter().map(|read| read.unwrap().event);
    assert!(read.eq(written.iter().map(|event| (**event).clone())));
});
