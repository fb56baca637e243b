//! Who should see an appointment, in which role, and who not and why.

use std::fmt;

use crate::calendar::{CalendarRef, Person, Role};
use crate::error::{InputError, Problem};
use crate::id::{Id, ProfileId, of};
use crate::model::{
    Appointment, Connection, Customer, Directory, Order, Profile, Service, Staff, SyncDirection,
};
use crate::names::{CalendarId, ProviderKind};

/// The people of an appointment, each with a role; and the records their events are worded from.
///
/// One person has one role: staff before manager before admin before customer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Audience<'a> {
    /// What is to be done.
    pub service: &'a Service,
    /// Who does it; `None` while nobody is assigned.
    pub staff: Option<&'a Staff>,
    /// The customer's record; `None` for a guest.
    pub customer: Option<&'a Customer>,
    /// Everybody, whether they get an event or not.
    pub members: Vec<Member<'a>>,
    directory: &'a Directory,
    only: Option<Person>,
    withdrawn: bool,
}

/// Somebody of the audience.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Member<'a> {
    /// The role the event is worded for.
    pub role: Role,
    /// Who; `None` where there is nobody to name (a customer without an account or an address).
    pub person: Option<Person>,
    /// How they are reached.
    pub reach: Reach<'a>,
    /// Why they get no event; `None` when they do.
    pub left_out: Option<Reason>,
}

/// How somebody is reached.
#[derive(Clone)]
#[non_exhaustive]
pub enum Reach<'a> {
    /// Through the calendars of a profile.
    Calendars(&'a Profile),
    /// By an invitation to an e-mail address, which takes the place of the calendar's id.
    Invitation(CalendarId),
    /// Not at all.
    Nowhere,
}

/// Why somebody gets no event.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// `calendar_sync_enabled` is off.
    SyncDisabled,
    /// `sync_direction` lets nothing out.
    InboundOnly,
    /// `sync_direction` has a value calsync does not know. What stands is left as it is.
    UnknownDirection,
    /// `auto_sync` is off and nobody asked. What stands is left as it is.
    AutoSyncOff,
    /// No calendar is connected.
    NoConnection,
    /// There is no account and no e-mail address.
    NoAccount,
    /// The e-mail address cannot be one. What stands is left as it is.
    BadEmail,
    /// They have their event in another role.
    AlreadyAs(Role),
    /// The admin does not want every appointment.
    NotAllAppointments,
}

/// Who asks for the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Trigger {
    /// A change of the host's: people with `auto_sync` off are left as they are.
    #[default]
    Automatic,
    /// Somebody pressed a button: `auto_sync` does not matter.
    Manual,
}

impl Reason {
    /// Whether the events somebody has are left as they are, neither kept right nor removed, for as long as they belong to
    /// the audience. A cancelled appointment's stay too: with `auto_sync` off until the person asks.
    #[must_use]
    pub fn leaves_as_is(&self) -> bool {
        matches!(self, Self::AutoSyncOff | Self::UnknownDirection | Self::BadEmail)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SyncDisabled => f.write_str("calendar sync is off"),
            Self::InboundOnly => f.write_str("the calendar is only read"),
            Self::UnknownDirection => f.write_str("the sync direction is not known; left as it is"),
            Self::AutoSyncOff => f.write_str("syncs by hand only; left as it is"),
            Self::NoConnection => f.write_str("no calendar is connected"),
            Self::NoAccount => f.write_str("no account and no e-mail address"),
            Self::BadEmail => f.write_str("the e-mail address cannot be one; left as it is"),
            Self::AlreadyAs(role) => write!(f, "already there as {role}"),
            Self::NotAllAppointments => f.write_str("does not follow every appointment"),
        }
    }
}

impl<'a> Audience<'a> {
    /// The audience of an appointment, for a plan that follows a change.
    ///
    /// # Errors
    /// When the appointment belongs to another order, or a record it refers to is not in the directory.
    pub fn of(
        order: &'a Order,
        appointment: &Appointment,
        directory: &'a Directory,
    ) -> Result<Self, InputError> {
        Self::triggered(Trigger::Automatic, order, appointment, directory)
    }

    /// The audience of an appointment, for a plan that was asked for in this way.
    ///
    /// # Errors
    /// As [`Audience::of`].
    pub fn triggered(
        trigger: Trigger,
        order: &'a Order,
        appointment: &Appointment,
        directory: &'a Directory,
    ) -> Result<Self, InputError> {
        if appointment.order_id.as_ref().is_some_and(|id| *id != order.id) {
            let problem = Problem::NoSuchRecord(format!("appointment of order {}", order.id));
            return Err(InputError::new("appointment", &appointment.id, "order_id", problem));
        }
        let missing = |field, kind, id: &dyn fmt::Display| {
            InputError::new(
                "appointment",
                &appointment.id,
                field,
                Problem::NoSuchRecord(format!("{kind} {id}")),
            )
        };
        let service = directory.service(&appointment.service_id);
        let service = service.ok_or_else(|| missing("service_id", "service", &appointment.service_id))?;
        let staff = match &appointment.staff_id {
            Some(id) => Some(directory.staff(id).ok_or_else(|| missing("staff_id", "staff", id))?),
            None => None,
        };
        let customer = match &order.customer_id {
            Some(id) => Some(directory.customer(id).ok_or_else(|| {
                InputError::new(
                    "order",
                    &order.id,
                    "customer_id",
                    Problem::NoSuchRecord(format!("customer {id}")),
                )
            })?),
            None => None,
        };

        let mut audience =
            Self { service, staff, customer, members: Vec::new(), directory, only: None, withdrawn: false };
        if let Some(staff) = staff {
            if let Some(id) = &staff.profile_id {
                audience.add_profile(
                    Role::Staff,
                    trigger,
                    find(directory, id, "staff", &staff.id, "profile_id")?,
                );
            }
            if let Some(id) = manager_profile(directory, staff)? {
                audience.add_profile(Role::Manager, trigger, id);
            }
        }
        for id in directory.admins() {
            audience.add_profile(Role::Admin, trigger, find(directory, id, "admin", id, "admins")?);
        }
        match customer.map(|customer| (customer, &customer.profile_id)) {
            Some((customer, Some(id))) => {
                audience.add_profile(
                    Role::Customer,
                    trigger,
                    find(directory, id, "customer", &customer.id, "profile_id")?,
                );
            }
            Some((customer, None)) => {
                audience.add_guest(customer.email.as_ref().or(order.guest_email.as_ref()))
            }
            None => audience.add_guest(order.guest_email.as_ref()),
        }
        Ok(audience)
    }

    /// Narrows a plan to one person: nobody else's events are touched.
    #[must_use]
    pub fn only(mut self, person: Person) -> Self {
        self.only = Some(person);
        self
    }

    /// A plan for this audience removes the events instead of keeping them right.
    #[must_use]
    pub fn withdrawn(mut self) -> Self {
        self.withdrawn = true;
        self
    }

    pub(crate) fn is_about(&self, person: &Person) -> bool {
        self.only.as_ref().is_none_or(|only| only == person)
    }

    pub(crate) fn is_withdrawn(&self) -> bool {
        self.withdrawn
    }

    /// Every calendar somebody has connected today, whether an event belongs there or not. Somebody who left the audience
    /// has theirs too, as far as the directory knows.
    pub(crate) fn connected(&self, person: &Person) -> Vec<CalendarRef> {
        let connections = match person {
            Person::Profile(id) => self.directory.profile(id).map(|profile| profile.connections.as_slice()),
            Person::Guest => None,
        };
        connections.unwrap_or_default().iter().map(|connection| connection.calendar(person)).collect()
    }

    fn add_profile(&mut self, role: Role, trigger: Trigger, profile: &'a Profile) {
        let person = Person::Profile(profile.id.clone());
        let settings = &profile.calendar_sync_settings;
        let left_out = if let Some(role) = self.role_of(&person) {
            Some(Reason::AlreadyAs(role))
        } else if role == Role::Admin && settings.sync_all_appointments() == Some(false) {
            Some(Reason::NotAllAppointments)
        } else if !profile.calendar_sync_enabled {
            Some(Reason::SyncDisabled)
        } else if profile.connections.is_empty() {
            Some(Reason::NoConnection)
        } else {
            match settings.direction() {
                SyncDirection::Inbound => Some(Reason::InboundOnly),
                SyncDirection::Other(_) => Some(Reason::UnknownDirection),
                SyncDirection::Outbound | SyncDirection::Both => {
                    (trigger == Trigger::Automatic && !settings.auto_sync()).then_some(Reason::AutoSyncOff)
                }
            }
        };
        self.members.push(Member { role, person: Some(person), reach: Reach::Calendars(profile), left_out });
    }

    fn add_guest(&mut self, email: Option<&String>) {
        let email = email.map(|email| email.trim()).filter(|email| !email.is_empty());
        let (person, reach, left_out) = match (email, email.and_then(mail_address)) {
            (None, _) => (None, Reach::Nowhere, Some(Reason::NoAccount)),
            (Some(_), None) => (Some(Person::Guest), Reach::Nowhere, Some(Reason::BadEmail)),
            (Some(email), Some(address)) => {
                let known =
                    self.members.iter().find(|member| member.left_out.is_none() && member.has_email(email));
                let left_out = known.map(|member| Reason::AlreadyAs(member.role));
                (Some(Person::Guest), Reach::Invitation(address), left_out)
            }
        };
        self.members.push(Member { role: Role::Customer, person, reach, left_out });
    }

    /// The role in which somebody has an event already, or would have but for their own settings. An admin who does not
    /// follow every appointment may still be its customer.
    fn role_of(&self, person: &Person) -> Option<Role> {
        let same = |member: &&Member<'_>| {
            member.person.as_ref() == Some(person) && member.left_out != Some(Reason::NotAllAppointments)
        };
        self.members.iter().find(same).map(|member| member.role)
    }
}

impl Member<'_> {
    /// The places where this member's event belongs, in the order of the profile's connections. Somebody who was left out
    /// has places too; no event belongs there.
    pub fn places(&self) -> impl Iterator<Item = CalendarRef> + '_ {
        let (connections, address) = match &self.reach {
            Reach::Calendars(profile) => (profile.connections.as_slice(), None),
            Reach::Invitation(address) => (&[] as &[Connection], Some(address)),
            Reach::Nowhere => (&[] as &[Connection], None),
        };
        let calendars =
            connections.iter().filter_map(|connection| Some(connection.calendar(self.person.as_ref()?)));
        let mail = address.map(|address| {
            CalendarRef::new(
                Person::Guest,
                ProviderKind::INVITATION,
                Id::<of::Connection>::number(0),
                address.clone(),
            )
        });
        calendars.chain(mail)
    }

    fn has_email(&self, email: &str) -> bool {
        match &self.reach {
            Reach::Calendars(profile) => {
                profile.email.as_ref().is_some_and(|own| own.trim().eq_ignore_ascii_case(email))
            }
            Reach::Invitation(_) | Reach::Nowhere => false,
        }
    }
}

impl fmt::Debug for Reach<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calendars(profile) => f.debug_tuple("Calendars").field(&profile.id).finish(),
            Self::Invitation(_) => f.write_str("Invitation(..)"),
            Self::Nowhere => f.write_str("Nowhere"),
        }
    }
}

/// The profile of a staff member's manager. `manager_id` names a staff member; a host whose managers are not staff may
/// put the manager's profile there.
fn manager_profile<'a>(directory: &'a Directory, staff: &Staff) -> Result<Option<&'a Profile>, InputError> {
    let Some(id) = &staff.manager_id else { return Ok(None) };
    if let Some(manager) = directory.staff(id) {
        let profile = manager.profile_id.as_ref();
        return profile.map(|id| find(directory, id, "staff", &manager.id, "profile_id")).transpose();
    }
    directory.profile(&id.cast()).map(Some).ok_or_else(|| {
        InputError::new("staff", &staff.id, "manager_id", Problem::NoSuchRecord(format!("staff {id}")))
    })
}

fn find<'a>(
    directory: &'a Directory,
    id: &ProfileId,
    kind: &str,
    record: &dyn fmt::Display,
    field: &'static str,
) -> Result<&'a Profile, InputError> {
    let missing = || InputError::new(kind, record, field, Problem::NoSuchRecord(format!("profile {id}")));
    directory.profile(id).ok_or_else(missing)
}

/// A bare address (`local@domain`, RFC 5322 section 3.4.1 without comments and quoting), as the calendar of an invitation.
fn mail_address(text: &str) -> Option<CalendarId> {
    let (local, domain) = text.rsplit_once('@')?;
    let bare = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"@".contains(c))
    };
    if bare(local) && bare(domain) && text.len() <= 254 { CalendarId::new(text).ok() } else { None }
}
