//! The records an order refers to, looked up by id.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::hash::Hash;

use crate::error::{InputError, Problem};
use crate::id::{CustomerId, ProfileId, ServiceId, StaffId};
use crate::model::{Customer, Profile, Service, Staff};

/// Services, customers, staff and profiles by id, and the list of admins.
///
/// The host adds the records that its orders refer to; other records may be missing. A reference to
/// a record that is not in the directory is an error of the appointment that has the reference. It
/// is never read as "no person", because that would remove the person's events. A host that passes
/// only one appointment's people also adds the staff members who had the appointment before: if a
/// `profile_id` is missing, their records tell whose event stays.
///
/// If two records have the same id, both are left out, because calsync cannot know which one is
/// right: [`rejected`](Directory::rejected) names the id, and only the appointments that refer to
/// it fail.
///
/// ```
/// use calsync_core::model::{Directory, Service};
/// let twice = [Service::new(5, "Deep clean", 90), Service::new(6, "Windows", 60), Service::new(6, "Doors", 30)];
/// let directory = Directory::new().with_services(twice);
/// assert_eq!(directory.service(&5.into()).unwrap().name, "Deep clean");
/// assert!(directory.service(&6.into()).is_none());
/// assert_eq!(directory.rejected()[0].to_string(), "service 6: id: is used twice");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Directory {
    services: Table<ServiceId, Service>,
    customers: Table<CustomerId, Customer>,
    staff: Table<StaffId, Staff>,
    profiles: Table<ProfileId, Profile>,
    admins: Option<Vec<ProfileId>>,
    rejected: Vec<InputError>,
}

/// Records by id, without the records whose id is used twice.
#[derive(Debug, Clone)]
struct Table<K, V> {
    records: HashMap<K, V>,
    twice: HashSet<K>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { records: HashMap::new(), twice: HashSet::new() }
    }
}

impl<K: Hash + Eq + Clone + Display, V> Table<K, V> {
    fn fill(
        &mut self,
        records: impl IntoIterator<Item = V>,
        kind: &str,
        id: impl Fn(&V) -> &K,
        rejected: &mut Vec<InputError>,
    ) {
        let records = records.into_iter();
        self.records.reserve(records.size_hint().0);
        for record in records {
            let id = id(&record).clone();
            if self.twice.contains(&id) {
                continue;
            }
            if self.records.remove(&id).is_some() {
                rejected.push(InputError::new(kind, &id, "id", Problem::Twice));
                self.twice.insert(id);
                continue;
            }
            self.records.insert(id, record);
        }
    }
}

impl Directory {
    /// Creates an empty directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds services.
    #[must_use]
    pub fn with_services(mut self, services: impl IntoIterator<Item = Service>) -> Self {
        self.services.fill(services, "service", |service| &service.id, &mut self.rejected);
        self
    }

    /// Adds customers.
    #[must_use]
    pub fn with_customers(mut self, customers: impl IntoIterator<Item = Customer>) -> Self {
        self.customers.fill(customers, "customer", |customer| &customer.id, &mut self.rejected);
        self
    }

    /// Adds staff members.
    #[must_use]
    pub fn with_staff(mut self, staff: impl IntoIterator<Item = Staff>) -> Self {
        self.staff.fill(staff, "staff", |staff| &staff.id, &mut self.rejected);
        self
    }

    /// Adds profiles.
    #[must_use]
    pub fn with_profiles(mut self, profiles: impl IntoIterator<Item = Profile>) -> Self {
        self.profiles.fill(profiles, "profile", |profile| &profile.id, &mut self.rejected);
        self
    }

    /// Adds the profiles of admins, who get an event for every appointment. With an empty list
    /// there are no admins. If this method is never called, the admins are not stated, and events
    /// that admins have are kept.
    #[must_use]
    pub fn with_admins(mut self, admins: impl IntoIterator<Item = ProfileId>) -> Self {
        self.admins.get_or_insert_default().extend(admins);
        self
    }

    /// Returns one error for each id that two records have.
    #[must_use]
    pub fn rejected(&self) -> &[InputError] {
        &self.rejected
    }

    /// Returns the service with this id, or `None` if the directory has none.
    #[must_use]
    pub fn service(&self, id: &ServiceId) -> Option<&Service> {
        self.services.records.get(id)
    }

    /// Returns the customer with this id, or `None` if the directory has none.
    #[must_use]
    pub fn customer(&self, id: &CustomerId) -> Option<&Customer> {
        self.customers.records.get(id)
    }

    /// Returns the staff member with this id, or `None` if the directory has none.
    #[must_use]
    pub fn staff(&self, id: &StaffId) -> Option<&Staff> {
        self.staff.records.get(id)
    }

    /// Returns the profile with this id, or `None` if the directory has none.
    #[must_use]
    pub fn profile(&self, id: &ProfileId) -> Option<&Profile> {
        self.profiles.records.get(id)
    }

    /// Returns the profiles of the admins; an empty slice if the admins are not stated.
    #[must_use]
    pub fn admins(&self) -> &[ProfileId] {
        self.admins.as_deref().unwrap_or_default()
    }

    pub(crate) fn states_admins(&self) -> bool {
        self.admins.is_some()
    }

    /// Returns the staff member with this profile; of several, the one with the smallest id.
    pub(crate) fn staff_of(&self, profile: &ProfileId) -> Option<&Staff> {
        let theirs = self.staff.records.values().filter(|staff| staff.profile_id.as_ref() == Some(profile));
        // The order of a hash map is random, and a plan must not depend on it.
        theirs.min_by(|a, b| a.id.cmp(&b.id))
    }

    /// Returns the customer with this profile; of several, the one with the smallest id.
    pub(crate) fn customer_of(&self, profile: &ProfileId) -> Option<&Customer> {
        let theirs = self.customers.records.values();
        let theirs = theirs.filter(|customer| customer.profile_id.as_ref() == Some(profile));
        theirs.min_by(|a, b| a.id.cmp(&b.id))
    }
}
