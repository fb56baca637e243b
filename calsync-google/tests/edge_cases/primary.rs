//! `primary` and the account's address name the same calendar (calcom/cal.diy#7329,
//! thunderbird/appointment#341).

use calsync_core::ProviderKind;
use calsync_core::model::Connection;
use calsync_core::names::CalendarId;

use super::common::host::Host;
use super::common::{SCOPES, at, calendar_in, put};

const ADDRESS: &str = "anna@example.org";

fn connection(id: i64, calendar: &str) -> Connection {
    Connection::new(id, ProviderKind::GOOGLE, CalendarId::new(calendar).unwrap())
}

#[tokio::test]
async fn primary_and_its_address_get_one_event() {
    let by_account = |id, calendar| connection(id, calendar).with_account(ADDRESS);
    let by_hint = |id, calendar| {
        connection(id, calendar).with_account("108").with_primary_calendar(CalendarId::new(ADDRESS).unwrap())
    };
    for [one, other] in [
        [by_account(1, "primary"), by_account(2, ADDRESS)],
        [by_account(1, ADDRESS), by_account(2, "primary")],
        [by_hint(1, "primary"), by_hint(2, ADDRESS)],
        [by_hint(1, ADDRESS), by_hint(2, "primary")],
        // Addresses ignore case.
        [by_hint(1, "primary"), connection(2, "Anna@Example.org")],
    ] {
        let mut host = Host::connected(1, [one, other]).await;
        assert_eq!(host.plan(&host.appointments[0]).steps.len(), 1);
        let mut second = calendar_in(1, CalendarId::primary()).connection_key();
        second.connection = 2.into();
        put(&host.world.store, &second, host.world.anna.tokens(SCOPES)).await;
        assert!(host.sync().await.is_all_done());
        assert_eq!(at(&host.start()), at("2026-12-02T09:00:00Z"));
    }
}

/// Connections to two accounts, or to two calendars of one account, are two targets.
#[tokio::test]
async fn each_different_calendar_gets_its_own_event() {
    let primary = || connection(1, "primary").with_account(ADDRESS);
    for other in [
        connection(2, "primary").with_account("ben@example.org"),
        connection(2, "c_1@group.calendar.google.com").with_account(ADDRESS),
        connection(2, "ben@example.org").with_account("ben@example.org"),
    ] {
        let host = Host::connected(1, [primary(), other.clone()]).await;
        assert_eq!(host.plan(&host.appointments[0]).steps.len(), 2, "{other:?}");
    }
}
