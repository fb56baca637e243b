//! The guide's three service functions: the plain way in.

use crate::audience::{Audience, Trigger};
use crate::calendar::Person;
use crate::error::InputError;
use crate::id::ProfileId;
use crate::model::{Appointment, Directory, Order};
use crate::plan::BeginError;
use crate::report::Report;
use crate::sync::Syncer;

/// Why a service function did not come as far as the network.
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

/// One person's events of one appointment, asked for by hand: `auto_sync` does not matter, `calendar_sync_enabled` does.
///
/// These plan, begin, run and record in one go; the host saves the appointment afterwards. A crash in between is healed by
/// the next run, except that an event just made may stay behind when the appointment is cancelled before that run: a host
/// that minds takes the five steps itself and saves after `begin`.
impl Syncer {
    /// Puts one appointment's event into one profile's calendars.
    ///
    /// # Errors
    /// When a record cannot be used. What a provider refuses is in the report.
    pub async fn create_calendar_event(
        &self,
        order: &Order,
        appointment: &mut Appointment,
        directory: &Directory,
        profile: &ProfileId,
    ) -> Result<Report, ServiceError> {
        self.sync_one(order, appointment, directory, profile, true).await
    }

    /// Brings one appointment's event up to date in one profile's calendars; makes it where it is missing.
    ///
    /// # Errors
    /// When a record cannot be used. What a provider refuses is in the report.
    pub async fn update_calendar_event(
        &self,
        order: &Order,
        appointment: &mut Appointment,
        directory: &Directory,
        profile: &ProfileId,
    ) -> Result<Report, ServiceError> {
        self.sync_one(order, appointment, directory, profile, true).await
    }

    /// Removes one appointment's event from one profile's calendars. While the appointment stands and the person wants it, the
    /// next plan makes it again.
    ///
    /// # Errors
    /// When a record cannot be used. What a provider refuses is in the report.
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
