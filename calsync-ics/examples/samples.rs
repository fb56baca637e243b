//! Writes sample files for a check by independent parsers. `expect.json` has the values that they
//! must read:
//!
//! ```sh
//! cargo run -p calsync-ics --example samples -- /tmp/samples
//! python3 ics_judge.py --profile caldav --expect /tmp/samples/expect.json /tmp/samples/files
//! python3 ics_judge.py --profile feed --expect /tmp/samples/expect.json /tmp/samples/feed
//! ```

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use calsync_core::event::{Event, EventStatus, Reminders, TextLimits, When};
use calsync_core::identity::{Generation, TargetKey};
use calsync_core::provider::{Draft, Marker};
use calsync_core::time::Zone;
use calsync_ics::{CalendarInfo, FeedWriter, IcsWriter};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta};
use serde_json::{Map, Value, json};
use uuid::Uuid;

const ZONES: [&str; 24] = [
    "UTC",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Berlin",
    "Europe/Chisinau",
    "Europe/Moscow",
    "America/New_York",
    "America/Vancouver",
    "America/St_Johns",
    "America/Havana",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/Nuuk",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Jerusalem",
    "Asia/Gaza",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Antarctica/Troll",
];

const TEXTS: [(&str, &str, &str); 8] = [
    ("Deep clean", "Order: 1\nNotes: none", "1 High St, Leeds"),
    (
        "Commas, semicolons; backslashes \\ and \"quotes\"",
        "a\\nb is no line end; C:\\new\\table",
        "\"The Old Barn\"",
    ),
    (
        "Grundreinigung für Frau Müller-Lüdenscheidt – Küche, Bäder und Flur, alle Fenster im Erdgeschoß",
        "Straße 12",
        "",
    ),
    (
        "王小明的预约：深度清洁（三室两厅，含厨房与卫生间的全面消毒）以及窗户清洗与地毯护理",
        "备注：请按门铃\n谢谢",
        "北京市朝阳区",
    ),
    ("🧹🧽 Cleaning 👩‍👩‍👧‍👦 family flat 🏳️‍🌈 with a very long line of emoji 🧼🧼🧼🧼🧼🧼🧼🧼🧼🧼🧼🧼", "🙂", "🏠"),
    ("غسيل السجاد في المنزل", "ملاحظات: لا شيء", "دبي"),
    ("BEGIN:VEVENT", "END:VCALENDAR\nATTENDEE:mailto:eve@example.org\r\nX: y", "UID:1;x=\"y\":z"),
    ("Ends with a backslash \\", "tab\tinside\u{2028}and a line separator", "line\none"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(std::env::args_os().nth(1).ok_or("pass the output folder as an argument")?);
    for folder in ["files", "feed"] {
        fs::create_dir_all(out.join(folder))?;
    }
    let mut expect = Map::new();
    let mut feed = FeedWriter::new(Vec::new(), &calendar()?)?;
    let mut all = Vec::new();
    let mut writer = IcsWriter::new();
    for (number, draft) in drafts()?.iter().enumerate() {
        let name = format!("{number:03}.ics");
        fs::write(out.join("files").join(&name), writer.write(draft)?)?;
        feed.write(draft)?;
        let event = expected(draft);
        expect.insert(name, json!({ "events": [event] }));
        all.push(event);
    }
    fs::write(out.join("feed/feed.ics"), feed.finish()?)?;
    expect.insert("feed.ics".into(), json!({ "events": all }));
    fs::write(out.join("feed/empty.ics"), FeedWriter::new(Vec::new(), &calendar()?)?.finish()?)?;
    fs::write(out.join("expect.json"), serde_json::to_vec_pretty(&expect)?)?;
    Ok(())
}

fn calendar() -> Result<CalendarInfo, Box<dyn Error>> {
    Ok(CalendarInfo::new()
        .with_name("Anna's bookings; \"north\", Leeds \\ York\r\nMETHOD:REQUEST")
        .with_description("Jobs, one a line")
        .with_zone(Zone::new("Europe/London")?)
        .with_refresh(Duration::from_secs(3600)))
}

/// Returns drafts with every zone in several years, every text, all-day events, and reminders.
fn drafts() -> Result<Vec<Draft>, Box<dyn Error>> {
    let mut events = Vec::new();
    let text = |number: usize, when: When| {
        let (title, description, location) = TEXTS.get(number % TEXTS.len()).copied().unwrap_or_default();
        Event::new(title, when).with_description(description).with_location(location)
    };
    for name in ZONES {
        let zone = Zone::new(name)?;
        for year in [2026, 2027, 2034] {
            for (month, day, hour) in
                [(1, 20, 9), (3, 29, 1), (4, 5, 2), (7, 1, 23), (10, 25, 0), (10, 25, 1), (11, 1, 6)]
            {
                let date = NaiveDate::from_ymd_opt(year, month, day).ok_or("date")?;
                let start = date.and_hms_opt(hour, 30, 0).ok_or("time")?.and_utc();
                let when = When::Timed { start, end: start + TimeDelta::minutes(90), zone: zone.clone() };
                events.push(text(events.len(), when));
            }
        }
    }
    for days in [1, 2, 40] {
        let start = NaiveDate::from_ymd_opt(2026, 2, 28).ok_or("date")?;
        let end = start + TimeDelta::days(days);
        let minutes = [vec![], vec![0], vec![10, 60, 1440]].get(usize::try_from(days)? % 3).cloned();
        let reminders = Reminders::Before(minutes.unwrap_or_default());
        events.push(text(events.len(), When::AllDay { start, end }).with_reminders(reminders));
    }
    let start = DateTime::from_timestamp(1_800_000_000, 0).ok_or("time")?;
    let when = When::Timed { start, end: start + TimeDelta::hours(2), zone: Zone::new("Europe/Paris")? };
    let long = "Zoë’s flat, 3rd floor; ring twice. ".repeat(200);
    let long = text(0, when).with_description(long).with_status(EventStatus::Tentative);
    events.push(long.with_reminders(Reminders::Before(vec![15, 120])));
    let limits = TextLimits::default();
    let namespaces = ["my-shop", "shop; of \"Zoë\", Leeds\r\nATTENDEE:mailto:eve@example.org"];
    let fitted = events.into_iter().map(|event| event.fitted(&limits).unwrap_or(event));
    Ok(fitted
        .zip(1_u64..)
        .map(|(event, number)| {
            let target = TargetKey::from_uuid(Uuid::new_v5(&Uuid::NAMESPACE_URL, &number.to_be_bytes()));
            let key = target.event(Generation::new(u32::from(number % 3 == 0)));
            let namespace = namespaces.get(usize::from(number % 7 == 0)).copied().unwrap_or_default();
            Draft::new(Marker::new(namespace, key, number), event, start)
        })
        .collect())
}

/// The values that any parser must read.
fn expected(draft: &Draft) -> Value {
    let event = &draft.event;
    let optional = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    let (start, end): (Value, Value) = match &event.when {
        When::Timed { start, end, .. } => (start.timestamp().into(), end.timestamp().into()),
        When::AllDay { start, end } => (day(*start).into(), day(*end).into()),
    };
    json!({
        "uid": draft.marker.key.to_string(),
        "sequence": draft.marker.revision,
        "summary": &*event.title,
        "description": optional(&event.description),
        "location": optional(&event.location),
        "status": if event.status == EventStatus::Tentative { "TENTATIVE" } else { "CONFIRMED" },
        "start": start,
        "end": end,
        "organizer": null,
        "attendees": [],
    })
}

fn day(date: NaiveDate) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}
