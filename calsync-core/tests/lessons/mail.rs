//! Who is informed of an appointment, and how.

use calsync_core::ErrorKind;
use calsync_core::calendar::Person;
use calsync_core::memory::MemoryCalendar;
use calsync_core::names::ProviderKind;
use calsync_core::report::Verdict;
use calsync_core::sync::{RetryPolicy, Syncer};
use calsync_core::testing::{Fault, Faulty};

use crate::common::{Company, Host, NAMESPACE};

/// Rule 5: the guest is informed of the appointment even if the company's own calendars fail
/// (cal.com
/// #30044).
#[tokio::test]
async fn a_guest_is_invited_even_if_every_calendar_fails() {
    for fault in [
        Fault::Before(ErrorKind::Unavailable),
        Fault::Before(ErrorKind::Unauthenticated),
        Fault::Before(ErrorKind::QuotaExceeded),
        Fault::Before(ErrorKind::Refused),
        Fault::RequestLost,
    ] {
        let calendars = Faulty::new(MemoryCalendar::new().with_kind(ProviderKind::GOOGLE));
        let mail = MemoryCalendar::new().with_kind(ProviderKind::INVITATION);
        let mut host = Host::new(Company::of_guest());
        host.syncer = Syncer::builder(NAMESPACE)
            .provider(calendars.clone())
            .provider(mail.clone())
            .clock(host.watch.clone())
            .retry(RetryPolicy::none())
            .build();
        calendars.script([fault; 3]);
        let report = host.sync().await;
        let not_done = report.outcomes.iter().filter(|outcome| !outcome.verdict.is_done()).count();
        assert_eq!((report.count(Verdict::Created), not_done), (1, 3), "{fault:?}");
        assert_eq!(calendars.inner().events(), []);
        let invitations = mail.events();
        assert_eq!(invitations.len(), 1);
        let place = &invitations[0].place;
        assert_eq!((&place.person, place.calendar.as_str()), (&Person::Guest, "gus@example.org"));
    }
}
