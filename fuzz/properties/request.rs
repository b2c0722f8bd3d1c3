//! What holds for a request whatever its bytes: a line of method and target, then the body of `PATCH /settings/keypair`.

use settings::{KeyPath, Layer, from_pairs};
use wire::query::{Query, encode, list};
use wire::types::KeyPairs;
use wire::{Found, find};

/// Panics if it does not hold for `bytes`.
pub fn holds(bytes: &[u8]) {
    let (line, body) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &b""[..]),
    };
    let line = String::from_utf8_lossy(line);
    let (method, target) = line.split_once(' ').unwrap_or(("GET", &line));
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    route(method, path);
    parameters(query);
    pairs(body);
}

fn route(method: &str, path: &str) {
    match find(method, path) {
        Found::Route(route, names) => {
            assert_eq!(route.method.name(), method);
            assert_eq!(names.len(), route.names().count());
            assert!(names.iter().all(|name| !name.is_empty() && !name.chars().any(char::is_control)));
            // The same names, written as a client writes them, lead to the same route.
            let mut rest = names.iter();
            let parts = route.path.split('/').map(|part| match part.starts_with('{') {
                true => encode(rest.next().expect("one for each")),
                false => part.to_owned(),
            });
            let again = parts.collect::<Vec<_>>().join("/");
            match find(method, &again) {
                Found::Route(other, others) => {
                    assert_eq!((other.call, others), (route.call, names), "{again}")
                }
                other => panic!("{again}: {other:?}"),
            }
        }
        Found::OtherMethods(methods) => assert!(methods.iter().all(|other| other.name() != method)),
        Found::Nothing => {}
        Found::Malformed(why) => assert!(!why.to_string().is_empty()),
    }
}

fn parameters(text: Option<&str>) {
    let Ok(query) = Query::parse(text) else { return };
    let pairs: Vec<_> = query.names().map(|name| (name, query.get(name).expect("it is named"))).collect();
    let again: Vec<_> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    assert_eq!(Query::parse(Some(&again.join("&"))), Ok(query.clone()));
    for (_, value) in pairs {
        assert!(!value.chars().any(char::is_control));
        assert_eq!(list(value).join(","), value);
        for key in list(value).into_iter().filter_map(|key| KeyPath::parse(key).ok()) {
            // A key that was read stays one entry of a list, whatever is in its quotes.
            assert_eq!(list(&key.to_string()).len(), 1, "{key}");
        }
    }
}

fn pairs(body: &[u8]) {
    let Ok(pairs) = KeyPairs::from_bytes(body) else { return };
    match pairs.split() {
        Ok(split) => {
            assert_eq!(split.len(), pairs.request_payload.len());
            match from_pairs(&split, Layer::Api) {
                Ok(tree) => assert!(tree.root.keys().all(|key| key == "settings"), "settings is implied"),
                Err(problems) => assert!(!problems.is_empty()),
            }
        }
        Err(without) => assert!(without.iter().all(|index| !pairs.request_payload[*index].contains('='))),
    }
}
