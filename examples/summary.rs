//! What happened, as a table for people and as JSON for programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use calsync_core::ProfileId;
use calsync_core::audience::Reason;
use calsync_core::calendar::{CalendarRef, Person, Role};
use calsync_core::event::clean_line;
use calsync_core::health::BlockReason;
use calsync_core::plan::{Action, Note, Plan};
use calsync_core::report::{Report, Verdict};
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use unicode_width::UnicodeWidthStr;

use crate::files::{State, World};

/// What happened, or what would.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// When.
    at: DateTime<Utc>,
    /// Whether nothing was written.
    dry_run: bool,
    /// How many steps ended how.
    totals: BTreeMap<String, usize>,
    /// What the reader has to know first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<String>,
    /// Records that cannot be used, and what else somebody has to look at, each once.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    problems: BTreeSet<String>,
    /// Who got what.
    #[serde(serialize_with = "values")]
    people: BTreeMap<CalendarName, Line>,
    /// What was not done, and why.
    notes: Vec<AppointmentNotes>,
    /// Every step's outcome.
    outcomes: Report,
    /// The plans, in words. Only on a dry run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    plans: Vec<String>,
    #[serde(skip)]
    names: BTreeMap<ProfileId, String>,
}

/// The person's name and id, the provider and the calendar.
type CalendarName = (String, String, String, String);

/// One calendar of one person.
#[derive(Debug, Default, Serialize)]
struct Line {
    person: String,
    name: String,
    provider: String,
    calendar: String,
    created: usize,
    updated: usize,
    removed: usize,
    failed: usize,
    standing: usize,
}

/// What is not done for an appointment, and why.
#[derive(Debug, Serialize)]
pub struct AppointmentNotes {
    appointment: calsync_core::AppointmentId,
    notes: Vec<Note>,
}

/// What plans do not do, and why.
pub fn notes_of(plans: &[Plan]) -> Vec<AppointmentNotes> {
    let notes = plans.iter().filter(|plan| !plan.notes.is_empty());
    let notes = notes
        .map(|plan| AppointmentNotes { appointment: plan.appointment.clone(), notes: plan.notes.clone() });
    notes.collect()
}

impl Summary {
    /// What would be done.
    pub fn of_plans(plans: &[Plan], world: &World, now: DateTime<Utc>) -> Self {
        let mut summary = Self::new(notes_of(plans), world, now);
        summary.dry_run = true;
        for step in plans.iter().flat_map(|plan| &plan.steps) {
            let line = summary.line(&step.calendar);
            match &step.action {
                Action::Create { .. } => line.created += 1,
                Action::Update { .. } | Action::Find { content: Some(_), .. } => line.updated += 1,
                Action::Delete { .. } | Action::Find { content: None, .. } => line.removed += 1,
            }
        }
        summary.plans = plans.iter().filter(|plan| !plan.is_empty()).map(Plan::to_string).collect();
        summary
    }

    /// What was done.
    pub fn of_run(
        notes: Vec<AppointmentNotes>,
        report: &Report,
        state: &State,
        world: &World,
        now: DateTime<Utc>,
    ) -> Self {
        let mut summary = Self::new(notes, world, now);
        for outcome in &report.outcomes {
            *summary.totals.entry(outcome.verdict.to_string()).or_default() += 1;
            let line = summary.line(&outcome.calendar);
            match outcome.verdict {
                Verdict::Created => line.created += 1,
                Verdict::Updated => line.updated += 1,
                Verdict::Removed => line.removed += 1,
                _ => line.failed += usize::from(!outcome.verdict.is_done()),
            }
        }
        for row in state.appointments().iter().flat_map(|appointment| appointment.ledger.deliveries()) {
            if row.confirmed().is_some() {
                summary.line(row.calendar()).standing += 1;
            }
        }
        summary.outcomes = report.clone();
        summary
            .outcomes
            .outcomes
            .sort_by(|a, b| (&a.appointment, &a.calendar).cmp(&(&b.appointment, &b.calendar)));
        summary
    }

    /// The same with something to say first.
    pub fn with_remarks(mut self, remarks: Vec<String>) -> Self {
        self.remarks = remarks;
        self
    }

    /// The same with what the host has to look at: records that cannot be used, removals that are
    /// held.
    pub fn with_problems(mut self, problems: impl IntoIterator<Item = String>) -> Self {
        self.problems.extend(problems);
        self
    }

    fn new(notes: Vec<AppointmentNotes>, world: &World, now: DateTime<Utc>) -> Self {
        let names = world.profiles().iter();
        let names = names.map(|profile| (profile.id.clone(), clean_line(&profile.name).into_owned()));
        Self {
            at: now,
            dry_run: false,
            totals: BTreeMap::new(),
            remarks: Vec::new(),
            people: BTreeMap::new(),
            problems: BTreeSet::new(),
            notes,
            outcomes: Report::new(),
            plans: Vec::new(),
            names: names.collect(),
        }
    }

    /// Whether every event that should be somewhere is, and every record could be used. Somebody
    /// without a provider is reported, and is no failure.
    pub fn is_all_delivered(&self) -> bool {
        let waits = |note: &Note| matches!(note, Note::Held { .. });
        self.problems.is_empty()
            && self.outcomes.is_all_done()
            && !self.notes.iter().flat_map(|plan| &plan.notes).any(waits)
    }

    fn line(&mut self, place: &CalendarRef) -> &mut Line {
        let name = match &place.person {
            Person::Profile(id) => self.names.get(id).cloned().unwrap_or_default(),
            Person::Guest => "guest".to_owned(),
        };
        let (person, provider) = (place.person.to_string(), place.provider.to_string());
        let calendar = place.calendar.as_str().to_owned();
        let key = (name.clone(), person.clone(), provider.clone(), calendar.clone());
        self.people.entry(key).or_insert_with(|| Line { person, name, provider, calendar, ..Line::default() })
    }

    /// Why somebody gets nothing, or not yet, and for how many appointments.
    fn reasons(&self) -> BTreeMap<String, usize> {
        let mut reasons = BTreeMap::new();
        for outcome in self.outcomes.outcomes.iter().filter(|outcome| !outcome.verdict.is_done()) {
            let who = self.who(outcome.role, Some(&outcome.calendar.person));
            let reason = match (&outcome.hold, &outcome.failure) {
                // What a person has to do says more than the response did; else that is what
                // somebody looks for.
                (Some(hold), Some(failure))
                    if !failure.untried && hold.reason() != Some(BlockReason::Reconnect) =>
                {
                    format!("{who}: {failure}; waiting: {hold}")
                }
                (Some(hold), _) => format!("{who}: waiting: {hold}"),
                (None, Some(failure)) => format!("{who}: {failure}; the next run goes on"),
                (None, None) => continue,
            };
            *reasons.entry(reason).or_default() += 1;
        }
        for note in self.notes.iter().flat_map(|plan| &plan.notes) {
            let reason = match note {
                Note::LeftOut { reason: Reason::AlreadyAs(_), .. } => continue,
                Note::LeftOut { role, person, reason } => {
                    format!("{}: {reason}", self.who(*role, person.as_ref()))
                }
                Note::NoProvider { role, calendar } => {
                    format!(
                        "{}: no provider registered for {}",
                        self.who(*role, Some(&calendar.person)),
                        calendar.provider
                    )
                }
                Note::Held { role, calendar, hold } => {
                    format!("{}: waiting: {hold}", self.who(*role, Some(&calendar.person)))
                }
                other => other.to_string(),
            };
            *reasons.entry(reason).or_default() += 1;
        }
        reasons
    }

    fn who(&self, role: Role, person: Option<&Person>) -> String {
        match person {
            Some(Person::Profile(id)) => match self.names.get(id).filter(|name| !name.is_empty()) {
                Some(name) => format!("{name} ({role})"),
                None => format!("profile {id} ({role})"),
            },
            Some(Person::Guest) => "guest".to_owned(),
            None => role.to_string(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for remark in &self.remarks {
            writeln!(f, "{remark}")?;
        }
        for problem in &self.problems {
            writeln!(f, "! {problem}")?;
        }
        for plan in &self.plans {
            writeln!(f, "{plan}")?;
        }
        if !self.people.is_empty() {
            let mut rows = vec![
                ["", "calendar", "created", "updated", "removed", "failed", "events"].map(str::to_owned),
            ];
            for line in self.people.values() {
                let name = if line.name.is_empty() { &line.person } else { &line.name };
                let calendar = format!("{} {}", line.provider, line.calendar);
                let numbers = [line.created, line.updated, line.removed, line.failed, line.standing]
                    .map(|n| n.to_string());
                let [created, updated, removed, failed, standing] = numbers;
                rows.push([name.clone(), calendar, created, updated, removed, failed, standing]);
            }
            table(f, &rows)?;
        }
        for (reason, appointments) in self.reasons() {
            writeln!(f, "- {reason} ({appointments}×)")?;
        }
        let done: usize =
            self.people.values().map(|line| line.created + line.updated + line.removed + line.failed).sum();
        match (done, self.dry_run) {
            (0, _) => writeln!(f, "nothing to do"),
            (_, true) => writeln!(f, "{done} events would be written or removed; nothing was"),
            (_, false) => {
                let totals: Vec<String> =
                    self.totals.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
                writeln!(f, "{}", totals.join(", "))
            }
        }
    }
}

fn values<S: Serializer>(people: &BTreeMap<CalendarName, Line>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(people.values())
}

/// Texts to the left, numbers to the right.
fn table(f: &mut fmt::Formatter<'_>, rows: &[[String; 7]]) -> fmt::Result {
    let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..7).map(width).collect();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let gap = " ".repeat(widths[column].saturating_sub(cell.width()));
            let separator = if column == 0 { "" } else { "  " };
            match column {
                0 | 1 => write!(f, "{separator}{cell}{gap}")?,
                _ => write!(f, "{separator}{gap}{cell}")?,
            }
        }
        writeln!(f)?;
    }
    Ok(())
}
