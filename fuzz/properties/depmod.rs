//! What holds for depmod's texts of any content.

use std::collections::BTreeSet;

use modules::{Catalog, Found, Module, Name};

/// Stands on a line of its own between two texts.
const BETWEEN: &str = "\n---\n";

/// Panics if it does not hold for `bytes`: six texts, namely `modules.dep`, `modules.alias`, `modules.softdep`,
/// `modules.builtin`, the names on the deny list, and what is asked for (names, aliases, devices).
pub fn holds(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut texts = text.split(BETWEEN);
    let [dependencies, aliases, soft, builtin, denied, wanted] =
        std::array::from_fn(|_| texts.next().unwrap_or_default());
    let denied: Vec<String> = denied.lines().map(|name| name.replace('-', "_")).collect();
    let denied: Vec<&str> = denied.iter().map(String::as_str).collect();
    let catalog = Catalog { dependencies, aliases, soft, builtin, denied: &denied, denied_too: "" };

    for wanted in wanted.lines().filter_map(|wanted| Name::new(wanted).ok()) {
        let found = catalog.find(&wanted);
        assert_eq!(found, catalog.find(&wanted), "the same texts give the same answer");
        if let Found::Load(modules) = found {
            is_an_order(&catalog, &modules);
        }
        // Soft dependencies may go round in circles with hard ones; without them the order is as promised.
        if let Found::Load(modules) = (Catalog { soft: "", ..catalog }).find(&wanted) {
            is_an_order(&catalog, &modules);
            needs_come_first(&catalog, &modules);
        }
    }
    for driver in catalog.drivers(wanted.lines()) {
        assert!(!denied.contains(&driver.as_str()), "no device brings in what is denied: {driver}");
    }
}

/// Each once, and denied ones only where another one needs them.
fn is_an_order(catalog: &Catalog<'_>, modules: &[Module<'_>]) {
    assert!(!modules.is_empty());
    assert_eq!(modules.iter().collect::<BTreeSet<_>>().len(), modules.len(), "each once: {modules:?}");
    for module in modules {
        let line = catalog
            .dependencies
            .lines()
            .any(|line| line.split_once(':').map(|it| it.0) == Some(module.path()));
        assert!(line, "it is one of those that there are: {module:?}");
        let name = module.name();
        let needed = || {
            modules
                .iter()
                .any(|other| needs(catalog, other.path()).any(|need| name_of(need) == name.as_str()))
        };
        assert!(!catalog.denied.contains(&name.as_str()) || needed(), "denied: {name}");
    }
}

/// Every module comes after all that it needs, unless those need it in turn.
fn needs_come_first(catalog: &Catalog<'_>, modules: &[Module<'_>]) {
    let place = |name: &str| modules.iter().position(|module| module.name().as_str() == name);
    for (at, module) in modules.iter().enumerate() {
        for need in needs(catalog, module.path()) {
            let late = place(&name_of(need)).is_some_and(|place| place >= at);
            assert!(!late || leads_to(catalog, modules, need, &module.name()), "{need} is after {module:?}");
        }
    }
}

/// Whether `path`, or anything that it needs, is called `name`.
fn leads_to(catalog: &Catalog<'_>, modules: &[Module<'_>], path: &str, name: &Name) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = vec![name_of(path)];
    while let Some(reached) = next.pop() {
        if reached == name.as_str() {
            return true;
        }
        for module in modules.iter().filter(|module| module.name().as_str() == reached) {
            next.extend(needs(catalog, module.path()).map(name_of).filter(|need| seen.insert(need.clone())));
        }
    }
    false
}

/// The paths that the module in this file needs.
fn needs<'a>(catalog: &Catalog<'a>, path: &str) -> impl Iterator<Item = &'a str> {
    let mut lines = catalog.dependencies.lines().filter_map(|line| line.split_once(':'));
    let needs = lines.find(|(of, _)| *of == path).map_or("", |(_, needs)| needs);
    // Not a module's file: nothing is found under its name.
    needs
        .split_ascii_whitespace()
        .filter(|need| need.rsplit('/').next().is_some_and(|file| file.contains(".ko")))
}

/// The name of the module in this file.
fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.rsplit_once(".ko").map_or(file, |(stem, _)| stem).replace('-', "_")
}
