//! The guide's three service functions, which plan, run and record in one call.

use crate::audience::{Audience, Trigger};
use crate::calendar::Person;
use crate::error::InputError;
use crate::id::ProfileId;
use crate::model::{Appointment, Directory, Order};
use crate::plan::BeginError;
use crate::report::Report;
use crate::sync::Syncer;

/// Why a service function ended before it made a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// A record cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The plan cannot be begun.
    #[error(transparent)]
    Begin(#[from] BeginError),
}

/// The guide's service functions. They sync one person's events of one appointment on request:
/// `auto_sync` does not matter, `calendar_sync_enabled` does.
///
/// Each function plans, begins, runs and records; the host saves the appointment afterwards. If the
/// process crashes in between, the next run corrects it, with one exception: an event just made may
/// stay in the calendar if the appointment is cancelled before that run. A host that cannot accept
/// this takes the five steps itself and saves after `begin`.
impl Syncer {
    /// Puts one appointment's event into one profile's calendars.
    ///
    /// # Errors
    /// If a record cannot be used, or the plan cannot be begun. A provider's refusals are in the
    /// report.
    pub async fn create_calendar_event(
        &self,
        order: &Order,
        appointment: &mut Appointment,
        directory: &Directory,
        profile: &ProfileId,
    ) -> Result<Report, ServiceError> {
        self.sync_one(order, appointment, directory, profile, true).await
    }

    /// Updates one appointment's event in one profile's calendars, and creates it where it is
    /// missing.
    ///
    /// # Errors
    /// If a record cannot be used, or the plan cannot be begun. A provider's refusals are in the
    /// report.
    pub async fn update_calendar_event(
        &self,
        order: &Order,
        appointment: &mut Appointment,
        directory: &Directory,
        profile: &ProfileId,
    ) -> Result<Report, ServiceError> {
        self.sync_one(order, appointment, directory, profile, true).await
    }

    /// Removes one appointment's event from one profile's calendars. As long as the appointment is
    /// not cancelled and the person should have the event, the next plan makes it again.
    ///
    /// # Errors
    /// If a record cannot be used, or the plan cannot be begun. A provider's refusals are in the
    /// report.
    pub async fn delete_calendar_event(
        &self,
        order: &Order,
        appointment: &mut Appointment,
        directory: &Directory,
        profile: &ProfileId,
    ) -> Result<Report, ServiceError> {
        self.sync_one(order, appointment, directory, profile, false).await
    }

    async fn sync_one(
        &self,
        order: &Order,
        appointment: &mut Appointment,
        directory: &Directory,
        profile: &ProfileId,
        wanted: bool,
    ) -> Result<Report, ServiceError> {
        let audience = Audience::triggered(Trigger::Manual, order, appointment, directory)?;
        let audience = audience.only(Person::Profile(profile.clone()));
        let audience = if wanted { audience } else { audience.withdrawn() };
        let plan = self.plan(order, appointment, &audience)?;
        let begun = plan.begin(appointment)?;
        let report = self.run(begun).await;
        appointment.record(&report);
        Ok(report)
    }
}
