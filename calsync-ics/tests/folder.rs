//! A folder of files as a calendar: the files on disk, and attacks on them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use calsync_core::calendar::{CalendarRef, Person};
use calsync_core::error::{Error, ErrorKind, Retry};
use calsync_core::event::{Event, Reminders, Visibility, When};
use calsync_core::identity::{EventKey, Generation, TargetKey};
use calsync_core::names::{CalendarId, ProviderKind, RemoteId};
use calsync_core::provider::{
    CalendarProvider, CreateOptions, DeleteOptions, Draft, EventReader, FOREIGN_EVENT, Found, Marker,
    TargetQuery, UpdateOptions, Written,
};
use calsync_core::time::Zone;
use calsync_ics::{IcsFolder, read_event, write_event};
use futures_util::FutureExt;
use tempfile::TempDir;

const KEY: &str = "0123456789ab5def8123456789abcdef";

struct Stage {
    root: TempDir,
    folder: IcsFolder,
    place: CalendarRef,
}

fn stage() -> Stage {
    let root = tempfile::tempdir().unwrap();
    let folder = IcsFolder::new(root.path().join("calendars"));
    Stage { folder, root, place: place("7", "primary") }
}

fn place(person: &str, calendar: &str) -> CalendarRef {
    let person = Person::Profile(person.parse().unwrap());
    CalendarRef::new(person, ProviderKind::APPLE, 1.into(), CalendarId::new(calendar).unwrap())
}

fn draft(revision: u64, title: &str) -> Draft {
    let start = "2026-07-01T08:00:00Z".parse().unwrap();
    let when = When::Timed {
        start,
        end: start + chrono::TimeDelta::hours(1),
        zone: Zone::new("Europe/London").unwrap(),
    };
    Draft::new(Marker::new("my-shop", key(0), revision), Event::new(title, when), start)
}

/// The target's key in a generation.
fn key(generation: u32) -> EventKey {
    KEY.parse::<TargetKey>().unwrap().event(Generation::new(generation))
}

/// The provider never awaits: every future is ready at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().unwrap()
}

impl Stage {
    fn create(&self, draft: &Draft) -> Result<Written, Error> {
        now(self.folder.create(&self.place, draft, &CreateOptions::new()))
    }

    fn update(&self, id: &str, draft: &Draft) -> Result<Written, Error> {
        now(self.folder.update(&self.place, &RemoteId::new(id), draft, &UpdateOptions::new()))
    }

    fn delete(&self, id: &str, draft: &Draft) -> Result<(), Error> {
        now(self.folder.delete(&self.place, &RemoteId::new(id), &draft.marker, &DeleteOptions::new()))
    }

    fn find_all(&self) -> Result<Vec<Found>, Error> {
        now(self.folder.find(&self.place, &TargetQuery::new("my-shop", key(0).target())))
    }

    /// The title of the only event that `find` returns; a person's copies do not count.
    fn find(&self) -> Option<String> {
        let found = self.find_all().unwrap();
        let mut originals = found.into_iter().filter(|found| found.key.is_some());
        let found = originals.next()?;
        assert_eq!(originals.next(), None);
        Some(self.read(found.remote_id.as_str()).title.to_string())
    }

    fn read(&self, id: &str) -> Event {
        now(self.folder.read(&self.place, &RemoteId::new(id))).unwrap().unwrap()
    }

    fn get(&self, id: &str) -> Result<Option<Found>, Error> {
        now(self.folder.get(&self.place, &RemoteId::new(id)))
    }

    fn calendar(&self) -> PathBuf {
        self.root.path().join("calendars/7/primary")
    }

    fn file(&self) -> PathBuf {
        self.calendar().join(format!("{KEY}.ics"))
    }

    fn plant(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        fs::create_dir_all(self.calendar()).unwrap();
        let path = self.calendar().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.unwrap_err().kind()
}

fn everything_below(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything_below(&path));
        } else {
            found.push(path.to_str().unwrap().to_owned());
        }
    }
    found.sort();
    found
}

const FOREIGN: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nX-WR-CALNAME:Mine\r\nBEGIN:VEVENT\r\n\
    UID:event_789@old.example\r\nDTSTAMP:20250101T000000Z\r\nSEQUENCE:41\r\nSUMMARY:Old\r\nDTSTART:20260701T080000Z\r\n\
    DTEND:20260701T090000Z\r\nRRULE:FREQ=DAILY\r\nCOLOR:tomato\r\nCATEGORIES:Work,Home\r\nX-ALT-DESC:<b>Old</b>\r\n\
    ATTENDEE;CN=\"Bo, B\":mailto:bo@example.org\r\nBEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\n\
    X-MINE:a line that was folded by somebody else at a place of their own choosing\r\n , as they do\r\n\
    END:VEVENT\r\nEND:VCALENDAR\r\n";

#[test]
fn each_event_is_one_file_named_by_its_key() {
    let stage = stage();
    let written = stage.create(&draft(1, "One")).unwrap();
    assert_eq!(written.remote_id.as_str(), KEY);
    assert_eq!(everything_below(stage.root.path()), [stage.file().to_str().unwrap()]);
    assert_eq!(stage.folder.path(&stage.place, &written.remote_id).unwrap(), Some(stage.file()));
    // Writing the same event again does not change the file; other content gets another etag.
    let before = fs::metadata(stage.file()).unwrap().modified().unwrap();
    assert_eq!(stage.create(&draft(1, "One")).unwrap(), written);
    assert_eq!(fs::metadata(stage.file()).unwrap().modified().unwrap(), before);
    let changed = stage.update(KEY, &draft(2, "Two")).unwrap();
    assert_ne!(changed.etag, written.etag);
    stage.delete(KEY, &draft(3, "")).unwrap();
    assert_eq!(everything_below(stage.root.path()), [""; 0]);
    // The key of a removed event can be used again.
    stage.create(&draft(4, "Again")).unwrap();
    assert_eq!(stage.find().as_deref(), Some("Again"));
}

#[test]
fn leftover_temporary_files_are_ignored_and_removed() {
    let stage = stage();
    let leftover = stage.plant(".calsync-1-0.tmp", "BEGIN:VCAL");
    let notes = stage.plant("notes.txt", "mine");
    assert_eq!(stage.find(), None);
    stage.create(&draft(1, "One")).unwrap();
    assert!(!leftover.exists() && notes.exists());
    assert_eq!(fs::read_dir(stage.calendar()).unwrap().count(), 2);
}

#[test]
fn concurrent_writers_leave_one_complete_event() {
    let stage = stage();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let stage = &stage;
            scope.spawn(move || {
                // Each writer acts as its own process and removes leftovers at its first write.
                let folder = IcsFolder::new(stage.root.path().join("calendars"));
                for _ in 0..20 {
                    let draft = draft(1, &format!("{writer}").repeat(500));
                    now(folder.create(&stage.place, &draft, &CreateOptions::new())).unwrap();
                    let read = read_event(&fs::read(stage.file()).unwrap()).unwrap();
                    assert_eq!(read.event.title.len(), 500);
                }
            });
        }
    });
    assert_eq!(everything_below(stage.root.path()).len(), 1);
}

#[test]
fn hostile_names_stay_inside_the_root() {
    let stage = stage();
    let long = "x".repeat(1000);
    let ids =
        ["../../x", "/etc/passwd", "C:\\x", ".hidden", "..", "a\u{0}b", "nul", "", "guest", "~", "é", &long];
    for id in ids {
        assert_eq!(now(stage.folder.get(&stage.place, &RemoteId::new(id))).unwrap(), None, "{id:?}");
        assert_eq!(kind(stage.delete(id, &draft(1, ""))), ErrorKind::NotFound, "{id:?}");
        assert_eq!(kind(stage.update(id, &draft(1, ""))), ErrorKind::NotFound, "{id:?}");
    }
    for person in ["../../x", "..", "/", "con", "guest", "Zoë \"x\""] {
        for calendar in ["a/b", "/etc", "..hidden", "C:\\x", "aux.x", &long] {
            let place = place(person, calendar);
            now(stage.folder.create(&place, &draft(1, "One"), &CreateOptions::new())).unwrap();
        }
    }
    let guest = CalendarId::new("anna+x@example.org").unwrap();
    let guest = CalendarRef::new(Person::Guest, ProviderKind::APPLE, 1.into(), guest);
    now(stage.folder.create(&guest, &draft(1, "One"), &CreateOptions::new())).unwrap();
    let root = stage.root.path().join("calendars");
    let root = root.to_str().unwrap();
    let files = everything_below(stage.root.path());
    assert_eq!(files.len(), 37, "{files:?}");
    for file in &files {
        let steps: Vec<_> = file.strip_prefix(root).unwrap().split('/').skip(1).collect();
        assert!(steps.len() == 3 && steps[2] == format!("{KEY}.ics"), "{file}");
        assert!(steps.iter().all(|step| !step.starts_with('.') && step.len() <= 124), "{file}");
    }
    assert!(files.contains(&format!("{root}/guest/anna%2Bx@example.org/{KEY}.ics")));
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;

    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim.ics");
    let ours = stage();
    ours.create(&draft(1, "Victim")).unwrap();
    fs::copy(ours.file(), &victim).unwrap();
    let before = fs::read(&victim).unwrap();

    // The event's file is a link.
    let stage = stage();
    fs::create_dir_all(stage.calendar()).unwrap();
    symlink(&victim, stage.file()).unwrap();
    assert_eq!(stage.find(), None);
    assert_eq!(kind(now(stage.folder.get(&stage.place, &RemoteId::new(KEY)))), ErrorKind::NotOurs);
    assert_eq!(kind(stage.create(&draft(2, "x"))), ErrorKind::KeyUsed);
    assert_eq!(kind(stage.update(KEY, &draft(2, "x"))), ErrorKind::NotOurs);
    assert_eq!(kind(stage.delete(KEY, &draft(2, "x"))), ErrorKind::NotOurs);

    // The folder of the calendar, or of the person, is a link.
    for link in ["calendars/7/primary", "calendars/7"] {
        let path = stage.root.path().join(link);
        fs::remove_dir_all(&path).unwrap();
        symlink(outside.path(), &path).unwrap();
        assert_eq!(kind(stage.create(&draft(2, "x"))), ErrorKind::Configuration);
        assert_eq!(kind(stage.update(KEY, &draft(2, "x"))), ErrorKind::Configuration);
        assert_eq!(kind(stage.delete(KEY, &draft(2, "x"))), ErrorKind::Configuration);
        assert_eq!(
            kind(now(stage.folder.get(&stage.place, &RemoteId::new("victim")))),
            ErrorKind::Configuration
        );
        fs::remove_file(&path).unwrap();
        fs::create_dir_all(&path).unwrap();
    }
    assert_eq!(everything_below(outside.path()), [victim.to_str().unwrap()]);
    assert_eq!(fs::read(&victim).unwrap(), before);
}

/// The copy that a person's program makes of one of our events: it has another UID.
fn copied(file: &str, uid: &str) -> String {
    let uids = file.split_inclusive('\n').filter(|line| line.starts_with("UID:")).collect::<String>();
    file.replace(&format!("\r\n{uids}"), &format!("\r\nUID:{uid}\r\n"))
}

#[test]
fn foreign_files_are_not_changed() {
    let ours = write_event(&draft(1, "One")).unwrap();
    let copy = copied(&ours, "5B6F1C2E-0000-4000-8000-0123456789AB");
    let elsewhere = ours.replace("NAMESPACE:my-shop", "NAMESPACE:other-shop");
    for theirs in [FOREIGN, &copy, &elsewhere] {
        let stage = stage();
        let path = stage.plant(&format!("{KEY}.ics"), theirs);
        assert_eq!(stage.find(), None);
        let error = stage.create(&draft(2, "x")).unwrap_err();
        let reported = (error.kind(), error.failure().code.as_deref());
        assert_eq!(reported, (ErrorKind::KeyUsed, Some(FOREIGN_EVENT)), "{theirs}");
        assert_eq!(kind(stage.update(KEY, &draft(2, "x"))), ErrorKind::NotOurs, "{theirs}");
        assert_eq!(kind(stage.delete(KEY, &draft(2, "x"))), ErrorKind::NotOurs, "{theirs}");
        assert_eq!(fs::read_to_string(path).unwrap(), theirs);
    }
}

#[test]
fn a_persons_copy_is_reported_and_not_changed() {
    // A copy of an event with its key as UID, and a copy of an adopted event, which has its own
    // UID.
    let keyed = stage();
    keyed.create(&draft(1, "One")).unwrap();
    let adopted = stage();
    adopted.plant("event_789.ics", FOREIGN);
    adopted.update("event_789", &draft(1, "One")).unwrap();
    for (stage, original) in [(keyed, KEY), (adopted, "event_789")] {
        let original_file = stage.calendar().join(format!("{original}.ics"));
        // The copy's file name sorts before the original's.
        let text = copied(&fs::read_to_string(&original_file).unwrap(), "A1-copy@example.org");
        let copy = stage.plant("a1-copy.ics", &text);
        let marker = draft(1, "").marker;
        let found = stage.find_all().unwrap();
        assert!(found.iter().all(|found| found.marker.as_ref() == Some(&marker)), "{found:?}");
        let found: Vec<_> = found.iter().map(|found| (found.remote_id.as_str(), found.key)).collect();
        assert_eq!(found.len(), 2);
        assert!(found.contains(&(original, Some(key(0)))) && found.contains(&("a1-copy", None)), "{found:?}");
        assert!(read_event(text.as_bytes()).unwrap().is_copy);
        assert!(!read_event(&fs::read(&original_file).unwrap()).unwrap().is_copy);
        assert_eq!(kind(stage.update("a1-copy", &draft(2, "x"))), ErrorKind::NotOurs);
        assert_eq!(kind(stage.delete("a1-copy", &draft(2, "x"))), ErrorKind::NotOurs);
        stage.delete(original, &draft(2, "")).unwrap();
        assert_eq!(stage.find(), None, "the copy does not count as the event");
        assert_eq!(fs::read_to_string(copy).unwrap(), text);
    }
}

#[test]
fn a_renamed_file_is_found() {
    let stage = stage();
    // Also with names that calsync would encode.
    for name in ["One", "Deep clean, 2nd floor", "Été"] {
        stage.create(&draft(1, "One")).unwrap();
        let path = stage.calendar().join(format!("{name}.ics"));
        fs::rename(stage.file(), &path).unwrap();
        assert_eq!(stage.find().as_deref(), Some("One"));
        stage.update(name, &draft(2, "Two")).unwrap();
        assert_eq!(stage.find().as_deref(), Some("Two"));
        assert_eq!(everything_below(stage.root.path()), [path.to_str().unwrap()]);
        stage.delete(name, &draft(3, "")).unwrap();
        assert_eq!(everything_below(stage.root.path()), [""; 0]);
    }
}

fn assert_unreadable<T: std::fmt::Debug>(result: Result<T, Error>, what: &str) {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Other, Retry::Later), "{what}: {error:?}");
    assert_eq!(error.failure().code.as_deref(), Some("unreadable_file"), "{what}");
}

/// It counts neither as foreign nor as missing: otherwise a second event would be created, and the
/// first one never removed.
#[test]
fn our_unreadable_file_is_an_error_and_not_changed() {
    let ours = write_event(&draft(1, "Caf\u{e9}")).unwrap();
    let events = &ours[ours.find("BEGIN:VEVENT").unwrap()..ours.find("END:VCALENDAR").unwrap()];
    let mixed = ours.replace("END:VEVENT", "LOCATION:~\r\nEND:VEVENT").into_bytes();
    let mixed = mixed.into_iter().map(|byte| if byte == b'~' { 0xff } else { byte }).collect();
    let without_uid: String = ours.split_inclusive('\n').filter(|line| !line.starts_with("UID:")).collect();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("zeroed by a crash", vec![0; ours.len()]),
        ("no calendar", b"<html>".to_vec()),
        ("no event", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n".to_vec()),
        ("cut off", ours.as_bytes()[..ours.len() - 20].to_vec()),
        ("text after its end", format!("{ours}<!-- synced -->").into_bytes()),
        ("a property after its end", format!("{ours}X-SYNCED:1\r\n").into_bytes()),
        ("two events", ours.replace("END:VCALENDAR", &format!("{events}END:VCALENDAR")).into_bytes()),
        ("two encodings", mixed),
        ("no UID", without_uid.into_bytes()),
        (
            "too large",
            ours.replace("END:VEVENT", &format!("ATTACH:{}\r\nEND:VEVENT", "x".repeat(2 << 20))).into_bytes(),
        ),
    ];
    for (what, bytes) in cases {
        let stage = stage();
        let path = stage.plant(&format!("{KEY}.ics"), &bytes);
        assert_unreadable(stage.create(&draft(2, "x")), what);
        assert_unreadable(stage.update(KEY, &draft(2, "x")), what);
        assert_unreadable(stage.delete(KEY, &draft(2, "x")), what);
        assert_unreadable(stage.find_all(), what);
        assert_unreadable(stage.get(KEY), what);
        assert_unreadable(now(stage.folder.list_ours(&stage.place, "my-shop", None)), what);
        assert_eq!(fs::read(&path).unwrap(), bytes, "{what}");
        // The file is repaired.
        fs::write(&path, &ours).unwrap();
        stage.update(KEY, &draft(2, "x")).unwrap();
    }
}

#[test]
fn an_unreadable_adopted_event_is_an_error_and_a_persons_unreadable_file_is_not() {
    let stage = stage();
    stage.plant("event_789.ics", FOREIGN);
    stage.plant("notes.ics", "no calendar at all");
    stage.update("event_789", &draft(1, "One")).unwrap();
    assert_eq!(stage.find().as_deref(), Some("One"));
    let path = stage.calendar().join("event_789.ics");
    let broken = format!("{}<!-- synced -->", fs::read_to_string(&path).unwrap());
    stage.plant("event_789.ics", &broken);
    assert_unreadable(stage.find_all(), "find");
    assert_unreadable(stage.update("event_789", &draft(2, "x")), "update");
    assert_unreadable(stage.delete("event_789", &draft(2, "x")), "delete");
    // A person's export of the whole calendar contains our key too, but is no event's file.
    let event = &broken[broken.find("BEGIN:VEVENT").unwrap()..broken.find("END:VCALENDAR").unwrap()];
    stage.plant("event_789.ics", format!("BEGIN:VCALENDAR\r\n{event}{event}END:VCALENDAR\r\n"));
    assert_eq!(stage.find(), None);
}

#[test]
fn our_event_is_updated_and_removed_in_any_encoding() {
    let ours = write_event(&draft(1, "Caf\u{e9} @@")).unwrap();
    let latin: Vec<u8> = ours.chars().map(|character| character as u8).collect();
    let utf16: Vec<u8> =
        "\u{feff}".encode_utf16().chain(ours.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let at = ours.find('\u{e9}').unwrap();
    let split = [&ours.as_bytes()[..=at], b"\r\n ", &ours.as_bytes()[at + 1..]].concat();
    let returns = ours.replace("\r\n", "\r").into_bytes();
    let blank = format!("{ours}\r\n \r\n\0").into_bytes();
    for bytes in [latin, utf16, split, returns, blank] {
        let stage = stage();
        stage.plant(&format!("{KEY}.ics"), &bytes);
        assert_eq!(stage.find().as_deref(), Some("Caf\u{e9} @@"));
        assert_eq!(kind(stage.update(KEY, &draft(0, "old"))), ErrorKind::Superseded);
        stage.update(KEY, &draft(2, "Two")).unwrap();
        assert_eq!(fs::read_to_string(stage.file()).unwrap(), write_event(&draft(2, "Two")).unwrap());
        stage.plant(&format!("{KEY}.ics"), &bytes);
        stage.delete(KEY, &draft(2, "")).unwrap();
        assert!(!stage.file().exists());
    }
}

#[test]
fn our_event_is_updated_and_removed_even_with_invalid_times() {
    let ours = write_event(&draft(1, "One")).unwrap();
    let with_times = |start: &str, end: &str| -> String {
        let times = |line: &str| match line.split([';', ':']).next() {
            Some("DTSTART") if line.contains("2026") => format!("{start}\r\n"),
            Some("DTEND") if end.is_empty() => String::new(),
            Some("DTEND") => format!("{end}\r\n"),
            _ => line.to_owned(),
        };
        ours.split_inclusive('\n').map(times).collect()
    };
    for (start, end) in [
        ("DTSTART;TZID=GMT Standard Time:20260701T090000", "DTEND;TZID=GMT Standard Time:20260701T100000"),
        ("DTSTART:20260701T090000", "DTEND:20260701T100000"),
        ("DTSTART:20260701T080000Z", ""),
        ("DTSTART:yesterday", "DTEND:20260701T080000Z"),
        ("X-NOTHING:1", ""),
    ] {
        let stage = stage();
        let text = with_times(start, end);
        for write in [Stage::create, |stage: &Stage, draft: &Draft| stage.update(KEY, draft)] {
            stage.plant(&format!("{KEY}.ics"), &text);
            write(&stage, &draft(2, "Two")).unwrap();
            assert_eq!(stage.find().as_deref(), Some("Two"), "{start}");
        }
        stage.plant(&format!("{KEY}.ics"), &text);
        let found = stage.find_all().unwrap();
        assert_eq!(found, [stage.get(KEY).unwrap().unwrap()], "{start}");
        assert_eq!((found[0].key, found[0].marker.as_ref().unwrap().revision), (Some(key(0)), 1));
        assert!(
            end.is_empty() || now(stage.folder.read(&stage.place, &RemoteId::new(KEY))).is_err(),
            "{start}"
        );
        stage.delete(KEY, &draft(2, "")).unwrap();
        assert!(!stage.file().exists(), "{start}");
    }
}

#[test]
fn an_older_event_is_adopted_under_its_file_name() {
    let stage = stage();
    let path = stage.plant("event_789.ics", FOREIGN);
    let written = stage.update("event_789", &draft(1, "New").with_reminders(vec![30])).unwrap();
    assert_eq!(written.remote_id.as_str(), "event_789");
    let file = fs::read_to_string(&path).unwrap();
    // The UID stays, for programs that know the event by it; SEQUENCE rises.
    for line in [
        "UID:event_789@old.example",
        "X-CALSYNC-UID:event_789@old.example",
        "SEQUENCE:42",
        "SUMMARY:New",
        "COLOR:tomato",
        "CATEGORIES:Work,Home",
    ] {
        assert!(file.contains(&format!("\r\n{line}\r\n")), "{line}: {file}");
    }
    assert!(
        file.contains("X-WR-CALNAME:Mine\r\n") && file.contains("choo\r\n sing, as they do\r\n"),
        "{file}"
    );
    assert!(
        file.contains("ATTENDEE;CN=\"Bo, B\":mailto:bo@example.org\r\n") && file.contains("ACTION:AUDIO")
    );
    assert!(!file.contains("RRULE:FREQ=DAILY") && !file.contains("X-ALT-DESC"), "{file}");
    // It is found by its key, and only calsync's alarms count as reminders.
    assert_eq!(stage.find().as_deref(), Some("New"));
    let found = now(stage.folder.get(&stage.place, &RemoteId::new("event_789"))).unwrap().unwrap();
    assert_eq!(found.marker, Some(draft(1, "").marker));
    assert_eq!(found.key, Some(key(0)), "its UID was recorded");
    assert_eq!(stage.read("event_789").reminders, Reminders::Before(vec![30]));
    assert_eq!(found.etag, written.etag);
    // calsync's alarm is replaced, the person's stays; writing the same again changes nothing.
    stage.update("event_789", &draft(2, "New").with_reminders(vec![45])).unwrap();
    let file = fs::read_to_string(&path).unwrap();
    assert!(file.contains("-PT45M") && file.contains("-PT5M") && !file.contains("-PT30M"), "{file}");
    assert!(file.contains("SEQUENCE:43"), "{file}");
    stage.update("event_789", &draft(2, "New").with_reminders(vec![45])).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), file);
    stage.delete("event_789", &draft(3, "")).unwrap();
    assert!(!path.exists());
}

#[test]
fn a_persons_class_stays_until_the_host_sets_a_visibility() {
    let stage = stage();
    stage.create(&draft(1, "Deep clean")).unwrap();
    let classes = |stage: &Stage| -> Vec<String> {
        let file = fs::read_to_string(stage.file()).unwrap();
        file.lines().filter(|line| line.starts_with("CLASS")).map(str::to_owned).collect()
    };
    assert!(classes(&stage).is_empty());
    let edited = fs::read_to_string(stage.file()).unwrap();
    fs::write(stage.file(), edited.replace("SUMMARY:", "CLASS:CONFIDENTIAL\r\nSUMMARY:")).unwrap();
    stage.update(KEY, &draft(2, "Windows")).unwrap();
    assert_eq!(classes(&stage), ["CLASS:CONFIDENTIAL"]);
    let private = |revision| {
        let draft = draft(revision, "Windows");
        let event = (*draft.event).clone().with_visibility(Visibility::Private);
        Draft::new(draft.marker, event, draft.changed_at)
    };
    stage.update(KEY, &private(3)).unwrap();
    assert_eq!(classes(&stage), ["CLASS:PRIVATE"]);
    stage.update(KEY, &draft(4, "Windows")).unwrap();
    assert_eq!(classes(&stage), ["CLASS:PRIVATE"], "without a visibility the class stays");
}

#[test]
fn a_persons_higher_sequence_is_not_a_newer_revision() {
    let stage = stage();
    stage.create(&draft(5, "One")).unwrap();
    let edited = fs::read_to_string(stage.file()).unwrap().replace("SEQUENCE:5", "SEQUENCE:9");
    fs::write(stage.file(), edited).unwrap();
    stage.update(KEY, &draft(6, "Two")).unwrap();
    assert!(fs::read_to_string(stage.file()).unwrap().contains("SEQUENCE:10\r\n"));
    assert_eq!(kind(stage.update(KEY, &draft(5, "Three"))), ErrorKind::Superseded);
    // A program that drops unknown lines keeps UID and SEQUENCE: the event is still ours.
    let file = fs::read_to_string(stage.file()).unwrap();
    let stripped: String = file.split_inclusive('\n').filter(|line| !line.starts_with("X-CALSYNC")).collect();
    fs::write(stage.file(), stripped).unwrap();
    assert_eq!(stage.find().as_deref(), Some("Two"));
    stage.create(&draft(7, "Four")).unwrap();
}

/// `find` finds every generation by the names of the files. Files named by other targets are not
/// read.
#[test]
fn find_returns_every_generation() {
    let stage = stage();
    let of = |generation, revision| {
        let draft = draft(revision, "One");
        Draft::new(Marker::new("my-shop", key(generation), revision), draft.event, draft.changed_at)
    };
    stage.create(&of(0, 1)).unwrap();
    let later = stage.create(&of(12, 2)).unwrap();
    assert_eq!(later.remote_id.as_str(), format!("{KEY}g12"));
    let other = "f".repeat(32);
    for name in [&other, &format!("{other}g1")] {
        stage.plant(&format!("{name}.ics"), format!("garbage that names {KEY}"));
    }
    let found: Vec<_> = stage.find_all().unwrap().into_iter().map(|found| found.key).collect();
    assert_eq!(found, [Some(key(0)), Some(key(12))]);
    // Programs that remove calsync's lines keep the UID.
    for generation in [0, 12] {
        let path = stage.calendar().join(format!("{}.ics", key(generation)));
        let file = fs::read_to_string(&path).unwrap();
        let file: String = file.split_inclusive('\n').filter(|line| !line.contains("X-CALSYNC")).collect();
        fs::write(path, file).unwrap();
    }
    let found: Vec<_> =
        stage.find_all().unwrap().into_iter().map(|found| (found.marker, found.key)).collect();
    assert_eq!(found, [(None, Some(key(0))), (None, Some(key(12)))]);
    // With the marker of another generation, too, an event of the target can be removed.
    now(stage.folder.delete(&stage.place, &later.remote_id, &of(0, 3).marker, &DeleteOptions::new()))
        .unwrap();
}

/// A file with the desired content is not written, even if the person has added to it.
#[test]
fn an_update_without_an_etag_writes_only_differences() {
    let stage = stage();
    stage.create(&draft(1, "One").with_reminders(vec![30])).unwrap();
    let theirs = "COLOR:tomato\r\nBEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\n";
    let file = fs::read_to_string(stage.file()).unwrap();
    let added =
        file.replace("END:VEVENT", &format!("{theirs}END:VEVENT")).replace("calsync-ics//EN", "theirs//EN");
    fs::write(stage.file(), &added).unwrap();
    // The first write puts the person's lines in calsync's order.
    let mut draft = draft(2, "One").with_reminders(vec![30]);
    stage.update(KEY, &draft).unwrap();
    let ours = fs::read_to_string(stage.file()).unwrap();
    fs::write(stage.file(), ours.replace("SEQUENCE:2", "SEQUENCE:7").replace("calsync-ics//EN", "x//EN"))
        .unwrap();
    let before = fs::read_to_string(stage.file()).unwrap();
    draft.marker.revision = 3;
    draft.changed_at += chrono::TimeDelta::days(1);
    let etag = stage.update(KEY, &draft).unwrap().etag;
    assert_eq!(etag, stage.get(KEY).unwrap().unwrap().etag);
    assert_eq!(fs::read_to_string(stage.file()).unwrap(), before);
    // A different marker, reminder, rule or text is written.
    for change in ["SUMMARY:One", "X-CALSYNC-NAMESPACE:my-shop", "TRIGGER:-PT30M", "X-CALSYNC-TARGET:0"] {
        fs::write(stage.file(), before.replace(change, "X-CHANGED:1")).unwrap();
        stage.update(KEY, &draft).unwrap();
        let file = fs::read_to_string(stage.file()).unwrap();
        assert!(
            file.contains(&format!("\r\n{change}")) && file.contains("\r\nSEQUENCE:8\r\n"),
            "{change}: {file}"
        );
    }
    fs::write(stage.file(), before.replace("SUMMARY", "RRULE:FREQ=DAILY\r\nSUMMARY")).unwrap();
    stage.update(KEY, &draft).unwrap();
    assert!(!fs::read_to_string(stage.file()).unwrap().contains("FREQ=DAILY"));
    // An edited revision is corrected, and does not count as newer.
    for tampered in ["18446744073709551615", "9000000000"] {
        let file = before.replace("X-CALSYNC-REVISION:2", &format!("X-CALSYNC-REVISION:{tampered}"));
        fs::write(stage.file(), file).unwrap();
        stage.update(KEY, &draft).unwrap();
        assert!(fs::read_to_string(stage.file()).unwrap().contains("X-CALSYNC-REVISION:3\r\n"));
    }
}

#[test]
fn each_failure_of_the_disk_has_its_error_kind() {
    // The root is a file.
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    fs::write(&path, "x").unwrap();
    let folder = IcsFolder::new(&path);
    let error =
        now(folder.create(&place("7", "primary"), &draft(1, "x"), &CreateOptions::new())).unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Configuration, Retry::Never), "{error:?}");
    // The error has no personal data.
    let place = place("7", "anna@example.org");
    let error = now(folder.create(&place, &draft(1, "x"), &CreateOptions::new())).unwrap_err();
    assert!(!format!("{error:?}").contains("anna"), "{error:?}");
    // The content exceeds the size limit of a file.
    let stage = stage();
    let huge = draft(1, &"x".repeat(2 << 20));
    assert_eq!(kind(stage.create(&huge)), ErrorKind::Refused);
    assert_eq!(stage.find(), None);
}

trait WithReminders {
    fn with_reminders(self, minutes: Vec<u32>) -> Self;
}

impl WithReminders for Draft {
    fn with_reminders(self, minutes: Vec<u32>) -> Self {
        let event = (*self.event).clone().with_reminders(Reminders::Before(minutes));
        Self::new(self.marker, event, self.changed_at)
    }
}
