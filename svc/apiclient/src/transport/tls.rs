//! What TLS needs: whom we believe, and who we are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::TransportError;
use crate::target::Node;

/// No certificate, key or bundle of all the web's authorities is longer.
const PEM_BYTES: usize = 4 << 20;

/// Where systems keep the authorities of the web: Debian and this host, Fedora, Alpine and BSD.
const BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// TLS 1.3 with a client certificate, as a node wants it.
pub fn for_node(node: &Node) -> Result<Arc<ClientConfig>, TransportError> {
    let roots = roots(&node.ca)?;
    let failed = |path: &Path, why: String| TransportError::Pem { path: path.to_owned(), why };
    let pem = read(&node.cert)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|err| failed(&node.cert, err.to_string()))?;
    if chain.is_empty() {
        return Err(failed(&node.cert, "it holds no certificate (-----BEGIN CERTIFICATE-----)".into()));
    }
    let key = PrivateKeyDer::from_pem_slice(&read(&node.key)?).map_err(|_| {
        failed(&node.key, "it holds no private key (-----BEGIN PRIVATE KEY-----, not encrypted)".into())
    })?;
    let config = builder(&[&rustls::version::TLS13]).with_root_certificates(roots);
    let config = config.with_client_auth_cert(chain, key).map_err(|err| {
        failed(&node.key, format!("it is not the key of the certificate in {}: {err}", node.cert.display()))
    })?;
    Ok(Arc::new(config))
}

/// As the web has it, for sources of settings. `bundle` is `$SSL_CERT_FILE`.
pub fn for_web(bundle: Option<PathBuf>) -> Result<Arc<ClientConfig>, TransportError> {
    let found = || BUNDLES.iter().map(PathBuf::from).find(|path| path.exists());
    let path = bundle.or_else(found).unwrap_or_else(|| BUNDLES[0].into());
    let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
    Ok(Arc::new(builder(&versions).with_root_certificates(roots(&path)?).with_no_client_auth()))
}

fn builder(
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap_or_else(|_| unreachable!("the provider's own suites fit its versions"))
}

fn roots(path: &Path) -> Result<RootCertStore, TransportError> {
    let mut roots = RootCertStore::empty();
    // A bundle may hold authorities of kinds that nobody here knows; one that is left is enough.
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&read(path)?).filter_map(Result::ok));
    if roots.is_empty() {
        let why = "it holds no certificate (-----BEGIN CERTIFICATE-----)".into();
        return Err(TransportError::Pem { path: path.to_owned(), why });
    }
    Ok(roots)
}

fn read(path: &Path) -> Result<Vec<u8>, TransportError> {
    files::read(path, PEM_BYTES)
        .map_err(|err| TransportError::Pem { path: path.to_owned(), why: files::chain(&err) })
}
