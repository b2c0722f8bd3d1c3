//! Who is not let in, and what they hear.

use std::io::Read as _;
use std::net::TcpStream;

use apiserver::authority::{Authority, Purpose};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber,
};
use rustls::HandshakeKind;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use wire::Role;

use super::client::{Client, ask};
use super::{Site, base64, now_s};
use crate::http::Request;
use crate::server::until;

/// What makes a good certificate a bad one.
type Spoil = fn(&mut CertificateParams);

/// An authority that issues what no sane one does.
struct Careless {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(now_s().try_into().unwrap()).unwrap()
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", super::base64_of(der))
}

impl Careless {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "careless");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = pem("CERTIFICATE", params.self_signed(&key).unwrap().der());
        Careless { issuer: Issuer::new(params, key), certificate }
    }

    /// A client's certificate, good but for what `spoil` does.
    fn issue(&self, organizations: &[&str], spoil: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (at, organization) in organizations.iter().enumerate() {
            // One kind may stand in a name more than once, which this crate's names cannot: then as a kind of its own.
            let kind =
                if at == 0 { DnType::OrganizationName } else { DnType::CustomDnType(vec![2, 5, 4, 10]) };
            params.distinguished_name.push(kind, *organization);
        }
        params.distinguished_name.push(DnType::CommonName, "mallory");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        (params.not_before, params.not_after) = (now() - Duration::HOUR, now() + Duration::HOUR);
        params.serial_number = Some(SerialNumber::from_slice(&[0x42, 7]));
        spoil(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (pem("CERTIFICATE", certificate.der()), pem("PRIVATE KEY", key.serialized_der()))
    }

    /// A list that revokes every certificate of above.
    fn revoke(&self) -> String {
        let entry = RevokedCertParams {
            serial_number: SerialNumber::from_slice(&[0x42, 7]),
            revocation_time: now(),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: now() - Duration::HOUR,
            next_update: now() + Duration::HOUR,
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: vec![entry],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        pem("X509 CRL", params.signed_by(&self.issuer).unwrap().der())
    }
}

/// A site that believes the careless authority.
fn site(name: &str, authority: &Careless) -> Site {
    let site = Site::new(name);
    site.set(json!({ "client-ca": base64(&authority.certificate) })).is(200);
    site
}

fn client(site: &Site, identity: Option<&(String, String)>) -> Client {
    let identity = identity.map(|(certificate, key)| (certificate.as_str(), key.as_str()));
    Client::new(site.port, &site.authority.certificate_pem(), identity)
}

/// Why the last ones were refused, as the record says.
fn refusals(site: &Site) -> Vec<String> {
    let lines = site.record();
    let records = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let refused = records.filter(|one| one["event"] == "refused");
    refused.map(|one| format!("{} {}", one["peer"].as_str().unwrap(), one["why"].as_str().unwrap())).collect()
}

#[test]
fn a_certificate_that_is_not_good_ends_the_handshake_and_is_recorded() {
    let careless = Careless::new();
    let site = site("handshake", &careless);
    let good = |spoil: Spoil| careless.issue(&["gantry:admin"], spoil);
    let foreign = Careless::new().issue(&["gantry:admin"], |_| {});
    let own = site.issue(Role::Admin);
    let cases = [
        ("none", None, "peer sent no certificates"),
        ("expired", Some(good(|it| it.not_after = it.not_before + Duration::MINUTE)), "expired"),
        ("not yet valid", Some(good(|it| it.not_before = it.not_after - Duration::MINUTE)), "not valid yet"),
        // Of the same name as ours: so it is the signature that does not fit.
        ("of a foreign authority", Some(foreign), "BadSignature"),
        ("of the server's authority", Some((own.certificate, own.key)), "UnknownIssuer"),
        (
            "of a server",
            Some(good(|it| it.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth])),
            "",
        ),
        ("of an authority", Some(good(|it| it.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))), ""),
    ];
    let mut known = 0;
    for (what, identity, why) in &cases {
        let answer = client(&site, identity.as_ref()).get("/v1/status");
        assert!(answer.is_err(), "{what}: {answer:?}");
        // Ours is not the only thread: the client may know before it is written.
        until("a record", || refusals(&site).len() > known);
        let refusals = refusals(&site);
        known += 1;
        assert_eq!(refusals.len(), known, "{what}: one refusal, one record");
        assert!(refusals[known - 1].starts_with("127.0.0.1 "), "{refusals:?}");
        assert!(refusals[known - 1].contains(why), "{what}: {refusals:?}");
    }
    // The same key and authority without the flaw.
    assert_eq!(client(&site, Some(&good(|_| {}))).get("/v1/status").unwrap().status, 200);
}

#[test]
fn a_good_certificate_without_one_role_is_told_so_and_gets_nothing() {
    let careless = Careless::new();
    let site = site("noroles", &careless);
    let cases: [(&[&str], Spoil, &str); 9] = [
        (&[], |_| {}, "no role"),
        (&["Example Corp"], |_| {}, "no role"),
        (&["admin"], |_| {}, "no role"),
        (&["Gantry:admin"], |_| {}, "no role"),
        (&["gantry:root"], |_| {}, "none of"),
        (&["gantry:"], |_| {}, "none of"),
        (&["gantry:reader", "gantry:admin"], |_| {}, "more than one role"),
        (&["gantry:admin"], |it| it.key_usages = vec![KeyUsagePurpose::KeyEncipherment], "key usage"),
        (&["gantry:admin"], |it| assert!(it.distinguished_name.remove(DnType::CommonName)), "Common Name"),
    ];
    for (organizations, spoil, why) in cases {
        let identity = careless.issue(organizations, spoil);
        for path in ["/v1/settings", "/settings"] {
            let answer = client(&site, Some(&identity)).get(path).unwrap();
            assert_eq!(answer.status, 403, "{organizations:?}");
            assert!(answer.text().contains(why), "{organizations:?}: {}", answer.text());
        }
        let refusals = refusals(&site);
        assert!(refusals.last().unwrap().contains(why), "{refusals:?}");
    }
    // A company's own Organization beside the role is fine.
    let identity = careless.issue(&["Example Corp", "gantry:reader"], |_| {});
    assert_eq!(client(&site, Some(&identity)).get("/v1/status").unwrap().status, 200);
}

#[test]
fn a_revocation_list_in_the_settings_ends_connections_and_lets_nobody_back_in() {
    let careless = Careless::new();
    let site = site("revoked", &careless);
    let identity = careless.issue(&["gantry:operator"], |_| {});
    let mallory = client(&site, Some(&identity));
    let mut connection = mallory.connect().unwrap();
    assert_eq!(ask(&mut connection, "/v1/status").unwrap(), 200);
    let settings =
        json!({ "client-ca": base64(&careless.certificate), "revoked": base64(&careless.revoke()) });
    site.set(settings).is(200);
    until("the end of the old connection", || ask(&mut connection, "/v1/status").is_err());
    assert!(mallory.get("/v1/status").is_err());
    until("a record", || refusals(&site).iter().any(|why| why.to_lowercase().contains("revoked")));
}

#[test]
fn a_revocation_list_of_an_authority_that_is_not_believed_is_refused() {
    let careless = Careless::new();
    let site = Site::new("foreign-list");
    let list = base64(&careless.revoke());
    let answer = site.set(json!({ "revoked": list })).is(500).json();
    let error = answer["error"].as_str().unwrap();
    for said in ["settings.api.revoked", "CN=careless", "CN=test", "settings.api.client-ca"] {
        assert!(error.contains(said), "{said}: {error}");
    }
    assert_eq!(answer["undone"]["ok"], true, "{answer}");
    let own = crate::server::Machine::new("foreign-list-own");
    let api = json!({ "enabled": true, "port": super::free_port(), "revoked": list });
    let answer = own.patch("/v1/settings", &json!({ "settings": { "api": api } }).to_string()).json();
    assert!(answer["error"].as_str().unwrap().contains("DELETE /v1/certificates"), "{answer}");
}

#[test]
fn a_web_page_changes_nothing() {
    let site = Site::new("page");
    let admin = site.client(&site.issue(Role::Admin));
    let before = site.machine.generation();
    let change = || Request::new("PATCH", "/v1/settings").body(r#"{"settings": {"motd": "mine"}}"#);
    for (name, value) in
        [("Origin", "https://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "same-site")]
    {
        let refused = admin.ask(&change().header(name, value)).unwrap().is(403).json();
        assert!(refused["error"].as_str().unwrap().contains(&name.to_lowercase()), "{refused}");
        assert_eq!(admin.ask(&Request::new("POST", "/tx/apply").header(name, value)).unwrap().status, 403);
        // Reading is no harm: a page does not get to see the answer.
        assert_eq!(admin.ask(&Request::new("GET", "/v1/status").header(name, value)).unwrap().status, 200);
        // Whoever has the socket has no certificate that a browser would show.
        site.machine.ask(&Request::new("POST", "/v1/apply").header(name, value)).is(200);
    }
    assert_eq!(site.machine.generation(), before);
    admin.ask(&change()).unwrap().is(200);
}

#[test]
fn older_tls_and_plain_text_get_nothing() {
    let site = Site::new("versions");
    let admin = site.issue(Role::Admin);
    let identity = Some((admin.certificate.as_str(), admin.key.as_str()));
    let old = Client::of(site.port, &site.authority.certificate_pem(), identity, &[&rustls::version::TLS12]);
    assert!(old.get("/v1/status").is_err());
    let mut plain = TcpStream::connect(("127.0.0.1", site.port)).unwrap();
    std::io::Write::write_all(&mut plain, b"GET /v1/status HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert_eq!(site.client(&admin).get("/v1/status").unwrap().status, 200);
}

#[test]
fn every_connection_shows_its_certificate_anew() {
    let site = Site::new("tickets");
    let client = site.client(&site.issue(Role::Reader));
    assert_eq!(client.second_handshake().unwrap(), Some(HandshakeKind::Full));
}

#[test]
fn strangers_have_few_places_and_the_local_socket_does_not_care() {
    let site = Site::new("strangers");
    let idle: Vec<_> = (0..16).map(|_| TcpStream::connect(("127.0.0.1", site.port)).unwrap()).collect();
    // The next from the same address is closed at once.
    until("a closed door", || {
        let mut next = TcpStream::connect(("127.0.0.1", site.port)).unwrap();
        next.set_read_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
        matches!(next.read(&mut [0]), Ok(0))
            || next.read(&mut [0]).is_err_and(|err| err.kind() == std::io::ErrorKind::ConnectionReset)
    });
    site.machine.get("/v1/status").is(200);
    drop(idle);
    let admin = site.client(&site.issue(Role::Admin));
    until("an open door", || admin.get("/v1/status").is_ok_and(|answer| answer.status == 200));
}

#[test]
fn one_certificate_has_so_many_connections_and_others_are_not_concerned() {
    let site = Site::new("crowd");
    let reader = site.client(&site.issue(Role::Reader));
    let mut open: Vec<_> = (0..64).map(|_| reader.connect().unwrap()).collect();
    // Each has been let in.
    open.iter_mut().for_each(|connection| assert_eq!(ask(connection, "/v1/status").unwrap(), 200));
    assert!(reader.get("/v1/status").is_err());
    until("a record", || refusals(&site).iter().any(|why| why.contains("too many connections")));
    assert_eq!(site.client(&site.issue(Role::Admin)).get("/v1/status").unwrap().status, 200);
    open.pop();
    until("its place", || reader.get("/v1/status").is_ok_and(|answer| answer.status == 200));
}

#[test]
fn a_certificate_of_another_authority_of_the_same_name_is_foreign() {
    let site = Site::new("samename");
    let other = Authority::make("test", now_s()).unwrap();
    let issued = other.issue(&Purpose::Client("mallory", Role::Admin), now_s(), 1).unwrap();
    assert!(site.client(&issued).get("/v1/status").is_err());
}
