//! Through the syncer: a killed run, then a file that a person's program rewrote, then a change of
//! time and a cancellation.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;

use calsync_core::audience::Audience;
use calsync_core::event::When;
use calsync_core::ledger::Verdict;
use calsync_core::model::{
    Appointment, Connection, Customer, Directory, Order, OrderStatus, Profile, Service,
};
use calsync_core::names::{CalendarId, ProviderKind};
use calsync_core::plan::Begun;
use calsync_core::provider::{CalendarProvider, Found};
use calsync_core::sync::{RetryPolicy, Syncer};
use calsync_ics::{IcsFolder, read_event};
use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;

/// A host with one appointment of customer Cleo, whose calendar is a folder.
struct Host {
    root: TempDir,
    syncer: Syncer,
    order: Order,
    directory: Directory,
    appointment: Appointment,
}

impl Host {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let syncer = Syncer::builder("my-shop").provider(IcsFolder::new(root.path()));
        let mut cleo = Customer::new(7, "Cleo");
        cleo.profile_id = Some(1.into());
        let calendar = Connection::new(1, ProviderKind::APPLE, CalendarId::primary());
        let directory = Directory::new().with_services([Service::new(5, "Deep clean", 60)]);
        let directory = directory.with_customers([cleo]);
        let directory = directory.with_profiles([Profile::new(1).with_connection(calendar)]);
        let mut order = Order::new(1, OrderStatus::Confirmed);
        order.customer_id = Some(7.into());
        // In that year readers know the rules of every zone.
        let start: DateTime<Utc> = "2036-07-01T08:00:00Z".parse().unwrap();
        let mut appointment = Appointment::new(10, 5, start, start + TimeDelta::hours(1));
        appointment.order_id = Some(1.into());
        Self { root, syncer: syncer.retry(RetryPolicy::none()).build(), order, directory, appointment }
    }

    fn begin(&mut self) -> Begun {
        let audience = Audience::of(&self.order, &self.appointment, &self.directory).unwrap();
        let plan = self.syncer.plan(&self.order, &self.appointment, &audience).unwrap();
        plan.begin(&mut self.appointment).unwrap()
    }

    async fn sync(&mut self) -> Vec<Verdict> {
        let begun = self.begin();
        let report = self.syncer.run(begun).await;
        self.appointment.record(&report);
        assert!(report.is_all_done(), "{report:?}");
        report.outcomes.iter().map(|outcome| outcome.verdict).collect()
    }

    fn postpone(&mut self) {
        self.appointment.start_time += TimeDelta::hours(2);
        self.appointment.end_time += TimeDelta::hours(2);
    }

    /// The files of Cleo's calendar.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.root.path().join("1/primary")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    async fn listed(&self) -> Vec<Found> {
        let folder = IcsFolder::new(self.root.path());
        let calendar = self.appointment.ledger.deliveries().first().unwrap().calendar();
        folder.list_ours(calendar, "my-shop", None).await.unwrap().events
    }
}

/// The file with other times, as another program writes them.
fn with_times(file: &str, start: &str, end: &str) -> String {
    let mut in_event = false;
    let line = |line: &str| {
        in_event |= line.starts_with("BEGIN:VEVENT");
        match line.split([';', ':']).next() {
            Some("DTSTART") if in_event => format!("DTSTART{start}\r\n"),
            Some("DTEND") if end.is_empty() => String::new(),
            Some("DTEND") => format!("DTEND{end}\r\n"),
            _ => line.to_owned(),
        }
    };
    file.split_inclusive('\n').map(line).collect()
}

#[tokio::test]
async fn an_event_with_unreadable_times_is_updated_and_removed() {
    let zone = ";TZID=GMT Standard Time:20360701T0";
    for (what, start, end) in [
        ("floating times", ":20360701T090000".to_owned(), ":20360701T100000".to_owned()),
        ("no end", ":20360701T090000".to_owned(), String::new()),
        ("an instant without an end", ":20360701T080000Z".to_owned(), String::new()),
        ("a Windows zone name", format!("{zone}90000"), format!("{zone}95900")),
        ("nonsense", ":soon".to_owned(), ":later".to_owned()),
    ] {
        let mut host = Host::new();
        assert_eq!(host.sync().await, [Verdict::Created]);
        host.postpone();
        drop(host.begin());
        let [path] = &*host.files() else { panic!("{what}: one file") };
        let file = fs::read_to_string(path).unwrap();
        fs::write(path, with_times(&file, &start, &end)).unwrap();
        assert_eq!(host.listed().await.len(), 1, "{what}");

        host.postpone();
        assert_eq!(host.sync().await, [Verdict::Updated], "{what}");
        assert_eq!(host.files(), std::slice::from_ref(path), "{what}");
        let read = read_event(&fs::read(path).unwrap()).unwrap();
        let When::Timed { start: read, .. } = read.event.when else { panic!("{what}: a time") };
        assert_eq!(read, host.appointment.start_time, "{what}");
        assert_eq!(host.sync().await, [], "{what}: nothing more to do");

        fs::write(path, with_times(&file, &start, &end)).unwrap();
        host.appointment.status = "cancelled".into();
        assert_eq!(host.sync().await, [Verdict::Removed], "{what}");
        assert_eq!(host.files(), [""; 0].map(PathBuf::from), "{what}");
    }
}

/// The killed run had removed the event, or was about to create it.
#[tokio::test]
async fn the_next_run_completes_a_killed_one() {
    let mut host = Host::new();
    drop(host.begin());
    assert_eq!(host.sync().await, [Verdict::Created], "its folder does not exist yet");
    host.appointment.status = "cancelled".into();
    drop(host.begin());
    fs::remove_file(&host.files()[0]).unwrap();
    assert_eq!(host.sync().await, [Verdict::Removed]);
    host.appointment.status = "confirmed".into();
    assert_eq!(host.sync().await, [Verdict::Created]);
    let name = host.files()[0].file_stem().unwrap().to_str().unwrap().to_owned();
    assert!(name.ends_with("g1"), "the next generation: {name}");
}

/// A person's copy carries our marker. It is reported and never removed.
#[tokio::test]
async fn a_persons_copy_stays_after_the_event_is_removed() {
    let mut host = Host::new();
    host.sync().await;
    let path = host.files().remove(0);
    let uid = format!("UID:{}", path.file_stem().unwrap().to_str().unwrap());
    let file = fs::read_to_string(&path).unwrap();
    let copy = path.with_file_name("copy.ics");
    fs::write(&copy, file.replacen(&uid, "UID:A3F0C1D2-0000-4000-8000-0123456789AB", 1)).unwrap();
    host.postpone();
    drop(host.begin());
    let begun = host.begin();
    let report = host.syncer.run(begun).await;
    host.appointment.record(&report);
    assert_eq!((report.outcomes[0].verdict, report.outcomes[0].copies), (Verdict::Updated, 1));
    host.appointment.status = "cancelled".into();
    assert_eq!(host.sync().await, [Verdict::Removed]);
    assert_eq!(host.files(), [copy]);
}
