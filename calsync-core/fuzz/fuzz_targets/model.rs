//! For any JSON, loading and planning do not panic, and serialised values load again unchanged.
//!
//! Run `cargo +nightly fuzz run model` in `calsync-core`. The quickstart's world file is a good
//! first input.
#![no_main]

use calsync_core::ProviderKind;
use calsync_core::audience::Audience;
use calsync_core::model::{Appointment, Customer, Directory, Order, Profile, Service, Staff};
use calsync_core::plan::{Plan, Planner};
use calsync_core::provider::Capabilities;
use calsync_core::time::Zone;
use chrono::DateTime;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(default)]
struct World {
    namespace: String,
    time_zone: Zone,
    profiles: Vec<Profile>,
    customers: Vec<Customer>,
    services: Vec<Service>,
    staff: Vec<Staff>,
    admins: Vec<calsync_core::ProfileId>,
    orders: Vec<Order>,
    appointments: Vec<Appointment>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            namespace: String::new(),
            time_zone: Zone::UTC,
            profiles: Vec::new(),
            customers: Vec::new(),
            services: Vec::new(),
            staff: Vec::new(),
            admins: Vec::new(),
            orders: Vec::new(),
            appointments: Vec::new(),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut world) = serde_json::from_slice::<World>(bytes) else { return };
    for profile in &world.profiles {
        let json = serde_json::to_string(profile).unwrap();
        let again: Profile = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), json);
    }
    let directory = Directory::new()
        .with_services(world.services)
        .with_customers(world.customers)
        .with_staff(world.staff)
        .with_profiles(world.profiles)
        .with_admins(world.admins);
    let planner = [ProviderKind::APPLE, ProviderKind::GOOGLE, ProviderKind::INVITATION]
        .into_iter()
        .fold(Planner::new(world.namespace), |planner, kind| planner.with_provider(kind, Capabilities::new()));
    for order in &mut world.orders {
        world.appointments.extend(order.confirm(&directory, &world.time_zone).made);
    }
    for appointment in &mut world.appointments {
        for order in &world.orders {
            order.carry_status(appointment);
            order.carry_items(appointment);
            let Ok(audience) = Audience::of(order, appointment, &directory) else { continue };
            let Ok(plan) = planner.plan(order, appointment, &audience, DateTime::UNIX_EPOCH) else { continue };
            let again: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
            assert_eq!(again, plan);
            assert!(!plan.to_string().is_empty());
            if plan.begin(appointment).is_ok() {
                let json = serde_json::to_string(appointment).unwrap();
                let again: Appointment = serde_json::from_str(&json).unwrap();
                assert_eq!(again, *appointment);
            }
        }
    }
});
