//! Puts one event into the primary calendar of whomever `GOOGLE_TOKEN` is from.

use std::error::Error;

use serde::{Deserialize, Serialize};

const URL: &str = "https://www.googleapis.com/calendar/v3/calendars/primary/events";

#[derive(Serialize)]
struct Event {
    summary: &'static str,
    location: &'static str,
    start: Moment,
    end: Moment,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Moment {
    date_time: &'static str,
    time_zone: &'static str,
}

#[derive(Deserialize)]
struct Written {
    id: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let token = std::env::var("GOOGLE_TOKEN")?;
    // reqwest asks the process for its cryptography.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().build()?;

    let at = |date_time| Moment { date_time, time_zone: "Europe/London" };
    let event = Event {
        summary: "Deep clean",
        location: "1 High Street, Leeds, LS1 1AA",
        start: at("2026-11-30T14:00:00Z"),
        end: at("2026-11-30T15:30:00Z"),
    };
    let request = client.post(URL).query(&[("sendUpdates", "none")]).bearer_auth(token).json(&event);
    let written: Written = request.send().await?.error_for_status()?.json().await?;
    println!("{}", written.id);
    Ok(())
}
