//! Finding the route that a request means.

use std::collections::BTreeSet;

use wire::{Found, Method, ROUTES, Role, find};

/// A path that the route matches.
fn example(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "some%20one" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[test]
fn every_route_is_found_by_its_own_method_and_path_and_no_other() {
    for route in ROUTES {
        let path = example(route.path);
        match find(route.method.name(), &path) {
            Found::Route(found, names) => {
                assert_eq!(found.call, route.call, "{} {path}", route.method);
                assert_eq!(names.len(), route.names().count());
                assert!(names.iter().all(|name| name == "some one"), "{names:?}");
            }
            other => panic!("{} {path}: {other:?}", route.method),
        }
        for method in Method::ALL {
            match find(method.name(), &path) {
                Found::Route(found, _) => assert_eq!((found.method, found.path), (method, route.path)),
                Found::OtherMethods(methods) => {
                    assert!(methods.contains(&route.method) && !methods.contains(&method))
                }
                other => panic!("{method} {path}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_call_has_one_route_and_a_route_its_own_name() {
    let calls: BTreeSet<_> = ROUTES.iter().map(|route| format!("{:?}", route.call)).collect();
    let places: BTreeSet<_> = ROUTES.iter().map(|route| (route.path, route.method.name())).collect();
    assert_eq!((calls.len(), places.len()), (ROUTES.len(), ROUTES.len()));
}

#[test]
fn a_fixed_path_wins_over_one_with_a_name() {
    match find("GET", "/v1/generations/diff") {
        Found::Route(route, names) => assert_eq!((route.path, names.len()), ("/v1/generations/diff", 0)),
        other => panic!("{other:?}"),
    }
    match find("GET", "/v1/generations/12") {
        Found::Route(route, names) => {
            assert_eq!((route.path, names), ("/v1/generations/{n}", vec!["12".to_string()]))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_path_is_not_found() {
    for path in [
        "",
        "//",
        "/settings/",
        "//settings",
        "/Settings",
        "/v1",
        "/v1/",
        "/v1/settings/",
        "/v1/services//restart",
        "/v1/services/a/b",
        "/v1/..",
        "/./settings",
        "/v1/services/a/restart/b",
        "*",
    ] {
        let found = find("GET", path);
        let nothing =
            matches!(found, Found::Nothing) || (path.is_empty() && matches!(found, Found::Route(..)));
        assert!(nothing, "{path}: {found:?}");
    }
    for path in
        ["/v1/services/%", "/v1/services/%4", "/v1/services/%zz", "/v1/services/%ff", "/v1/services/a%0ab"]
    {
        assert!(matches!(find("GET", path), Found::Malformed(_)), "{path}");
    }
    for method in ["PUT", "get", "", "HEAD", "GET "] {
        assert!(matches!(find(method, "/settings"), Found::OtherMethods(_)), "{method}");
    }
}

#[test]
fn what_changes_settings_is_an_administrators_and_what_reads_secrets_too() {
    for route in ROUTES {
        let settings = ["/settings", "/v1/settings", "/tx", "/v1/generations", "/settings/keypair"];
        if route.changes()
            && settings.iter().any(|path| route.path.starts_with(path))
            && route.path != "/tx/apply"
        {
            assert_eq!(route.access, Role::Admin, "{} {}", route.method, route.path);
        }
        assert!(
            !route.changes() || route.access > Role::Reader,
            "{} {}: a reader changes nothing",
            route.method,
            route.path
        );
    }
}

#[test]
fn roles_are_steps() {
    for (index, role) in Role::ALL.into_iter().enumerate() {
        assert_eq!(role.name().parse(), Ok(role));
        for (other, least) in Role::ALL.into_iter().enumerate() {
            assert_eq!(role.may(least), index >= other);
        }
    }
    assert!("root".parse::<Role>().is_err() && "Admin".parse::<Role>().is_err());
}

#[test]
fn every_reference_in_the_openapi_document_leads_somewhere() {
    fn walk(document: &serde_json::Value, value: &serde_json::Value, count: &mut usize) {
        match value {
            serde_json::Value::Object(map) => {
                if let Some(to) = map.get("$ref").and_then(|to| to.as_str()) {
                    let found = document.pointer(to.trim_start_matches('#'));
                    assert!(found.is_some_and(serde_json::Value::is_object), "{to}");
                    *count += 1;
                }
                map.values().for_each(|value| walk(document, value, count));
            }
            serde_json::Value::Array(list) => list.iter().for_each(|value| walk(document, value, count)),
            _ => {}
        }
    }
    let document = wire::openapi::document();
    let mut count = 0;
    walk(&document, &document, &mut count);
    assert!(count > 100, "{count}");
    let paths = document["paths"].as_object().unwrap();
    let operations: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(operations, ROUTES.len());
}
