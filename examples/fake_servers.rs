//! Serves calsync's fakes on this machine, for any client in any language. Ends with Ctrl-C.
//!
//! ```sh
//! cargo run --example fake_servers -- --google-port 9101 --print-tokens
//! ```

use std::error::Error;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use calsync_core::http::LoopbackServer;
use calsync_google::fake::{ApiMethod, FakeGoogle, Fault, FaultRule};
use clap::Parser;
use serde_json::{Value, json};

/// Serves the fakes on this machine.
#[derive(Debug, Parser)]
struct Options {
    /// The port of the fake Google; 0 takes a free one.
    #[arg(long, default_value_t = 9101)]
    google_port: u16,
    /// Somebody with an account; can be given several times.
    #[arg(long = "user", default_value = "anna@example.org")]
    users: Vec<String>,
    /// What the printed tokens allow; can be given several times.
    #[arg(long = "scope", default_value = "calendar")]
    scopes: Vec<String>,
    /// Tells everything a script needs to call it, as one line of JSON.
    #[arg(long)]
    print_tokens: bool,
    /// The consent page is passed over, as if the first user had agreed.
    #[arg(long)]
    auto_consent: bool,
    /// The answer to every so-many-th insert is lost: it is made, and the connection closed.
    #[arg(long, value_name = "N")]
    drop_after_insert: Option<usize>,
    /// So many requests a minute for each user, and no more.
    #[arg(long, value_name = "N")]
    per_minute: Option<usize>,
    /// Access tokens live so many seconds.
    #[arg(long, value_name = "SECONDS")]
    token_life: Option<u64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let google = fake_google(&options);
    let tokens: Vec<Value> =
        options.users.iter().map(|user| tokens(&google, user, &options.scopes)).collect();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.google_port));
    let server = LoopbackServer::start(google, address).await?;
    if options.print_tokens {
        let google = json!({
            "url": server.base_url(),
            "client_id": FakeGoogle::CLIENT_ID,
            "client_secret": FakeGoogle::CLIENT_SECRET,
            "users": tokens,
        });
        println!("{}", json!({ "google": google }));
    } else {
        println!("Google: {}", server.base_url());
    }
    // A script waits for this line; it may be reading from a pipe.
    std::io::stdout().flush()?;
    std::future::pending::<()>().await;
    Ok(())
}

fn fake_google(options: &Options) -> FakeGoogle {
    let google = FakeGoogle::new();
    google.set(|settings| {
        settings.approve_as = options.users.first().filter(|_| options.auto_consent).cloned();
        settings.limits.per_minute_per_user = options.per_minute;
        if let Some(life) = options.token_life {
            settings.access_token_life = Duration::from_secs(life);
        }
    });
    if let Some(nth) = options.drop_after_insert {
        let rule = FaultRule::new(Fault::DropAfter).with_method(ApiMethod::EventsInsert);
        google.fault(rule.with_every(nth));
    }
    google
}

fn tokens(google: &FakeGoogle, user: &str, scopes: &[String]) -> Value {
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let tokens = google.tokens(user, &scopes);
    json!({
        "email": user,
        "access_token": tokens.access_token.expose(),
        "refresh_token": tokens.refresh_token.expose(),
    })
}
