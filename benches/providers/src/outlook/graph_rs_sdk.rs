//! graph-rs-sdk with the token as it is, over its own client. It has no type of an event, neither
//! to send nor to read, so it is given those of the bare loop.

use std::sync::Arc;

use graph_rs_sdk::header::{HeaderName, HeaderValue};
use graph_rs_sdk::http::Url;
use graph_rs_sdk::{GraphClient, GraphClientConfiguration};

use super::bare::{Answer, Event};
use super::{API, PREFER};
use crate::booking::TOKEN;
use crate::run::Failure;

/// The client.
#[derive(Debug)]
pub struct GraphRsSdk(GraphClient);

impl GraphRsSdk {
    pub fn new(base: &str) -> Result<Self, Failure> {
        let mut client =
            GraphClient::from(GraphClientConfiguration::new().access_token(TOKEN).https_only(false));
        client.use_test_endpoint(&Url::parse(&format!("{base}{API}"))?);
        Ok(Self(client))
    }

    pub async fn insert(self: Arc<Self>, event: Event) -> Result<String, Failure> {
        let request = self.0.me().default_calendar().events().create_events(&event);
        let request = request.header(HeaderName::from_static("prefer"), HeaderValue::from_static(PREFER));
        let answer: Answer = request.send().await?.error_for_status()?.json().await?;
        Ok(answer.id)
    }
}
