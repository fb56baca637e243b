//! One story: a company lives through its operations, comes to rest, and is looked at.

use calsync_core::audience::Audience;
use calsync_core::calendar::{ConnectionKey, Person};
use calsync_core::clock::Clock as _;
use calsync_core::error::Problem;
use calsync_core::ledger::{Delivery, DeliveryState, Ledger};
use calsync_core::model::Appointment;
use calsync_core::plan::{Disconnect, DisconnectReceipt, OnDisconnect};
use calsync_core::sync::Syncer;
use calsync_core::testing::canaries::LogBuffer;
use calsync_core::{InputError, ProviderKind};
use chrono::TimeDelta;

use super::company::{Company, ORDERS, PEOPLE, moves, staff_id};
use super::dice::Dice;
use super::host::{Host, run};
use super::lies::{Lie, Lies};
use super::operations::{Crash, Operation, What};
use super::recovering::{Place, Recovering};
use super::report::Figures;
use super::truth::{Event, Spot, compare};
use super::world::{NAMESPACE, SETTLE_AFTER, World, house};

/// How many quiet rounds there are at the most before nothing is left to do.
const ROUNDS: usize = 9;

/// The company, its host and the world around it.
struct Story {
    world: World,
    company: Company,
    host: Host,
    syncer: Syncer,
    /// Whose second calendars are gone, and what others they have instead.
    gone: Vec<((usize, ProviderKind, usize), String)>,
    /// The listing of calendars, after ledgers were lost.
    recovering: Recovering,
    /// The people who have connected the wrong account, and the connections.
    wrong: Vec<(usize, i64)>,
    lies: Lies,
    /// What calsync believed of what is not so, in words.
    broken: Vec<String>,
    /// Events that stood where the host was told that it may give the grant up.
    left: u64,
    trace: bool,
}

/// Tells the story of a seed, in which so many requests in a thousand go wrong.
pub async fn tell(seed: u64, operations: &[Operation], lies: &Lies, per_mille: u64, trace: bool) -> Figures {
    let log = LogBuffer::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .without_time()
        .with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());

    let dice = Dice::new(seed);
    let (mut world, second) = World::open(&dice, per_mille, lies).await;
    let company = Company::new(&dice, second);
    let syncer = world.process(&dice);
    let mut story = Story {
        world,
        company,
        host: Host::new(lies.tell(Lie::Kept)),
        syncer,
        gone: Vec::new(),
        recovering: Recovering::new(NAMESPACE),
        wrong: Vec::new(),
        lies: lies.clone(),
        broken: Vec::new(),
        left: 0,
        trace,
    };
    story.begins(&dice).await;
    for operation in operations {
        story.happens(operation).await;
    }
    let mut figures = story.comes_to_rest().await;
    figures.operations = operations.iter().map(Operation::count).sum();
    let mut secrets = Company::canaries();
    secrets.extend(story.world.watch.tokens());
    let log = log.text();
    let told = secrets.iter().filter(|secret| log.contains(secret.as_str()));
    let told: Vec<String> = told.map(|secret| format!("told in a log: {secret}")).collect();
    figures.told = told.len() as u64;
    figures.problems.extend(told);
    figures
}

impl Story {
    /// Most people have a calendar or two, and the first orders are confirmed.
    async fn begins(&mut self, dice: &Dice) {
        for person in (0..PEOPLE * 2).map(|number| number % PEOPLE).filter(|_| dice.happens(800)) {
            self.with_calendars(person, &What::Connect(person), dice).await;
        }
        for order in 0..ORDERS - 1 {
            self.host.confirm(&mut self.company, order);
        }
    }

    async fn happens(&mut self, operation: &Operation) {
        if self.trace {
            println!("{:?}", operation.what);
        }
        self.world.weather.follows(operation.seed);
        let dice = Dice::new(operation.seed.rotate_left(32));
        if self.world.is_cron && operation.what.is_work() {
            self.syncer = self.world.process(&dice);
        }
        if operation.what.is_work() {
            self.recovers().await;
        }
        match &operation.what {
            What::Confirm(number) => self.host.confirm(&mut self.company, number % ORDERS),
            What::CancelOrder(number) => {
                self.company.orders[number % ORDERS].status = "cancelled".into();
                self.host.carry_status(&self.company);
            }
            What::SignUp(number) => {
                let order = &mut self.company.orders[number % ORDERS];
                order.customer_id.get_or_insert(1.into());
            }
            What::Move(nth) => {
                let hours = 1 + i64::try_from(dice.below(40)).unwrap_or_default();
                self.host.change(*nth, |it| moves(it, hours));
            }
            What::Reassign(nth) => {
                let staff = dice.below(4);
                self.host.change(*nth, |it| it.staff_id = (staff < 3).then(|| staff_id(staff)).into());
            }
            What::OtherService(nth) => {
                let service = 1 + i64::from(dice.happens(500));
                self.host.change(*nth, |it| it.service_id = service.into());
            }
            What::Cancel(nth) => self.host.change(*nth, |it| it.status = "cancelled".into()),
            What::Restore(nth) => self.host.change(*nth, |it| {
                it.status = "confirmed".into();
                it.cancelled_with_order = false;
            }),
            What::Toggle(number) => {
                let wants = &mut self.company.wants[number % PEOPLE];
                // Most want them most of the time.
                *wants = !*wants || dice.happens(300);
            }
            What::Delete(nth) | What::Edit(nth) => self.by_hand(*nth, &operation.what),
            What::TokensRunOut => self.world.tokens_run_out(),
            What::TimePasses(minutes) => self.world.clock.advance(TimeDelta::minutes(*minutes)),
            What::LookAfter => {
                self.everybody_mends_calendars();
                self.everybody_mends_grants(&dice).await;
                self.states_again(&dice);
                self.host.revive(|_| true);
            }
            What::Restart => self.syncer = self.world.process(&dice),
            What::Backfill(number, crash) => self.fill(number % PEOPLE, *crash, &dice).await,
            What::Leave(number, crash) => self.leave(number % PEOPLE, *crash, &dice).await,
            What::Connect(number)
            | What::Vanish(number)
            | What::Disconnect(number)
            | What::Switch(number)
            | What::Reconnect(number)
            | What::Unreadable(number)
            | What::WrongAccount(number)
            | What::Revoke(number) => self.with_calendars(number % PEOPLE, &operation.what, &dice).await,
            What::Sync(nth, crash) => self.sync(*nth, *crash, &dice).await,
            What::SyncAll(crash) => self.sync_all(*crash).await,
            What::Race(nth, between, crash) => self.race(*nth, between, *crash, &dice).await,
            What::Straggle(nth, meanwhile, crash) => self.straggle(*nth, meanwhile, *crash).await,
            What::Twice(nth) => self.twice(*nth).await,
            What::LoseLedgers(nth) => self.loses(*nth, Host::loses),
            What::BackUp => self.host.backs_up(),
            What::RestoreBackup(nth) => self.loses(*nth, Host::restores),
            What::Copy(nth) => self.copies(*nth, &dice),
            What::ClockJumps(hours) => {
                if self.world.host_clock.ahead().is_zero() {
                    self.world.weather.tells("lie: clock hours ahead");
                    self.world.host_clock.is_ahead(TimeDelta::hours(*hours));
                } else {
                    self.sets_clock_back(TimeDelta::zero(), &dice);
                }
            }
            What::TenYearsAhead(nth, crash) => {
                self.world.weather.tells("lie: clock ten years ahead");
                let before = self.world.host_clock.is_ahead(TimeDelta::days(3652));
                self.sync(*nth, *crash, &dice).await;
                self.sets_clock_back(before, &dice);
            }
            What::NullColumn(number) => {
                self.world.weather.tells("lie: null column");
                let person = number % PEOPLE;
                match dice.below(3) {
                    0 => self.company.hides_wish[person] = !self.company.hides_wish[person],
                    1 => self.company.hides_calendars[person] = !self.company.hides_calendars[person],
                    _ => self.host.hides_staff(*number),
                }
            }
        }
    }

    /// The clock of the host's processes is set back, and is only so far ahead.
    fn sets_clock_back(&mut self, ahead: TimeDelta, dice: &Dice) {
        self.world.host_clock.is_ahead(ahead);
        if !self.lies.tell(Lie::Back) {
            self.world.watch.forgets_waits();
            self.syncer = self.world.process(dice);
        }
    }

    /// Somebody does something with their own hands; and soon after the host changes the
    /// appointments, or nobody would ever look.
    fn by_hand(&mut self, nth: usize, what: &What) {
        let standing = self.world.standing();
        if standing.is_empty() {
            return;
        }
        let at = &standing[nth % standing.len()];
        match what {
            What::Delete(_) => self.world.deletes(at),
            _ => self.world.edits(at),
        }
    }

    async fn with_calendars(&mut self, person: usize, what: &What, dice: &Dice) {
        let (house, account, calendar) = (house(dice.below(3)), dice.below(2), dice.below(2));
        if let What::Connect(_) = what {
            if let Some(connection) = self.company.connect(person, &house, account, calendar) {
                self.connects(person, &house, account, connection, false).await;
            }
            return;
        }
        let links = &mut self.company.links[person];
        if links.is_empty() {
            return;
        }
        let at = dice.below(links.len());
        let link = links[at].clone();
        match what {
            // The host keeps the grant until nothing of ours is left there.
            What::Disconnect(_) => drop(links.remove(at)),
            What::Switch(_) => links[at].calendar = 1 - link.calendar,
            What::Vanish(_) => {
                let id = self.company.calendar_id(person, &link.house, link.account, link.calendar);
                let is_gone =
                    self.gone.iter().any(|(known, ..)| *known == (person, link.house.clone(), link.account));
                if link.calendar == 0 || is_gone {
                    return;
                }
                let new = self.world.replaces_calendar(person, &link.house, link.account, id.as_str());
                self.gone.extend(new.map(|new| ((person, link.house, link.account), new)));
            }
            What::Unreadable(_) => {
                self.world.weather.tells("lie: tokens unreadable");
                self.world.spoils(person, &link.house, link.connection);
            }
            What::WrongAccount(_) => {
                if link.house == ProviderKind::APPLE {
                    return;
                }
                let (house, account, connection) = (link.house, link.account, link.connection);
                self.world.connects_wrongly(person, &house, account, connection).await;
                self.wrong.push((person, connection));
                self.world.weather.tells("lie: wrong account");
                let owner = Person::Profile(Company::profile(person).into());
                self.lets_try_again(&owner, &house, connection);
            }
            What::Revoke(_) => {
                self.world.revokes(&link.house, &Company::account(person, &link.house, link.account));
            }
            _ => {
                let anew = dice.happens(500);
                let connection =
                    if dice.happens(500) { self.company.next_connection() } else { link.connection };
                self.company.links[person][at].connection = connection;
                self.connects(person, &link.house, link.account, connection, anew).await;
            }
        }
    }

    /// The host lets everybody choose another calendar who has deleted theirs.
    fn everybody_mends_calendars(&mut self) {
        for ((person, house, account), new) in std::mem::take(&mut self.gone) {
            let old = self.company.calendar_id(person, &house, account, 1);
            self.host.abandons(&Person::Profile(Company::profile(person).into()), &house, &old);
            self.recovering.is_gone(&Spot::calendar(person, &house, account, old.as_str()));
            self.company.takes_another(person, &house, account, new);
        }
    }

    /// Whoever has connected the wrong account, or whose tokens cannot be opened, or whose calendar
    /// cannot be listed, connects anew; not everybody at once.
    async fn everybody_mends_grants(&mut self, dice: &Dice) {
        for person in 0..PEOPLE {
            for link in self.company.links[person].clone() {
                let owner = Person::Profile(Company::profile(person).into());
                let key = ConnectionKey::new(owner, link.house.clone(), link.connection);
                let is_wrong = self.wrong.contains(&(person, link.connection));
                if (is_wrong || self.world.store.is_unreadable(&key)) && dice.happens(600) {
                    self.connects(person, &link.house, link.account, link.connection, false).await;
                }
            }
        }
        if self.host.is_any_lost() {
            for (_, place) in self.recovering.left() {
                if let Some((person, link)) = place.link {
                    self.connects(person, &link.house, link.account, link.connection, false).await;
                }
            }
        }
    }

    /// What was null is stated again; not always.
    fn states_again(&mut self, dice: &Dice) {
        if dice.happens(500) {
            self.company.states_all();
            self.host.states_all();
        }
    }

    /// Every calendar that can be listed today.
    fn places(&self) -> Vec<(Spot, Place)> {
        let mut all = self.host.mailboxes(&self.company);
        for person in 0..PEOPLE {
            let owner = Person::Profile(Company::profile(person).into());
            all.extend(self.company.links[person].iter().map(|link| {
                let calendar = self.company.connection(person, link).calendar(&owner);
                let spot = Spot::named(person, &link.house, link.account, calendar.calendar.as_str());
                (spot, Place { calendar, link: Some((person, link.clone())) })
            }));
        }
        all
    }

    /// Ledgers are lost, or replaced by older ones, where everything in them can be found again.
    fn loses(
        &mut self,
        nth: Option<usize>,
        lose: impl FnOnce(&mut Host, Option<usize>, &dyn Fn(&Appointment, &Ledger) -> bool) -> bool,
    ) {
        let places = self.places();
        let spots: Vec<Spot> = places.iter().map(|(spot, _)| spot.clone()).collect();
        let (world, company, guests) = (&self.world, &self.company, self.lies.tell(Lie::Guests));
        let folders = self.lies.tell(Lie::Folders);
        let is_within_reach = |appointment: &Appointment, ledger: &Ledger| {
            let may_be_there = |row: &&Delivery| {
                row.may_exist() || row.look_at().is_some() || row.unreported_since().is_some()
            };
            let rows: Vec<_> = ledger.deliveries().iter().filter(may_be_there).collect();
            (guests || company.has_profile(appointment))
                && rows.iter().all(|row| folders || row.calendar().provider != ProviderKind::APPLE)
                && rows
                    .iter()
                    .all(|row| spot_of(world, company, row).is_some_and(|spot| spots.contains(&spot)))
        };
        if !lose(&mut self.host, nth, &is_within_reach) {
            return;
        }
        self.world.weather.tells("lie: ledgers lost or restored");
        // What was listed before was listed for other ledgers.
        let mut recovering = Recovering::new(NAMESPACE);
        recovering.also(self.recovering.all());
        recovering.also(places);
        self.recovering = recovering;
    }

    /// Where ledgers are lost, the host lists what it has not listed yet; once all is listed it
    /// rebuilds them.
    async fn recovers(&mut self) {
        if !self.host.is_any_lost() {
            return;
        }
        self.recovering.also(self.places());
        let left = self.recovering.left();
        let mut count = left.len();
        for (spot, place) in left {
            match self.syncer.list_ours(&place.calendar).await {
                Ok(found) => {
                    if self.trace {
                        println!("  listed: {} with {}", place.calendar, found.len());
                    }
                    self.recovering.listed(&spot, &place.calendar, found);
                    count -= 1;
                }
                Err(error) if self.trace => println!("  not listed: {}: {error}", place.calendar),
                Err(_) => {}
            }
        }
        if count == 0 {
            self.host.rebuild(&mut self.recovering.recovery, self.world.host_clock.now());
            self.recovering = Recovering::new(NAMESPACE);
            self.world.weather.tells("lie: ledgers rebuilt");
            if self.trace {
                println!("  rebuilt");
            }
        }
    }

    /// A test system plans with a copy of a ledger.
    fn copies(&mut self, nth: usize, dice: &Dice) {
        let Some(id) = self.host.nth(nth) else { return };
        let (order, appointment) = self.host.load(&self.company, &id);
        if appointment.ledger.namespace().is_none() {
            // Nothing was ever planned: it is nobody's.
            return;
        }
        self.world.weather.tells("lie: ledger copied");
        let staging = self.world.process_of("staging", dice);
        let before = self.world.calls();
        let directory = self.company.directory();
        let audience = Audience::of(&order, &appointment, &directory).expect("sound records");
        let mut refusals = vec![staging.plan(&order, &appointment, &audience).err()];
        for person in 0..PEOPLE {
            let owner = Person::Profile(Company::profile(person).into());
            for connection in self.company.connections(person) {
                let disconnect = Disconnect::new(&owner, &connection, OnDisconnect::DeleteAll);
                let now = self.world.host_clock.now();
                refusals.push(staging.planner().plan_disconnect(&disconnect, &appointment, now).err());
            }
        }
        let is_refused = |error: &Option<InputError>| {
            error.as_ref().is_some_and(|error| error.problem == Problem::OtherNamespace)
        };
        if !refusals.iter().all(is_refused) || self.world.calls() != before {
            self.broken.push("a copied ledger was planned with".to_owned());
        }
    }

    /// Somebody's calendars are filled, or one of them.
    async fn fill(&mut self, person: usize, crash: Crash, dice: &Dice) {
        let links = &self.company.links[person];
        let one = dice.happens(500) && !links.is_empty();
        let connection = one.then(|| dice.pick(links).connection.into());
        let person = Person::Profile(Company::profile(person).into());
        let clock = &self.world.host_clock;
        let plans = self.host.begin_to_fill(&self.company, &self.syncer, clock, person, connection, crash);
        let outcomes = run(&self.syncer, plans, crash).await;
        self.record(outcomes);
    }

    /// Somebody leaves a calendar: what is ours is removed first, and the grant is given up where
    /// the receipt allows it.
    async fn leave(&mut self, person: usize, crash: Crash, dice: &Dice) {
        // Where ledgers are lost nobody knows what is in the calendar.
        if self.company.links[person].is_empty() || self.host.is_any_lost() {
            return;
        }
        let at = dice.below(self.company.links[person].len());
        let link = self.company.links[person].remove(at);
        let calendar = self.company.calendar_id(person, &link.house, link.account, link.calendar);
        let connection = self.company.connection(person, &link);
        let owner = Person::Profile(Company::profile(person).into());
        let which = *dice.pick(&[OnDisconnect::DeleteAll, OnDisconnect::DeleteFuture]);
        let connected = self.company.connections(person);
        let disconnect = Disconnect::new(&owner, &connection, which).with_connected(&connected);
        let mut receipt = DisconnectReceipt::new(&disconnect);
        let mut plans = Vec::new();
        for id in self.host.all() {
            let now = self.world.host_clock.now();
            let begun =
                self.host.begin_to_disconnect(&self.company, &self.syncer, &disconnect, &id, now, crash);
            if let Some(begun) = begun {
                receipt.begun(&begun);
                plans.push(begun);
            }
        }
        let outcomes = run(&self.syncer, plans, crash).await;
        outcomes.iter().for_each(|outcome| receipt.record(outcome));
        self.record(outcomes);
        if crash == Crash::Never && receipt.may_revoke() {
            let spot = Spot::calendar(person, &link.house, link.account, calendar.as_str());
            // What another connection has made is removed through that one.
            if !self.company.reaches(person, &link.house, link.account) {
                let standing = self.world.standing();
                let left: Vec<_> = standing.iter().filter(|it| it.event.spot == spot).collect();
                if self.trace && !left.is_empty() {
                    println!("{disconnect:?}: {receipt}");
                    left.iter().for_each(|it| println!("left, by its id: {} {}", it.id, it.event));
                    for ledger in self.host.ledgers() {
                        let rows = ledger.deliveries().iter().filter(|row| row.calendar().person == owner);
                        rows.for_each(|row| println!("  {}", serde_json::to_string(row).unwrap_or_default()));
                    }
                }
                self.left += left.len() as u64;
            }
            self.world.forgets(person, &link.house, link.connection).await;
        }
    }

    async fn sync(&mut self, nth: usize, crash: Crash, dice: &Dice) {
        let Some(id) = self.host.nth(nth) else { return };
        let plan = self.host.begin(&self.company, &self.syncer, &id, crash);
        if let (true, Some(plan)) = (self.trace, &plan) {
            println!("{}", plan.plan());
        }
        let outcomes = run(&self.syncer, plan.into_iter().collect(), crash).await;
        self.record(outcomes);
        // A worker dies alone, or with its process.
        if crash != Crash::Never && dice.happens(200) {
            self.syncer = self.world.process(dice);
        }
    }

    async fn sync_all(&mut self, crash: Crash) {
        let mut plans = Vec::new();
        for id in self.host.all() {
            plans.extend(self.host.begin(&self.company, &self.syncer, &id, crash));
        }
        if self.trace {
            plans.iter().for_each(|begun| println!("{}", begun.plan()));
        }
        let outcomes = run(&self.syncer, plans, crash).await;
        self.record(outcomes);
    }

    /// Two workers, of one process or of two.
    async fn race(&mut self, nth: usize, between: &Operation, crash: Crash, dice: &Dice) {
        let Some(id) = self.host.nth(nth) else { return };
        let one = self.syncer.clone();
        let first = self.host.begin(&self.company, &one, &id, crash);
        Box::pin(self.happens(between)).await;
        let other = if dice.happens(300) { self.world.process(dice) } else { self.syncer.clone() };
        let second = self.host.begin(&self.company, &other, &id, Crash::Never);
        let (first, second) = tokio::join!(
            run(&one, first.into_iter().collect(), crash),
            run(&other, second.into_iter().collect(), Crash::Never)
        );
        let (first, second) = if dice.happens(500) { (first, second) } else { (second, first) };
        self.record(first);
        self.record(second);
    }

    async fn straggle(&mut self, nth: usize, meanwhile: &[Operation], crash: Crash) {
        let Some(id) = self.host.nth(nth) else { return };
        let syncer = self.syncer.clone();
        let Some(plan) = self.host.begin(&self.company, &syncer, &id, crash) else { return };
        if self.trace {
            println!("begun: {}", plan.plan());
        }
        for operation in meanwhile {
            Box::pin(self.happens(operation)).await;
        }
        let outcomes = run(&syncer, vec![plan], crash).await;
        self.record(outcomes);
    }

    /// A host that could not save records the same report once more.
    async fn twice(&mut self, nth: usize) {
        let Some(id) = self.host.nth(nth) else { return };
        let begun = self.host.begin(&self.company, &self.syncer, &id, Crash::Never);
        let outcomes = run(&self.syncer, begun.into_iter().collect(), Crash::Never).await;
        self.record(outcomes.clone());
        self.record(outcomes);
    }

    fn record(&mut self, outcomes: Vec<calsync_core::report::Outcome>) {
        if self.trace {
            outcomes.iter().for_each(|outcome| {
                println!("  {outcome} ({:?}, {}) {:?}", outcome.state, outcome.generation, outcome.hold)
            });
        }
        self.host.record(outcomes);
    }

    /// Nothing goes wrong any more, everybody reconnects, and time passes until nothing is left to
    /// do. Then all is looked at.
    async fn comes_to_rest(&mut self) -> Figures {
        if self.trace {
            println!("quiet");
        }
        self.world.calms_down();
        if !self.world.host_clock.ahead().is_zero() {
            self.sets_clock_back(TimeDelta::zero(), &Dice::new(0));
        }
        self.company.states_all();
        self.host.states_all();
        self.everybody_mends_calendars();
        // What a person wrote over or deleted is put right by the next change.
        self.host.change_all(|appointment| moves(appointment, 1));
        self.everybody_reconnects().await;
        let mut figures = Figures::default();
        let mut rounds = 0;
        loop {
            self.world.clock.advance(SETTLE_AFTER * 2 + TimeDelta::days(1));
            if self.world.is_cron {
                self.syncer = self.world.process(&Dice::new(rounds as u64));
            }
            self.host.allows(&self.syncer, self.world.clock.now());
            // Once: a grant that is called dead again, in a world that is honest, is a failure.
            if rounds == 0 {
                self.host.answers_endless(&self.syncer);
            }
            if self.host.is_any_lost() {
                self.recovers().await;
                // Also where rows are known only now.
                self.everybody_reconnects().await;
            }
            let before = self.world.calls();
            self.sync_all(Crash::Never).await;
            rounds += 1;
            // What failed before waits for up to a week.
            if self.world.calls() == before && self.host.waits_for_nothing(self.world.clock.now()) {
                break;
            }
            if rounds == ROUNDS {
                figures.unsettled += 1;
                figures.problems.push(format!("still at work after {rounds} quiet rounds"));
                break;
            }
        }
        if self.host.is_any_lost() {
            figures.unsettled += 1;
            figures.problems.push("a calendar cannot be listed".to_owned());
        }
        let before = self.world.calls();
        self.sync_all(Crash::Never).await;
        if self.world.calls() != before {
            figures.loud += 1;
            figures.problems.push("one more sync of everything makes calls".to_owned());
        }
        self.look(&mut figures);
        figures
    }

    /// Also where they have disconnected since, so that ours can be removed.
    async fn everybody_reconnects(&mut self) {
        let accounts: Vec<_> = Company::places().collect();
        let mut places = std::collections::BTreeSet::new();
        for ledger in self.host.ledgers() {
            let meant = |row: &Delivery| row.calendar().clone().with_account(row.account().cloned());
            places.extend(ledger.deliveries().iter().map(meant));
        }
        for place in places {
            // A row that was never answered knows no account; the host knows who connected.
            let key =
                ConnectionKey::new(place.person.clone(), place.provider.clone(), place.connection.clone());
            let told = place.account.as_ref().map(|account| account.as_str().to_owned());
            let meant = told.or_else(|| self.world.watch.account_of(&key));
            let known = accounts.iter().find(|(person, house, account)| {
                meant.as_deref() == Some(Company::account(*person, house, *account).as_str())
            });
            let Some((person, house, account)) = known else {
                // A guest's mailer has no account; its password is set anew.
                self.syncer.connected(&key);
                continue;
            };
            let connection = place.connection.to_string().parse().expect("a number");
            self.connects(*person, house, *account, connection, false).await;
        }
        for (_, place) in self.recovering.left() {
            if let Some((person, link)) = place.link {
                self.connects(person, &link.house, link.account, link.connection, false).await;
            }
        }
        for person in 0..PEOPLE {
            for link in self.company.links[person].clone() {
                self.connects(person, &link.house, link.account, link.connection, false).await;
            }
        }
    }

    /// A person consents; the host lets what waited for that be tried again.
    async fn connects(
        &mut self,
        person: usize,
        house: &ProviderKind,
        account: usize,
        connection: i64,
        anew: bool,
    ) {
        self.world.connects(person, house, account, connection, anew).await;
        self.wrong.retain(|wrong| *wrong != (person, connection));
        let owner = Person::Profile(Company::profile(person).into());
        self.lets_try_again(&owner, house, connection);
    }

    fn lets_try_again(&mut self, owner: &Person, house: &ProviderKind, connection: i64) {
        self.host.revive(|calendar| calendar.person == *owner && calendar.connection == connection.into());
        self.syncer.connected(&ConnectionKey::new(owner.clone(), house.clone(), connection));
    }

    fn look(&self, figures: &mut Figures) {
        let wanted: Vec<Event> = self.host.appointments().flat_map(|it| self.company.wanted(it)).collect();
        let standing: Vec<Event> = self.world.standing().into_iter().map(|it| it.event).collect();
        (figures.wanted, figures.standing) = (wanted.len() as u64, standing.len() as u64);
        let difference = compare(standing, wanted);
        if self.trace {
            let stray = self.world.standing().into_iter().filter(|it| difference.stray.contains(&it.event));
            stray.for_each(|it| println!("stray, by its id: {} {}", it.id, it.event));
        }
        for (count, list, name) in [
            (&mut figures.duplicates, difference.duplicates, "twice"),
            (&mut figures.lost, difference.lost, "lost"),
            (&mut figures.stray, difference.stray, "stray"),
        ] {
            *count = list.len() as u64;
            figures.problems.extend(list.iter().map(|event| format!("{name}: {event}")));
        }
        if self.left > 0 {
            figures.stray += self.left;
            figures.problems.push(format!("{} stood when the grant was given up", self.left));
        }
        for ledger in self.host.ledgers() {
            let is_pending =
                |row: &&Delivery| matches!(row.state(), DeliveryState::Pending(_)) || row.look_at().is_some();
            for row in ledger.deliveries().iter().filter(is_pending) {
                figures.unsettled += 1;
                figures.problems.push(format!("pending: {}", row.explain()));
                if self.trace {
                    println!("pending: {}", serde_json::to_string(row).unwrap_or_default());
                }
            }
        }
        for ledger in self.host.ledgers() {
            let now = self.world.clock.now();
            let waits = |row: &&Delivery| row.hold().is_some_and(|hold| hold.held_until(now).is_some());
            for row in ledger.deliveries().iter().filter(waits) {
                figures.waiting += 1;
                figures.problems.push(format!("waits: {}", row.explain()));
            }
        }
        let wrong = self.world.watch.written_wrongly();
        if wrong > 0 {
            figures.problems.push(format!("{wrong} requests wrote to the wrong account"));
        }
        figures.broken = wrong + (self.broken.len() + self.host.broken.len()) as u64;
        figures.problems.extend(self.broken.iter().chain(&self.host.broken).cloned());
        figures.foreign_changed = self.world.foreign_changed() as u64;
        figures.mails = self.world.mails() as u64;
        let (early, early_elsewhere) = self.world.watch.early();
        (figures.early, figures.early_elsewhere) = (early, early_elsewhere);
        figures.problems.extend(self.world.watch.examples().iter().map(|it| format!("early: {it}")));
        figures.nobodys = self.world.watch.nobodys();
        let calls = self.world.calls();
        (figures.requests, figures.calls) = (calls.requests, calls.folder + calls.mail);
        figures.faults = self.world.weather.struck();
        figures.virtual_time = self.world.passed();
    }
}

/// Where the event of a row is, if that can be told.
fn spot_of(world: &World, company: &Company, row: &Delivery) -> Option<Spot> {
    let calendar = row.calendar();
    let Person::Profile(profile) = &calendar.person else {
        return Some(Spot::mail(calendar.calendar.as_str().to_owned()));
    };
    let person = (0..PEOPLE).find(|person| *profile == Company::profile(*person).into())?;
    let told = row.account().map(|account| account.as_str().to_owned());
    let account = told.or_else(|| world.watch.account_of(&calendar.connection_key()));
    let is_it =
        |number: &usize| account.as_deref() == Some(&*Company::account(person, &calendar.provider, *number));
    let mut links = company.links[person].iter();
    let link = links.find(|link| calendar.connection == link.connection.into());
    let number = (0..2).find(is_it).or_else(|| link.map(|link| link.account))?;
    Some(Spot::named(person, &calendar.provider, number, calendar.calendar.as_str()))
}
