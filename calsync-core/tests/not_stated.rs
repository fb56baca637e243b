//! For each column: which events stay and which are created if it is null or missing.
#![cfg(test)]
#![cfg(feature = "sync")]

mod common;

use calsync_core::audience::{Audience, Reason};
use calsync_core::calendar::Role;
use calsync_core::event::When;
use calsync_core::memory::MemoryCalendar;
use calsync_core::model::{
    Appointment, Customer, Directory, Loaded, Order, Profile, Service, Staff, load_each,
};
use calsync_core::names::ProviderKind;
use calsync_core::plan::{Note, Plan};
use calsync_core::sync::Syncer;
use calsync_core::testing::TestClock;
use calsync_core::time::Zone;
use common::{ADMIN, CUSTOMER, MANAGER, NAMESPACE, STAFF, at};
use serde_json::{Value, json};

/// The rows of a company's database. Each person has one calendar.
#[derive(Clone)]
struct Rows {
    order: Value,
    appointment: Value,
    staff: Value,
    customers: Value,
    profiles: Value,
    admins: Option<Vec<i64>>,
}

impl Rows {
    fn new() -> Self {
        let profiles = [STAFF, MANAGER, ADMIN, CUSTOMER].map(|id| {
            json!({"id": id, "calendar_sync_enabled": true, "calendar_provider": "google",
                "calendar_calendar_id": "work", "calendar_account": format!("account-{id}")})
        });
        Self {
            order: json!({"id": 1, "order_number": "A-1001", "status": "confirmed", "customer_id": 7,
                "guest_email": "cara@example.org", "items": [{"id": 1, "service_id": 5, "staff_id": 3}]}),
            appointment: json!({"id": 10, "order_id": 1, "order_item_id": 1, "staff_id": 3, "service_id": 5,
                "status": "confirmed", "start_time": "2026-01-20T09:00:00Z", "end_time": "2026-01-20T10:30:00Z"}),
            staff: json!([{"id": 3, "name": "Ben", "profile_id": STAFF, "manager_id": 4},
                {"id": 4, "name": "Mia", "profile_id": MANAGER, "manager_id": null}]),
            customers: json!([{"id": 7, "name": "Cara", "profile_id": CUSTOMER}]),
            profiles: json!(profiles),
            admins: Some(vec![ADMIN]),
        }
    }

    /// Sets a column in every row of a table, or removes it if `value` is `None`.
    fn set(&mut self, table: &str, column: &str, value: Option<&Value>) {
        let rows = match table {
            "order" => std::slice::from_mut(&mut self.order),
            "appointment" => std::slice::from_mut(&mut self.appointment),
            "staff" => self.staff.as_array_mut().unwrap(),
            "customer" => self.customers.as_array_mut().unwrap(),
            "profile" => self.profiles.as_array_mut().unwrap(),
            other => panic!("{other}"),
        };
        for row in rows.iter_mut().filter(|row| column != "manager_id" || row["id"] == 3) {
            match value {
                Some(value) => row[column] = value.clone(),
                None => drop(row.as_object_mut().unwrap().remove(column)),
            }
        }
    }

    fn directory(&self) -> Directory {
        let directory = Directory::new()
            .with_services([Service::new(5, "Deep clean", 90)])
            .with_staff(load::<Staff>(&self.staff))
            .with_customers(load::<Customer>(&self.customers))
            .with_profiles(load::<Profile>(&self.profiles));
        match &self.admins {
            Some(admins) => directory.with_admins(admins.iter().map(|id| (*id).into())),
            None => directory,
        }
    }
}

fn load<T: calsync_core::model::Record>(rows: &Value) -> Vec<T> {
    let Loaded { records, rejected, .. } = load_each(&rows.to_string()).unwrap();
    assert!(rejected.is_empty(), "{rejected:?}");
    records
}

/// A host with these rows, its ledger, and the calendars of all people.
struct Host {
    rows: Rows,
    ledger: Value,
    calendar: MemoryCalendar,
    syncer: Syncer,
}

impl Host {
    fn new(rows: Rows) -> Self {
        let calendar = MemoryCalendar::new().with_kind(ProviderKind::GOOGLE);
        let mail = MemoryCalendar::new().with_kind(ProviderKind::INVITATION);
        let syncer = Syncer::builder(NAMESPACE)
            .provider(calendar.clone())
            .provider(mail)
            .clock(TestClock::at(common::now()))
            .build();
        Self { rows, ledger: Value::Null, calendar, syncer }
    }

    /// Creates a host where each of the four people has their event.
    async fn settled() -> Self {
        let mut host = Self::new(Rows::new());
        host.sync().await;
        assert_eq!(host.events(), 4);
        host
    }

    async fn sync(&mut self) -> Plan {
        let order: Order = serde_json::from_value(self.rows.order.clone()).unwrap();
        let mut row = self.rows.appointment.clone();
        row["calendar_ledger"] = self.ledger.clone();
        let mut appointment: Appointment = serde_json::from_value(row).unwrap();
        order.carry_items(&mut appointment);
        let directory = self.rows.directory();
        let audience = Audience::of(&order, &appointment, &directory).unwrap();
        let plan = self.syncer.plan(&order, &appointment, &audience).unwrap();
        let begun = plan.clone().begin(&mut appointment).unwrap();
        appointment.record(&self.syncer.run(begun).await);
        self.ledger = serde_json::to_value(&appointment.ledger).unwrap();
        plan
    }

    /// Returns the number of events in calendars of people with a profile.
    fn events(&self) -> usize {
        self.calendar.events().len()
    }

    async fn moves(&mut self) {
        self.rows.appointment["start_time"] = json!("2026-01-21T09:00:00Z");
        self.rows.appointment["end_time"] = json!("2026-01-21T10:30:00Z");
        self.sync().await;
        for event in self.calendar.events() {
            let When::Timed { start, .. } = event.event.when else { panic!("{event:?}") };
            assert_eq!(start, at("2026-01-21T09:00:00Z"), "{:?}", event.place);
        }
    }

    async fn cancels(&mut self) {
        self.rows.appointment["status"] = json!("cancelled");
        self.sync().await;
    }
}

/// The cases: a table, its column and the value (`None`: the column is missing); how many of four
/// events are left; how many events are created if there are none.
fn table() -> Vec<(&'static str, &'static str, Option<Value>, usize, usize)> {
    let mut table = Vec::new();
    let mut column = |of: &'static str, column: &'static str, values: &[(Option<Value>, usize, usize)]| {
        table.extend(values.iter().map(|(value, left, made)| (of, column, value.clone(), *left, *made)));
    };
    let null = || Some(Value::Null);
    column(
        "profile",
        "calendar_sync_enabled",
        &[(None, 4, 0), (null(), 4, 0), (Some(json!(false)), 0, 0), (Some(json!(true)), 4, 4)],
    );
    column(
        "profile",
        "calendar_provider",
        &[
            (None, 4, 0),
            (null(), 4, 0),
            (Some(json!("")), 4, 0),
            (Some(json!("none")), 0, 0),
            (Some(json!("google")), 4, 4),
        ],
    );
    column(
        "profile",
        "calendar_calendar_id",
        &[(None, 4, 4), (null(), 4, 4), (Some(json!("")), 4, 4), (Some(json!("work")), 4, 4)],
    );
    column("profile", "connections", &[(None, 4, 4), (null(), 4, 4), (Some(json!([])), 4, 4)]);
    // Without a profile a customer is a guest, who is invited by mail: no event in these calendars.
    column("staff", "profile_id", &[(None, 4, 2), (null(), 4, 2)]);
    column("customer", "profile_id", &[(None, 4, 3), (null(), 4, 3), (Some(json!(CUSTOMER)), 4, 4)]);
    column("order", "customer_id", &[(None, 4, 3), (null(), 4, 3), (Some(json!(7)), 4, 4)]);
    column("staff", "manager_id", &[(None, 4, 3), (null(), 3, 3), (Some(json!(4)), 4, 4)]);
    column("appointment", "staff_id", &[(None, 4, 2), (null(), 2, 2), (Some(json!(3)), 4, 4)]);
    column("order", "items", &[(None, 4, 4), (null(), 4, 4), (Some(json!([])), 0, 0)]);
    table
}

#[tokio::test]
async fn a_column_that_is_not_stated_removes_no_event_and_creates_none() {
    for (of, column, value, left, made) in table() {
        let case = format!("{of}.{column} {}", value.as_ref().map_or("missing".into(), Value::to_string));
        let mut host = Host::settled().await;
        host.rows.set(of, column, value.as_ref());
        let plan = host.sync().await;
        assert_eq!(host.events(), left, "{case}: of four events\n{plan}");
        let removed = plan.steps.iter().filter(|step| step.content().is_none()).count();
        assert_eq!(removed, 4 - left, "{case}\n{plan}");
        assert_eq!(plan.is_empty(), left == 4, "{case}: an event that stays is not written again\n{plan}");
        assert!(host.sync().await.is_empty(), "{case}: a second run has no steps");
        host.moves().await;
        assert_eq!(host.events(), left, "{case}: a move updates the events that stayed");
        host.cancels().await;
        assert_eq!(host.events(), 0, "{case}: a cancelled appointment has no events");

        let mut host = Host::new(Rows::new());
        host.rows.set(of, column, value.as_ref());
        let plan = host.sync().await;
        assert_eq!(host.events(), made, "{case}: of none\n{plan}");
    }
}

#[tokio::test]
async fn the_plan_notes_each_column_that_is_not_stated() {
    for (of, column, notes) in [
        ("profile", "calendar_sync_enabled", 4),
        ("profile", "calendar_provider", 4),
        ("staff", "profile_id", 2),
        ("customer", "profile_id", 1),
        ("order", "customer_id", 1),
        ("staff", "manager_id", 1),
        ("appointment", "staff_id", 1),
    ] {
        let mut host = Host::settled().await;
        host.rows.set(of, column, None);
        let plan = host.sync().await;
        let names_it = |note: &&Note| matches!(note, Note::LeftOut { reason: Reason::NotStated(it), .. } if it.to_string() == column);
        assert_eq!(plan.notes.iter().filter(names_it).count(), notes, "{column}: {plan}");
    }
}

#[tokio::test]
async fn a_calendar_that_is_not_stated_moves_no_event_and_a_new_one_goes_to_the_old_calendar() {
    let calendars = |host: &Host| -> Vec<String> {
        host.calendar.events().iter().map(|event| event.place.calendar.as_str().to_owned()).collect()
    };
    let mut host = Host::settled().await;
    host.rows.set("profile", "calendar_calendar_id", None);
    host.sync().await;
    assert_eq!(calendars(&host), ["work"; 4]);
    // An event that is removed and created again is in the old calendar.
    host.rows.set("profile", "calendar_sync_enabled", Some(&json!(false)));
    host.sync().await;
    assert_eq!(host.events(), 0);
    host.rows.set("profile", "calendar_sync_enabled", Some(&json!(true)));
    host.sync().await;
    assert_eq!(calendars(&host), ["work"; 4]);
    // If the calendar is stated again, the event moves.
    host.rows.set("profile", "calendar_calendar_id", Some(&json!("home")));
    host.sync().await;
    assert_eq!(calendars(&host), ["home"; 4]);

    let mut host = Host::new(Rows::new());
    host.rows.set("profile", "calendar_calendar_id", None);
    host.sync().await;
    assert_eq!(calendars(&host), ["primary"; 4]);
}

#[tokio::test]
async fn the_list_of_connections_and_the_flat_columns_state_only_their_own_connections() {
    let second =
        json!([{"id": "second", "provider": "google", "calendar_id": "family", "account": "family"}]);
    // The two columns, and how many of each person's two events stay.
    for (provider, connections, left) in [
        (Some(json!("google")), Some(second.clone()), 8),
        (Some(json!("google")), None, 8),
        (Some(json!("google")), Some(Value::Null), 8),
        (Some(json!("google")), Some(json!([])), 4),
        (Some(json!("none")), Some(second.clone()), 4),
        (Some(json!("none")), None, 4),
        (Some(json!("none")), Some(json!([])), 0),
        (None, Some(second.clone()), 4),
        (None, Some(json!([])), 0),
        (None, None, 8),
        (Some(Value::Null), Some(Value::Null), 8),
    ] {
        let mut host = Host::new(Rows::new());
        host.rows.set("profile", "connections", Some(&second));
        host.sync().await;
        assert_eq!(host.events(), 8);
        host.rows.set("profile", "calendar_provider", provider.as_ref());
        host.rows.set("profile", "connections", connections.as_ref());
        let plan = host.sync().await;
        assert_eq!(host.events(), left, "{provider:?} {connections:?}\n{plan}");
        host.moves().await;
        assert_eq!(host.events(), left, "{provider:?} {connections:?}");
        for profile in load::<Profile>(&host.rows.profiles) {
            let row = serde_json::to_value(&profile).unwrap();
            let again: Profile = serde_json::from_value(row.clone()).unwrap();
            assert_eq!(serde_json::to_value(&again).unwrap(), row);
            assert_eq!(again.connections_stated, profile.connections_stated, "the same columns are stated");
            assert_eq!(again.connections.len(), profile.connections.len());
        }
        host.cancels().await;
        assert_eq!(host.events(), 0);
    }
}

#[tokio::test]
async fn admins_keep_their_events_if_the_list_of_admins_is_not_stated() {
    for (admins, left, made) in [(None, 4, 3), (Some(vec![]), 3, 3), (Some(vec![ADMIN]), 4, 4)] {
        let mut host = Host::settled().await;
        host.rows.admins.clone_from(&admins);
        host.sync().await;
        assert_eq!(host.events(), left, "{admins:?}");
        let mut host = Host::new(Rows { admins, ..Rows::new() });
        host.sync().await;
        assert_eq!(host.events(), made);
    }
}

#[tokio::test]
async fn a_customer_is_no_guest_while_a_profile_has_the_customers_event() {
    for (of, column) in [("customer", "profile_id"), ("order", "customer_id")] {
        let mut host = Host::settled().await;
        host.rows.set("profile", "calendar_sync_enabled", Some(&json!(false)));
        host.sync().await;
        assert_eq!(host.events(), 0);
        // A person who wants no events gets no mail instead because a column is missing.
        host.rows.set(of, column, None);
        let plan = host.sync().await;
        assert!(plan.is_empty(), "{column}: {plan}");
    }
    // A customer who never had a profile is invited.
    let mut host = Host::new(Rows::new());
    host.rows.set("customer", "profile_id", None);
    let plan = host.sync().await;
    assert!(plan.steps.iter().any(|step| step.role == Role::Customer), "{plan}");
    // The customer keeps the invitation if the address is missing.
    host.rows.set("order", "guest_email", None);
    let plan = host.sync().await;
    assert!(plan.steps.iter().all(|step| step.content().is_some()), "{plan}");
    assert!(host.sync().await.is_empty());
    host.rows.appointment["status"] = json!("cancelled");
    assert_eq!(host.sync().await.steps.len(), 4);
}

#[tokio::test]
async fn an_appointment_that_goes_to_a_person_without_a_profile_leaves_the_previous_calendar() {
    // Sue has no profile. Ben's record shows that the profile is his, and he no longer does the
    // work.
    let mut host = Host::settled().await;
    host.rows.staff.as_array_mut().unwrap().push(json!({"id": 6, "name": "Sue", "manager_id": 4}));
    host.rows.appointment["staff_id"] = json!(6);
    host.sync().await;
    let rows: Appointment = serde_json::from_value({
        let mut row = host.rows.appointment.clone();
        row["calendar_ledger"] = host.ledger.clone();
        row
    })
    .unwrap();
    let is_of_staff = rows.ledger.deliveries().iter().any(|row| row.role() == Role::Staff && row.may_exist());
    assert_eq!((host.events(), is_of_staff), (3, false));

    // The same with a customer: the new one is invited, and the previous one has no event any more.
    let mut host = Host::settled().await;
    host.rows
        .customers
        .as_array_mut()
        .unwrap()
        .push(json!({"id": 8, "name": "Dora", "email": "dora@example.org"}));
    host.rows.order["customer_id"] = json!(8);
    let plan = host.sync().await;
    assert_eq!((host.events(), plan.steps.len()), (3, 2 + 3), "{plan}");
    assert!(host.sync().await.is_empty());
}

#[tokio::test]
async fn a_cancelled_appointment_is_removed_without_any_records() {
    let mut host = Host::settled().await;
    host.rows.staff = json!([]);
    host.rows.customers = json!([]);
    host.rows.profiles = json!([]);
    host.rows.appointment["service_id"] = json!(99);
    let order: Order = serde_json::from_value(host.rows.order.clone()).unwrap();
    let confirmed: Appointment = serde_json::from_value(host.rows.appointment.clone()).unwrap();
    let directory = host.rows.directory();
    let error = Audience::of(&order, &confirmed, &directory).unwrap_err();
    assert_eq!(
        error.to_string(),
        "appointment 10: service_id: there is no service 99",
        "not cancelled, it is an error"
    );
    host.cancels().await;
    assert_eq!(host.events(), 0);

    // The same if the order is cancelled.
    let mut host = Host::settled().await;
    host.rows.staff = json!([]);
    host.rows.order["status"] = json!("cancelled");
    host.sync().await;
    assert_eq!(host.events(), 0);
}

#[tokio::test]
async fn a_removed_item_removes_its_events_and_a_returned_one_creates_them_again() {
    let mut host = Host::settled().await;
    let items = host.rows.order["items"].clone();
    host.rows.order["items"] = json!([{"id": 2, "service_id": 5, "staff_id": 3}]);
    host.sync().await;
    assert_eq!(host.events(), 0);
    host.rows.order["items"] = items;
    host.sync().await;
    assert_eq!(host.events(), 4);
}

#[test]
fn one_wrong_row_of_six_is_named_and_the_other_five_are_confirmed() {
    let order = |id: i64, service: i64| {
        json!({"id": id, "status": "confirmed", "scheduled_date": "2026-01-20",
            "items": [{"id": id * 10, "service_id": service, "staff_id": 3}]})
    };
    type Spoil = fn(&mut Value);
    let cases: [(&str, Spoil); 8] = [
        ("order 3: scheduled_date: is missing", |orders| orders[2]["scheduled_date"] = Value::Null),
        ("order 3: scheduled_date: the year 9999 is outside 1900 to 2999", |orders| {
            orders[2]["scheduled_date"] = json!("9999-01-01");
        }),
        ("order item 30: staff_id: there is no staff 99", |orders| {
            orders[2]["items"][0]["staff_id"] = json!(99)
        }),
        ("service 6: duration: must be more than zero", |orders| {
            orders[2]["items"][0]["service_id"] = json!(6)
        }),
        ("order 3: status: cannot be read, expected a string", |orders| orders[2]["status"] = Value::Null),
        ("order 3: items[0].service_id: is missing", |orders| {
            orders[2]["items"][0].as_object_mut().unwrap().remove("service_id");
        }),
        ("order in row 3: id: is missing", |orders| drop(orders[2].as_object_mut().unwrap().remove("id"))),
        ("order in row 3: row: cannot be read, expected struct Order", |orders| orders[2] = Value::Null),
    ];
    let services = [Service::new(5, "Deep clean", 90), Service::new(6, "Nothing", 0)];
    let directory = Directory::new().with_services(services).with_staff([Staff::new(3, "Ben")]);
    for (error, spoil) in cases {
        let mut rows = json!((1..=6).map(|id| order(id, 5)).collect::<Vec<_>>());
        spoil(&mut rows);
        let Loaded { records, rejected, .. } = load_each::<Order>(&rows.to_string()).unwrap();
        let mut errors: Vec<_> = rejected.iter().map(ToString::to_string).collect();
        let mut made = Vec::new();
        for mut order in records {
            let confirmed = order.confirm(&directory, &Zone::UTC);
            errors.extend(confirmed.rejected.iter().map(|rejected| rejected.error.to_string()));
            made.extend(confirmed.made);
        }
        assert_eq!((errors, made.len()), (vec![error.to_owned()], 5));
    }
}

#[tokio::test]
async fn a_missing_staff_record_is_an_error_of_its_own_appointments_only() {
    let host = Host::settled().await;
    let order: Order = serde_json::from_value(host.rows.order.clone()).unwrap();
    let of_staff = |staff: i64| -> Appointment {
        let mut row = host.rows.appointment.clone();
        row["staff_id"] = json!(staff);
        serde_json::from_value(row).unwrap()
    };
    let directory = host.rows.directory();
    let error = Audience::of(&order, &of_staff(99), &directory).unwrap_err();
    assert_eq!(error.to_string(), "appointment 10: staff_id: there is no staff 99");
    assert!(Audience::of(&order, &of_staff(3), &directory).is_ok());
}

#[tokio::test]
async fn a_persons_own_profile_counts_even_if_their_role_is_not_stated() {
    let set_in_profile = |host: &mut Host, id: i64, column: &str, value: Value| {
        let rows = host.rows.profiles.as_array_mut().unwrap();
        rows.iter_mut().find(|row| row["id"] == id).unwrap()[column] = value;
    };
    for (column, value, left) in [
        ("calendar_sync_enabled", json!(false), 3),
        ("calendar_provider", json!("none"), 3),
        ("calendar_sync_settings", json!({"sync_direction": "inbound"}), 3),
        ("calendar_sync_settings", json!({"auto_sync": false}), 4),
        ("calendar_sync_enabled", Value::Null, 4),
    ] {
        let mut host = Host::settled().await;
        host.rows.set("appointment", "staff_id", None);
        set_in_profile(&mut host, STAFF, column, value.clone());
        host.sync().await;
        assert_eq!(host.events(), left, "{column} {value}");
    }
}

#[tokio::test]
async fn a_guest_who_signs_up_keeps_the_invitation_while_the_new_profile_states_nothing() {
    let mut host = Host::new(Rows::new());
    host.rows.set("customer", "profile_id", None);
    host.sync().await;
    host.rows.set("customer", "profile_id", Some(&json!(CUSTOMER)));
    host.rows.set("profile", "calendar_sync_enabled", None);
    assert!(host.sync().await.is_empty());
    host.rows.set("profile", "calendar_sync_enabled", Some(&json!(true)));
    let plan = host.sync().await;
    assert_eq!((plan.steps.len(), host.events()), (2, 4), "{plan}");
}
