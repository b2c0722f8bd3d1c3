//! One run: what is stored, what sources and generators say, what follows, in effect.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apply::{Applier, FailedAt, KnobChange};
use control::{Pid1, Units};
use generation::{Draft, Generation, Registry, Why};
use settings::tree::Tree;
use settings::{KeyPath, LIMITS, Layer, Problem, Settings, validate};
use store::{CommitError, KEEP, Store};

use crate::generators::{self, Context, Generated};
use crate::layering::Said;
use crate::report::Report;
use crate::sources::{self, Source};
use crate::{Run, under};

const IMAGE_DEFAULTS: &str = "/usr/share/gantry/defaults.toml";
const OS_RELEASE: &str = "/usr/lib/os-release";
const STORE: &str = "/state/settings";

/// Somebody else commits between our look and our commit: a person with the API, in the second run of a boot. More often than
/// this in a row it is no person.
const ATTEMPTS: usize = 5;

/// For units that started before us. Well below the time in which PID 1 wants this run to end (`start_timeout_ms`): killed in the
/// middle it would wait for the same unit the next time, and everything that waits for it with it.
const UNITS_WITHIN: Duration = Duration::from_secs(20);

/// What is to be in effect.
struct Decided {
    /// Its number; 0 when it could not be stored.
    generation: u64,
    /// The stored generation that it is put in effect in place of: itself, if it is stored. The API server takes this one for
    /// applied, and so leaves in effect what there was no room to store.
    stands_for: u64,
    settings: Settings,
    /// Who said what of it.
    tree: Tree,
    problems: Vec<Problem>,
}

/// Puts the machine's settings in effect. Returns the exit status.
pub(crate) fn run(root: &Path, run: Run, mut report: Report<'_>) -> u8 {
    let store = open(root, &mut report);
    let current = store.as_ref().and_then(Store::current);
    let mut is_stored = true;
    if run == Run::Cloud {
        is_stored = store.is_some() && report.recall(root);
        if let Some(pending) = current.as_ref().filter(|current| current.provisional.is_some()) {
            // The server undoes it, or it is confirmed; a commit of ours would decide that.
            return report.put_off(&awaits(pending.number));
        }
    }
    let (former, why) = former(store.as_ref(), current.as_ref(), &mut report);

    let defaults = defaults(root, &mut report);
    let mut said = Said::stored(former.as_deref());
    let problems = said.image(&defaults);
    problems.iter().for_each(|problem| report.unreadable(problem));
    let stored = said.user_data.clone();
    let (mut sources, mut generated) = (Vec::new(), Vec::new());
    for &run in asked(run, is_stored) {
        let (found, unreadable) = sources::gather(root, run, &stored);
        unreadable.iter().for_each(|problem| report.unreadable(problem));
        for source in &found {
            let (new, problems) = said.source(source);
            report.source(source, new);
            problems.iter().for_each(|problem| report.unreadable(problem));
        }
        let (settings, _) = validate(&said.layers.merged());
        let context = Context { root, run, settings: &settings, layers: &said.layers };
        let (made, unmade) = generators::generate(&context);
        unmade.iter().for_each(|problem| report.unreadable(problem));
        said.generated(&made);
        sources.extend(found);
        generated.extend(made);
    }

    let news = News { root, defaults: &defaults, sources: &sources, generated: &generated };
    match news.decide(store.as_ref(), current, former, said, why, &mut report) {
        Ok(decided) => put_in_effect(root, &decided, report),
        Err(pending) => report.put_off(&awaits(pending)),
    }
}

/// Whose sources and generators this run asks. Where nothing is stored, a second run has only what it finds itself: without what
/// the first one found it would take that back.
fn asked(run: Run, is_stored: bool) -> &'static [Run] {
    match run {
        Run::Boot => &[Run::Boot],
        Run::Cloud if is_stored => &[Run::Cloud],
        Run::Cloud => &[Run::Boot, Run::Cloud],
    }
}

fn awaits(pending: u64) -> String {
    format!("generation {pending} awaits its confirmation")
}

/// The store, if STATE has room for one.
fn open(root: &Path, report: &mut Report<'_>) -> Option<Store> {
    match Store::open(&under(root, STORE), KEEP, &Registry::released()) {
        Ok(opened) => {
            for problem in &opened.problems {
                report.trouble("settings store damaged", &files::chain(problem));
            }
            Some(opened.store)
        }
        Err(err) => {
            report.trouble("settings last until the host ends", &files::chain(&err));
            None
        }
    }
}

/// What to go on from, and the reason of a commit that follows: the current generation, unless nobody confirmed it.
fn former(
    store: Option<&Store>,
    current: Option<&Arc<Generation>>,
    report: &mut Report<'_>,
) -> (Option<Arc<Generation>>, Why) {
    let Some(current) = current else { return (None, Why::FirstBoot) };
    if current.provisional.is_none() {
        return (Some(current.clone()), Why::UserData);
    }
    let of = current.number;
    match store.map(Store::standing).transpose() {
        Ok(standing) => {
            report.trouble(
                "unconfirmed settings undone",
                &format!("generation {of} was not confirmed before the host ended"),
            );
            (standing.flatten(), Why::NotConfirmed { of })
        }
        Err(err) => {
            report.trouble("unconfirmed settings stay", &files::chain(&err));
            (Some(current.clone()), Why::UserData)
        }
    }
}

/// What the image says, if it says anything.
fn defaults(root: &Path, report: &mut Report<'_>) -> Vec<u8> {
    match files::read(&under(root, IMAGE_DEFAULTS), LIMITS.text_bytes) {
        Ok(bytes) => {
            report.defaults(bytes.len());
            bytes
        }
        Err(err) => {
            if !err.is_absent() {
                report.trouble("image defaults not read", &files::chain(&err));
            }
            Vec::new()
        }
    }
}

/// What this run found, apart from what is stored.
struct News<'a> {
    root: &'a Path,
    defaults: &'a [u8],
    sources: &'a [Source],
    generated: &'a [Generated],
}

impl News<'_> {
    /// Stores what was said if it is new, and says what is to be in effect; or which generation somebody committed meanwhile that
    /// awaits its confirmation: what is committed over it would confirm it.
    fn decide(
        &self,
        store: Option<&Store>,
        mut current: Option<Arc<Generation>>,
        former: Option<Arc<Generation>>,
        mut said: Said,
        why: Why,
        report: &mut Report<'_>,
    ) -> Result<Decided, u64> {
        let undone = matches!(why, Why::NotConfirmed { .. });
        let mut known = Said::stored(former.as_deref());
        let mut expected = current.as_ref().map_or(0, |current| current.number);
        for _ in 0..ATTEMPTS {
            let Some(store) = store else { return Ok(decided(0, expected, &said)) };
            if let Some(current) = current.as_ref().filter(|_| !undone && said.to_store() == known) {
                return Ok(decided(current.number, current.number, &said));
            }
            match store.commit(self.draft(&said, why), Some(expected)) {
                Ok(generation) => return Ok(decided(generation.number, generation.number, &said)),
                Err(CommitError::Conflict { .. }) => match store.refresh() {
                    Ok(Some(newer)) if newer.provisional.is_some() => return Err(newer.number),
                    // Ours again, over what came in between.
                    Ok(newer) => {
                        known = Said::stored(newer.as_deref());
                        said = self.over(&known);
                        current = newer;
                        expected = current.as_ref().map_or(0, |current| current.number);
                    }
                    Err(err) => {
                        report.trouble("settings not stored", &files::chain(&err));
                        return Ok(decided(0, expected, &said));
                    }
                },
                Err(err) => {
                    report.trouble("settings not stored", &files::chain(&err));
                    return Ok(decided(0, expected, &said));
                }
            }
        }
        report.trouble("settings not stored", "they change all the time");
        Ok(decided(0, expected, &said))
    }

    fn over(&self, known: &Said) -> Said {
        let mut said = known.clone();
        // What is wrong with them is said already.
        said.image(self.defaults);
        for source in self.sources {
            said.source(source);
        }
        said.generated(self.generated);
        said
    }

    fn draft(&self, said: &Said, why: Why) -> Draft {
        let stored = said.to_store();
        Draft {
            unix_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            by: "configure".into(),
            why,
            release: release(self.root),
            provisional: None,
            layers: stored.layers,
            user_data: stored.user_data,
        }
    }
}

fn decided(generation: u64, stands_for: u64, said: &Said) -> Decided {
    let tree = said.layers.merged();
    let (settings, problems) = validate(&tree);
    Decided { generation, stands_for, settings, tree, problems }
}

/// The release that runs, by os-release(5).
fn release(root: &Path) -> String {
    let text = files::read_text(&under(root, OS_RELEASE), 64 << 10).unwrap_or_default();
    let version = text.lines().find_map(|line| line.strip_prefix("VERSION_ID="));
    version.unwrap_or("unknown").trim_matches('"').into()
}

fn put_in_effect(root: &Path, decided: &Decided, mut report: Report<'_>) -> u8 {
    let facts = apply::facts(root);
    decided.problems.iter().for_each(|problem| report.invalid(problem));
    let unread = render::unread(&decided.settings.write(), &facts).into_iter();
    report.unread(&unread.filter(|key| somebody_wrote(&decided.tree, key)).collect::<Vec<_>>());
    let (plan, unrendered) = render::render(&decided.settings, &facts);
    for err in &unrendered {
        report.failure("file not rendered", err);
    }
    // Without its socket there is no PID 1 of ours, and nobody who would have to take a file again.
    let socket = under(root, control::SOCKET);
    let pid1 = socket.exists().then(|| Box::new(Pid1::at(&socket)) as Box<dyn Units>);
    let applied = Applier::new(root, pid1).lenient().patience(UNITS_WITHIN).apply(&plan, decided.stands_for);
    for file in &applied.files {
        if let Some(why) = &file.error {
            report.failure(&format!("{} not written", file.path), &std::io::Error::other(why.clone()));
        }
    }
    for knob in &applied.knobs {
        if let Some(why) = &knob.error {
            match author(&decided.tree, knob) {
                Some(layer) => {
                    let problem = Problem { layer, path: knob.key.clone(), why: why.clone().into() };
                    report.invalid(&problem);
                }
                None => {
                    report.failure(&format!("{} not set", knob.path), &std::io::Error::other(why.clone()))
                }
            }
        }
    }
    match &applied.failure {
        None => {}
        // Said above, file by file.
        Some(failure) if failure.at == FailedAt::Files => {}
        // PID 1 looks after its units; this run again would not help them.
        Some(failure) if failure.at == FailedAt::Units => report.trouble("units not ready", &failure.why),
        Some(failure) => report.failure("settings not applied", &std::io::Error::other(failure.why.clone())),
    }
    report.finish(root, decided.generation, plan.files.len())
}

/// Whether a person did, rather than the image or the host: those say more than one variant needs.
fn somebody_wrote(tree: &Tree, key: &KeyPath) -> bool {
    let path: Vec<&str> = key.segments().iter().map(String::as_str).collect();
    tree.node(&path).is_none_or(|node| node.layer > Layer::Generated)
}

/// Who wrote the setting that a kernel parameter comes from; nobody, if it was only left out.
fn author(tree: &Tree, knob: &KnobChange) -> Option<Layer> {
    let key = KeyPath::parse(&knob.key).ok()?;
    let path: Vec<&str> = key.segments().iter().map(String::as_str).collect();
    // A key of a table may be written in other words than ours (2048Ki, 2Mi): then whoever wrote the table.
    let table = 3.min(path.len());
    (table..=path.len()).rev().find_map(|length| tree.node(path.get(..length)?)).map(|node| node.layer)
}

#[cfg(test)]
mod tests;
