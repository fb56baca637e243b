//! Validation of an event's body: which fields are stored, which are dropped, and which are
//! refused.

use calsync_core::time::Zone;
use serde_json::{Map, Value, json};

use super::reply::Problem;
use super::settings::Settings;
use super::times::Moment;

/// Settings that the validation depends on.
pub(super) struct Rules<'a> {
    pub(super) settings: &'a Settings,
    pub(super) calendar_zone: &'a Zone,
    /// Whether the request has `conferenceDataVersion=1`. Without it conference data is ignored.
    pub(super) conference: bool,
    /// Whether the request has `supportsAttachments=true`. Without it attachments are ignored.
    pub(super) attachments: bool,
}

/// Text fields that a client can write. Fields that no list here names are dropped: they are
/// unknown, or only the server sets them.
const TEXTS: [&str; 4] = ["summary", "description", "location", "colorId"];
const FLAGS: [(&str, bool); 6] = [
    ("anyoneCanAddSelf", false),
    ("attendeesOmitted", false),
    ("endTimeUnspecified", false),
    ("guestsCanInviteOthers", true),
    ("guestsCanModify", false),
    ("guestsCanSeeOtherGuests", true),
];
const CHOICES: [(&str, &[&str]); 4] = [
    ("status", &["confirmed", "tentative", "cancelled"]),
    ("transparency", &["opaque", "transparent"]),
    ("visibility", &["default", "public", "private", "confidential"]),
    ("eventType", &["default", "birthday", "focusTime", "outOfOffice", "workingLocation"]),
];

/// Checks an event's body, drops the fields that a client cannot write, and returns it as it is
/// stored, reminders included.
///
/// Default values are dropped, because Google leaves them out of its responses.
pub(super) fn clean(input: &Map<String, Value>, rules: &Rules<'_>) -> Result<Map<String, Value>, Problem> {
    let mut body = Map::new();
    let given = |name: &str| input.get(name).filter(|value| !value.is_null());
    for name in TEXTS {
        if let Some(value) = given(name) {
            let text = value.as_str().ok_or_else(|| wrong(name))?;
            check_length(name, text, rules.settings)?;
            if !text.is_empty() {
                body.insert(name.into(), text.into());
            }
        }
    }
    if body.get("colorId").and_then(Value::as_str).is_some_and(|id| !is_colour(id)) {
        return Err(Problem::invalid("Invalid event color id."));
    }
    for (name, default) in FLAGS {
        if let Some(value) = given(name) {
            let flag = value.as_bool().ok_or_else(|| wrong(name))?;
            if flag != default {
                body.insert(name.into(), flag.into());
            }
        }
    }
    for (name, choices) in CHOICES {
        if let Some(value) = given(name) {
            let text = value.as_str().filter(|text| choices.contains(text)).ok_or_else(|| wrong(name))?;
            if !matches!((name, text), ("transparency", "opaque") | ("visibility", "default")) {
                body.insert(name.into(), text.into());
            }
        }
    }
    if let Some(value) = given("sequence") {
        let sequence = value.as_u64().ok_or_else(|| wrong("sequence"))?;
        body.insert("sequence".into(), sequence.into());
    }
    times(input, rules, &mut body)?;
    if let Some(properties) = given("extendedProperties") {
        let kept = extended_properties(properties)?;
        if !kept.is_empty() {
            body.insert("extendedProperties".into(), kept.into());
        }
    }
    if let Some(value) = given("reminders") {
        body.insert("reminders".into(), reminders(value)?);
    }
    if let Some(value) = given("source") {
        body.insert("source".into(), source(value)?);
    }
    if let Some(value) = given("attendees") {
        let attendees = attendees(value)?;
        if !attendees.is_empty() {
            body.insert("attendees".into(), attendees.into());
        }
    }
    if let Some(value) = given("attachments").filter(|_| rules.attachments) {
        let attachments = value.as_array().ok_or_else(|| wrong("attachments"))?;
        if attachments.len() > 25 {
            return Err(Problem::invalid("Too many attachments."));
        }
        body.insert("attachments".into(), value.clone());
    }
    if let Some(value) = given("conferenceData").filter(|_| rules.conference) {
        body.insert("conferenceData".into(), conference(value, rules.settings)?);
    }
    Ok(body)
}

/// Checks start, end and recurrence: both times of the same kind, the end after the start, and a
/// zone if the event is a series.
fn times(
    input: &Map<String, Value>,
    rules: &Rules<'_>,
    body: &mut Map<String, Value>,
) -> Result<(), Problem> {
    let calendar = rules.calendar_zone;
    let recurrence = input.get("recurrence").filter(|value| !value.is_null());
    let lines = recurrence.map(|value| texts(value, "recurrence")).transpose()?.unwrap_or_default();
    let start = Moment::read(input.get("start"), "start", !lines.is_empty())?;
    let end = Moment::read(input.get("end"), "end", !lines.is_empty())?;
    for (moment, side) in [(&start, "start"), (&end, "end")] {
        moment.check_zone(side, &rules.settings.unknown_zones)?;
    }
    if start.is_day() != end.is_day() {
        return Err(Problem::invalid("Start and end times must either both be date or both be dateTime."));
    }
    if end.instant(calendar) <= start.instant(calendar) {
        let problem = Problem::new(
            http::StatusCode::BAD_REQUEST,
            "timeRangeEmpty",
            "The specified time range is empty.",
        );
        return Err(problem.in_domain("calendar"));
    }
    let write = |moment: &Moment| match moment {
        Moment::At(_, Some(zone)) => moment.write(zone, calendar),
        _ => moment.write(calendar, calendar),
    };
    body.insert("start".into(), write(&start));
    body.insert("end".into(), write(&end));
    if !lines.is_empty() {
        if !lines.iter().any(|line| line.starts_with("RRULE:") || line.starts_with("RDATE")) {
            return Err(Problem::invalid("Invalid recurrence rule."));
        }
        body.insert("recurrence".into(), lines.into());
    }
    Ok(())
}

/// Drops keys of more than 44 characters and truncates values to 1024 characters, both silently, as
/// Google does.
fn extended_properties(value: &Value) -> Result<Map<String, Value>, Problem> {
    let mut kept = Map::new();
    for kind in ["private", "shared"] {
        let Some(properties) = value.get(kind).filter(|value| !value.is_null()) else { continue };
        let properties = properties.as_object().ok_or_else(|| wrong("extendedProperties"))?;
        let mut of_kind = Map::new();
        for (key, value) in properties.iter().filter(|(_, value)| !value.is_null()) {
            let text = value.as_str().ok_or_else(|| wrong("extendedProperties"))?;
            if key.chars().count() <= 44 {
                of_kind.insert(key.clone(), text.chars().take(1024).collect::<String>().into());
            }
        }
        if !of_kind.is_empty() {
            kept.insert(kind.into(), of_kind.into());
        }
    }
    Ok(kept)
}

fn reminders(value: &Value) -> Result<Value, Problem> {
    let bad = || wrong("reminders");
    let object = value.as_object().ok_or_else(bad)?;
    let use_default = match object.get("useDefault") {
        None | Some(Value::Null) => false,
        Some(value) => value.as_bool().ok_or_else(bad)?,
    };
    let overrides = match object.get("overrides") {
        None | Some(Value::Null) => Vec::new(),
        Some(value) => value.as_array().ok_or_else(bad)?.clone(),
    };
    if use_default && !overrides.is_empty() {
        return Err(Problem::new(
            http::StatusCode::BAD_REQUEST,
            "cannotUseDefaultRemindersAndSpecifyOverride",
            "Cannot specify both default reminders and overrides at the same time.",
        )
        .in_domain("calendar"));
    }
    if overrides.len() > 5 {
        return Err(Problem::invalid("Too many reminder overrides."));
    }
    for reminder in &overrides {
        let method = reminder.get("method").and_then(Value::as_str);
        let minutes = reminder.get("minutes").and_then(Value::as_u64);
        if !matches!(method, Some("email" | "popup")) || minutes.is_none_or(|minutes| minutes > 40_320) {
            return Err(Problem::invalid("Invalid reminder override."));
        }
    }
    let mut kept = json!({"useDefault": use_default});
    if let (false, Some(kept)) = (overrides.is_empty(), kept.as_object_mut()) {
        kept.insert("overrides".into(), overrides.into());
    }
    Ok(kept)
}

fn source(value: &Value) -> Result<Value, Problem> {
    let bad = || Problem::invalid("Invalid source URL.");
    let url = value.get("url").and_then(Value::as_str).ok_or_else(bad)?;
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(bad());
    }
    let title = value.get("title").and_then(Value::as_str).unwrap_or_default();
    Ok(json!({"url": url, "title": title}))
}

fn attendees(value: &Value) -> Result<Vec<Value>, Problem> {
    let attendees = value.as_array().ok_or_else(|| wrong("attendees"))?;
    let checked = attendees.iter().map(|attendee| {
        let email = attendee.get("email").and_then(Value::as_str).unwrap_or_default();
        if !email.contains('@') {
            let problem = if email.is_empty() {
                Problem::required("Missing attendee email.")
            } else {
                Problem::invalid("Invalid attendee email.")
            };
            return Err(problem);
        }
        let mut attendee = attendee.clone();
        if let Some(attendee) = attendee.as_object_mut() {
            attendee.entry("responseStatus").or_insert_with(|| "needsAction".into());
        }
        Ok(attendee)
    });
    checked.collect()
}

/// Checks conference data: a request for a new conference, or data of an existing one.
fn conference(value: &Value, settings: &Settings) -> Result<Value, Problem> {
    let object = value.as_object().ok_or_else(|| wrong("conferenceData"))?;
    if let Some(request) = object.get("createRequest") {
        let id = request.get("requestId").and_then(Value::as_str).unwrap_or_default();
        if id.is_empty() {
            return Err(Problem::required("Missing conference request id."));
        }
        let kind = request.pointer("/conferenceSolutionKey/type").and_then(Value::as_str);
        if !settings.meet || kind.is_some_and(|kind| kind != "hangoutsMeet") {
            return Err(Problem::invalid("Invalid conference type value."));
        }
    }
    Ok(value.clone())
}

fn check_length(name: &str, text: &str, settings: &Settings) -> Result<(), Problem> {
    let most = match name {
        "summary" => settings.summary_chars,
        "description" => settings.description_chars,
        "location" => settings.location_chars,
        _ => return Ok(()),
    };
    if text.chars().count() > most {
        return Err(Problem::invalid("A provided value exceeds the allowed size limit.").at("field", name));
    }
    Ok(())
}

/// Whether `id` is one of Google's event colours, 1 to 11.
fn is_colour(id: &str) -> bool {
    id.parse::<u8>().is_ok_and(|id| (1..=11).contains(&id))
}

fn texts(value: &Value, name: &str) -> Result<Vec<String>, Problem> {
    let items = value.as_array().ok_or_else(|| wrong(name))?;
    let texts = items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(|| wrong(name)));
    texts.collect()
}

fn wrong(name: &str) -> Problem {
    Problem::invalid(format!("Invalid value for: {name}")).at("field", name)
}
