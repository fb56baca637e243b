//! The settings that the providers' builders share.

use std::sync::Arc;

use crate::auth::{AccessTokens, ApiClient, Grant, MemoryTokenStore, TokenStore};
use crate::clock::{Clock, Sleep, SystemClock, TokioSleep};
use crate::health::AccountHealthStore;
use crate::http::{Endpoint, EndpointError, HttpTransport, TransportError};
use crate::names::ProviderKind;
use crate::rest::{ErrorMapper, RestClient};

/// Why a provider cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A token must not be sent to this URL: it is not `https`, or not a plain base URL. The text
    /// names the setting.
    #[error("{0} cannot be used")]
    Url(&'static str, #[source] EndpointError),
    /// The OAuth client cannot be built.
    #[cfg(feature = "oauth")]
    #[error(transparent)]
    OAuth(#[from] crate::auth::SetupError),
    /// No grant was given, and the feature `oauth` of the provider's crate, which includes one, is
    /// off.
    #[error("no grant was given, and the feature `oauth`, which includes one, is off")]
    NoGrant,
    /// The HTTP client cannot be built, such as when the machine has no certificates to trust.
    #[error("the HTTP client cannot be built")]
    Transport(#[source] TransportError),
    /// No transport was given, and no feature of the provider's crate that includes one is on.
    #[error("no transport was given, and no feature that includes one is on")]
    NoTransport,
}

/// The settings that the providers' builders share.
#[derive(Debug)]
#[non_exhaustive]
pub struct Setup {
    /// The transport that sends requests. Default: calsync's own, over reqwest.
    pub transport: Option<Arc<dyn HttpTransport>>,
    /// How access tokens are obtained. Default: the provider's OAuth client, with each person's
    /// consent.
    pub grant: Option<Arc<dyn Grant>>,
    /// Where tokens are stored. Default: in memory.
    pub store: Option<Arc<dyn TokenStore>>,
    /// Where the accounts' `Retry-After` deadlines and health are stored. Default: in memory.
    pub health: Option<Arc<dyn AccountHealthStore>>,
    /// Where the time comes from. Default: the machine's clock.
    pub clock: Arc<dyn Clock>,
    /// How to wait. Default: tokio's timer.
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
    /// The given transport, or calsync's own.
    ///
    /// # Errors
    /// [`BuildError::Transport`], if calsync's own cannot be built; [`BuildError::NoTransport`], if
    /// there is none without the feature `reqwest`.
    pub fn transport(&self) -> Result<Arc<dyn HttpTransport>, BuildError> {
        self.transport.clone().map_or_else(own_transport, Ok)
    }

    /// Builds the client, which sends with `transport`. Its tokens come from the given grant, or
    /// else from `own`.
    ///
    /// # Errors
    /// [`BuildError::NoGrant`], if there is neither.
    pub fn client(
        self,
        provider: ProviderKind,
        transport: Arc<dyn HttpTransport>,
        own: Option<Arc<dyn Grant>>,
        judge: ErrorMapper,
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

/// Parses a base URL that the host gave. `name` is the builder's name of the setting, for the
/// error.
///
/// # Errors
/// [`BuildError::Url`], if a token must not be sent to it; see [`Endpoint`].
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
