//! Puts one event into the primary calendar of whomever `GRAPH_TOKEN` is from.

use std::error::Error;

use graph_rs_sdk::GraphClient;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Event {
    subject: &'static str,
    location: Location,
    start: Moment,
    end: Moment,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    display_name: &'static str,
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
    let client = GraphClient::new(std::env::var("GRAPH_TOKEN")?);

    let at = |date_time| Moment { date_time, time_zone: "UTC" };
    let event = Event {
        subject: "Deep clean",
        location: Location { display_name: "1 High Street, Leeds, LS1 1AA" },
        start: at("2026-11-30T14:00:00"),
        end: at("2026-11-30T15:30:00"),
    };
    let request = client.me().default_calendar().events().create_events(&event);
    let written: Written = request.send().await?.error_for_status()?.json().await?;
    println!("{}", written.id);
    Ok(())
}
