//! The people who should see an appointment, each with a role; and why others should not see it.

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

/// The people of an appointment, each with a role, and the records that the texts of their events
/// use.
///
/// A person in several roles has the first of staff, manager, admin and customer.
///
/// **What is not stated is kept.** A row without a column does not say that there is no such
/// person. So there are three treatments for an event in the ledger that the audience does not ask
/// for: it is removed, it is not changed, or it is kept up to date.
///
/// - For a member of the audience, the treatment follows from the reason why the member gets no
///   event, and from the connections that the profile states.
/// - For any other person, it follows from the role of the event. If the columns that decide the
///   role are not stated, the event is kept up to date, unless a record of the directory shows that
///   the profile belongs to another person, or the person's own profile decides otherwise. If the
///   columns are stated, the event is removed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Audience<'a> {
    /// The booked service; `None` only if the appointment is cancelled and the directory has no
    /// record.
    pub service: Option<&'a Service>,
    /// The staff member; `None` while the appointment is unassigned. If the appointment does not
    /// state its staff member, the one who has the staff member's event.
    pub staff: Option<&'a Staff>,
    /// The customer's record; `None` for a guest. If the order does not state its customer, the
    /// customer who has the customer's event.
    pub customer: Option<&'a Customer>,
    /// All members, including those who get no event.
    pub members: Vec<Member<'a>>,
    directory: &'a Directory,
    kept: Vec<KeptRole>,
    leaves_some: bool,
    trigger: Trigger,
    only: Option<Person>,
    withdrawn: bool,
}

/// A role whose people are not stated: people who have an event in this role keep it.
#[derive(Debug, Clone)]
struct KeptRole {
    role: Role,
    /// Not if a record of the directory shows that the profile belongs to another person.
    unless_claimed: bool,
}

/// A member of an audience.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Member<'a> {
    /// The role, which decides the texts of the event.
    pub role: Role,
    /// The person; `None` if no person is known (such as a customer without a profile and an
    /// address).
    pub person: Option<Person>,
    /// How calsync reaches the person.
    pub reach: Reach<'a>,
    /// Why the member gets no event; `None` if they get one.
    pub left_out: Option<Reason>,
    /// For each connection without a stated calendar: the calendar that has or had the event.
    calendars: Vec<(ConnectionId, CalendarId)>,
}

/// How calsync reaches a member of an audience.
#[derive(Clone)]
#[non_exhaustive]
pub enum Reach<'a> {
    /// Through the calendars of a profile.
    Calendars(&'a Profile),
    /// By an invitation to an e-mail address. The address is used as the calendar's id.
    Invitation(CalendarId),
    /// There is no way to reach the member.
    Nowhere,
}

/// The reason for a plan: a change of data, or a request of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Trigger {
    /// A change of the host's data. The events of people with `auto_sync` off are not changed.
    #[default]
    Automatic,
    /// A person asked for the sync, for example with a button. `auto_sync` is ignored.
    Manual,
}

impl<'a> Audience<'a> {
    /// Builds the audience of an appointment, for a plan that follows a change of the host's data
    /// ([`Trigger::Automatic`]).
    ///
    /// # Errors
    /// [`Problem::NoSuchRecord`] if the appointment belongs to another order, or if a record that
    /// it refers to is not in the directory. A cancelled appointment or order needs no records: the
    /// ledger alone tells which events to remove. An admin without a profile in the directory is no
    /// error, because it would stop every appointment: the member gets [`Reason::NoRecord`].
    pub fn of(
        order: &'a Order,
        appointment: &Appointment,
        directory: &'a Directory,
    ) -> Result<Self, InputError> {
        Self::triggered(Trigger::Automatic, order, appointment, directory)
    }

    /// Builds the audience of an appointment, for a plan with this trigger.
    ///
    /// # Errors
    /// The same as [`Audience::of`].
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
        let is_left = |member: &Member<'_>| member.left_out.as_ref().is_some_and(Reason::is_unchanged);
        audience.leaves_some = !audience.kept.is_empty() || audience.members.iter().any(is_left);
        Ok(audience)
    }

    /// Restricts plans for this audience to one person. Events of other people are not changed.
    #[must_use]
    pub fn only(mut self, person: Person) -> Self {
        self.only = Some(person);
        self
    }

    /// Makes plans for this audience remove the events instead of writing them.
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

    /// Returns every calendar that a person has connected now, whether it should have an event or
    /// not. Also works for people who left the audience, if their profile is in the directory.
    pub(crate) fn connected(&self, person: &Person) -> Vec<CalendarRef> {
        let connections = match person {
            Person::Profile(id) => self.directory.profile(id).map(|profile| profile.connections.as_slice()),
            Person::Guest => None,
        };
        connections.unwrap_or_default().iter().map(|connection| connection.calendar(person)).collect()
    }

    /// Returns `true` if an event of the ledger must not be changed. Called for every row;
    /// `leaves_some` makes the usual case cheap.
    pub(crate) fn leaves_row_as_is(&self, calendar: &CalendarRef, role: Role) -> bool {
        self.leaves_some && self.treatment_of_row(calendar, role) == Treatment::LeaveAsIs
    }

    /// Returns the treatment of an event of the ledger that the audience does not ask for. `role`
    /// is the role that the event was written for. See the type's documentation.
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
                // The member gets an event. Only a stated connection is disconnected or moved.
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

    /// Returns the treatment of an event of a person who is not in the audience.
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
            // The person's own profile has disconnected this calendar.
            None => Treatment::Withdraw,
            Some(reason) => reason.treatment(),
        }
    }

    /// Returns `true` if a role is not stated, so that a person outside the audience keeps its
    /// event.
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

    /// Adds the staff member and the manager.
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

    /// Adds the person of a record, by the profile in the record's `profile_id`.
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
                // The customer's event may be the one from before the customer had a profile.
                self.kept.push(KeptRole { role: Role::Customer, unless_claimed: true });
            }
            return Ok(());
        }
        if order.customer_id.is_some() && named.is_none() {
            // The appointment is cancelled and the record is gone: no error, see `Audience::of`.
            return Ok(());
        }
        // A profile that has the customer's event is the customer's, even if the row does not state
        // it.
        let column = if named.is_some() { Column::ProfileId } else { Column::CustomerId };
        if !self.keep(lookup, Role::Customer, column, named.is_some()) {
            let email = named.and_then(|customer| customer.email.as_ref());
            self.add_guest(lookup, email.or(order.guest_email.as_ref()));
        }
        Ok(())
    }

    /// Keeps the events that profiles have in a role, because `column` does not state the person of
    /// the role. Returns `true` if a profile has such an event, or had one.
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
        // An event that no longer exists needs no note. But a customer who had one must not be
        // invited as a guest, so the role is kept.
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

    /// Returns the role in which a person already is a member, even if their settings exclude an
    /// event. An admin who does not get every appointment is not counted: they may still be its
    /// customer.
    pub(crate) fn role_of(&self, person: &Person) -> Option<Role> {
        let same = |member: &&Member<'_>| {
            member.person.as_ref() == Some(person) && member.left_out != Some(Reason::NotAllAppointments)
        };
        self.members.iter().find(same).map(|member| member.role)
    }
}

impl Member<'_> {
    /// Returns the member's calendars, in the order of the profile's connections; for an
    /// invitation, the calendar of the address. A member who gets no event has calendars too.
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

    /// Returns `true` if the member gets an event, or keeps an existing one.
    fn has_event(&self) -> bool {
        self.left_out.as_ref().is_none_or(Reason::is_kept_up_to_date)
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

/// Returns the profile's connection with the id and the provider of a calendar.
fn connection_of<'p>(profile: &'p Profile, place: &CalendarRef) -> Option<&'p Connection> {
    let mut connections = profile.connections.iter();
    connections.find(|it| it.id == place.connection && it.provider == place.provider)
}

/// Returns `true` if the profile states neither that the connection is disconnected nor that it
/// leads to another calendar.
fn is_silent_about(profile: &Profile, place: &CalendarRef) -> bool {
    match connection_of(profile, place) {
        Some(connection) => connection.calendar_id.is_none(),
        None => !profile.states(&place.connection),
    }
}

/// Returns a bare address (`local@domain`, RFC 5322 section 3.4.1 without comments and quoting, at
/// most 254 bytes) as the calendar id of an invitation. `None` for any other text.
fn mail_address(text: &str) -> Option<CalendarId> {
    let (local, domain) = text.rsplit_once('@')?;
    let bare = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"@".contains(c))
    };
    if bare(local) && bare(domain) && text.len() <= 254 { CalendarId::new(text).ok() } else { None }
}
