//! A small company with one appointment, whose people all use the same kind of calendar.

use std::collections::BTreeMap;
use std::sync::Arc;

use calsync_core::audience::Audience;
use calsync_core::calendar::{CalendarRef, Person};
use calsync_core::identity::TargetKey;
use calsync_core::model::{
    Appointment, Connection, Customer, Directory, ManagerRef, Order, OrderStatus, Profile, Service, Staff,
    Stated,
};
use calsync_core::names::CalendarId;
use calsync_core::sync::Syncer;
use chrono::TimeDelta;

use crate::houses::House;
use crate::noted::{Noted, Notes};

/// The profiles: two who do the work, two managers, and the customer.
pub const EVE: i64 = 1;
pub const ADAM: i64 = 2;
pub const MIA: i64 = 3;
pub const MAX: i64 = 4;
pub const CLEO: i64 = 5;

/// A company whose people all use one kind of calendar.
pub struct Company {
    pub appointment: Appointment,
    pub notes: Notes,
    syncer: Syncer,
    order: Order,
    staff: Vec<Staff>,
    /// Whose event goes into which calendar; nobody's without one.
    calendars: BTreeMap<i64, CalendarId>,
    left: BTreeMap<i64, Vec<CalendarId>>,
    second_of_cleo: CalendarId,
    house: calsync_core::ProviderKind,
}

impl Company {
    pub async fn at(house: &dyn House) -> Self {
        let notes = Notes::default();
        let provider =
            Noted { inner: house.provider(&[EVE, ADAM, MIA, MAX, CLEO]).await, notes: notes.clone() };
        let syncer = Syncer::builder("tests").shared_provider(Arc::new(provider)).build();

        let mut order = Order::new(1, OrderStatus::Confirmed);
        order.order_number = "ORD-1".to_owned();
        order.customer_id = Some(7.into());
        let person = |id: i64, name: &str, profile: i64, manager: Option<i64>| {
            let mut staff = Staff::new(id, name);
            staff.profile_id = Some(profile.into());
            staff.manager_id = manager.map(|id| ManagerRef::Staff(id.into())).into();
            staff
        };
        let staff = vec![
            person(11, "Eve", EVE, Some(13)),
            person(12, "Adam", ADAM, Some(13)),
            person(13, "Mia", MIA, None),
            person(14, "Max", MAX, None),
        ];
        let start = "2027-01-20T09:00:00Z".parse().unwrap();
        let mut appointment = Appointment::new(10, 5, start, start + TimeDelta::minutes(90));
        (appointment.order_id, appointment.staff_id) = (Some(1.into()), Stated::Is(11.into()));
        let calendars = [EVE, ADAM, MIA, MAX, CLEO].map(|person| (person, CalendarId::primary()));
        Self {
            appointment,
            notes,
            syncer,
            order,
            staff,
            calendars: calendars.into(),
            left: BTreeMap::new(),
            second_of_cleo: house.second_calendar(CLEO),
            house: house.kind(),
        }
    }

    pub fn set_status(&mut self, status: &str) {
        self.appointment.status = status.into();
    }

    pub fn moves_an_hour(&mut self) {
        self.appointment.start_time += TimeDelta::hours(1);
        self.appointment.end_time += TimeDelta::hours(1);
    }

    pub fn changes_service(&mut self) {
        self.appointment.service_id = 6.into();
    }

    pub fn changes_staff(&mut self) {
        self.appointment.staff_id = Stated::Is(12.into());
    }

    pub fn changes_manager(&mut self) {
        let adam = self.staff.iter_mut().find(|staff| staff.name == "Adam").unwrap();
        adam.manager_id = Stated::Is(ManagerRef::Staff(14.into()));
    }

    pub fn switches_calendar(&mut self) {
        let old = self.calendars.insert(CLEO, self.second_of_cleo.clone());
        self.left.entry(CLEO).or_default().extend(old);
    }

    pub fn disconnects_max(&mut self) {
        let old = self.calendars.remove(&MAX);
        self.left.entry(MAX).or_default().extend(old);
    }

    /// The calendar of today, or the one that was.
    pub fn calendar_of(&self, person: i64) -> CalendarId {
        self.calendars.get(&person).cloned().unwrap_or_else(CalendarId::primary)
    }

    /// The key of what is due in the calendar of today, or in the one that was.
    pub fn target_of(&self, person: i64) -> TargetKey {
        let calendar = CalendarRef::new(
            Person::Profile(person.into()),
            self.house.clone(),
            1.into(),
            self.calendar_of(person),
        );
        TargetKey::derive("tests", &self.appointment.id, &calendar)
    }

    pub fn calendars_left(&self, person: i64) -> Vec<CalendarId> {
        self.left.get(&person).cloned().unwrap_or_default()
    }

    /// What the guide's "Calendar Event Data by Role" makes of it.
    pub fn title_for(&self, person: i64) -> String {
        let service = if self.appointment.service_id == 5.into() { "Deep clean" } else { "Windows" };
        let staff = self.staff.iter().find(|staff| Some(&staff.id) == self.appointment.staff_id.value());
        match person {
            EVE | ADAM => format!("{service} at Cleo's"),
            MIA | MAX => format!("{} - {service}", staff.unwrap().name),
            _ => format!("Service: {service}"),
        }
    }

    /// Plans, begins, runs and records, as any host does.
    pub async fn sync(&mut self) {
        let directory = self.directory();
        let audience = Audience::of(&self.order, &self.appointment, &directory).unwrap();
        let plan = self.syncer.plan(&self.order, &self.appointment, &audience).unwrap();
        let begun = plan.begin(&mut self.appointment).unwrap();
        let report = self.syncer.run(begun).await;
        self.appointment.record(&report);
    }

    fn directory(&self) -> Directory {
        let profiles = [EVE, ADAM, MIA, MAX, CLEO].map(|person| {
            let calendar = self.calendars.get(&person);
            let connection = calendar.map(|calendar| {
                let connection = Connection::new(1, self.house.clone(), calendar.clone());
                connection.with_account(format!("account-{person}"))
            });
            connection.into_iter().fold(Profile::new(person), Profile::with_connection)
        });
        let mut cleo = Customer::new(7, "Cleo");
        cleo.profile_id = Some(CLEO.into());
        let directory = Directory::new();
        let directory =
            directory.with_services([Service::new(5, "Deep clean", 90), Service::new(6, "Windows", 90)]);
        let directory = directory.with_staff(self.staff.iter().cloned());
        directory.with_customers([cleo]).with_profiles(profiles)
    }
}
