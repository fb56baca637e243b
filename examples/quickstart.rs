//! The reference host: real orders in, real calendars out.
//!
//! ```text
//! cargo run --example quickstart
//! ```
//!
//! reads the orders of a cleaning company, and writes a folder of .ics files for every person into
//! `out/`; those who use Google Calendar or Outlook have theirs at a fake Google and a fake
//! Outlook, in the program itself, that keep their calendars in `out/fake-google.json` and
//! `out/fake-outlook.json`. Run it again: there is nothing to do. Then edit an appointment in
//! `out/state.json` (its time, its staff member, its status) and run it once more: what changed is
//! put right in everybody's calendar, and nothing else is touched.
//!
//! `--google-url https://www.googleapis.com` asks the real Google instead, `--outlook-url
//! https://graph.microsoft.com` the real Outlook, with the tokens in the profiles' columns of the
//! world file, or those that `connect_google` and `connect_outlook` got. Tokens refreshed meanwhile
//! are sealed into the state file; the key is in `tokens.key` beside it. Should the key be lost,
//! take `tokens` out of the state file: the profiles' columns are used again.
//!
//! It exits with 0 when every event is where it should be, with 3 when something is not: a record
//! that cannot be used (a line that begins with `!`), a calendar that cannot be reached, removals
//! that are held. Everybody else is served all the same. It exits with 2, and has written nothing,
//! when a file or an option cannot be used at all.
//!
//! The five steps are marked below. Everything else here is what any host has anyway: a place to
//! load its rows from, and a place to save them.

mod files;
mod google;
mod key_file;
#[allow(dead_code, reason = "connect_outlook uses the rest")]
mod outlook;
mod recovering;
mod remote;
mod summary;
#[allow(dead_code, reason = "connect_google and connect_outlook use the rest")]
mod tokens;

use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use calsync_core::audience::Audience;
use calsync_core::clock::{Clock, SystemClock};
use calsync_core::error::Problem;
use calsync_core::model::{Appointment, Directory, Order};
use calsync_core::plan::Plan;
use calsync_core::report::Report;
use calsync_core::sync::{RetryPolicy, Syncer};
use calsync_core::time::{TimeError, YEARS};
use calsync_core::{InputError, OrderId, ProviderKind};
use calsync_ics::IcsFolder;
use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use files::{BadInput, HostFiles, Lock, State, World, write_json};
use google::GoogleServer;
use outlook::OutlookServer;
use recovering::Recovering;
use remote::Remotes;
use summary::{Summary, notes_of};

/// Puts the orders of a world file into people's calendars: .ics files, Google Calendar and
/// Outlook.
#[derive(Debug, Parser)]
struct Options {
    /// The orders, people and services.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/world.json"))]
    world: PathBuf,
    /// The folder for the calendars.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// The host's rows: appointments with their ledgers. `state.json` in the out folder unless
    /// given.
    #[arg(long)]
    state: Option<PathBuf>,
    /// What happened. `report.json` in the out folder unless given.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Say what would be done, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Remove as many events as the plans ask for, however many that are.
    #[arg(long)]
    allow_deletes: bool,
    /// Doubt everything: list every calendar, look at every event, and put right what is not as it
    /// should be.
    #[arg(long)]
    verify: bool,
    /// Try again at once what failed before, instead of waiting for its next attempt.
    #[arg(long)]
    retry: bool,
    /// List every calendar, and remove events of this namespace that belong to no appointment; none
    /// while a record cannot be read, which may be the one that they belong to.
    #[arg(long)]
    remove_orphans: bool,
    /// Pretend it is this time (RFC 3339).
    #[arg(long, value_parser = time)]
    now: Option<DateTime<Utc>>,
    /// How many events may be under way at once.
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
    /// How often an event is tried, with pauses in between, before it is left to the next run.
    #[arg(long, default_value_t = 5)]
    attempts: u32,
    #[command(flatten)]
    google: GoogleServer,
    #[command(flatten)]
    outlook: OutlookServer,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(summary) => {
            // A reader that has gone away has seen enough.
            let _ = write!(std::io::stdout(), "{summary}");
            if summary.is_all_delivered() { ExitCode::SUCCESS } else { ExitCode::from(3) }
        }
        Err(bad) => {
            eprintln!("{bad}");
            ExitCode::from(2)
        }
    }
}

async fn run(options: &Options) -> Result<Summary, BadInput> {
    let files = HostFiles::new(&options.out, options.state.as_deref());
    let HostFiles { state: state_file, key, .. } = &files;
    let report_file = options.report.clone().unwrap_or_else(|| options.out.join("report.json"));
    let fakes = [ProviderKind::GOOGLE, ProviderKind::OUTLOOK].map(|kind| files.fake(&kind));
    files::check_distinct(&[&options.world, state_file, &report_file, key, &fakes[0], &fakes[1]])?;
    let mut lock = Lock::of(&[files::folder_of(state_file), &files.out])?;
    // A record that cannot be used is named once; everybody else is served.
    let mut problems = Vec::new();
    let mut world = World::load(&options.world)?;
    let mut state = State::load(state_file, &mut problems)?;
    let directory = world.directory(&mut problems);
    let mut orders = world.take_orders(&mut problems);
    let clock: Arc<dyn Clock> = match options.now {
        Some(now) => Arc::new(StoppedClock(now)),
        None => Arc::new(SystemClock),
    };
    let remotes =
        Remotes::open(&[&options.google, &options.outlook], &files, &world, &mut state, &clock).await?;

    let mut syncer = Syncer::builder(world.namespace.as_str())
        .provider(IcsFolder::new(&options.out))
        .provider(IcsFolder::new(options.out.join("invitations")).with_kind(ProviderKind::INVITATION))
        .time_zone(world.time_zone.clone())
        .concurrency(options.concurrency)
        .retry(RetryPolicy::new().with_attempts(options.attempts))
        .clock(clock.clone());
    for provider in remotes.providers() {
        syncer = syncer.shared_provider(provider);
    }
    let syncer = syncer.build();
    let now = clock.now();

    // 1. Confirm: an order that is confirmed gets an appointment for every item that has none.
    problems.extend(state.missing_appointments(&orders, &world));
    for order in &mut orders {
        let id = order.id.clone();
        order.link(state.of_order(&id));
        let confirmed = order.confirm(&directory, &world.time_zone);
        problems.extend(confirmed.rejected.iter().map(|rejected| world.file.says(&rejected.error)));
        problems.extend(state.add(confirmed.made));
    }
    //    An order that was cancelled takes its appointments along, and so does an item that left.
    let orders: HashMap<OrderId, Order> = orders.into_iter().map(|order| (order.id.clone(), order)).collect();
    for appointment in state.appointments_mut() {
        if let Some(order) = appointment.order_id.as_ref().and_then(|id| orders.get(id)) {
            order.carry_status(appointment);
            order.carry_items(appointment);
        }
    }

    //    Where there is no state, or it is in doubt, what is in the calendars comes first.
    if options.retry {
        state.retry();
    }
    let are_all_read = problems.is_empty();
    let lists_all = options.verify || options.remove_orphans;
    let mut recovery = Recovering::new(&state, &world, &orders, &directory, lists_all);
    if options.verify {
        for appointment in state.appointments_mut() {
            appointment.ledger.doubt();
        }
    }
    let mut remarks = remotes.remarks();
    if options.dry_run {
        remarks.extend(recovery.remark());
    } else {
        lock.complete(&[state_file, &fakes[0], &fakes[1]])?;
        if recovery.begin(&mut state) {
            // A listing may refresh tokens: they are kept in the state file, with everything else
            // that is in it.
            remotes.begin(&mut state)?;
            write_json(state_file, &state)?;
            remotes.begun(&state)?;
            problems.extend(recovery.list(&syncer, options.concurrency).await);
            recovery.rebuild(&mut state, now);
        }
    }

    // 2. Plan: what should be in whose calendar, and what has to be done about it.
    let mut plans: Vec<Plan> = Vec::new();
    for appointment in state.appointments() {
        match plan(&syncer, &directory, &orders, appointment) {
            Ok(mut plan) => {
                // Nothing is written to a calendar of which it is not known what is in it.
                plan.steps
                    .retain(|step| !state.to_list.iter().any(|calendar| calendar.is_at(&step.calendar)));
                plans.push(plan);
            }
            Err(error) => {
                // An appointment is a row of the state; what it refers to is in the world.
                let is_row = error.record.starts_with("appointment ");
                problems.push(if is_row { state.file.says(error) } else { world.file.says(error) });
            }
        }
    }
    //    Too many removals at once need a word.
    let confirmed = state.appointments().iter().map(|appointment| appointment.ledger.confirmed_count());
    syncer.brake().set_confirmed(Some(confirmed.sum()));
    if options.allow_deletes {
        syncer.brake().allow_until(&world.namespace, now + TimeDelta::hours(1));
    }
    let held = syncer.brake().judge(&plans);
    problems.extend(held.iter().map(|notice| format!("held: {notice}; --allow-deletes if that is meant")));
    //    What belongs to nothing goes on the host's word, and not while it may belong to a record
    //    that cannot be read.
    let orphans = recovery.orphans();
    let removes_orphans = options.remove_orphans && are_all_read;
    if !removes_orphans {
        let mend = if are_all_read { "" } else { " once every record can be read" };
        let says = |orphan| format!("{orphan} that is not there; --remove-orphans removes it{mend}");
        problems.extend(orphans.iter().map(says));
    }
    if options.dry_run {
        let summary = Summary::of_plans(&plans, &world, now);
        return Ok(summary.with_remarks(remarks).with_problems(problems));
    }

    // What cannot be reported is not begun.
    write_json(&report_file, &Summary::of_plans(&plans, &world, now))?;

    // 3. Begin: the rows about to be touched are marked, and saved. From here a crash can lose
    //    nothing.
    let notes = notes_of(&plans);
    let mut begun = Vec::new();
    for plan in plans {
        let id = plan.appointment.clone();
        let Some(appointment) = state.appointment_mut(&id) else { continue };
        match plan.begin(appointment) {
            Ok(plan) => begun.push(plan),
            Err(error) => problems.push(state.file.says(format_args!("appointment {id}: {error}"))),
        }
    }
    if removes_orphans {
        begun.extend(orphans.iter().map(|orphan| orphan.removal(now)));
    }
    state.profiles = world.profiles().to_vec();
    remotes.begin(&mut state)?;
    write_json(state_file, &state)?;
    remotes.begun(&state)?;

    // 4. Run: the only step that touches the world.
    let bar = progress(begun.iter().map(|begun| begun.plan().steps.len()).sum());
    let mut report = Report::new();
    let mut run = syncer.run_all(begun);
    while let Some(outcome) = run.next().await {
        // 5. Record: what happened goes back into the appointment's ledger.
        if let Some(appointment) = state.appointment_mut(&outcome.appointment) {
            appointment.record(&Report::from(outcome.clone()));
        }
        report.outcomes.push(outcome);
        bar.inc(1);
    }
    bar.finish_and_clear();
    remotes.end(&mut state)?;
    write_json(state_file, &state)?;

    let summary =
        Summary::of_run(notes, &report, &state, &world, now).with_remarks(remarks).with_problems(problems);
    write_json(&report_file, &summary)?;
    drop(lock);
    Ok(summary)
}

/// The plan for one appointment. What is wrong with its records costs nobody else anything.
fn plan(
    syncer: &Syncer,
    directory: &Directory,
    orders: &HashMap<OrderId, Order>,
    appointment: &Appointment,
) -> Result<Plan, InputError> {
    let order = appointment.order_id.as_ref().and_then(|id| orders.get(id)).ok_or_else(|| {
        // A missing order cancels nothing.
        let id = appointment.order_id.as_ref().map_or("named".to_owned(), OrderId::to_string);
        let problem = Problem::NoSuchRecord(format!("order {id}"));
        InputError::new("appointment", &appointment.id, "order_id", problem)
    })?;
    let audience = Audience::of(order, appointment, directory)?;
    syncer.plan(order, appointment, &audience)
}

/// A time that calendars can hold.
fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let time: DateTime<Utc> = text.parse().map_err(|error: chrono::ParseError| error.to_string())?;
    let year = time.year();
    if YEARS.contains(&year) { Ok(time) } else { Err(TimeError::Year(year).to_string()) }
}

/// A bar on a terminal, nothing elsewhere.
fn progress(steps: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} events")
        .unwrap_or(ProgressStyle::default_bar());
    ProgressBar::new(steps as u64).with_style(style)
}

/// For `--now`.
#[derive(Debug)]
struct StoppedClock(DateTime<Utc>);

impl Clock for StoppedClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}
