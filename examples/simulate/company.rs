//! The company: who is there, what is ordered, who has which calendars; and which events there
//! should be, worked out here by hand and not by the library.

use std::collections::BTreeSet;

use calsync_core::StaffId;
use calsync_core::model::{
    Appointment, Connection, Customer, Directory, Order, OrderItem, OrderStatus, Profile, Service, Staff,
    StatedConnections,
};
use calsync_core::names::{CalendarId, ProviderKind};
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

use super::dice::Dice;
use super::truth::{Event, Spot};

/// The houses that people have their calendars at.
pub const HOUSES: [ProviderKind; 3] = [ProviderKind::GOOGLE, ProviderKind::OUTLOOK, ProviderKind::APPLE];

/// How many people have a profile: three of the staff, an administrator and two customers.
pub const PEOPLE: usize = 6;
const STAFF: [&str; 3] = ["Evelina Canary", "Adamantios Canary", "Zoë-Marie Canary"];
const ADMIN: usize = 3;
/// The customers' names, and which profiles are theirs; the third is one of the staff, the last has
/// none.
const CUSTOMERS: [(&str, Option<usize>); 4] = [
    ("Anna-Maria Canary", Some(4)),
    ("Cleopatra Canary", Some(5)),
    ("Adamantios Canary", Some(1)),
    ("Balthasar Canary", None),
];
const SERVICES: [&str; 2] = ["Deep canary clean", "Windows of canary"];
const GUEST: &str = "Gustav-Guest Canary";
/// How many orders there are; every third is a guest's.
pub const ORDERS: usize = 5;

/// One of a person's calendars, as the person and the host see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The number of the connection.
    pub connection: i64,
    /// At which house.
    pub house: ProviderKind,
    /// Which of the person's two accounts there.
    pub account: usize,
    /// Which of the account's two calendars.
    pub calendar: usize,
}

/// The company.
#[derive(Debug)]
pub struct Company {
    /// The orders.
    pub orders: Vec<Order>,
    /// Everybody's calendars of today.
    pub links: Vec<Vec<Link>>,
    /// Whether somebody wants events at all.
    pub wants: Vec<bool>,
    /// Whose column `calendar_sync_enabled` is null.
    pub hides_wish: Vec<bool>,
    /// Whose columns `calendar_provider` and `connections` are null.
    pub hides_calendars: Vec<bool>,
    /// The ids of the second calendars, by person, house and account.
    second: Vec<((usize, ProviderKind, usize), String)>,
    connections: i64,
}

impl Company {
    /// A company, by chance.
    pub fn new(dice: &Dice, second: Vec<((usize, ProviderKind, usize), String)>) -> Self {
        let orders = (0..ORDERS).map(|number| order(number, dice)).collect();
        Self {
            orders,
            links: vec![Vec::new(); PEOPLE],
            wants: vec![true; PEOPLE],
            hides_wish: vec![false; PEOPLE],
            hides_calendars: vec![false; PEOPLE],
            second,
            connections: 0,
        }
    }

    /// A person's account at a house, as the house knows it.
    pub fn account(person: usize, house: &ProviderKind, account: usize) -> String {
        format!("person-{person}-{house}-{account}@canary.example")
    }

    /// The id of a calendar.
    pub fn calendar_id(
        &self,
        person: usize,
        house: &ProviderKind,
        account: usize,
        calendar: usize,
    ) -> CalendarId {
        if calendar == 0 {
            return CalendarId::primary();
        }
        let key = (person, house.clone(), account);
        let id = self.second.iter().find(|(known, _)| *known == key).map_or("second", |(_, id)| id.as_str());
        CalendarId::new(id).expect("a calendar's id")
    }

    /// Somebody's second calendar goes by another id from now on.
    pub fn takes_another(&mut self, person: usize, house: &ProviderKind, account: usize, id: String) {
        let key = (person, house.clone(), account);
        self.second
            .iter_mut()
            .filter(|(known, _)| *known == key)
            .for_each(|(_, second)| second.clone_from(&id));
    }

    /// Everything an event may be in, of everybody.
    pub fn places() -> impl Iterator<Item = (usize, ProviderKind, usize)> {
        (0..PEOPLE).flat_map(|person| {
            HOUSES
                .into_iter()
                .flat_map(move |house| (0..2).map(move |account| (person, house.clone(), account)))
        })
    }

    /// A profile's id.
    pub fn profile(person: usize) -> i64 {
        i64::try_from(person).unwrap_or_default() + 100
    }

    /// Names, addresses and texts that belong into no log.
    pub fn canaries() -> Vec<String> {
        let mut canaries: Vec<String> =
            STAFF.iter().chain(&SERVICES).chain(&[GUEST]).map(|name| (*name).to_owned()).collect();
        canaries.extend(CUSTOMERS.iter().map(|(name, _)| (*name).to_owned()));
        canaries.extend(["@canary.example", "canary-street", "canary-note"].map(str::to_owned));
        canaries
    }

    /// The records, as the host hands them to calsync.
    pub fn directory(&self) -> Directory {
        let staff = STAFF.iter().enumerate().map(|(at, name)| {
            let mut staff = Staff::new(staff_id(at), *name);
            staff.profile_id = Some(Self::profile(at).into());
            // The first two have the third for a manager, who works too.
            staff.manager_id = (at < 2).then(|| staff_id(2).into()).into();
            staff
        });
        let customers = CUSTOMERS.iter().enumerate().map(|(at, (name, profile))| {
            let mut customer = Customer::new(i64::try_from(at).unwrap_or_default() + 1, *name);
            customer.profile_id = profile.map(|person| Self::profile(person).into());
            customer.email = Some(format!("customer-{at}@canary.example"));
            customer
        });
        let profiles = (0..PEOPLE).map(|person| {
            let mut profile = Profile::new(Self::profile(person));
            profile.email = Some(format!("profile-{person}@canary.example"));
            profile.calendar_sync_enabled = (!self.hides_wish[person]).then_some(self.wants[person]);
            if self.hides_calendars[person] {
                profile.connections_stated = StatedConnections::Nothing;
                return profile;
            }
            self.connections(person).into_iter().fold(profile, Profile::with_connection)
        });
        let services = SERVICES.iter().zip(1i64..).map(|(name, id)| Service::new(id, *name, 30 * id));
        let directory = Directory::new().with_services(services);
        let directory = directory.with_staff(staff).with_customers(customers);
        directory.with_profiles(profiles).with_admins([Self::profile(ADMIN).into()])
    }

    /// Whether somebody's profile does not state whether they want events, or where.
    pub fn hides(&self, person: usize) -> bool {
        self.hides_wish[person] || self.hides_calendars[person]
    }

    /// Every column is stated again.
    pub fn states_all(&mut self) {
        self.hides_wish.fill(false);
        self.hides_calendars.fill(false);
    }

    /// Somebody's calendars, whether their profile states them or not.
    pub fn connections(&self, person: usize) -> Vec<Connection> {
        self.links[person].iter().map(|link| self.connection(person, link)).collect()
    }

    /// A calendar of somebody's, as their profile has it.
    pub fn connection(&self, person: usize, link: &Link) -> Connection {
        let calendar = self.calendar_id(person, &link.house, link.account, link.calendar);
        let connection = Connection::new(link.connection, link.house.clone(), calendar);
        connection.with_account(Self::account(person, &link.house, link.account))
    }

    /// Gives somebody one more calendar. Returns the connection's number; `None` where they have
    /// enough.
    pub fn connect(
        &mut self,
        person: usize,
        house: &ProviderKind,
        account: usize,
        calendar: usize,
    ) -> Option<i64> {
        if self.links[person].len() >= 3 {
            return None;
        }
        let connection = self.next_connection();
        self.links[person].push(Link { connection, house: house.clone(), account, calendar });
        Some(connection)
    }

    /// A number no connection has had.
    pub fn next_connection(&mut self) -> i64 {
        self.connections += 1;
        self.connections
    }

    /// The events that an appointment should have.
    pub fn wanted(&self, appointment: &Appointment) -> Vec<Event> {
        let order = self.orders.iter().find(|order| Some(&order.id) == appointment.order_id.as_ref());
        let order = order.expect("an order of ours");
        if appointment.status.is_cancelled() || order.status.is_cancelled() {
            return Vec::new();
        }
        let staff = (0..STAFF.len()).find(|at| appointment.staff_id.value() == Some(&staff_id(*at)));
        let customer = order.customer_id.as_ref().map(|id| {
            let at = (1i64..).zip(&CUSTOMERS).find(|(number, _)| *id == (*number).into());
            let (number, (name, profile)) = at.expect("a customer of ours");
            (number - 1, *name, *profile)
        });
        let service = (1i64..).zip(&SERVICES).find(|(id, _)| appointment.service_id == (*id).into());
        let service = service.expect("a service of ours").1;
        let customer_name = customer.map_or(GUEST, |(_, name, _)| name);
        let for_manager = format!("{} - {service}", staff.map_or("Unassigned", |at| STAFF[at]));
        let for_customer = format!("Service: {service}");

        // In the order of precedence: nobody has two events.
        let mut people: Vec<(usize, String)> = Vec::new();
        if let Some(staff) = staff {
            people.push((staff, format!("{service} at {customer_name}'s")));
            if staff < 2 {
                people.push((2, for_manager.clone()));
            }
        }
        people.push((ADMIN, for_manager));
        if let Some((_, _, Some(person))) = customer {
            people.push((person, for_customer.clone()));
        }
        let mut seen = BTreeSet::new();
        people.retain(|(person, _)| seen.insert(*person));

        let start = appointment.start_time;
        let mut events = Vec::new();
        for (person, title) in people.into_iter().filter(|(person, _)| self.wants[*person]) {
            let spots: BTreeSet<Spot> =
                self.links[person].iter().map(|link| self.spot(person, link)).collect();
            events.extend(spots.into_iter().map(|spot| Event { spot, start, title: title.clone() }));
        }
        let mail = match customer {
            None => Some(guest_email(order)),
            Some((at, _, None)) => Some(format!("customer-{at}@canary.example")),
            Some(_) => None,
        };
        events.extend(mail.map(|mail| Event { spot: Spot::mail(mail), start, title: for_customer }));
        events
    }

    /// Whether the customer of an appointment has a profile.
    pub fn has_profile(&self, appointment: &Appointment) -> bool {
        let order = self.orders.iter().find(|order| Some(&order.id) == appointment.order_id.as_ref());
        let customer = order.and_then(|order| order.customer_id.as_ref());
        customer.is_some_and(|id| {
            (1i64..).zip(&CUSTOMERS).any(|(number, (_, profile))| *id == number.into() && profile.is_some())
        })
    }

    /// Whether somebody still has a calendar of that account connected. A folder's calendars have
    /// no account.
    pub fn reaches(&self, person: usize, house: &ProviderKind, account: usize) -> bool {
        let is_one = |link: &Link| link.account == account || *house == ProviderKind::APPLE;
        self.links[person].iter().any(|link| link.house == *house && is_one(link))
    }

    /// Where a person's calendar is. In a folder of files a calendar has no account.
    pub fn spot(&self, person: usize, link: &Link) -> Spot {
        let calendar = self.calendar_id(person, &link.house, link.account, link.calendar);
        Spot::calendar(person, &link.house, link.account, calendar.as_str())
    }
}

/// A staff member's id.
pub fn staff_id(staff: usize) -> StaffId {
    StaffId::number(i64::try_from(staff).unwrap_or_default() + 1)
}

/// Another time for an appointment. The minute tells it from all others.
pub fn moves(appointment: &mut Appointment, hours: i64) {
    appointment.start_time += TimeDelta::hours(hours);
    appointment.end_time += TimeDelta::hours(hours);
}

fn guest_email(order: &Order) -> String {
    order.guest_email.clone().unwrap_or_default()
}

fn order(number: usize, dice: &Dice) -> Order {
    let id = i64::try_from(number).unwrap_or_default() + 1;
    let mut order = Order::new(id, OrderStatus::Pending);
    order.order_number = format!("ORD-{id}");
    order.notes = Some("canary-note".to_owned());
    order.address_line1 = Some("1 canary-street".to_owned());
    let day: DateTime<Utc> = "2027-03-01T00:00:00Z".parse().expect("a day");
    order.scheduled_date = Some((day + TimeDelta::days(id)).date_naive());
    // No two orders of one day begin in the same minute.
    order.scheduled_time = NaiveTime::from_hms_opt(9, u32::try_from(number).unwrap_or_default(), 0);
    let items = 1 + i64::from(dice.happens(300));
    for item in 1..=items {
        let mut item =
            OrderItem::new(item, 1 + i64::try_from(dice.below(SERVICES.len())).unwrap_or_default());
        item.staff_id = Some(staff_id(dice.below(STAFF.len())));
        order.items.get_or_insert_default().push(item);
    }
    if number % 3 == 2 {
        order.guest_name = Some(GUEST.to_owned());
        order.guest_email = Some(format!("guest-{number}@canary.example"));
    } else {
        order.customer_id = Some((i64::try_from(dice.below(CUSTOMERS.len())).unwrap_or_default() + 1).into());
    }
    order
}
