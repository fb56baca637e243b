//! Who should see an appointment, in which role, and who not and why.

mod lookup;
mod reason;

use std::fmt;

pub use reason::Reason;
pub(crate) use reason::Treatment;

use crate::audience::lookup::Lookup;
use crate::audience::reason::reason_of;
use crate::calendar::{CalendarRef, Person, Role};
use crate::error::{InputError, Problem};
use crate::id::{ConnectionId, Id, ProfileId, of};
use crate::model::{
    Appointment, Column, Connection, Customer, Directory, ManagerRef, Order, Profile, Service, Staff, Stated,
};
use crate::names::{CalendarId, ProviderKind};

/// The people of an appointment, each with a role; and the records their events are worded from.
///
/// One person has one role: staff before manager before admin before customer.
///
/// **What is not stated is kept.** A row that leaves a column out says nothing about the person whom the column would name.
/// So an audience knows of three ways to treat an event in the ledger that it does not ask for: withdraw it, leave it as it is, or keep it right. A person of the audience is treated by the reason why they are left out,
/// and by which of their connections their profile speaks of. A person outside of it is treated by the role that the event
/// has: where the columns behind that role say nothing, the event is kept right, unless a record of the directory says that
/// the profile belongs to somebody else, or the person's own profile says that they want none.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Audience<'a> {
    /// What is to be done; `None` only where the appointment is cancelled and the record is gone.
    pub service: Option<&'a Service>,
    /// Who does it; `None` while it is unassigned. Where the appointment does not state its staff member, the one who has the
    /// staff member's event.
    pub staff: Option<&'a Staff>,
    /// The customer's record; `None` for a guest. Where the order does not state its customer, the one who has the customer's
    /// event.
    pub customer: Option<&'a Customer>,
    /// Everybody, whether they get an event or not.
    pub members: Vec<Member<'a>>,
    directory: &'a Directory,
    kept: Vec<KeptRole>,
    leaves_some: bool,
    trigger: Trigger,
    only: Option<Person>,
    withdrawn: bool,
}

/// A role whose people are not stated: those who have its event keep it.
#[derive(Debug, Clone)]
struct KeptRole {
    role: Role,
    /// Not where a record of the directory says that the profile is somebody else's.
    unless_claimed: bool,
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
    /// Where the events of connections are whose calendar the profile does not state.
    calendars: Vec<(ConnectionId, CalendarId)>,
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

impl<'a> Audience<'a> {
    /// The audience of an appointment, for a plan that follows a change.
    ///
    /// # Errors
    /// When the appointment belongs to another order, or a record it refers to is not in the directory. A cancelled
    /// appointment needs no record: its events are removed by the ledger alone. An admin whose profile is not in the directory
    /// is left out, as it would otherwise hold up every appointment.
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
        let lookup = Lookup {
            directory,
            appointment,
            needs_no_record: appointment.status.is_cancelled() || order.status.is_cancelled(),
        };
        let service =
            lookup.of_appointment("service_id", "service", &appointment.service_id, Directory::service)?;
        let stated = appointment.staff_id.value();
        let stated =
            stated.map(|id| lookup.of_appointment("staff_id", "staff", id, Directory::staff)).transpose()?;
        let stated = stated.flatten();
        let staff = match appointment.staff_id {
            Stated::NotStated => lookup.holder_of(Role::Staff).and_then(|id| directory.staff_of(id)),
            _ => stated,
        };
        let named = order.customer_id.as_ref();
        let named = named
            .map(|id| lookup.find("order", &order.id, "customer_id", "customer", id, Directory::customer));
        let named = named.transpose()?.flatten();
        let customer = match order.customer_id {
            None => lookup.holder_of(Role::Customer).and_then(|id| directory.customer_of(id)),
            _ => named,
        };
        let mut audience = Self {
            service,
            staff,
            customer,
            members: Vec::new(),
            directory,
            kept: Vec::new(),
            leaves_some: false,
            trigger,
            only: None,
            withdrawn: false,
        };
        audience.add_staff(&lookup, trigger, stated)?;
        for id in directory.admins() {
            match directory.profile(id) {
                Some(profile) => audience.add_profile(&lookup, Role::Admin, trigger, profile),
                None => audience.leave_out(Role::Admin, Some(Person::Profile(id.clone())), Reason::NoRecord),
            }
        }
        if !directory.states_admins() {
            audience.keep(&lookup, Role::Admin, Column::Admins, false);
        }
        audience.add_customer(&lookup, trigger, order, named)?;
        let is_left = |member: &Member<'_>| member.left_out.as_ref().is_some_and(Reason::leaves_as_is);
        audience.leaves_some = !audience.kept.is_empty() || audience.members.iter().any(is_left);
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

    /// Whether an event of the ledger is left as it is. Asked of every row, and nearly always no.
    pub(crate) fn leaves_row_as_is(&self, calendar: &CalendarRef, role: Role) -> bool {
        self.leaves_some && self.treatment_of_row(calendar, role) == Treatment::LeaveAsIs
    }

    /// What becomes of an event of the ledger that is not asked for: the one at that place, in the role it was written in. See
    /// the type's documentation.
    pub(crate) fn treatment_of_row(&self, place: &CalendarRef, role: Role) -> Treatment {
        let mut theirs =
            self.members.iter().filter(|member| member.person.as_ref() == Some(&place.person)).peekable();
        if theirs.peek().is_none() {
            return self.treatment_outside(place, role);
        }
        let mut treatment = Treatment::Withdraw;
        for member in theirs {
            match member.left_out.as_ref().map(Reason::treatment) {
                Some(Treatment::LeaveAsIs) => return Treatment::LeaveAsIs,
                Some(Treatment::KeepRight) => treatment = Treatment::KeepRight,
                Some(Treatment::Withdraw) if member.left_out != Some(Reason::NoConnection) => {}
                // They would have one: only what their profile speaks of is disconnected or moved.
                _ => {
                    if let Reach::Calendars(profile) = &member.reach
                        && is_silent_about(profile, place)
                    {
                        treatment = Treatment::KeepRight;
                    }
                }
            }
        }
        treatment
    }

    /// The same for somebody who is not in the audience.
    fn treatment_outside(&self, place: &CalendarRef, role: Role) -> Treatment {
        if !self.keeps(&place.person, role) {
            return Treatment::Withdraw;
        }
        let profile = match &place.person {
            Person::Profile(id) => self.directory.profile(id),
            Person::Guest => None,
        };
        let Some(profile) = profile else { return Treatment::KeepRight };
        match reason_of(profile, self.trigger) {
            None if connection_of(profile, place).is_some() => Treatment::KeepRight,
            None | Some(Reason::NoConnection) if is_silent_about(profile, place) => Treatment::KeepRight,
            // Their own profile has disconnected that calendar, or says why not.
            None => Treatment::Withdraw,
            Some(reason) => reason.treatment(),
        }
    }

    /// Whether the columns behind a role say nothing, so that a person outside of the audience keeps the role's event.
    fn keeps(&self, person: &Person, role: Role) -> bool {
        self.kept.iter().any(|kept| kept.role == role && self.is_kept(kept, person))
    }

    fn is_kept(&self, kept: &KeptRole, person: &Person) -> bool {
        let is_claimed = || match person {
            Person::Profile(id) if kept.role == Role::Customer => self.directory.customer_of(id).is_some(),
            Person::Profile(id) => self.directory.staff_of(id).is_some(),
            Person::Guest => false,
        };
        !(kept.unless_claimed && is_claimed())
    }

    /// The staff member and the manager.
    fn add_staff(
        &mut self,
        lookup: &Lookup<'a, '_>,
        trigger: Trigger,
        stated: Option<&'a Staff>,
    ) -> Result<(), InputError> {
        let Some(staff) = stated else {
            if lookup.appointment.staff_id.is_not_stated() {
                self.leave_out(Role::Staff, None, Reason::NotStated(Column::StaffId));
                self.kept.extend(
                    [Role::Staff, Role::Manager].map(|role| KeptRole { role, unless_claimed: false }),
                );
            }
            return Ok(());
        };
        self.add_member(lookup, Role::Staff, trigger, "staff", &staff.id, staff.profile_id.as_ref())?;
        match &staff.manager_id {
            Stated::Empty => {}
            Stated::NotStated => {
                self.keep(lookup, Role::Manager, Column::ManagerId, false);
            }
            Stated::Is(ManagerRef::Staff(id)) => {
                let manager = lookup.find("staff", &staff.id, "manager_id", "staff", id, Directory::staff)?;
                if let Some(manager) = manager {
                    let profile = manager.profile_id.as_ref();
                    self.add_member(lookup, Role::Manager, trigger, "staff", &manager.id, profile)?;
                }
            }
            Stated::Is(ManagerRef::Profile(id)) => {
                let field = "manager_profile_id";
                let profile = lookup.find("staff", &staff.id, field, "profile", id, Directory::profile)?;
                if let Some(profile) = profile {
                    self.add_profile(lookup, Role::Manager, trigger, profile);
                }
            }
        }
        Ok(())
    }

    /// The owner of a record, by the profile that the record names.
    fn add_member(
        &mut self,
        lookup: &Lookup<'a, '_>,
        role: Role,
        trigger: Trigger,
        kind: &str,
        record: &dyn fmt::Display,
        profile: Option<&ProfileId>,
    ) -> Result<(), InputError> {
        let Some(id) = profile else {
            self.keep(lookup, role, Column::ProfileId, true);
            return Ok(());
        };
        if let Some(profile) = lookup.find(kind, record, "profile_id", "profile", id, Directory::profile)? {
            self.add_profile(lookup, role, trigger, profile);
        }
        Ok(())
    }

    fn add_customer(
        &mut self,
        lookup: &Lookup<'a, '_>,
        trigger: Trigger,
        order: &'a Order,
        named: Option<&'a Customer>,
    ) -> Result<(), InputError> {
        if let Some(customer) = named.filter(|customer| customer.profile_id.is_some()) {
            let profile = customer.profile_id.as_ref();
            self.add_member(lookup, Role::Customer, trigger, "customer", &customer.id, profile)?;
            let is_silent = |member: &Member<'_>| matches!(member.left_out, Some(Reason::NotStated(_)));
            if self.members.last().is_some_and(is_silent) {
                // The event they have may still be the one from before they had an account.
                self.kept.push(KeptRole { role: Role::Customer, unless_claimed: true });
            }
            return Ok(());
        }
        if order.customer_id.is_some() && named.is_none() {
            // Cancelled, and the record is gone.
            return Ok(());
        }
        // A profile that has the customer's event is the customer's account, though a row leaves it out now.
        let column = if named.is_some() { Column::ProfileId } else { Column::CustomerId };
        if !self.keep(lookup, Role::Customer, column, named.is_some()) {
            let email = named.and_then(|customer| customer.email.as_ref());
            self.add_guest(lookup, email.or(order.guest_email.as_ref()));
        }
        Ok(())
    }

    /// Keeps the events of profiles that have one in a role, since a column does not say whose they are. Returns whether there
    /// is a profile that has one, or had.
    fn keep(&mut self, lookup: &Lookup<'_, '_>, role: Role, column: Column, unless_claimed: bool) -> bool {
        let kept = KeptRole { role, unless_claimed };
        let is_theirs = |place: &CalendarRef| {
            matches!(place.person, Person::Profile(_))
                && !self.members.iter().any(|member| member.person.as_ref() == Some(&place.person))
                && self.is_kept(&kept, &place.person)
        };
        let mut rows = lookup.rows(role).filter(|(place, _)| is_theirs(place)).peekable();
        if rows.peek().is_none() {
            return false;
        }
        // Of an event that is gone there is nothing to say; but who had the customer's event is not invited as a guest.
        if rows.any(|(_, is_there)| is_there) || role == Role::Customer {
            self.leave_out(role, None, Reason::NotStated(column));
        }
        self.kept.push(kept);
        true
    }

    fn leave_out(&mut self, role: Role, person: Option<Person>, reason: Reason) {
        let left_out = match &person {
            Some(person) => self.role_of(person).map(Reason::AlreadyAs).or(Some(reason)),
            None => Some(reason),
        };
        self.members.push(Member { role, person, reach: Reach::Nowhere, left_out, calendars: Vec::new() });
    }

    fn add_profile(&mut self, lookup: &Lookup<'_, '_>, role: Role, trigger: Trigger, profile: &'a Profile) {
        let person = Person::Profile(profile.id.clone());
        let follows_all = profile.calendar_sync_settings.sync_all_appointments() != Some(false);
        let left_out = match self.role_of(&person) {
            Some(role) => Some(Reason::AlreadyAs(role)),
            None if role == Role::Admin && !follows_all => Some(Reason::NotAllAppointments),
            None => reason_of(profile, trigger),
        };
        let calendars = lookup.calendars_of(&person, profile);
        let reach = Reach::Calendars(profile);
        self.members.push(Member { role, person: Some(person), reach, left_out, calendars });
    }

    fn add_guest(&mut self, lookup: &Lookup<'_, '_>, email: Option<&String>) {
        let email = email.map(|email| email.trim()).filter(|email| !email.is_empty());
        let (person, reach, left_out) = match (email, email.and_then(mail_address)) {
            (None, _)
                if lookup
                    .rows(Role::Customer)
                    .any(|(place, is_there)| is_there && place.person == Person::Guest) =>
            {
                (Some(Person::Guest), Reach::Nowhere, Some(Reason::NotStated(Column::GuestEmail)))
            }
            (None, _) => (None, Reach::Nowhere, Some(Reason::NoAccount)),
            (Some(_), None) => (Some(Person::Guest), Reach::Nowhere, Some(Reason::BadEmail)),
            (Some(email), Some(address)) => {
                let known = self.members.iter().find(|member| member.has_event() && member.has_email(email));
                let left_out = known.map(|member| Reason::AlreadyAs(member.role));
                (Some(Person::Guest), Reach::Invitation(address), left_out)
            }
        };
        self.members.push(Member { role: Role::Customer, person, reach, left_out, calendars: Vec::new() });
    }

    /// The role in which somebody has an event already, or would have but for their own settings. An admin who does not
    /// follow every appointment may still be its customer.
    pub(crate) fn role_of(&self, person: &Person) -> Option<Role> {
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
        let calendars = connections.iter().filter_map(|connection| {
            let calendar = connection.calendar(self.person.as_ref()?);
            let kept = self.calendars.iter().find(|(of, _)| *of == connection.id);
            Some(match kept {
                Some((_, kept)) => CalendarRef { calendar: kept.clone(), ..calendar },
                None => calendar,
            })
        });
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

    /// Whether they have an event, or keep the one they have.
    fn has_event(&self) -> bool {
        self.left_out.as_ref().is_none_or(Reason::keeps_right)
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

/// The connection of a profile that leads to a calendar's provider.
fn connection_of<'p>(profile: &'p Profile, place: &CalendarRef) -> Option<&'p Connection> {
    let mut connections = profile.connections.iter();
    connections.find(|it| it.id == place.connection && it.provider == place.provider)
}

/// Whether a profile does not say that the connection is disconnected, or that it leads to another calendar now.
fn is_silent_about(profile: &Profile, place: &CalendarRef) -> bool {
    match connection_of(profile, place) {
        Some(connection) => connection.calendar_id.is_none(),
        None => !profile.states(&place.connection),
    }
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
