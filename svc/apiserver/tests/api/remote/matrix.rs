//! Role by route: every cell, over real connections, and its record.

use serde_json::Value;
use wire::audit::{Scope, verify};
use wire::{Method, ROUTES, Role, Route};

use super::Site;
use crate::http::Request;

/// What stands for a route's names. No such generation, unit or certificate exists: a call that may be made changes nothing.
fn path(route: &Route) -> String {
    let part = |part: &str| if part.starts_with('{') { "999999".to_owned() } else { part.to_owned() };
    let path: Vec<_> = route.path.split('/').map(part).collect();
    let query: Vec<_> =
        route.query.iter().filter(|one| one.required).map(|one| format!("{}=999999", one.name)).collect();
    if query.is_empty() { path.join("/") } else { format!("{}?{}", path.join("/"), query.join("&")) }
}

#[test]
fn each_role_may_do_what_its_routes_allow_and_nothing_else() {
    let site = Site::new("matrix");
    let generation = site.machine.generation();
    let mut cells = 0;
    for role in Role::ALL {
        let client = site.client(&site.issue(role));
        for route in ROUTES {
            let (method, path) = (route.method.name(), path(route));
            let mut request = Request::new(method, &path);
            if route.body.is_some() {
                // No call takes this.
                request = request.body("]");
            }
            let status =
                client.status(&request).unwrap_or_else(|err| panic!("{role} {method} {path}: {err}"));
            assert_eq!(status == 403, !role.may(route.access), "{role} {method} {path}: {status}");
            assert_ne!(status, 401);
            cells += 1;
        }
    }
    assert_eq!(cells, 3 * ROUTES.len());
    assert_eq!(site.machine.generation(), generation, "no cell has changed anything");

    // Every cell has its record, with its caller and its status.
    let lines = site.record();
    let findings = verify(lines.iter().map(String::as_str), Scope::Part, &[]);
    assert!(findings.is_whole(), "{:?}", findings.breaks);
    for role in Role::ALL {
        let calls: Vec<Value> = lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|one: &Value| {
                one["caller"].as_str().is_some_and(|name| name.starts_with(&format!("the {role} (")))
            })
            .collect();
        // A follower's call is recorded when it is answered: at its start.
        assert_eq!(calls.len(), ROUTES.len(), "{role}");
        for (call, route) in calls.iter().zip(ROUTES) {
            assert_eq!(call["method"], route.method.name());
            assert_eq!(call["path"], path(route).split('?').next().unwrap());
            assert_eq!(call["status"] == 403, !role.may(route.access));
        }
    }
}

#[test]
fn what_is_not_a_route_is_nobodys() {
    let site = Site::new("noroute");
    let admin = site.client(&site.issue(Role::Admin));
    for (method, path, status) in [
        ("GET", "/v1/nothing", 404),
        ("PUT", "/v1/settings", 405),
        ("GET", "/v1/%zz", 400),
        ("CONNECT", "example.org:443", 400),
    ] {
        let answer = admin.status(&Request::new(method, path)).unwrap();
        assert!(answer == status || method == "CONNECT" && answer >= 400, "{method} {path}: {answer}");
    }
    let reader = site.client(&site.issue(Role::Reader));
    let sent = Request::new(Method::Patch.name(), "/v1/settings").body(r#"{"settings":{"motd":"x"}}"#);
    let refusal = reader.ask(&sent).unwrap().is(403).json();
    assert!(refusal["error"].as_str().unwrap().contains("admin"), "{refusal}");
    // Secrets are an administrator's, on a route that readers have.
    assert_eq!(reader.get("/v1/settings?secrets=show").unwrap().status, 403);
    assert_eq!(admin.get("/v1/settings?secrets=show").unwrap().status, 200);
    assert!(!reader.get("/v1/settings").unwrap().text().contains("PRIVATE"));
}
