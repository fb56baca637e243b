//! What a provider's builder collects for its client.

use std::sync::Arc;

use crate::auth::{AccessTokens, ApiClient, Grant, MemoryTokenStore, TokenStore};
use crate::clock::{Clock, Sleep, SystemClock, TokioSleep};
use crate::health::AccountHealthStore;
use crate::http::{Endpoint, EndpointError, HttpTransport, TransportError};
use crate::names::ProviderKind;
use crate::rest::{Judge, RestClient};

/// Why a provider cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// One of the URLs cannot be trusted with a token.
    #[error("{0} cannot be used")]
    Url(&'static str, #[source] EndpointError),
    /// The OAuth client.
    #[cfg(feature = "oauth")]
    #[error(transparent)]
    OAuth(#[from] crate::auth::SetupError),
    /// No grant was given, and the provider's crate was built without the feature `oauth`, which brings one.
    #[error("no grant was given, and the feature oauth, which brings one, is off")]
    NoGrant,
    /// The HTTP client, such as where the machine has no certificates to trust.
    #[error("the HTTP client cannot be built")]
    Transport(#[source] TransportError),
    /// No transport was given, and the provider's crate was built without the feature that brings one.
    #[error("no transport was given, and none of the features that bring one is on")]
    NoTransport,
}

/// What a provider's builder collects for its client.
#[derive(Debug)]
#[non_exhaustive]
pub struct Setup {
    /// How requests are sent. The crate's own transport where there is none.
    pub transport: Option<Arc<dyn HttpTransport>>,
    /// How access tokens are got, where it is not by the consent of each person.
    pub grant: Option<Arc<dyn Grant>>,
    /// Where tokens are kept. In memory where there is none.
    pub store: Option<Arc<dyn TokenStore>>,
    /// Where it is kept who has asked to be left alone. In memory where there is none.
    pub health: Option<Arc<dyn AccountHealthStore>>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// How to wait.
    pub sleep: Arc<dyn Sleep>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            transport: None,
            grant: None,
            store: None,
            health: None,
            clock: Arc::new(SystemClock),
            sleep: Arc::new(TokioSleep),
        }
    }
}

impl Setup {
    /// The transport given, or calsync's own.
    ///
    /// # Errors
    /// [`BuildError::Transport`], [`BuildError::NoTransport`].
    pub fn transport(&self) -> Result<Arc<dyn HttpTransport>, BuildError> {
        self.transport.clone().map_or_else(own_transport, Ok)
    }

    /// The client that sends through `transport`, with tokens of the grant given or else of `own`.
    ///
    /// # Errors
    /// [`BuildError::NoGrant`].
    pub fn client(
        self,
        provider: ProviderKind,
        transport: Arc<dyn HttpTransport>,
        own: Option<Arc<dyn Grant>>,
        judge: Judge,
    ) -> Result<RestClient, BuildError> {
        let grant = self.grant.or(own).ok_or(BuildError::NoGrant)?;
        let store = self.store.unwrap_or_else(|| Arc::new(MemoryTokenStore::new()));
        let tokens = AccessTokens::new(grant, store, self.clock.clone(), self.sleep);
        let tokens = match self.health {
            Some(health) => tokens.with_health_store(health),
            None => tokens,
        };
        Ok(RestClient::new(ApiClient::new(transport, tokens, provider), self.clock, judge))
    }
}

/// A base URL of the host's that can be trusted with a token. `name` is what the builder calls it.
///
/// # Errors
/// [`BuildError::Url`].
pub fn endpoint(name: &'static str, url: &str) -> Result<Endpoint, BuildError> {
    Endpoint::new(url).map_err(|error| BuildError::Url(name, error))
}

#[cfg(feature = "reqwest")]
fn own_transport() -> Result<Arc<dyn HttpTransport>, BuildError> {
    let transport = crate::http::ReqwestTransport::builder().build();
    transport.map(|transport| Arc::new(transport) as _).map_err(BuildError::Transport)
}

#[cfg(not(feature = "reqwest"))]
fn own_transport() -> Result<Arc<dyn HttpTransport>, BuildError> {
    Err(BuildError::NoTransport)
}
