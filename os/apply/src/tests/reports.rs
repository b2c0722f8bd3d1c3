//! What an application and a preview say, and whom they tell.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::fake::{Bench, PAGES, REFUSED};
use super::{plan, settled, wanted};
use crate::{Applier, ChangeKind, FailedAt, KnobKind, Renewal, UnitOutcome};

const FILES: &[(&str, &str)] = &[
    ("/etc/a", "a\n"),
    ("/etc/b", "b\n"),
    ("/etc/deep/er/c", "c\n"),
    ("/run/secret", "s\n"),
    ("/etc/nobody", "n\n"),
];

#[test]
fn exactly_the_units_whose_files_changed_are_told() {
    let table: &[(&str, Option<&str>, &[&str])] = &[
        ("/etc/a", Some("a\n"), &[]),
        ("/etc/a", Some("other\n"), &["one"]),
        ("/etc/a", None, &["one"]),
        ("/etc/b", Some(""), &["two"]),
        ("/etc/deep/er/c", Some("other\n"), &["one", "two"]),
        ("/etc/deep/er/c", None, &["one", "two"]),
        ("/run/secret", Some("other\n"), &["three"]),
        ("/etc/nobody", Some("other\n"), &[]),
        ("/etc/nobody", None, &[]),
    ];
    for (path, content, units) in table {
        let bench = settled("table", &plan(FILES, &[]));
        let others = FILES.iter().copied().filter(|(other, _)| other != path);
        let files: Vec<_> = others.chain(content.map(|content| (*path, content))).collect();
        let next = plan(&files, &[]);
        let preview = bench.applier().preview(&next);
        let report = bench.applier().apply(&next, 2);
        assert!(report.ok);
        assert_eq!(bench.renewed(), *units, "{path} {content:?}");
        assert_eq!(preview.units, *units, "{path} {content:?}");
        assert_eq!(report.units.iter().map(|unit| unit.unit.as_str()).collect::<Vec<_>>(), *units);
        assert_eq!(bench.files(), wanted(&next));
    }
}

#[test]
fn a_preview_shows_differences_and_no_secrets_and_touches_nothing() {
    let bench = settled("preview", &plan(FILES, &[("/proc/sys/x", "5")]));
    let next = plan(
        &[("/etc/a", "a\nmore\n"), ("/etc/b", "b\n"), ("/run/secret", "password\n"), ("/etc/nobody", "n\n")],
        &[("/sys/z", "hard")],
    );
    let before = (bench.files(), bench.parameters());
    let preview = bench.applier().preview(&next);
    assert_eq!((bench.files(), bench.parameters()), before);
    assert_eq!(bench.renewed(), [""; 0]);

    let change = |path: &str| preview.files.iter().find(|file| file.path == path).unwrap();
    assert_eq!(preview.files.len(), 3);
    assert_eq!(change("/etc/a").kind, ChangeKind::Changed);
    assert_eq!(change("/etc/a").diff.as_deref(), Some("--- /etc/a\n+++ /etc/a\n@@ -1 +1,2 @@\n a\n+more\n"));
    assert_eq!(change("/etc/deep/er/c").kind, ChangeKind::Removed);
    assert_eq!(change("/run/secret").diff, None);
    let knobs: Vec<_> =
        preview.knobs.iter().map(|knob| (knob.path.as_str(), knob.kind, knob.after.as_deref())).collect();
    assert_eq!(
        knobs,
        [("/sys/z", KnobKind::Set, Some("hard")), ("/proc/sys/x", KnobKind::Restored, Some("1"))]
    );
    assert!(!format!("{preview:?}").contains("password"));
}

#[test]
fn a_file_that_holds_a_secret_now_is_not_shown_when_it_goes() {
    let bench = settled("gone-secret", &plan(&[("/run/secret", "password\n")], &[]));
    let preview = bench.applier().preview(&plan(&[], &[]));
    assert_eq!(preview.files[0].kind, ChangeKind::Removed);
    assert_eq!(preview.files[0].diff, None);
}

#[test]
fn a_unit_that_fails_is_reported_and_the_former_plan_brings_it_back() {
    let (former, latter) =
        (plan(FILES, &[("/proc/sys/x", "5")]), plan(&[("/etc/a", "bad\n")], &[("/sys/z", "hard")]));
    let bench = settled("undo", &former);
    let before = (bench.files(), bench.parameters());
    bench.pid1.broken.lock().unwrap().insert("one".into());
    let report = bench.applier().apply(&latter, 2);
    assert!(!report.ok);
    let failure = report.failure.unwrap();
    assert_eq!((failure.at, failure.why.as_str()), (FailedAt::Units, "one: it ended with 64"));
    let one = report.units.iter().find(|unit| unit.unit == "one").unwrap();
    assert_eq!(one.outcome, UnitOutcome::Failed);
    assert_eq!(bench.applier().applied(), None);

    bench.pid1.broken.lock().unwrap().clear();
    bench.renewed();
    let report = bench.applier().apply(&former, 3);
    assert!(report.ok);
    assert_eq!(bench.renewed(), ["one", "three", "two"]);
    assert_eq!((bench.files(), bench.parameters()), before);
    assert_eq!(bench.applier().applied(), Some(3));
    assert_eq!(bench.applier().last(), Some(report));
    bench.nobody_is_behind("undone");
}

#[test]
fn a_unit_that_failed_once_is_not_told_again_by_changes_that_do_not_concern_it() {
    let bench = settled("old-failure", &plan(&[("/etc/a", "a\n")], &[]));
    bench.pid1.broken.lock().unwrap().insert("one".into());
    assert!(!bench.applier().apply(&plan(&[("/etc/a", "bad\n")], &[]), 2).ok);
    bench.renewed();
    let report = bench.applier().apply(&plan(&[("/etc/a", "bad\n"), ("/etc/b", "b\n")], &[]), 3);
    assert!(report.ok, "{report:?}");
    assert_eq!(bench.renewed(), ["two"]);
}

#[test]
fn a_pid_1_that_cannot_be_asked_is_a_failure_and_its_units_stay_owed() {
    let bench = settled("deaf", &plan(FILES, &[]));
    *bench.pid1.deaf.lock().unwrap() = true;
    let next = plan(&[("/etc/a", "new\n")], &[]);
    let report = bench.applier().apply(&next, 2);
    assert_eq!(report.failure.unwrap().at, FailedAt::Units);
    *bench.pid1.deaf.lock().unwrap() = false;
    let report = bench.applier().apply(&next, 3);
    assert!(report.ok);
    assert_eq!(report.files, [], "they are in place");
    assert_eq!(bench.renewed(), ["one", "three", "two"]);
}

#[test]
fn units_that_have_not_started_are_not_told() {
    let bench = Bench::new("boot");
    let report = bench.applier().apply(&plan(FILES, &[]), 1);
    assert!(report.ok);
    assert_eq!(bench.renewed(), [""; 0]);
    assert_eq!(report.units.len(), 3);
    assert!(
        report.units.iter().all(|unit| unit.how == Renewal::Skipped && unit.outcome == UnitOutcome::Ready)
    );
    bench.start_all();
    assert_eq!(bench.applier().apply(&plan(FILES, &[]), 2).units, [], "and are owed nothing");
}

#[test]
fn a_unit_that_was_not_up_before_is_told_and_undoes_no_change() {
    let bench = settled("late", &plan(FILES, &[]));
    bench.pid1.late.lock().unwrap().insert("one".into());
    let next = plan(&[("/etc/a", "new\n"), ("/etc/b", "new\n")], &[]);
    let report = bench.applier().apply(&next, 2);
    assert!(report.ok, "{:?}", report.failure);
    assert_eq!(bench.renewed(), ["three", "two", "one"]);
    let one = report.units.iter().find(|unit| unit.unit == "one").unwrap();
    assert_eq!(one.outcome, UnitOutcome::TimedOut);
    assert!(one.why.as_ref().unwrap().contains("not up before"));
    assert_eq!(bench.applier().applied(), Some(2));
    assert_eq!(bench.applier().apply(&next, 3).units, [], "PID 1 keeps the debt, nobody is told twice");
}

#[test]
fn a_unit_that_was_broken_before_undoes_no_change_and_one_that_a_change_broke_is_no_excuse() {
    let bench = settled("held", &plan(FILES, &[]));
    bench.pid1.held.lock().unwrap().insert("one".into());
    let report = bench.applier().apply(&plan(&[("/etc/a", "half a repair\n")], &[]), 2);
    assert!(report.ok, "{:?}", report.failure);
    let one = report.units.iter().find(|unit| unit.unit == "one").unwrap();
    assert_eq!(one.outcome, UnitOutcome::Failed);
    assert!(one.why.as_ref().unwrap().contains("not up before"), "{one:?}");

    let bench = settled("broke", &plan(FILES, &[]));
    bench.pid1.broken.lock().unwrap().insert("one".into());
    assert!(!bench.applier().apply(&plan(&[("/etc/a", "bad\n")], &[]), 2).ok);
    // It is held for the files of that change, and the way back does not bring it up: that is no success.
    bench.pid1.held.lock().unwrap().insert("one".into());
    assert!(!bench.applier().apply(&plan(FILES, &[]), 3).ok);
}

#[test]
fn a_host_that_ends_meanwhile_is_no_fault_of_the_settings() {
    let bench = settled("ending", &plan(FILES, &[]));
    *bench.pid1.ending.lock().unwrap() = true;
    let report = bench.applier().apply(&plan(&[("/etc/a", "new\n")], &[]), 2);
    assert!(report.ok, "{:?}", report.failure);
    assert!(report.units.iter().all(|unit| unit.why.as_deref() == Some("the host is shutting down")));
    assert_eq!(bench.applier().applied(), Some(2));
}

#[test]
fn without_anyone_to_tell_files_are_all_there_is() {
    let bench = Bench::new("alone");
    let applier = Applier::new(&bench.root, None);
    let report = applier.apply(&plan(FILES, &[]), 1);
    assert!(report.ok && report.units.is_empty());
    assert_eq!(bench.files(), wanted(&plan(FILES, &[])));
    assert_eq!(applier.applied(), Some(1));
    let mode = |path: &str| fs::metadata(bench.root.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        (mode("etc/a"), mode("run/secret"), mode("run/gantry/apply/record.json")),
        (0o644, 0o600, 0o600)
    );
}

#[test]
fn an_older_generation_does_not_follow_a_later_one() {
    let bench = settled("older", &plan(FILES, &[]));
    assert!(bench.applier().apply(&plan(&[], &[]), 3).ok);
    let report = bench.applier().apply(&plan(FILES, &[]), 2);
    assert_eq!(report.failure.unwrap().at, FailedAt::Superseded);
    assert!(bench.files().is_empty());
    assert_eq!(bench.applier().applied(), Some(3));
}

#[test]
fn a_refused_parameter_fails_the_change_that_brings_it_and_no_later_one() {
    let good = plan(FILES, &[("/proc/sys/x", "5")]);
    let bad = plan(FILES, &[("/proc/sys/x", "5"), ("/proc/sys/y", REFUSED), ("/proc/sys/absent", "1")]);
    let bench = settled("refused", &good);
    let report = bench.applier().apply(&bad, 2);
    assert_eq!(report.failure.as_ref().unwrap().at, FailedAt::Knobs);
    let errors: Vec<_> =
        report.knobs.iter().map(|knob| (knob.path.as_str(), knob.error.as_deref())).collect();
    assert_eq!(
        errors,
        [
            ("/proc/sys/y", Some("the kernel refused the value: invalid input parameter")),
            ("/proc/sys/absent", Some("this kernel has no such parameter")),
        ]
    );
    assert!(bench.applier().apply(&good, 3).ok);
    assert_eq!(bench.parameters()["/proc/sys/x"], "5");

    assert!(bench.applier().lenient().apply(&bad, 4).ok, "user data costs what it is about");
    let other =
        plan(&[("/etc/a", "new\n")], &bad.knobs.iter().map(|k| (&*k.path, &*k.value)).collect::<Vec<_>>());
    let report = bench.applier().apply(&other, 5);
    assert!(report.ok, "what was refused before is no reason to refuse what comes later");
    assert_eq!(report.knobs.len(), 2, "and is said all the same");
}

#[test]
fn parameters_go_back_to_what_they_were_before_us() {
    let bench = settled(
        "knobs",
        &plan(&[], &[("/proc/sys/x", "5"), ("/proc/sys/y", "4096 8192"), ("/sys/z", "soft")]),
    );
    assert_eq!(bench.applier().last().unwrap().knobs.len(), 1, "the others say so in other words already");
    assert!(bench.applier().apply(&plan(&[], &[("/proc/sys/x", "6")]), 2).ok);
    let report = bench.applier().apply(&plan(&[], &[]), 3);
    assert_eq!(report.knobs.iter().map(|knob| knob.kind).collect::<Vec<_>>(), [KnobKind::Restored]);
    assert_eq!(bench.parameters()["/proc/sys/x"], "1", "not the 5 that was ours too");
}

#[test]
fn fewer_huge_pages_than_asked_for_are_a_refusal() {
    let bench = settled("pages", &plan(&[], &[(PAGES, "10")]));
    let report = bench.applier().apply(&plan(&[], &[(PAGES, "12")]), 2);
    assert_eq!(report.failure.unwrap().at, FailedAt::Knobs);
    let error = report.knobs[0].error.as_ref().unwrap();
    assert!(error.contains("memory for 10 of 12 pages"), "{error}");
    assert!(bench.applier().apply(&plan(&[], &[]), 3).ok);
    assert_eq!(bench.parameters()[PAGES], "0");
}

#[test]
fn a_default_that_somebody_improved_on_is_left_alone() {
    let default = |value: &str, yields| {
        let mut plan = plan(&[], &[("/proc/sys/x", value)]);
        plan.knobs[0].yields = yields;
        plan
    };
    let bench = settled("yields", &default("localhost", true));
    let by_lease = || fs::write(bench.root.join("proc/sys/x"), "lease\n").unwrap();
    by_lease();
    assert!(bench.applier().apply(&default("localhost", true), 2).knobs.is_empty());
    assert!(bench.applier().apply(&default("edge", false), 3).ok);
    by_lease();
    assert_eq!(
        bench.applier().apply(&default("edge", false), 4).knobs.len(),
        1,
        "what was asked for is kept so"
    );
    assert!(bench.applier().apply(&default("localhost", true), 5).ok);
    assert_eq!(bench.parameters()["/proc/sys/x"], "localhost");
}

#[test]
fn what_cannot_be_written_fails_the_change_and_nobody_is_told() {
    let bench = settled("unwritable", &plan(&[("/etc/a", "a\n")], &[]));
    fs::write(bench.root.join("etc/deep"), "a file where a folder should be").unwrap();
    let report = bench.applier().apply(&plan(FILES, &[]), 2);
    let failure = report.failure.unwrap();
    assert_eq!((failure.at, failure.why.as_str()), (FailedAt::Files, "1 of 4 files"));
    assert_eq!(bench.renewed(), [""; 0]);
    let broken: Vec<_> = report.files.iter().filter(|file| file.error.is_some()).collect();
    assert!(broken[0].path == "/etc/deep/er/c" && broken[0].error.as_ref().unwrap().contains("cannot open"));
    assert!(bench.applier().apply(&plan(&[("/etc/a", "a\n")], &[]), 3).ok, "back to the former plan");
    assert_eq!(bench.files().len(), 1);
}

#[test]
fn folders_that_only_held_what_goes_go_too() {
    let bench = settled("folders", &plan(FILES, &[]));
    assert!(bench.applier().apply(&plan(&[], &[]), 2).ok);
    assert!(!bench.root.join("etc/deep").exists() && bench.root.join("etc").exists());
}
