//! A folder of files as a calendar: what stands on the disk, and what nobody can lead it to.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use calsync_core::calendar::{CalendarRef, Person};
use calsync_core::error::{Error, ErrorKind, Retry};
use calsync_core::event::{Event, Reminders, Visibility, When};
use calsync_core::identity::EventKey;
use calsync_core::names::{CalendarId, ProviderKind, RemoteId};
use calsync_core::provider::{
    CalendarProvider, CreateOptions, DeleteOptions, Draft, Marker, UpdateOptions, Written,
};
use calsync_core::time::Zone;
use calsync_ics::{IcsFolder, read_event};
use futures_util::FutureExt;
use tempfile::TempDir;
use uuid::Uuid;

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
    let key = EventKey::from_uuid(Uuid::parse_str(KEY).unwrap());
    Draft::new(Marker::new("my-shop", key, revision), Event::new(title, when), start)
}

/// Nothing is ever awaited.
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

    fn find(&self) -> Option<String> {
        let draft = draft(0, "");
        let found = now(self.folder.find(&self.place, "my-shop", &draft.marker.key)).unwrap();
        found.map(|found| found.event.title.to_string())
    }

    fn calendar(&self) -> PathBuf {
        self.root.path().join("calendars/7/primary")
    }

    fn file(&self) -> PathBuf {
        self.calendar().join(format!("{KEY}.ics"))
    }

    fn plant(&self, name: &str, text: &str) -> PathBuf {
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
fn one_file_an_event_under_its_key() {
    let stage = stage();
    let written = stage.create(&draft(1, "One")).unwrap();
    assert_eq!(written.remote_id.as_str(), KEY);
    assert_eq!(everything_below(stage.root.path()), [stage.file().to_str().unwrap()]);
    assert_eq!(stage.folder.path(&stage.place, &written.remote_id).unwrap(), Some(stage.file()));
    // The same again is the same file; other content is another version.
    let before = fs::metadata(stage.file()).unwrap().modified().unwrap();
    assert_eq!(stage.create(&draft(1, "One")).unwrap(), written);
    assert_eq!(fs::metadata(stage.file()).unwrap().modified().unwrap(), before);
    let changed = stage.update(KEY, &draft(2, "Two")).unwrap();
    assert_ne!(changed.etag, written.etag);
    stage.delete(KEY, &draft(3, "")).unwrap();
    assert_eq!(everything_below(stage.root.path()), [""; 0]);
    // A key is not spent by removal.
    stage.create(&draft(4, "Again")).unwrap();
    assert_eq!(stage.find().as_deref(), Some("Again"));
}

#[test]
fn leftovers_are_no_events_and_are_swept_away() {
    let stage = stage();
    let leftover = stage.plant(".calsync-1-0.tmp", "BEGIN:VCAL");
    let notes = stage.plant("notes.txt", "mine");
    assert_eq!(stage.find(), None);
    stage.create(&draft(1, "One")).unwrap();
    assert!(!leftover.exists() && notes.exists());
    assert_eq!(fs::read_dir(stage.calendar()).unwrap().count(), 2);
}

#[test]
fn writers_at_once_leave_one_whole_event() {
    let stage = stage();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let stage = &stage;
            scope.spawn(move || {
                // Each as a process of its own, sweeping the folder at its first write.
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
fn hostile_ids_stay_inside() {
    let stage = stage();
    let long = "x".repeat(1000);
    let ids =
        ["../../x", "/etc/passwd", "C:\\x", ".hidden", "..", "a\u{0}b", "nul", "", "guest", "~", "é", &long];
    for id in ids {
        assert_eq!(now(stage.folder.get(&stage.place, &RemoteId::new(id))).unwrap(), None, "{id:?}");
        stage.delete(id, &draft(1, "")).unwrap();
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

    // A file that is a link.
    let stage = stage();
    fs::create_dir_all(stage.calendar()).unwrap();
    symlink(&victim, stage.file()).unwrap();
    assert_eq!(stage.find(), None);
    assert_eq!(kind(now(stage.folder.get(&stage.place, &RemoteId::new(KEY)))), ErrorKind::NotOurs);
    assert_eq!(kind(stage.create(&draft(2, "x"))), ErrorKind::KeySpent);
    assert_eq!(kind(stage.update(KEY, &draft(2, "x"))), ErrorKind::NotOurs);
    assert_eq!(kind(stage.delete(KEY, &draft(2, "x"))), ErrorKind::NotOurs);

    // A calendar, and a person, that is a link.
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

#[test]
fn what_is_not_ours_is_left_alone() {
    for garbage in ["", "x", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", FOREIGN] {
        let stage = stage();
        let path = stage.plant(&format!("{KEY}.ics"), garbage);
        assert_eq!(stage.find(), None);
        assert_eq!(kind(stage.create(&draft(1, "x"))), ErrorKind::KeySpent, "{garbage}");
        assert_eq!(kind(stage.update(KEY, &draft(1, "x"))), ErrorKind::NotOurs, "{garbage}");
        assert_eq!(kind(stage.delete(KEY, &draft(1, "x"))), ErrorKind::NotOurs, "{garbage}");
        assert_eq!(fs::read_to_string(path).unwrap(), garbage);
    }
}

#[test]
fn an_event_of_old_is_adopted_under_its_name() {
    let stage = stage();
    let path = stage.plant("event_789.ics", FOREIGN);
    let written = stage.update("event_789", &draft(1, "New").with_reminders(vec![30])).unwrap();
    assert_eq!(written.remote_id.as_str(), "event_789");
    let file = fs::read_to_string(&path).unwrap();
    // The UID stays, for the programs that know the event by it; SEQUENCE rises.
    for line in
        ["UID:event_789@old.example", "SEQUENCE:42", "SUMMARY:New", "COLOR:tomato", "CATEGORIES:Work,Home"]
    {
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
    // It is found by its key, and only its own alarms are ours.
    assert_eq!(stage.find().as_deref(), Some("New"));
    let found = now(stage.folder.get(&stage.place, &RemoteId::new("event_789"))).unwrap().unwrap();
    assert_eq!(found.marker, Some(draft(1, "").marker));
    assert_eq!(found.event.reminders, Reminders::Before(vec![30]));
    assert_eq!(found.etag, written.etag);
    // Our alarm is replaced, theirs stays; writing the same again changes nothing.
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
fn a_person_keeps_the_class_they_chose_until_the_host_chooses_one() {
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
    assert_eq!(classes(&stage), ["CLASS:PRIVATE"], "no choice takes nothing back");
}

#[test]
fn a_persons_edit_is_no_newer_revision_of_ours() {
    let stage = stage();
    stage.create(&draft(5, "One")).unwrap();
    let edited = fs::read_to_string(stage.file()).unwrap().replace("SEQUENCE:5", "SEQUENCE:9");
    fs::write(stage.file(), edited).unwrap();
    stage.update(KEY, &draft(6, "Two")).unwrap();
    assert!(fs::read_to_string(stage.file()).unwrap().contains("SEQUENCE:10\r\n"));
    assert_eq!(kind(stage.update(KEY, &draft(5, "Three"))), ErrorKind::Superseded);
    // A program that drops lines it does not know leaves UID and SEQUENCE: still ours.
    let file = fs::read_to_string(stage.file()).unwrap();
    let stripped: String = file.split_inclusive('\n').filter(|line| !line.starts_with("X-CALSYNC")).collect();
    fs::write(stage.file(), stripped).unwrap();
    assert_eq!(stage.find().as_deref(), Some("Two"));
    stage.create(&draft(7, "Four")).unwrap();
}

#[test]
fn what_the_disk_says_is_told_apart() {
    // A root that is a file.
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    fs::write(&path, "x").unwrap();
    let folder = IcsFolder::new(&path);
    let error =
        now(folder.create(&place("7", "primary"), &draft(1, "x"), &CreateOptions::new())).unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Configuration, Retry::Never), "{error:?}");
    // A file that says nothing about the calendar's owner in its errors.
    let place = place("7", "anna@example.org");
    let error = now(folder.create(&place, &draft(1, "x"), &CreateOptions::new())).unwrap_err();
    assert!(!format!("{error:?}").contains("anna"), "{error:?}");
    // Content that fits no file.
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
