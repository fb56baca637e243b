//! Puts one event into the primary calendar of whomever `GRAPH_TOKEN` is from.

use std::error::Error;

use calsync_core::auth::{AuthError, Grant, Tokens};
use calsync_core::calendar::ConnectionKey;
use calsync_core::event::{Event, When};
use calsync_core::identity::{Generation, TargetKey};
use calsync_core::names::CalendarId;
use calsync_core::calendar::{Person, CalendarRef};
use calsync_core::provider::{CalendarProvider, CreateOptions, Draft, Marker};
use calsync_core::time::Zone;
use calsync_core::{ProviderKind, Secret};
use calsync_outlook::OutlookCalendar;

/// An access token that somebody else looks after.
#[derive(Debug)]
struct Given(String);

#[async_trait::async_trait]
impl Grant for Given {
    async fn obtain(&self, _: &ConnectionKey, _: Option<&Tokens>) -> Result<Tokens, AuthError> {
        Ok(Tokens::new(Secret::new(self.0.clone())))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let person = Person::Profile(1.into());
    let place = CalendarRef::new(person, ProviderKind::OUTLOOK, 1.into(), CalendarId::primary());
    let outlook = OutlookCalendar::builder().grant(Given(std::env::var("GRAPH_TOKEN")?)).build()?;

    let when = When::Timed {
        start: "2026-11-30T14:00:00Z".parse()?,
        end: "2026-11-30T15:30:00Z".parse()?,
        zone: Zone::new("Europe/London")?,
    };
    let event = Event::new("Deep clean", when).with_location("1 High Street, Leeds, LS1 1AA");
    let key = TargetKey::derive("embed", &1.into(), &place).event(Generation::FIRST);
    let draft = Draft::new(Marker::new("embed", key, 1), event, "2026-11-22T10:00:00Z".parse()?);
    let written = outlook.create(&place, &draft, &CreateOptions::new()).await?;
    println!("{}", written.remote_id);
    Ok(())
}
