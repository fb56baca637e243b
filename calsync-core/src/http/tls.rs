//! How rustls is set up for reqwest: whose certificates are believed, by which cryptography.

use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::Verifier;

use super::error::TransportError;
use super::reqwest::Unusable;

/// Whose certificates are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Those whom the machine believes.
    Machine,
    /// Nobody's. Needs no certificates on the machine, and is all that plain http wants.
    Nobody,
}

/// A configuration for one client. Nothing is installed process-wide.
pub(super) fn config(trust: Trust) -> Result<ClientConfig, TransportError> {
    let crypto = crypto().ok_or_else(|| Unusable::NoCryptoProvider.error())?;
    let builder = ClientConfig::builder_with_provider(crypto.clone());
    let builder = builder.with_safe_default_protocol_versions().map_err(TransportError::setup)?;
    let builder = match trust {
        Trust::Nobody => builder.with_root_certificates(RootCertStore::empty()),
        Trust::Machine => verified_by(builder, Verifier::new(crypto).map_err(TransportError::setup)?),
    };
    let mut config = builder.with_no_client_auth();
    // What is offered to the server, the best first. reqwest leaves this to whoever configures rustls.
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

/// ring with the feature `rustls`; without it what the host has installed.
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
    fn http2_is_offered_first_where_it_is_spoken() {
        let offered = config(Trust::Nobody).unwrap().alpn_protocols;
        let expected: &[&[u8]] = if cfg!(feature = "http2") { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        assert_eq!(offered, expected);
    }

    #[test]
    fn nothing_is_installed_for_the_whole_process() {
        config(Trust::Nobody).unwrap();
        assert!(CryptoProvider::get_default().is_none());
    }
}

#[cfg(all(test, not(feature = "rustls")))]
mod tests {
    use super::*;
    use crate::http::TransportErrorKind;

    #[test]
    fn a_process_without_crypto_is_told_so_and_does_not_panic() {
        let error = config(Trust::Machine).unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Setup);
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("crypto provider"), "{source}");
    }
}
