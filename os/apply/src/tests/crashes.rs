//! A run that ends at any of its steps, and the one after it.

use std::collections::BTreeMap;

use render::Plan;

use super::fake::{Bench, CHOICE, PARAMETERS, shown};
use super::{plan, settled, wanted};

const ENOUGH: usize = 10_000;

fn former() -> Plan {
    plan(
        &[("/etc/a", "a1\n"), ("/etc/b", "b\n"), ("/etc/deep/er/c", "c1\n"), ("/run/secret", "s1\n")],
        &[("/proc/sys/x", "5"), ("/proc/sys/y", "1 2")],
    )
}

fn latter() -> Plan {
    plan(
        &[("/etc/a", "a2\n"), ("/etc/b", "b\n"), ("/run/secret", "s2\n"), ("/etc/nobody", "n\n")],
        &[("/proc/sys/y", "3 4"), ("/sys/z", "hard")],
    )
}

/// What the parameters are once `plan` is in effect, and nothing else was ever left behind.
fn parameters(plan: &Plan) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> =
        PARAMETERS.iter().map(|(path, value)| ((*path).into(), (*value).to_owned())).collect();
    all.extend(plan.knobs.iter().map(|knob| match knob.path.as_str() {
        CHOICE => (knob.path.clone(), shown(&knob.value)),
        _ => (knob.path.clone(), knob.value.clone()),
    }));
    all
}

fn in_effect(bench: &Bench, plan: &Plan, case: &str) {
    assert_eq!(bench.files(), wanted(plan), "{case}");
    assert_eq!(bench.parameters(), parameters(plan), "{case}");
    bench.nobody_is_behind(case);
    bench.nothing_lies_about(case);
}

#[test]
fn whatever_step_a_run_ends_at_the_next_one_completes_it_or_takes_it_back() {
    let third = plan(&[("/etc/b", "b\n"), ("/etc/deep/er/c", "c3\n")], &[("/proc/sys/x", "7")]);
    let mut steps = 0;
    for next in [latter(), former(), third] {
        for end in 0.. {
            let bench = settled("crash", &former());
            let case = format!("ended after {end} steps");
            bench.steps.allow(end);
            let report = bench.applier().apply(&latter(), 2);
            let ended_by_itself = report.ok && bench.steps.left() > 0;
            bench.steps.allow(ENOUGH);
            match bench.applier().applied() {
                Some(1) => in_effect(&bench, &former(), &case),
                Some(2) => in_effect(&bench, &latter(), &case),
                other => assert_eq!(other, None, "{case}"),
            }
            let report = bench.applier().apply(&next, 3);
            assert!(report.ok, "{case}: {:?}", report.failure);
            assert_eq!(bench.applier().applied(), Some(3), "{case}");
            in_effect(&bench, &next, &case);
            assert_eq!(bench.applier().apply(&next, 4).files, [], "{case}: nothing is left to do");
            if ended_by_itself {
                steps = end;
                break;
            }
        }
    }
    assert!(steps > 20, "the run had {steps} steps");
}

#[test]
fn any_row_of_plans_ended_anywhere_leaves_the_last_one_in_effect() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below as u64).unwrap()
    };
    for storm in 0..150 {
        let bench = settled("storm", &former());
        let mut last = former();
        for generation in 2..8 {
            let mut files = Vec::new();
            for path in ["/etc/a", "/etc/b", "/etc/deep/er/c", "/run/secret", "/etc/nobody"] {
                files.extend([None, Some((path, "1\n")), Some((path, "2\n"))][next(3)]);
            }
            let mut knobs = Vec::new();
            for (path, values) in
                [("/proc/sys/x", ["8", "9"]), ("/proc/sys/y", ["5 6", "7 8"]), ("/sys/z", ["hard", "soft"])]
            {
                knobs.extend([None, Some((path, values[0])), Some((path, values[1]))][next(3)]);
            }
            last = plan(&files, &knobs);
            bench.steps.allow(next(60));
            bench.applier().apply(&last, generation);
        }
        bench.steps.allow(ENOUGH);
        let report = bench.applier().apply(&last, 9);
        assert!(report.ok, "storm {storm}: {:?}", report.failure);
        in_effect(&bench, &last, &format!("storm {storm}"));
    }
}
