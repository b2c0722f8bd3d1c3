//! Every path of Bottlerocket's, with its status and the shape of its body.

use serde_json::{Value, json};

use crate::http::{Answer, Request};
use crate::server::Machine;

/// What a body is.
enum Is {
    Empty,
    Text(&'static str),
    Json(Value),
    /// An object with these keys, and no others.
    Keys(&'static [&'static str]),
    /// Whatever it is.
    Any,
}

use Is::{Any, Empty, Json, Keys, Text};

#[track_caller]
fn check(step: &str, answer: &Answer, status: u16, is: Is) {
    assert_eq!(answer.status, status, "{step}: {}", answer.text());
    let kind = answer.header("content-type");
    match is {
        Empty => assert_eq!(answer.text(), "", "{step}"),
        Text(part) => {
            assert!(answer.text().contains(part), "{step}: {}", answer.text());
            assert_eq!(kind, Some("text/plain; charset=utf-8"), "{step}");
        }
        Json(want) => {
            assert_eq!(answer.json(), want, "{step}");
            assert_eq!(kind, Some("application/json"), "{step}");
        }
        Keys(want) => {
            let json = answer.json();
            let keys: Vec<_> = json.as_object().unwrap().keys().collect();
            assert_eq!(keys, want, "{step}");
        }
        Any => {}
    }
}

#[test]
fn every_path_answers_as_bottlerockets_does() {
    let machine = Machine::new("paths");
    let steps: Vec<(&str, &str, &str, u16, Is)> = vec![
        // The model.
        ("GET", "/", "", 200, Keys(&["configuration-files", "os", "services", "settings"])),
        ("GET", "/?prefix=settings.motd", "", 200, Json(json!({ "settings": { "motd": "from the image" } }))),
        ("GET", "/?prefix=se", "", 200, Keys(&["services", "settings"])),
        ("GET", "/?prefix=os.arch", "", 200, Json(json!({ "os": { "arch": std::env::consts::ARCH } }))),
        ("GET", "/?prefix=nothing", "", 200, Json(json!({}))),
        ("GET", "/?prefix=", "", 400, Text("prefix")),
        (
            "GET",
            "/os",
            "",
            200,
            Json(json!({
                "version_id": "1.2.3", "build_id": "abcdef", "variant_id": "standalone",
                "arch": std::env::consts::ARCH, "pretty_name": "Gantry 1.2.3 (standalone)",
            })),
        ),
        ("GET", "/os?prefix=variant", "", 200, Json(json!({ "variant_id": "standalone" }))),
        // Settings.
        ("GET", "/settings", "", 200, Json(json!({ "motd": "from the image" }))),
        ("GET", "/settings?keys=settings.motd", "", 200, Json(json!({ "motd": "from the image" }))),
        ("GET", "/settings?keys=motd,kernel", "", 200, Json(json!({ "motd": "from the image" }))),
        ("GET", "/settings?keys=settings.dns", "", 200, Json(json!({}))),
        ("GET", "/settings?keys=", "", 400, Text("keys")),
        ("GET", "/settings?keys=a..b", "", 400, Text("a..b")),
        ("GET", "/settings?prefix=mo", "", 200, Json(json!({ "motd": "from the image" }))),
        ("GET", "/settings?prefix=settings.mo", "", 200, Json(json!({ "motd": "from the image" }))),
        ("GET", "/settings?prefix=x", "", 200, Json(json!({}))),
        ("GET", "/settings?prefix=", "", 400, Text("prefix")),
        // Transactions.
        ("GET", "/tx/list", "", 200, Json(json!([]))),
        ("GET", "/tx", "", 200, Json(json!({}))),
        ("POST", "/tx/commit", "", 422, Text("nothing is pending")),
        ("POST", "/tx/commit_and_apply?tx=x", "", 422, Text("nothing is pending")),
        ("PATCH", "/settings", r#"{"motd": "one"}"#, 204, Empty),
        ("PATCH", "/settings?tx=mine", r#"{"settings": {"motd": "two"}}"#, 204, Empty),
        ("PATCH", "/settings?tx=../x", r#"{"motd": "two"}"#, 400, Text("tx")),
        ("PATCH", "/settings?strength=strong", r#"{"motd": "one"}"#, 204, Empty),
        ("PATCH", "/settings?strength=weak", r#"{"motd": "one"}"#, 400, Text("strength")),
        ("PATCH", "/settings?strength=other", r#"{"motd": "one"}"#, 400, Text("strength")),
        ("PATCH", "/settings", r#"{"mottd": "one"}"#, 400, Text("settings.mottd: ")),
        ("PATCH", "/settings", "{", 400, Text("JSON")),
        ("GET", "/tx/list", "", 200, Json(json!(["default", "mine"]))),
        ("GET", "/tx", "", 200, Json(json!({ "motd": "one" }))),
        ("GET", "/tx?tx=mine", "", 200, Json(json!({ "motd": "two" }))),
        (
            "GET",
            "/v2/tx",
            "",
            200,
            Json(json!({
                "settings": { "motd": "one" }, "metadata": { "settings.motd": { "strength": "strong" } },
            })),
        ),
        ("GET", "/settings", "", 200, Json(json!({ "motd": "from the image" }))),
        ("DELETE", "/tx?tx=mine", "", 200, Json(json!(["settings.motd"]))),
        ("DELETE", "/tx?tx=mine", "", 200, Json(json!([]))),
        ("POST", "/tx/commit", "", 200, Json(json!(["settings.motd"]))),
        ("GET", "/settings", "", 200, Json(json!({ "motd": "one" }))),
        ("GET", "/tx/list", "", 200, Json(json!([]))),
        ("POST", "/tx/apply", "", 204, Empty),
        ("POST", "/tx/apply?keys=settings.motd", "", 204, Empty),
        ("POST", "/tx/apply?keys=a..b", "", 400, Text("a..b")),
        (
            "PATCH",
            "/settings/keypair",
            r#"{"request_payload": ["motd=three", "settings.kernel.sysctl.\"vm.swappiness\"=10"]}"#,
            204,
            Empty,
        ),
        (
            "PATCH",
            "/settings/keypair",
            r#"{"request_payload": ["motd"]}"#,
            400,
            Text("request_payload[0]: wanted key=value"),
        ),
        (
            "PATCH",
            "/settings/keypair",
            r#"{"request_payload": ["nothing=1"]}"#,
            400,
            Text("settings.nothing: "),
        ),
        ("PATCH", "/settings/keypair", r#"["motd=x"]"#, 400, Text("request_payload")),
        (
            "POST",
            "/tx/commit_and_apply",
            "",
            200,
            Json(json!(["settings.kernel.sysctl.\"vm.swappiness\"", "settings.motd"])),
        ),
        ("GET", "/settings?prefix=motd", "", 200, Json(json!({ "motd": "three" }))),
        // Metadata.
        ("GET", "/metadata/affected-services", "", 400, Text("keys")),
        (
            "GET",
            "/metadata/affected-services?keys=settings.containers",
            "",
            200,
            Json(json!({ "settings.containers": ["containers"] })),
        ),
        ("GET", "/metadata/templates?keys=settings.motd", "", 200, Json(json!({}))),
        ("GET", "/metadata/templates", "", 400, Text("keys")),
        ("GET", "/metadata/setting-generators", "", 200, Json(json!({}))),
        ("GET", "/v2/metadata/setting-generators", "", 200, Json(json!({}))),
        ("GET", "/services", "", 200, Any),
        ("GET", "/services?names=containers", "", 200, Keys(&["containers"])),
        ("GET", "/services?names=nobody", "", 404, Text("nobody")),
        ("GET", "/services?prefix=containers", "", 200, Keys(&["containers"])),
        ("GET", "/services?names=", "", 400, Text("names")),
        ("GET", "/configuration-files", "", 200, Any),
        ("GET", "/configuration-files?names=nothing", "", 404, Text("nothing")),
        // Actions.
        ("POST", "/actions/lockdown", "", 501, Text("frozen")),
        ("POST", "/actions/refresh-updates", "", 501, Text("updater")),
        ("POST", "/actions/prepare-update", "", 501, Text("updater")),
        ("POST", "/actions/activate-update", "", 501, Text("updater")),
        ("POST", "/actions/deactivate-update", "", 501, Text("updater")),
        ("GET", "/updates/status", "", 404, Text("update")),
        ("POST", "/actions/network/configure", "version = 3\n", 501, Text("net.toml")),
        ("POST", "/actions/ephemeral-storage/init", "{}", 501, Text("ephemeral storage")),
        ("POST", "/actions/ephemeral-storage/bind", "{}", 501, Text("ephemeral storage")),
        ("GET", "/actions/ephemeral-storage/list-disks", "", 501, Text("ephemeral storage")),
        ("GET", "/actions/ephemeral-storage/list-ebs-volumes", "", 501, Text("ephemeral storage")),
        ("GET", "/actions/ephemeral-storage/list-dirs?format=json", "", 501, Text("ephemeral storage")),
        ("GET", "/exec", "", 501, Text("exec")),
        ("GET", "/report", "", 200, Json(json!([]))),
        ("GET", "/report/cis?level=1&format=json", "", 422, Text("report")),
        ("GET", "/report/fips", "", 422, Text("report")),
        ("POST", "/actions/reboot", "", 204, Empty),
        ("GET", "/nothing", "", 404, Text("/nothing")),
        ("PUT", "/settings", "", 405, Text("PUT")),
    ];
    let mut asked = std::collections::BTreeSet::new();
    for (method, target, body, status, is) in steps {
        let mut request = Request::new(method, target);
        if !body.is_empty() {
            request = request.body(body);
        }
        let path = target.split('?').next().unwrap();
        asked.insert((method.to_owned(), path.to_owned()));
        check(&format!("{method} {target}"), &machine.ask(&request), status, is);
    }
    for route in wire::ROUTES.iter().filter(|route| !route.is_v1()) {
        let key = (route.method.name().to_owned(), route.path.to_owned());
        assert!(asked.contains(&key), "{} {} is not in the table", route.method, route.path);
    }
    assert!(machine.init.is_shut_down());
    assert_eq!(machine.file("/proc/sys/vm/swappiness").unwrap().trim(), "10");
}

#[test]
fn settings_of_a_transaction_become_files_when_they_are_applied_and_not_before() {
    let machine = Machine::new("tx");
    let web = r#"{"containers": {"web": {"image": "docker.io/library/caddy:2"}}}"#;
    machine.patch("/settings", web).is(204);
    machine.post("/tx/commit").is(200);
    assert!(machine.init.renewed().is_empty());
    machine.post("/tx/apply").is(204);
    assert!(machine.file("/run/gantry/containers.json").unwrap().contains("caddy"));
    assert_eq!(machine.init.renewed(), ["containers"]);
    machine.post("/tx/apply").is(204);
    assert_eq!(machine.init.renewed(), ["containers"], "nothing differs: nobody is told");
}

#[test]
fn transactions_are_bounded_and_one_does_not_see_anothers() {
    let machine = Machine::new("txs");
    for number in 0..apiserver::LIMITS.transactions {
        machine.patch(&format!("/settings?tx=t{number}"), r#"{"motd": "x"}"#).is(204);
    }
    let refused = machine.patch("/settings?tx=more", r#"{"motd": "x"}"#).is(429);
    assert!(refused.text().contains("DELETE /tx"), "{}", refused.text());
    machine.patch("/settings?tx=t1", r#"{"motd": "y"}"#).is(204);
    assert_eq!(machine.get("/tx?tx=t1").json(), json!({ "motd": "y" }));
    assert_eq!(machine.get("/tx?tx=t2").json(), json!({ "motd": "x" }));
    machine.patch("/settings?tx=empty", "{}").is(429);
    machine.ask(&Request::new("DELETE", "/tx?tx=t0")).is(200);
    machine.patch("/settings?tx=empty", "{}").is(204);
    assert!(!machine.get("/tx/list").text().contains("empty"), "what sets nothing is no transaction");
}
