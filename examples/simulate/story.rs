//! One story: a company lives through its operations, comes to rest, and is looked at.

use calsync_core::ProviderKind;
use calsync_core::calendar::{ConnectionKey, Person};
use calsync_core::clock::Clock as _;
use calsync_core::ledger::{Delivery, DeliveryState};
use calsync_core::model::Connection;
use calsync_core::plan::{Disconnect, DisconnectReceipt, OnDisconnect};
use calsync_core::sync::Syncer;
use calsync_core::testing::canaries::LogBuffer;
use chrono::TimeDelta;

use super::company::{Company, ORDERS, PEOPLE, moves, staff_id};
use super::dice::Dice;
use super::host::{Host, run};
use super::operations::{Crash, Operation, What};
use super::report::Figures;
use super::truth::{Event, Spot, compare};
use super::world::{SETTLE_AFTER, World, house};

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
    /// Events that stood where the host was told that it may give the grant up.
    left: u64,
    trace: bool,
}

/// Tells the story of a seed, in which so many requests in a thousand go wrong.
pub async fn tell(seed: u64, operations: &[Operation], per_mille: u64, trace: bool) -> Figures {
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
    let (mut world, second) = World::open(&dice, per_mille).await;
    let company = Company::new(&dice, second);
    let syncer = world.process(&dice);
    let mut story = Story { world, company, host: Host::default(), syncer, gone: Vec::new(), left: 0, trace };
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
            | What::Revoke(number) => self.with_calendars(number % PEOPLE, &operation.what, &dice).await,
            What::Sync(nth, crash) => self.sync(*nth, *crash, &dice).await,
            What::SyncAll(crash) => self.sync_all(*crash).await,
            What::Race(nth, between, crash) => self.race(*nth, between, *crash, &dice).await,
            What::Straggle(nth, meanwhile, crash) => self.straggle(*nth, meanwhile, *crash).await,
            What::Twice(nth) => self.twice(*nth).await,
        }
    }

    /// Somebody does something with their own hands; and soon after the host changes the appointments, or nobody would ever look.
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
            self.company.takes_another(person, &house, account, new);
        }
    }

    /// Somebody's calendars are filled, or one of them.
    async fn fill(&mut self, person: usize, crash: Crash, dice: &Dice) {
        let links = &self.company.links[person];
        let one = dice.happens(500) && !links.is_empty();
        let connection = one.then(|| dice.pick(links).connection.into());
        let person = Person::Profile(Company::profile(person).into());
        let clock = &self.world.clock;
        let plans = self.host.begin_to_fill(&self.company, &self.syncer, clock, person, connection, crash);
        let outcomes = run(&self.syncer, plans, crash).await;
        self.record(outcomes);
    }

    /// Somebody leaves a calendar: what is ours is removed first, and the grant is given up where the receipt allows it.
    async fn leave(&mut self, person: usize, crash: Crash, dice: &Dice) {
        if self.company.links[person].is_empty() {
            return;
        }
        let at = dice.below(self.company.links[person].len());
        let link = self.company.links[person].remove(at);
        let calendar = self.company.calendar_id(person, &link.house, link.account, link.calendar);
        let connection = Connection::new(link.connection, link.house.clone(), calendar.clone())
            .with_account(Company::account(person, &link.house, link.account));
        let owner = Person::Profile(Company::profile(person).into());
        let which = *dice.pick(&[OnDisconnect::DeleteAll, OnDisconnect::DeleteFuture]);
        let connected = self.company.directory();
        let connected = connected.profile(&Company::profile(person).into()).expect("a person of ours");
        let disconnect = Disconnect::new(&owner, &connection, which).with_connected(&connected.connections);
        let mut receipt = DisconnectReceipt::new(&disconnect);
        let mut plans = Vec::new();
        for id in self.host.all() {
            let now = self.world.clock.now();
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
        let first = self.host.begin(&self.company, &self.syncer, &id, crash);
        Box::pin(self.happens(between)).await;
        let other = if dice.happens(300) { self.world.process(dice) } else { self.syncer.clone() };
        let second = self.host.begin(&self.company, &other, &id, Crash::Never);
        let (first, second) = tokio::join!(
            run(&self.syncer, first.into_iter().collect(), crash),
            run(&other, second.into_iter().collect(), Crash::Never)
        );
        let (first, second) = if dice.happens(500) { (first, second) } else { (second, first) };
        self.record(first);
        self.record(second);
    }

    async fn straggle(&mut self, nth: usize, meanwhile: &[Operation], crash: Crash) {
        let Some(id) = self.host.nth(nth) else { return };
        let Some(plan) = self.host.begin(&self.company, &self.syncer, &id, crash) else { return };
        if self.trace {
            println!("begun: {}", plan.plan());
        }
        for operation in meanwhile {
            Box::pin(self.happens(operation)).await;
        }
        let outcomes = run(&self.syncer, vec![plan], crash).await;
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

    /// Nothing goes wrong any more, everybody reconnects, and time passes until nothing is left to do. Then all is looked at.
    async fn comes_to_rest(&mut self) -> Figures {
        if self.trace {
            println!("quiet");
        }
        self.world.calms_down();
        self.everybody_mends_calendars();
        // What a person wrote over or deleted is put right by the next change.
        self.host.change_all(|appointment| moves(appointment, 1));
        self.everybody_reconnects().await;
        let mut figures = Figures::default();
        let mut rounds = 0;
        loop {
            self.world.clock.advance(SETTLE_AFTER * 2 + TimeDelta::days(1));
            self.host.allows(&self.syncer, self.world.clock.now());
            // Once: a grant that is called dead again, in a world that is honest, is a failure.
            if rounds == 0 {
                self.host.answers_endless(&self.syncer);
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
        let owner = Person::Profile(Company::profile(person).into());
        self.host.revive(|calendar| calendar.person == owner && calendar.connection == connection.into());
        self.syncer.connected(&ConnectionKey::new(owner, house.clone(), connection));
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
