//! Each of the guide's changes at each provider: what is called, which events are left, and what
//! the ledger says afterwards. A second run is silent everywhere.

mod company;
mod houses;
mod noted;

use std::collections::BTreeSet;

use calsync_core::calendar::Person;
use calsync_core::error::Operation;
use calsync_core::identity::TargetKey;
use calsync_core::ledger::DeliveryState;

use company::{ADAM, CLEO, Company, EVE, MAX, MIA};
use houses::House;

use Operation::{Create, Delete, Update};

/// A change, and what it has to lead to.
struct Row {
    what: &'static str,
    change: fn(&mut Company),
    /// Who gets which call, a person's in this order.
    calls: &'static [(i64, Operation)],
    /// Whose calendars hold the event afterwards.
    holders: &'static [i64],
    /// The generations of their rows.
    generations: &'static [(i64, u32)],
}

const TABLE: &[Row] = &[
    Row {
        what: "confirm",
        change: |company| company.set_status("confirmed"),
        calls: &[(EVE, Create), (MIA, Create), (CLEO, Create)],
        holders: &[EVE, MIA, CLEO],
        generations: &[(EVE, 0), (MIA, 0), (CLEO, 0)],
    },
    Row {
        what: "move",
        change: Company::moves_an_hour,
        calls: &[(EVE, Update), (MIA, Update), (CLEO, Update)],
        holders: &[EVE, MIA, CLEO],
        generations: &[(EVE, 0), (MIA, 0), (CLEO, 0)],
    },
    Row {
        what: "new service",
        change: Company::changes_service,
        calls: &[(EVE, Update), (MIA, Update), (CLEO, Update)],
        holders: &[EVE, MIA, CLEO],
        generations: &[(EVE, 0), (MIA, 0), (CLEO, 0)],
    },
    Row {
        what: "new staff",
        change: Company::changes_staff,
        calls: &[(EVE, Delete), (MIA, Update), (CLEO, Update), (ADAM, Create)],
        holders: &[MIA, CLEO, ADAM],
        generations: &[(EVE, 1), (MIA, 0), (CLEO, 0), (ADAM, 0)],
    },
    Row {
        what: "new manager",
        change: Company::changes_manager,
        calls: &[(MIA, Delete), (MAX, Create)],
        holders: &[CLEO, ADAM, MAX],
        generations: &[(EVE, 1), (MIA, 1), (CLEO, 0), (ADAM, 0), (MAX, 0)],
    },
    Row {
        what: "cancel",
        change: |company| company.set_status("cancelled"),
        calls: &[(CLEO, Delete), (ADAM, Delete), (MAX, Delete)],
        holders: &[],
        generations: &[(EVE, 1), (MIA, 1), (CLEO, 1), (ADAM, 1), (MAX, 1)],
    },
    Row {
        what: "confirm again",
        change: |company| company.set_status("confirmed"),
        calls: &[(CLEO, Create), (ADAM, Create), (MAX, Create)],
        holders: &[CLEO, ADAM, MAX],
        generations: &[(EVE, 1), (MIA, 1), (CLEO, 1), (ADAM, 1), (MAX, 1)],
    },
    Row {
        what: "switch calendar",
        change: Company::switches_calendar,
        // The new one is there before the old one goes.
        calls: &[(CLEO, Create), (CLEO, Delete)],
        holders: &[CLEO, ADAM, MAX],
        generations: &[(EVE, 1), (MIA, 1), (ADAM, 1), (MAX, 1)],
    },
    Row {
        what: "disconnect",
        change: Company::disconnects_max,
        calls: &[(MAX, Delete)],
        holders: &[CLEO, ADAM],
        generations: &[(EVE, 1), (MIA, 1), (ADAM, 1), (MAX, 2)],
    },
];

async fn lives_through_the_table(house: &dyn House) {
    let mut company = Company::at(house).await;
    for row in TABLE {
        let what = format!("{}, {}", house.kind(), row.what);
        (row.change)(&mut company);
        company.sync().await;
        let calls = company.notes.take();
        for person in [EVE, MIA, CLEO, ADAM, MAX] {
            let of = |calls: &[(i64, Operation)]| -> Vec<Operation> {
                calls.iter().filter(|(who, _)| *who == person).map(|(_, call)| *call).collect()
            };
            assert_eq!(of(&calls), of(row.calls), "{what}: the calls for profile {person}");
        }
        // In any order, since people's calendars are written side by side.
        let wanted = row.calls.iter().flat_map(|(_, call)| house.requests(*call)).collect::<Vec<_>>();
        let sorted = |mut requests: Vec<String>| {
            requests.sort();
            requests
        };
        assert_eq!(sorted(house.take_requests()), sorted(wanted), "{what}: the requests");
        check_events(house, &company, row.holders, &what);
        check_ledger(&company, row, &what);

        company.sync().await;
        assert_eq!(company.notes.take(), [], "{what}: a second run calls nobody");
        assert_eq!(house.take_requests(), [] as [String; 0], "{what}: nor asks for anything");
        assert_eq!(house.mails(), 0, "{what}: nobody got mail");
    }
}

/// Everybody who should has the event of today once, in the calendar of today, in words of their
/// own; nobody else has any.
fn check_events(house: &dyn House, company: &Company, holders: &[i64], what: &str) {
    for person in [EVE, MIA, CLEO, ADAM, MAX] {
        let here = house.events(person, &company.calendar_of(person));
        let wanted = if holders.contains(&person) {
            vec![(company.title_for(person), company.appointment.start_time)]
        } else {
            Vec::new()
        };
        assert_eq!(here, wanted, "{what}: the calendar of profile {person}");
        for left in company.calendars_left(person) {
            assert_eq!(house.events(person, &left), [], "{what}: a calendar that profile {person} left");
        }
    }
}

fn check_ledger(company: &Company, row: &Row, what: &str) {
    let rows = company.appointment.ledger.deliveries();
    let present = rows.iter().filter(|row| row.confirmed().is_some());
    let present: Vec<&Person> = present.map(|row| &row.calendar().person).collect();
    let holders: BTreeSet<Person> = row.holders.iter().map(|id| Person::Profile((*id).into())).collect();
    assert_eq!(present.iter().map(|person| (*person).clone()).collect::<BTreeSet<_>>(), holders, "{what}");
    assert_eq!(present.len(), holders.len(), "{what}: one row each");
    for row in rows {
        assert!(!matches!(row.state(), DeliveryState::Pending(_)), "{what}: nothing is pending");
        assert_eq!((row.hold(), row.last_error()), (None, None), "{what}");
    }
    // A row that holds nothing is folded to its generation, by its target's key.
    let ledger = serde_json::to_value(&company.appointment.ledger).unwrap();
    let folded = ledger["withdrawn"].as_array().cloned().unwrap_or_default();
    for (profile, generation) in row.generations {
        let person = Person::Profile((*profile).into());
        let theirs = rows.iter().filter(|row| row.calendar().person == person);
        let theirs = theirs.map(|row| (row.target(), row.generation().get()));
        let target = company.target_of(*profile);
        let folded = folded.iter().filter(|row| row["target"] == target.to_string());
        let folded =
            folded.map(|row| (target, row["generation"].as_u64().and_then(|it| it.try_into().ok()).unwrap()));
        let is: Vec<(TargetKey, u32)> = theirs.chain(folded).collect();
        assert_eq!(is, [(target, *generation)], "{what}: the generation of {person}");
    }
}

#[tokio::test]
async fn in_memory() {
    lives_through_the_table(&houses::Memory::default()).await;
}

#[tokio::test]
async fn in_a_folder() {
    lives_through_the_table(&houses::Folder::new()).await;
}

#[tokio::test]
async fn at_google() {
    lives_through_the_table(&houses::Google::new()).await;
}

#[tokio::test]
async fn at_outlook() {
    lives_through_the_table(&houses::Outlook::new()).await;
}
