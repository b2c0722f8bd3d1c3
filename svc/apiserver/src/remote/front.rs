//! What TLS shows and believes: made from the settings, never changed, replaced as a whole.
//!
//! TLS 1.3 only; a client certificate is required and checked against its authority, its time, its purpose and the
//! revocation lists in every handshake: sessions are not resumed, for a resumed one would skip that.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use der::Decode as _;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use settings::model::Api as Wanted;
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;
use x509_cert::name::Name;

use super::authority::{Authority, Purpose};
use super::error::RemoteError;
use super::identity::{Identity, check_clock};

/// Addresses that a certificate of ours names, at most.
const ADDRESSES: usize = 32;

const DAY_S: u64 = 86_400;

/// One state of whom we believe and who we are.
#[derive(Debug)]
pub struct Front {
    clients: Arc<dyn ClientCertVerifier>,
    server: Server,
}

#[derive(Debug)]
enum Server {
    /// The settings' certificate.
    Given(Arc<ServerConfig>),
    /// Certificates of our own authority.
    Made { authority: Arc<Authority>, names: Vec<String>, days: u16, now: Mutex<Made> },
}

/// The certificate that is shown at present.
#[derive(Debug, Default)]
struct Made {
    /// Addresses it names: those at which callers have reached us.
    addresses: BTreeSet<IpAddr>,
    config: Option<Arc<ServerConfig>>,
    from_s: u64,
    renew_s: u64,
}

impl Front {
    /// As `wanted`. `own` is the host's authority, where the settings leave something to it; `hostname` is the host's name.
    pub fn of(
        wanted: &Wanted,
        own: Option<&Identity>,
        hostname: &str,
        now_s: u64,
    ) -> Result<Self, RemoteError> {
        let clients = clients(wanted, own, now_s)?;
        let server = match (&wanted.certificate, &wanted.key, own) {
            (Some(certificate), Some(key), _) => {
                let chain: Result<Vec<_>, _> =
                    CertificateDer::pem_slice_iter(certificate.pem().as_bytes()).collect();
                let chain = chain.map_err(|err| setting("settings.api.certificate", &err))?;
                let key = key.pem();
                let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes());
                let key = key.map_err(|err| setting("settings.api.key", &err))?;
                let config = config(clients.clone(), chain, key);
                let config =
                    config.map_err(|err| RemoteError::Tls { key: "settings.api.certificate", err })?;
                Server::Given(Arc::new(config))
            }
            (_, _, Some(own)) => {
                let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
                names.extend(Some(hostname).filter(|name| !name.is_empty()).map(str::to_owned));
                names.extend(wanted.names.iter().map(ToString::to_string));
                names.sort_unstable();
                names.dedup();
                let (authority, days) = (own.authority().clone(), wanted.certificate_days());
                Server::Made { authority, names, days, now: Mutex::default() }
            }
            (_, _, None) => return Err(setting("settings.api.certificate", &"is missing")),
        };
        let front = Front { clients, server };
        // Whether a certificate can be made shows now, and not when the first caller comes.
        front.config(IpAddr::from([127, 0, 0, 1]), now_s)?;
        Ok(front)
    }

    /// What to begin a handshake with on a connection that reached us at `here`.
    pub fn config(&self, here: IpAddr, now_s: u64) -> Result<Arc<ServerConfig>, RemoteError> {
        let (authority, names, days, now) = match &self.server {
            Server::Given(config) => return Ok(config.clone()),
            Server::Made { authority, names, days, now } => (authority, names, *days, now),
        };
        let here = here.to_canonical();
        let mut made = now.lock().unwrap_or_else(PoisonError::into_inner);
        // When there is no room for one more, what there is must do.
        let full = made.addresses.len() >= ADDRESSES;
        let named = full || made.addresses.contains(&here) || names.contains(&here.to_string());
        match &made.config {
            Some(config) if named && (made.from_s..made.renew_s).contains(&now_s) => {
                return Ok(config.clone());
            }
            _ => {}
        }
        check_clock(now_s)?;
        if !named {
            made.addresses.insert(here);
        }
        let mut all = names.clone();
        all.extend(made.addresses.iter().map(ToString::to_string));
        let issued = authority.issue(&Purpose::Server(&all), now_s, days).map_err(RemoteError::Make)?;
        let unreadable = |err: rustls::pki_types::pem::Error| setting("settings.api.certificate", &err);
        let certificate =
            CertificateDer::from_pem_slice(issued.certificate.as_bytes()).map_err(unreadable)?;
        let chain = vec![certificate, authority.certificate().clone()];
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).map_err(unreadable)?;
        let config = config(self.clients.clone(), chain, key);
        let config = Arc::new(config.map_err(|err| RemoteError::Tls { key: "settings.api.names", err })?);
        made.from_s = issued.not_before_s;
        // Two thirds of its life: whoever looks at it always sees one that lasts a while.
        made.renew_s = now_s + u64::from(days) * DAY_S * 2 / 3;
        made.config = Some(config.clone());
        Ok(config)
    }
}

/// Whom we believe: the settings' authorities, else our own.
fn clients(
    wanted: &Wanted,
    own: Option<&Identity>,
    now_s: u64,
) -> Result<Arc<dyn ClientCertVerifier>, RemoteError> {
    let (mut roots, mut names) = (RootCertStore::empty(), Vec::new());
    let mut lists = Vec::new();
    match (&wanted.client_ca, own) {
        (Some(authorities), _) => {
            for authority in CertificateDer::pem_slice_iter(authorities.pem().as_bytes()) {
                let authority = authority.map_err(|err| setting("settings.api.client-ca", &err))?;
                names.extend(subject(&authority));
                let added = roots.add(authority);
                added.map_err(|err| RemoteError::Tls { key: "settings.api.client-ca", err })?;
            }
        }
        (None, Some(own)) => {
            names.extend(subject(own.authority().certificate()));
            let added = roots.add(own.authority().certificate().clone());
            added.map_err(|err| RemoteError::Tls { key: "settings.api.client-ca", err })?;
            lists.push(own.revocations(now_s)?);
        }
        (None, None) => return Err(setting("settings.api.client-ca", &"is missing")),
    }
    let remedy = match &wanted.client_ca {
        Some(_) => "put its certificate into settings.api.client-ca, or leave the list out",
        None => "leave the list out; what this host issued is revoked with DELETE /v1/certificates/SERIAL",
    };
    if let Some(revoked) = &wanted.revoked {
        for list in CertificateRevocationListDer::pem_slice_iter(revoked.pem().as_bytes()) {
            let list = list.map_err(|err| setting("settings.api.revoked", &err))?;
            check_issuer(&list, &names, remedy)?;
            lists.push(list);
        }
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    // An authority may have no list. A list past its date still revokes; it does not lock everybody out.
    let builder = builder.with_crls(lists).allow_unknown_revocation_status();
    builder.build().map_err(|err| setting("settings.api.revoked", &err))
}

fn subject(authority: &CertificateDer<'_>) -> Option<Name> {
    Some(Certificate::from_der(authority).ok()?.tbs_certificate().subject().clone())
}

/// A list of somebody whom nobody believes revokes nothing, and TLS would pass over it without a word.
fn check_issuer(
    list: &CertificateRevocationListDer<'_>,
    believed: &[Name],
    remedy: &str,
) -> Result<(), RemoteError> {
    let read = <CertificateList>::from_der(list);
    let issuer = read.map_err(|err| setting("settings.api.revoked", &err))?.tbs_cert_list.issuer;
    if believed.contains(&issuer) {
        return Ok(());
    }
    let all: Vec<String> = believed.iter().map(|name| format!("\"{name}\"")).collect();
    let why = format!(
        "a list of \"{issuer}\" would revoke nothing, for that is none of the authorities that are believed ({}): {remedy}",
        all.join(", ")
    );
    Err(setting("settings.api.revoked", &why))
}

fn config(
    clients: Arc<dyn ClientCertVerifier>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let builder =
        ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&rustls::version::TLS13])?;
    let mut config = builder.with_client_cert_verifier(clients).with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn setting(key: &'static str, why: &dyn std::fmt::Display) -> RemoteError {
    RemoteError::Setting { key, why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_795_132_800;

    fn front(days: u16) -> (tempfile::TempDir, Front) {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity::open(dir.path(), NOW_S).unwrap();
        let text = format!(
            "[settings.api]\nenabled = true\nnames = [\"node.example\"]\ncertificate-days = {days}\n"
        );
        let sources = [(settings::Layer::File, text.as_bytes())];
        let wanted = settings::load(&sources, &settings::LIMITS).settings.api;
        let front = Front::of(&wanted, Some(&identity), "edge-7", NOW_S).unwrap();
        (dir, front)
    }

    fn shown(front: &Front, here: [u8; 4], now_s: u64) -> Arc<ServerConfig> {
        front.config(IpAddr::from(here), now_s).unwrap()
    }

    #[test]
    fn one_certificate_serves_until_two_thirds_of_its_life() {
        let (_dir, front) = front(90);
        let first = shown(&front, [127, 0, 0, 1], NOW_S);
        assert!(Arc::ptr_eq(&first, &shown(&front, [127, 0, 0, 1], NOW_S + 60 * DAY_S - 1)));
        let second = shown(&front, [127, 0, 0, 1], NOW_S + 60 * DAY_S);
        assert!(!Arc::ptr_eq(&first, &second), "renewed before it expires");
        // A clock that was set back must not meet a certificate of the future.
        assert!(!Arc::ptr_eq(&second, &shown(&front, [127, 0, 0, 1], NOW_S)));
    }

    #[test]
    fn an_address_that_somebody_uses_is_named_from_then_on() {
        let (_dir, front) = front(1);
        let before = shown(&front, [127, 0, 0, 1], NOW_S);
        let with = shown(&front, [10, 0, 2, 15], NOW_S);
        assert!(!Arc::ptr_eq(&before, &with));
        for here in [[10, 0, 2, 15], [127, 0, 0, 1]] {
            assert!(Arc::ptr_eq(&with, &shown(&front, here, NOW_S)));
        }
        // IPv4 in IPv6's clothes, as a socket for both tells it.
        assert!(Arc::ptr_eq(&with, &front.config("::ffff:10.0.2.15".parse().unwrap(), NOW_S).unwrap()));
    }

    #[test]
    fn addresses_are_not_collected_without_end() {
        let (_dir, front) = front(1);
        for number in 0..100 {
            shown(&front, [10, 0, 0, number], NOW_S);
        }
        let Server::Made { now, .. } = &front.server else { panic!("made") };
        assert_eq!(now.lock().unwrap().addresses.len(), ADDRESSES);
        let full = shown(&front, [10, 0, 1, 1], NOW_S);
        assert!(Arc::ptr_eq(&full, &shown(&front, [10, 0, 1, 2], NOW_S)), "none is made for nothing");
    }
}
