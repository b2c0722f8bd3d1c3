//! Unit files good and bad, and what is said of them.

use std::string::ToString;
use std::vec::Vec;

use super::*;
use crate::unit::{FailureAction, Readiness};

const DEFAULT_UNIT: (&str, &str) = ("default", "kind = \"target\"\nwants = [\"web\"]\n");

fn problems(files: &[(&str, &str)]) -> Vec<String> {
    compile(files).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_set_survives_its_stored_form() {
    let web = "kind = \"service\"\nexec = [\"/bin/web\", \"-f\"]\nready = \"notify\"\nuser = \"1:2\"\n\
               environment = { A = \"b\" }\nbackoff = { initial_ms = 5 }\ncondition = \"path:/x\"\n\
               failure_action = \"reboot\"\n";
    let set = compile(&[DEFAULT_UNIT, ("web", web)]).unwrap();
    let unit = set.get(set.find("web").unwrap()).unwrap();
    assert_eq!(unit.user, crate::unit::User { uid: 1, gid: 2 });
    assert_eq!(unit.failure_action, crate::unit::FailureAction::Reboot);
    assert_eq!(unit.backoff, crate::unit::Backoff { initial_ms: 5, ..crate::unit::Backoff::DEFAULT });
    assert_eq!(UnitSet::from_json(set.to_json().as_bytes()).unwrap(), set);
}

#[test]
fn the_order_of_the_files_does_not_matter() {
    let web = ("web", "kind = \"service\"\nexec = [\"/bin/web\"]\n");
    assert_eq!(compile(&[DEFAULT_UNIT, web]), compile(&[web, DEFAULT_UNIT]));
}

#[test]
fn every_problem_of_every_file_is_named() {
    let web = "kind = \"service\"\nexec = [\"/bin/web\"]\nrestrat = \"always\"\nready = \"soon\"\n\
               requires = [\"nobody\"]\nstart_timeout_ms = -1\nbackoff = { maximum = 3 }\nmilestone = \"up\"\n\
               failure-action = \"restart\"\n";
    let job = "kind = \"oneshot\"\nexec = [\"job\"]\nrestart = \"always\"\nmilestone = \"up\"\n";
    let found = problems(&[("default", "kind = \"target\"\n"), ("job", job), ("web", web)]);
    for want in [
        "web: restrat: unknown key; did you mean restart?",
        "web: ready: is \"soon\", which is none of notify, started, finished",
        "web: start_timeout_ms: must be a whole number, 0 or more",
        "web: backoff.maximum: unknown key",
        "web: failure-action: unknown key; did you mean failure_action?",
        "web: requires: there is no unit nobody",
        "web: milestone: up is stamped by job as well",
        "job: exec's program must be an absolute path",
        "job: a oneshot that is always restarted never ends: use restart = \"on-failure\"",
    ] {
        assert!(found.iter().any(|line| line == want), "missing {want:?} in {found:#?}");
    }
    assert_eq!(found.len(), 9, "{found:#?}");
}

#[test]
fn a_cycle_is_shown_whole() {
    let after = |name| std::format!("kind = \"service\"\nexec = [\"/x\"]\nafter = [\"{name}\"]\n");
    let (a, b, c) = (after("b"), after("c"), after("a"));
    let found = problems(&[("default", "kind = \"target\"\n"), ("a", &a), ("b", &b), ("c", &c)]);
    assert_eq!(found, ["a: after: it comes after itself: a -> b -> c -> a"]);
}

#[test]
fn a_set_without_default_is_refused() {
    let found = problems(&[("web", "kind = \"service\"\nexec = [\"/x\"]\n")]);
    assert_eq!(found, ["default: a set must have this unit: it is what a boot brings up"]);
}

#[test]
fn text_that_is_not_toml_is_one_problem() {
    let found = problems(&[DEFAULT_UNIT, ("web", "kind = ")]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("web: "), "{found:#?}");
}

#[test]
fn stored_sets_are_bounded_and_checked_again() {
    use crate::set::{MAX_STORED_BYTES, SetError};
    let long = std::vec![b' '; MAX_STORED_BYTES + 1];
    assert!(matches!(UnitSet::from_json(&long), Err(SetError::TooLong { .. })));
    let set = compile(&[DEFAULT_UNIT, ("web", "kind = \"service\"\nexec = [\"/x\"]\n")]).unwrap();
    let json = set.to_json();
    let stray = json.replacen("\"wants\":[1]", "\"wants\":[9]", 1);
    assert_ne!(stray, json);
    assert!(matches!(UnitSet::from_json(stray.as_bytes()), Err(SetError::Unit { .. })));
    let newer = json.replacen("\"format\":1", "\"format\":2", 1);
    assert!(matches!(UnitSet::from_json(newer.as_bytes()), Err(SetError::Format { found: 2 })));
}

#[test]
fn only_a_service_that_says_when_it_is_up_can_reload() {
    let unit = |keys: &str| std::format!("kind = \"service\"\nexec = [\"/x\"]\nreload = \"SIGHUP\"\n{keys}");
    let set = compile(&[DEFAULT_UNIT, ("web", &unit("ready = \"notify\"\n"))]).unwrap();
    let web = set.get(set.find("web").unwrap()).unwrap();
    assert_eq!(web.reload, Some(crate::unit::Signal::Hup));
    assert_eq!(UnitSet::from_json(set.to_json().as_bytes()).unwrap(), set);
    assert_eq!(
        problems(&[DEFAULT_UNIT, ("web", &unit(""))]),
        ["web: only a service with ready = \"notify\" can reload: it must say when it is done"]
    );
    assert_eq!(
        problems(&[DEFAULT_UNIT, ("web", &unit("ready = \"notify\"\nstop_signal = \"SIGHUP\"\n"))]),
        ["web: reload and stop_signal are the same: it could not tell which is meant"]
    );
    assert!(
        problems(&[DEFAULT_UNIT, ("web", "kind = \"service\"\nexec = [\"/x\"]\nreload = \"SIGWINCH\"\n")])[0]
            .starts_with("web: reload: is \"SIGWINCH\", which is none of SIGHUP, ")
    );
}

#[test]
fn the_units_of_the_image_compile() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../image/units");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_string();
        files.push((name, std::fs::read_to_string(&path).unwrap()));
    }
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let set = compile(&files).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let names: Vec<&str> = set.start_order().iter().map(|id| set.get(*id).unwrap().name.as_str()).collect();
    assert_eq!(names.last(), Some(&"default"));
    // What restarts the host when it is down for good must be up before a set is confirmed: else a set that lacks it is
    // confirmed at each start and restarts for ever.
    let healthy = set.get(set.find("healthy").unwrap()).unwrap();
    for id in set.ids().filter(|id| set.get(*id).unwrap().failure_action == FailureAction::Reboot) {
        let unit = set.get(id).unwrap();
        assert!(healthy.requires.contains(&id) && unit.ready == Readiness::Notify, "{}", unit.name);
    }
}
