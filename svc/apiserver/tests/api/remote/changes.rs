//! The listener follows its settings, and stays when it cannot.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use apply::Applier;
use control::Pid1;
use generation::{Draft, Registry, Why};
use serde_json::json;
use settings::{LIMITS, Layer, Rooted, from_json, validate};
use wire::Role;

use super::{Site, base64, free_port};
use crate::http::Request;
use crate::server::until;

fn answers(site: &Site, port: u16) -> bool {
    let admin = site.issue(Role::Admin);
    let identity = Some((admin.certificate.as_str(), admin.key.as_str()));
    let client = super::Client::new(port, &site.authority.certificate_pem(), identity);
    client.get("/v1/status").is_ok_and(|answer| answer.status == 200)
}

#[test]
fn another_port_takes_the_place_of_the_old_one() {
    let site = Site::new("port");
    assert!(answers(&site, site.port));
    let port = free_port();
    site.set(json!({ "port": port })).is(200);
    assert!(answers(&site, port));
    until("the old port closed", || TcpStream::connect(("127.0.0.1", site.port)).is_err());
    site.set(json!({ "port": port, "enabled": false })).is(200);
    until("the port closed", || TcpStream::connect(("127.0.0.1", port)).is_err());
    site.machine.get("/v1/status").is(200);
}

#[test]
fn a_change_that_the_listener_cannot_follow_is_undone_and_the_old_one_stays() {
    let site = Site::new("undone");
    let taken = TcpListener::bind("[::]:0").unwrap();
    let other = site.issue(Role::Admin);
    for (what, settings, why) in [
        ("a port in use", json!({ "port": taken.local_addr().unwrap().port() }), "settings.api.port"),
        ("another certificate's key", json!({ "key": base64(&other.key) }), "settings.api.certificate"),
        (
            "an authority that is none",
            json!({ "client-ca": base64("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n") }),
            "settings.api.client-ca",
        ),
        (
            "a list that is none",
            json!({ "revoked": base64("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n") }),
            "settings.api.revoked",
        ),
    ] {
        let before = site.machine.get("/v1/settings?secrets=show").json()["settings"].clone();
        let answer = site.set(settings).is(500).json();
        assert!(answer["error"].as_str().unwrap().contains(why), "{what}: {answer}");
        let unit = answer["apply"]["units"].as_array().unwrap().last().unwrap();
        assert_eq!((&unit["unit"], &unit["outcome"]), (&json!("apiserver"), &json!("failed")), "{what}");
        assert_eq!(answer["undone"]["ok"], true, "{what}: {answer}");
        assert_eq!(site.machine.get("/v1/settings?secrets=show").json()["settings"], before, "{what}");
        assert!(answers(&site, site.port), "{what}: the old listener");
    }
}

#[test]
fn a_change_over_the_connection_that_it_ends_is_answered() {
    let site = Site::new("own-end");
    let admin = site.client(&site.issue(Role::Admin));
    let port = free_port();
    let body = json!({ "settings": { "api": { "port": port } } }).to_string();
    let answer = admin.ask(&Request::new("PATCH", "/v1/settings").body(body)).unwrap().is(200).json();
    assert_eq!(answer["applied"], true);
    assert!(answers(&site, port));
}

#[test]
fn it_is_off_unless_it_is_turned_on() {
    let machine = crate::server::Machine::new("off");
    assert!(machine.file("/state/identity/api/authority.pem").is_none());
    // The usual port; somebody else on this machine may have it, but not with our certificate.
    let listening = TcpStream::connect(("127.0.0.1", 7443)).is_ok();
    assert!(!listening || !machine.root.join("state/identity").exists());
}

#[test]
fn a_change_that_shuts_its_author_out_comes_back_at_its_deadline() {
    let site = Site::new("shut-out");
    let admin = site.client(&site.issue(Role::Admin));
    let body = json!({ "settings": { "api": { "enabled": false } } }).to_string();
    let request = Request::new("PATCH", "/v1/settings?confirm-within=2").body(body);
    assert_eq!(admin.ask(&request).unwrap().is(200).json()["confirm_within_s"], 2);
    until("the listener again", || answers(&site, site.port));
    let history = site.machine.get("/v1/generations").json();
    assert!(history[0].to_string().contains("not confirmed"), "{history}");
}

#[test]
fn the_same_certificate_serves_after_a_restart_of_the_server() {
    let mut site = Site::new("restart");
    let admin = site.client(&site.issue(Role::Admin));
    assert_eq!(admin.get("/v1/status").unwrap().status, 200);
    site.machine.stop();
    assert!(admin.get("/v1/status").is_err());
    site.machine.start(apiserver::LIMITS);
    until("the listener", || admin.get("/v1/status").is_ok_and(|answer| answer.status == 200));
}

#[test]
fn a_port_that_others_took_keeps_nobody_from_changing_something_else() {
    let mut site = Site::new("taken");
    site.machine.stop();
    let _taken = TcpListener::bind(("0.0.0.0", site.port)).unwrap();
    site.machine.start(apiserver::LIMITS);
    // The first may be what finds out.
    let change = || site.machine.patch("/v1/settings", r#"{"settings": {"motd": "new"}}"#);
    until("changed", || change().status == 200);
    let answer = site.machine.patch("/v1/settings", r#"{"settings": {"motd": "newer"}}"#).is(200).json();
    let unit = &answer["apply"]["units"][0];
    assert_eq!((&unit["unit"], &unit["outcome"]), (&json!("apiserver"), &json!("failed")), "still said");
}

#[test]
fn a_unit_that_is_not_well_does_not_keep_the_door_shut() {
    let site = Site::new("unwell");
    let port = free_port();
    // As configure does with user data that comes by the network.
    let root = &site.machine.root;
    let store = store::Store::open(&root.join("state/settings"), store::KEEP, &Registry::released()).unwrap();
    let mut layers = store.store.current().unwrap().layers.clone();
    let said =
        json!({ "api": { "port": port }, "containers": { "web": { "image": "docker.io/library/caddy:2" } } });
    let said = from_json(said.to_string().as_bytes(), Layer::Api, Rooted::AtSettings, &LIMITS).unwrap();
    layers.write(Layer::Api, said, None);
    let (settings, _) = validate(&layers.merged());
    let draft = Draft {
        unix_s: 1,
        by: "configure".into(),
        why: Why::UserData,
        release: "1.2.3".into(),
        provisional: None,
        layers,
        user_data: [].into(),
    };
    let committed = store.store.commit(draft, None).unwrap();
    let (plan, _) = render::render(&settings, &apply::facts(root));
    site.machine.init.fail("containers", 1);
    let pid1 = Pid1::at(&root.join("run/gantry/init.sock"));
    assert!(!Applier::new(root, Some(Box::new(pid1))).apply(&plan, committed.number).ok);
    until("the new port", || answers(&site, port));
}

#[test]
fn one_certificate_does_not_take_every_watchers_place() {
    let site = Site::new("watchers");
    let (one, other) = (site.client(&site.issue(Role::Reader)), site.client(&site.issue(Role::Reader)));
    let watch = Request::new("GET", "/v1/watch");
    let open = |client: &super::Client| {
        let mut connection = client.connect().unwrap();
        connection.write_all(&watch.bytes()).unwrap();
        let mut head = [0; 12];
        connection.read_exact(&mut head).unwrap();
        (connection, String::from_utf8_lossy(&head[9..]).into_owned())
    };
    let watching: Vec<_> = (0..20).map(|_| open(&one)).collect();
    let refused = watching.iter().filter(|(_, status)| status == "429").count();
    assert_eq!(refused, 4, "16 of one certificate");
    assert_eq!(open(&other).1, "200");
    Request::new("GET", "/v1/watch").open(&site.machine.socket());
}

#[test]
fn changes_over_the_network_do_not_take_every_writers_place() {
    let site = Site::new("writers");
    let admins: Vec<_> = (0..5).map(|_| site.client(&site.issue(Role::Admin))).collect();
    site.machine.init.hold(true);
    let web = r#"{"settings": {"containers": {"web": {"image": "docker.io/library/caddy:2"}}}}"#;
    let before = site.machine.generation();
    let socket = site.machine.socket();
    let first = std::thread::spawn(move || Request::new("PATCH", "/v1/settings").body(web).send(&socket));
    until("the first has its turn", || site.machine.generation() > before);
    let apply = Request::new("POST", "/v1/apply");
    let ask = |client: &super::Client| {
        let mut connection = client.connect().unwrap();
        connection.write_all(&apply.bytes()).unwrap();
        connection
    };
    let refused = |connection: &mut super::client::Connection| {
        let mut head = [0; 12];
        connection.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 429");
    };
    let mut waiting = Vec::new();
    for admin in &admins[..4] {
        waiting.extend((0..5).map(|_| ask(admin)));
        // Whichever of them came last.
        let connections = waiting.iter_mut().rev().take(5);
        let mut polled: Vec<_> = connections.collect();
        polled.iter_mut().for_each(|one| one.sock.set_nonblocking(true).unwrap());
        until("one of one certificate turned away", || {
            polled.iter_mut().any(|one| one.read(&mut [0; 12]).is_ok_and(|count| count > 0))
        });
    }
    refused(&mut ask(&admins[4]));
    // Sixteen wait; root is not turned away.
    let socket = site.machine.socket();
    let root = std::thread::spawn(move || Request::new("POST", "/v1/apply").send(&socket).status);
    site.machine.init.hold(false);
    assert_eq!((first.join().unwrap().status, root.join().unwrap()), (200, 200));
}

#[test]
fn a_call_whose_caller_hangs_up_is_recorded() {
    let site = Site::new("hangs-up");
    let reader = site.client(&site.issue(Role::Reader));
    site.machine.init.hold(true);
    let mut connection = reader.connect().unwrap();
    connection.write_all(&Request::new("GET", "/v1/services").bytes()).unwrap();
    until("asked", || site.machine.init.callers().0 == 1);
    drop(connection);
    until("recorded", || {
        let record = site.record();
        record.iter().any(|line| line.contains("\"path\":\"/v1/services\",\"status\":0"))
    });
    site.machine.init.hold(false);
}
