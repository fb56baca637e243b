//! Serves calsync's fakes on this machine, for any client in any language. Ends with Ctrl-C.
//!
//! ```sh
//! cargo run --example fake_servers -- --google-port 9101 --outlook-port 9102 --print-tokens
//! ```

use std::error::Error;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use calsync_core::fake::oauth::FakeTokens;
use calsync_core::http::{HttpTransport, LoopbackServer, ServeError};
use calsync_google::fake::{self as google, FakeGoogle, Fault};
use calsync_outlook::fake::{self as outlook, FakeOutlook};
use clap::Parser;
use serde_json::{Value, json};

/// Serves the fakes on this machine.
#[derive(Debug, Parser)]
struct Options {
    /// The port of the fake Google; 0 takes a free one.
    #[arg(long, default_value_t = 9101)]
    google_port: u16,
    /// The port of the fake Outlook; 0 takes a free one.
    #[arg(long, default_value_t = 9102)]
    outlook_port: u16,
    /// Somebody with an account at both; can be given several times.
    #[arg(long = "user", default_value = "anna@example.org")]
    users: Vec<String>,
    /// What the printed tokens allow at the fake Google; can be given several times.
    #[arg(long = "scope", default_value = "calendar")]
    scopes: Vec<String>,
    /// What the printed tokens allow at the fake Outlook; can be given several times.
    #[arg(long = "outlook-scope", default_values = ["Calendars.ReadWrite", "User.Read"])]
    outlook_scopes: Vec<String>,
    /// Tells everything a script needs to call them, as one line of JSON.
    #[arg(long)]
    print_tokens: bool,
    /// The consent pages are passed over, as if the first user had agreed.
    #[arg(long)]
    auto_consent: bool,
    /// The answer to every so-many-th insert is lost: it is made, and the connection closed.
    #[arg(long, value_name = "N")]
    drop_after_insert: Option<usize>,
    /// So many requests a minute for each user, and no more. Outlook counts ten minutes together,
    /// and takes ten times as many in them.
    #[arg(long, value_name = "N")]
    per_minute: Option<usize>,
    /// Access tokens live so many seconds.
    #[arg(long, value_name = "SECONDS")]
    token_life: Option<u64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let (google, outlook) = (fake_google(&options), fake_outlook(&options));
    let google_users = users(&options.users, |user| google.tokens(user, &borrowed(&options.scopes)));
    let outlook_users =
        users(&options.users, |user| outlook.tokens(user, &borrowed(&options.outlook_scopes)));
    let google = serve(google, options.google_port).await?;
    let outlook = serve(outlook, options.outlook_port).await?;
    if options.print_tokens {
        let told = json!({
            "google": {
                "url": google.base_url(),
                "client_id": FakeGoogle::CLIENT_ID,
                "client_secret": FakeGoogle::CLIENT_SECRET,
                "users": google_users,
            },
            "outlook": {
                "url": outlook.base_url(),
                "client_id": FakeOutlook::CLIENT_ID,
                "client_secret": FakeOutlook::CLIENT_SECRET,
                "users": outlook_users,
            },
        });
        println!("{told}");
    } else {
        println!("Google: {}\nOutlook: {}", google.base_url(), outlook.base_url());
    }
    // A script waits for this line; it may be reading from a pipe.
    std::io::stdout().flush()?;
    std::future::pending::<()>().await;
    Ok(())
}

async fn serve(fake: impl HttpTransport, port: u16) -> Result<LoopbackServer, ServeError> {
    LoopbackServer::start(fake, SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}

fn fake_google(options: &Options) -> FakeGoogle {
    let fake = FakeGoogle::new();
    fake.set(|settings| {
        settings.auto_consent_as = agreed(options);
        settings.limits.per_minute_per_user = options.per_minute;
        if let Some(life) = options.token_life {
            settings.access_token_lifetime = Duration::from_secs(life);
        }
    });
    if let Some(nth) = options.drop_after_insert {
        let rule = google::FaultRule::new(Fault::DropAfter).with_method(google::ApiMethod::EventsInsert);
        fake.fault(rule.with_every(nth));
    }
    fake
}

fn fake_outlook(options: &Options) -> FakeOutlook {
    let fake = FakeOutlook::new();
    fake.set(|settings| {
        settings.auto_consent_as = agreed(options);
        settings.limits.per_ten_minutes_per_mailbox =
            options.per_minute.map(|requests| requests.saturating_mul(10));
        if let Some(life) = options.token_life {
            settings.access_token_lifetime = Duration::from_secs(life);
        }
    });
    if let Some(nth) = options.drop_after_insert {
        let rule = outlook::FaultRule::new(Fault::DropAfter).with_method(outlook::ApiMethod::EventsCreate);
        fake.fault(rule.with_every(nth));
    }
    fake
}

/// Who has agreed to everything.
fn agreed(options: &Options) -> Option<String> {
    options.users.first().filter(|_| options.auto_consent).cloned()
}

fn users(users: &[String], tokens: impl Fn(&str) -> FakeTokens) -> Vec<Value> {
    let told = users.iter().map(|user| {
        let tokens = tokens(user);
        json!({
            "email": user,
            "access_token": tokens.access_token.expose(),
            "refresh_token": tokens.refresh_token.expose(),
        })
    });
    told.collect()
}

fn borrowed(scopes: &[String]) -> Vec<&str> {
    scopes.iter().map(String::as_str).collect()
}
