//! The program and a TLS server: who is believed, who is not, and what is said about it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use crate::common::{Ran, answer, run};
use base64::Engine as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

const STATUS: &str = r#"{"hostname": "edge", "release": "1", "variant": "v", "arch": "a", "uptime_ms": 1, "generation": 1, "problems": 0, "failing": []}"#;

/// An authority.
struct Ca {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
struct Issued {
    certificate: String,
    key: String,
}

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = pem("CERTIFICATE", params.self_signed(&key).unwrap().der());
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn issue(&self, name: &str, expired: bool) -> Issued {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if expired {
            (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        }
        let key = KeyPair::generate().unwrap();
        let certificate = pem("CERTIFICATE", params.signed_by(&key, &self.issuer).unwrap().der());
        Issued { certificate, key: pem("PRIVATE KEY", &key.serialize_der()) }
    }
}

/// RFC 7468; its readers take lines of any length.
fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// Answers one connection. Returns its port.
fn serve(identity: &Issued, clients: &Ca, versions: &[&'static rustls::SupportedProtocolVersion]) -> u16 {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(clients.pem.as_bytes()).unwrap()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap(),
        )
        .unwrap();
    listen(move |stream| {
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream);
        let mut head = [0; 4096];
        // Who is not believed never gets to the answer; the alert that says so is written by the failing read.
        if stream.read(&mut head).is_ok() {
            stream.write_all(&answer("200 OK", STATUS)).unwrap();
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    })
}

fn listen(serve: impl FnOnce(std::net::TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || serve(listener.accept().unwrap().0));
    port
}

fn status(folder: &Path, port: u16, ca: &str, own: &Issued, more: &[&str]) -> Ran {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (ca, cert, key) =
        (file("ca.pem", ca), file("client.pem", &own.certificate), file("client.key", &own.key));
    let node = format!("127.0.0.1:{port}");
    let words = ["--node", &node, "--ca", &ca, "--cert", &cert, "--key", &key, "status"];
    run(&words.iter().chain(more).copied().collect::<Vec<_>>())
}

#[test]
fn both_ends_must_believe_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Ca::new(), Ca::new());
    let node = ours.issue("127.0.0.1", false);
    let client = ours.issue("somebody", false);
    let tls13 = &[&rustls::version::TLS13][..];
    let good = serve(&node, &ours, tls13);
    let ran = status(folder.path(), good, &ours.pem, &client, &[]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.contains("host      edge"), "{}", ran.out);

    let named = ours.issue("edge.example", false);
    let ran = status(
        folder.path(),
        serve(&named, &ours, tls13),
        &ours.pem,
        &client,
        &["--server-name", "edge.example"],
    );
    assert_eq!(ran.status, 0, "{}", ran.err);

    let expired_node = ours.issue("127.0.0.1", true);
    let expired_client = ours.issue("somebody", true);
    let foreign_client = theirs.issue("somebody", false);
    for (port, ca, own, words) in [
        (serve(&named, &ours, tls13), &ours, &client, "--server-name"),
        (serve(&node, &ours, tls13), &theirs, &client, "not from the authority in --ca"),
        (serve(&expired_node, &ours, tls13), &ours, &client, "the node's certificate has expired"),
        (serve(&node, &ours, tls13), &ours, &foreign_client, "does not believe our certificate"),
        (serve(&node, &ours, tls13), &ours, &expired_client, "our certificate has expired"),
        (serve(&node, &ours, &[&rustls::version::TLS12]), &ours, &client, "does not speak TLS 1.3"),
    ] {
        let ran = status(folder.path(), port, &ca.pem, own, &[]);
        assert_eq!(ran.status, 3, "{words}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
}

#[test]
fn what_is_not_tls_is_said_to_be_not() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Ca::new();
    let client = ca.issue("somebody", false);
    let port = listen(|mut stream| {
        let mut head = [0; 512];
        let _ = stream.read(&mut head);
        stream.write_all(&answer("400 Bad Request", "")).unwrap();
    });
    let ran = status(folder.path(), port, &ca.pem, &client, &[]);
    assert_eq!(ran.status, 3);
    assert!(ran.err.contains("does not speak TLS"), "{}", ran.err);
    let port = listen(drop);
    let ran = status(folder.path(), port, &ca.pem, &client, &[]);
    assert_eq!(ran.status, 3, "{}", ran.err);
}

#[test]
fn files_that_do_not_fit_are_named_before_anybody_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Ca::new();
    let (one, other) = (ca.issue("one", false), ca.issue("other", false));
    let mixed = Issued { certificate: one.certificate.clone(), key: other.key };
    let keyless = Issued { certificate: one.certificate.clone(), key: one.certificate.clone() };
    let bare = Issued { certificate: String::new(), key: one.key.clone() };
    for (pem, own, words) in [
        (ca.pem.as_str(), &mixed, "not the key of the certificate"),
        (&ca.pem, &keyless, "holds no private key"),
        (&ca.pem, &bare, "holds no certificate"),
        ("", &one, "holds no certificate"),
    ] {
        let ran = status(folder.path(), 1, pem, own, &[]);
        assert_eq!(ran.status, 2, "{words}: {}", ran.err);
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    let ran = status(folder.path(), 1, &ca.pem, &one, &["--server-name", "a b"]);
    assert_eq!(ran.status, 3, "the address comes first: {}", ran.err);
}
