//! The rustls configuration for reqwest: trusted certificates and crypto provider.

use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::Verifier;

use super::error::TransportError;
use super::reqwest::Unusable;

/// Which certificates are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Those the machine trusts.
    Machine,
    /// None. Needs no certificates on the machine; for clients that send only plain http.
    Nothing,
}

/// A configuration for one client. Installs nothing process-wide.
pub(super) fn config(trust: Trust) -> Result<ClientConfig, TransportError> {
    let crypto = crypto().ok_or_else(|| Unusable::NoCryptoProvider.error())?;
    let builder = ClientConfig::builder_with_provider(crypto.clone());
    let builder = builder.with_safe_default_protocol_versions().map_err(TransportError::setup)?;
    let builder = match trust {
        Trust::Nothing => builder.with_root_certificates(RootCertStore::empty()),
        Trust::Machine => verified_by(builder, Verifier::new(crypto).map_err(TransportError::setup)?),
    };
    let mut config = builder.with_no_client_auth();
    // The offered protocols, in order of preference. reqwest does not set them for a preconfigured
    // rustls.
    config.alpn_protocols = if cfg!(feature = "http2") { vec![b"h2".to_vec()] } else { Vec::new() };
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(config)
}

fn verified_by(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    verifier: impl ServerCertVerifier + 'static,
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
}

/// ring with the feature `rustls`; without it the provider that the host has installed.
fn crypto() -> Option<Arc<CryptoProvider>> {
    #[cfg(feature = "rustls")]
    return Some(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(not(feature = "rustls"))]
    return CryptoProvider::get_default().cloned();
}

#[cfg(all(test, feature = "rustls"))]
mod tests {
    use super::*;

    #[test]
    fn http2_is_offered_first_if_the_feature_is_on() {
        let offered = config(Trust::Nothing).unwrap().alpn_protocols;
        let expected: &[&[u8]] = if cfg!(feature = "http2") { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        assert_eq!(offered, expected);
    }

    #[test]
    fn no_crypto_provider_is_installed_process_wide() {
        config(Trust::Nothing).unwrap();
        assert!(CryptoProvider::get_default().is_none());
    }
}

#[cfg(all(test, not(feature = "rustls")))]
mod tests {
    use super::*;
    use crate::http::TransportErrorKind;

    #[test]
    fn a_process_without_a_crypto_provider_gets_an_error_and_no_panic() {
        let error = config(Trust::Machine).unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Setup);
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("crypto provider"), "{source}");
    }
}
