//! Puts one event into the primary calendar of whomever `GOOGLE_TOKEN` is from.

use std::error::Error;

use google_calendar3::CalendarHub;
use google_calendar3::api::{Event, EventDateTime};
use google_calendar3::hyper_rustls::HttpsConnectorBuilder;
use google_calendar3::hyper_util::client::legacy::Client;
use google_calendar3::hyper_util::rt::TokioExecutor;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let connector = HttpsConnectorBuilder::new().with_native_roots()?.https_only().enable_http2().build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let hub = CalendarHub::new(client, std::env::var("GOOGLE_TOKEN")?);

    let at = |time: &str| -> Result<_, Box<dyn Error>> {
        let zone = Some("Europe/London".to_owned());
        Ok(Some(EventDateTime { date_time: Some(time.parse()?), time_zone: zone, ..Default::default() }))
    };
    let event = Event {
        summary: Some("Deep clean".to_owned()),
        location: Some("1 High Street, Leeds, LS1 1AA".to_owned()),
        start: at("2026-11-30T14:00:00Z")?,
        end: at("2026-11-30T15:30:00Z")?,
        ..Default::default()
    };
    let (_, written) = hub.events().insert(event, "primary").send_updates("none").doit().await?;
    println!("{}", written.id.unwrap_or_default());
    Ok(())
}
