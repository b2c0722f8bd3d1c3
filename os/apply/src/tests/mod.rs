//! Applications on a host below a temporary folder, with a PID 1 that notes what its units have read, either of which can be
//! made to stop, or to fail, at any step.

mod crashes;
mod fake;
mod reports;

use std::collections::BTreeMap;

use render::{Knob, Plan, Rendered};

use fake::{Bench, READS};

/// A plan of files (path, content) whose readers are those of [`READS`], and of kernel parameters (path, value).
fn plan(files: &[(&str, &str)], knobs: &[(&str, &str)]) -> Plan {
    let readers =
        |path: &str| READS.iter().find(|(read, _)| *read == path).map_or(&[][..], |(_, units)| *units);
    Plan {
        files: files
            .iter()
            .map(|&(path, content)| Rendered {
                path: path.into(),
                mode: if path.contains("secret") { 0o600 } else { 0o644 },
                bytes: content.into(),
                secret: path.contains("secret"),
                units: readers(path),
            })
            .collect(),
        knobs: knobs
            .iter()
            .map(|&(path, value)| {
                let (path, value) = (path.to_owned(), value.to_owned());
                Knob { key: format!("settings.{path}"), path, value, yields: false }
            })
            .collect(),
    }
}

/// What a plan leaves on a host that never saw another one.
fn wanted(plan: &Plan) -> BTreeMap<String, String> {
    let text = |file: &Rendered| String::from_utf8(file.bytes.clone()).unwrap();
    plan.files.iter().map(|file| (file.path.clone(), text(file))).collect()
}

/// Puts the plan of a first generation in place, on a host whose units all run.
fn settled(name: &str, first: &Plan) -> Bench {
    let bench = Bench::new(name);
    assert!(bench.applier().apply(first, 1).ok);
    bench.start_all();
    bench
}
