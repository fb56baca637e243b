//! Rules learned from failures of other projects with files. Their numbers are those of the table
//! in calsync-core's `tests/lessons`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;

use calsync_core::calendar::CalendarRef;
use calsync_core::names::{CalendarId, ProviderKind, RemoteId};
use calsync_core::provider::{CalendarProvider, CreateOptions, Draft, UpdateOptions};
use calsync_core::testing::fixtures::{calendar_in, draft_at, event, key_at};
use calsync_ics::{CalendarInfo, FeedWriter, IcsFolder, write_event};
use tempfile::TempDir;

/// A folder of files with one calendar.
struct Stage {
    _root: TempDir,
    folder: IcsFolder,
    place: CalendarRef,
}

impl Stage {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = IcsFolder::new(root.path());
        Self { _root: root, folder, place: calendar_in(ProviderKind::APPLE, 1, CalendarId::primary()) }
    }

    fn draft(&self, revision: u64) -> Draft {
        draft_at(&self.place, revision, event().with_location(format!("{revision} High Street")))
    }

    async fn create(&self, draft: &Draft) -> RemoteId {
        self.folder.create(&self.place, draft, &CreateOptions::new()).await.unwrap().remote_id
    }

    async fn update(&self, id: &RemoteId, draft: &Draft) -> RemoteId {
        self.folder.update(&self.place, id, draft, &UpdateOptions::new()).await.unwrap().remote_id
    }

    fn path(&self, id: &RemoteId) -> PathBuf {
        self.folder.path(&self.place, id).unwrap().unwrap()
    }
}

/// The lines of a file with one of these property names.
fn lines<'a>(file: &'a str, names: &[&str]) -> Vec<&'a str> {
    let is_one = |line: &&str| names.iter().any(|name| line.split([':', ';']).next() == Some(name));
    file.split("\r\n").filter(is_one).collect()
}

/// Rule 19: a server that reads the file finds no attendee to mail, and a change keeps file and UID
/// (calrs #141).
#[tokio::test]
async fn a_file_has_no_attendees_and_a_change_keeps_its_name_and_uid() {
    let stage = Stage::new();
    let id = stage.create(&stage.draft(1)).await;
    let path = stage.path(&id);
    let uid = format!("UID:{}", key_at(&stage.place, 0));
    for revision in 1..5_u64 {
        if revision > 1 {
            assert_eq!(stage.update(&id, &stage.draft(revision)).await, id);
        }
        assert_eq!(stage.path(&id), path);
        let file = fs::read_to_string(&path).unwrap();
        assert_eq!(lines(&file, &["ATTENDEE", "ORGANIZER", "METHOD"]), [""; 0], "{file}");
        assert_eq!(lines(&file, &["UID", "SEQUENCE"]), [uid.clone(), format!("SEQUENCE:{revision}")]);
        assert_eq!(lines(&file, &["LOCATION"]), [format!("LOCATION:{revision} High Street")]);
    }
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

/// Rule 20: calsync changes neither the organizer nor the attendees of an existing event (calrs
/// #159).
#[tokio::test]
async fn a_change_keeps_organizer_and_attendees() {
    let stage = Stage::new();
    let id = stage.create(&stage.draft(1)).await;
    let theirs = [
        "ORGANIZER;CN=\"Bo, B\":mailto:bo@example.org",
        "ATTENDEE;CN=Anna;PARTSTAT=ACCEPTED:mailto:anna@example.org",
    ];
    let file = fs::read_to_string(stage.path(&id)).unwrap();
    let file = file.replace("END:VEVENT", &format!("{}\r\n{}\r\nEND:VEVENT", theirs[0], theirs[1]));
    fs::write(stage.path(&id), file).unwrap();
    for revision in 2..4 {
        stage.update(&id, &stage.draft(revision)).await;
        let file = fs::read_to_string(stage.path(&id)).unwrap();
        assert_eq!(lines(&file, &["ORGANIZER", "ATTENDEE"]), theirs, "{file}");
        assert_eq!(lines(&file, &["LOCATION"]), [format!("LOCATION:{revision} High Street")]);
    }
}

/// Rule 29: one recipient's event has the same UID in a file, a folder and a feed: the key that it
/// has in every other calendar. Another recipient's event has another UID (cal.com PR #8010).
#[tokio::test]
async fn a_recipients_event_has_one_uid_in_all_channels() {
    let stage = Stage::new();
    let draft = stage.draft(1);
    let id = stage.create(&draft).await;
    let mut feed = FeedWriter::new(Vec::new(), &CalendarInfo::new()).unwrap();
    feed.write(&draft).unwrap();
    let feed = String::from_utf8(feed.finish().unwrap()).unwrap();
    let folder = fs::read_to_string(stage.path(&id)).unwrap();
    let at_google = calendar_in(ProviderKind::GOOGLE, 1, CalendarId::primary());
    let uid = format!("UID:{}", key_at(&at_google, 0));
    for file in [write_event(&draft).unwrap(), folder, feed] {
        assert_eq!(lines(&file, &["UID"]), [uid.as_str()]);
    }

    let theirs = calendar_in(ProviderKind::APPLE, 2, CalendarId::primary());
    let other = write_event(&draft_at(&theirs, 1, event())).unwrap();
    assert_ne!(lines(&other, &["UID"]), [uid.as_str()]);
    let again = write_event(&draft_at(&stage.place, 1, event())).unwrap();
    assert_eq!(lines(&again, &["UID"]), [uid.as_str()], "with any content");
}
