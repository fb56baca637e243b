//! The records an order refers to, looked up by id.

use std::collections::HashMap;
use std::hash::Hash;

use crate::error::{InputError, Problem};
use crate::id::{CustomerId, ProfileId, ServiceId, StaffId};
use crate::model::{Customer, Profile, Service, Staff};

/// Services, customers, staff and profiles by id, and who the admins are.
///
/// A host fills it with what it loaded for the orders at hand; all of it need not be there, but everything the orders
/// refer to must: a reference that leads nowhere is an error, never "nobody", since leaving somebody out removes that
/// person's events.
///
/// ```
/// use calsync_core::model::{Directory, Service};
/// let directory = Directory::new().with_services([Service::new(5, "Deep clean", 90)])?;
/// assert_eq!(directory.service(&5.into()).unwrap().name, "Deep clean");
/// # Ok::<(), calsync_core::InputError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Directory {
    services: HashMap<ServiceId, Service>,
    customers: HashMap<CustomerId, Customer>,
    staff: HashMap<StaffId, Staff>,
    profiles: HashMap<ProfileId, Profile>,
    admins: Vec<ProfileId>,
}

impl Directory {
    /// An empty directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds services.
    ///
    /// # Errors
    /// When two have one id.
    pub fn with_services(mut self, services: impl IntoIterator<Item = Service>) -> Result<Self, InputError> {
        fill(&mut self.services, services, "service", |service| &service.id)?;
        Ok(self)
    }

    /// Adds customers.
    ///
    /// # Errors
    /// When two have one id.
    pub fn with_customers(
        mut self,
        customers: impl IntoIterator<Item = Customer>,
    ) -> Result<Self, InputError> {
        fill(&mut self.customers, customers, "customer", |customer| &customer.id)?;
        Ok(self)
    }

    /// Adds staff members.
    ///
    /// # Errors
    /// When two have one id.
    pub fn with_staff(mut self, staff: impl IntoIterator<Item = Staff>) -> Result<Self, InputError> {
        fill(&mut self.staff, staff, "staff", |staff| &staff.id)?;
        Ok(self)
    }

    /// Adds profiles.
    ///
    /// # Errors
    /// When two have one id.
    pub fn with_profiles(mut self, profiles: impl IntoIterator<Item = Profile>) -> Result<Self, InputError> {
        fill(&mut self.profiles, profiles, "profile", |profile| &profile.id)?;
        Ok(self)
    }

    /// Says whose profiles are admins' who follow every appointment.
    #[must_use]
    pub fn with_admins(mut self, admins: impl IntoIterator<Item = ProfileId>) -> Self {
        self.admins.extend(admins);
        self
    }

    /// The service of that id.
    #[must_use]
    pub fn service(&self, id: &ServiceId) -> Option<&Service> {
        self.services.get(id)
    }

    /// The customer of that id.
    #[must_use]
    pub fn customer(&self, id: &CustomerId) -> Option<&Customer> {
        self.customers.get(id)
    }

    /// The staff member of that id.
    #[must_use]
    pub fn staff(&self, id: &StaffId) -> Option<&Staff> {
        self.staff.get(id)
    }

    /// The profile of that id.
    #[must_use]
    pub fn profile(&self, id: &ProfileId) -> Option<&Profile> {
        self.profiles.get(id)
    }

    /// The profiles of the admins.
    #[must_use]
    pub fn admins(&self) -> &[ProfileId] {
        &self.admins
    }
}

fn fill<K: Hash + Eq + Clone + std::fmt::Display, V>(
    map: &mut HashMap<K, V>,
    records: impl IntoIterator<Item = V>,
    kind: &str,
    id: impl Fn(&V) -> &K,
) -> Result<(), InputError> {
    for record in records {
        let id = id(&record).clone();
        if map.contains_key(&id) {
            return Err(InputError::new(kind, &id, "id", Problem::Twice));
        }
        map.insert(id, record);
    }
    Ok(())
}
