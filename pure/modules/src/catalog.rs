//! Look-ups in depmod's texts.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::glob;
use crate::name::{Name, same};

/// How deep soft dependencies are followed; real ones are two deep, a loop among them is endless.
const SOFT_DEPTH: usize = 4;

/// depmod's texts for one kernel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Catalog<'a> {
    /// `modules.dep`: `path: needed-path ...`, nearest need first, needs of needs included.
    pub dependencies: &'a str,
    /// `modules.alias`: `alias PATTERN NAME`.
    pub aliases: &'a str,
    /// `modules.softdep`: `softdep NAME pre: NAME ... post: NAME ...`.
    pub soft: &'a str,
    /// `modules.builtin`: paths of what is built into the kernel.
    pub builtin: &'a str,
    /// Names that no device, soft dependency or request of the kernel brings in, canonical (`_`).
    pub denied: &'a [&'a str],
    /// More of them, as modprobe.d(5) has it: `blacklist NAME`.
    pub denied_too: &'a str,
}

/// A module file, by its path below the modules' folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Module<'a>(&'a str);

/// What a name or alias stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// Load these, in this order. Those wanted only by soft dependencies are in it as well.
    Load(Vec<Module<'a>>),
    /// Built into the kernel: nothing to do.
    BuiltIn,
    /// The only answers are on the deny list.
    Denied,
    /// No module answers to it.
    Unknown,
}

impl<'a> Module<'a> {
    /// The path below `/lib/modules/VERSION`.
    pub fn path(self) -> &'a str {
        self.0
    }

    /// The name, from the file's.
    pub fn name(self) -> Name {
        Name::of_path(self.0)
    }
}

impl<'a> Catalog<'a> {
    /// What to load, and in which order, so that `wanted` (a module's name or an alias) is there.
    pub fn find(&self, wanted: &Name) -> Found<'a> {
        let mut order = Order::default();
        let mut denied = false;
        for name in self.answers(wanted.as_str()) {
            if self.is_denied(&name) {
                denied = true;
            } else {
                self.add(&name, SOFT_DEPTH, &mut order);
            }
        }
        if !order.modules.is_empty() {
            Found::Load(order.modules)
        } else if self.builtin.lines().any(|path| wanted.is_of(path)) {
            Found::BuiltIn
        } else if denied {
            Found::Denied
        } else {
            Found::Unknown
        }
    }

    /// The modules that drive any of the devices with these `modalias` texts, without their dependencies.
    pub fn drivers<'t>(&self, devices: impl IntoIterator<Item = &'t str> + Clone) -> BTreeSet<Name> {
        let mut names = BTreeSet::new();
        for (pattern, name) in self.alias_lines() {
            if devices.clone().into_iter().any(|device| glob::matches(pattern, device)) {
                names.extend(Name::new(name));
            }
        }
        names.retain(|name| !self.is_denied(name));
        names
    }

    fn answers(&self, wanted: &str) -> BTreeSet<Name> {
        let mut names = BTreeSet::new();
        let itself = Name::new(wanted).ok().filter(|name| self.line(name).is_some());
        match itself {
            Some(name) => names.extend([name]),
            None => {
                let fitting = self.alias_lines().filter(|(pattern, _)| glob::matches(pattern, wanted));
                names.extend(fitting.filter_map(|(_, name)| Name::new(name).ok()));
            }
        }
        names
    }

    /// Adds `name` and all it needs, needs first.
    fn add(&self, name: &Name, soft_depth: usize, order: &mut Order<'a>) {
        let Some((path, needs)) = self.line(name) else { return };
        if !order.begun.insert(path) {
            return;
        }
        if soft_depth > 0 {
            for wanted in self.soft_needs(name) {
                for soft in self.answers(wanted).iter().filter(|soft| !self.is_denied(soft)) {
                    self.add(soft, soft_depth - 1, order);
                }
            }
        }
        // depmod lists the nearest need first and its own needs after it.
        for need in needs.split_ascii_whitespace().rev() {
            self.add(&Module(need).name(), soft_depth, order);
        }
        order.modules.push(Module(path));
    }

    /// The line of `modules.dep` about `name`: its path and the paths it needs.
    fn line(&self, name: &Name) -> Option<(&'a str, &'a str)> {
        self.dependencies.lines().filter_map(|line| line.split_once(':')).find(|(path, _)| name.is_of(path))
    }

    fn alias_lines(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.aliases.lines().filter_map(|line| {
            let (pattern, name) = line.strip_prefix("alias ")?.rsplit_once(' ')?;
            Some((pattern.trim_end(), name))
        })
    }

    /// Names that should be there before `name`; those for after it are left to the kernel's own requests.
    fn soft_needs(&self, name: &Name) -> impl Iterator<Item = &'a str> {
        let of_name = move |line: &&'a str| {
            line.split_ascii_whitespace()
                .next()
                .is_some_and(|it| it.bytes().map(same).eq(name.as_str().bytes()))
        };
        let lines = self.soft.lines().filter_map(|line| line.strip_prefix("softdep ")).filter(of_name);
        lines.flat_map(|line| {
            line.split_ascii_whitespace()
                .skip_while(|word| *word != "pre:")
                .skip(1)
                .take_while(|word| !word.ends_with(':'))
        })
    }

    fn is_denied(&self, name: &Name) -> bool {
        let mut too = self
            .denied_too
            .lines()
            .filter_map(|line| Name::new(line.strip_prefix("blacklist ")?.trim()).ok());
        self.denied.contains(&name.as_str()) || too.any(|denied| denied == *name)
    }
}

#[derive(Default)]
struct Order<'a> {
    /// In the order and on the way into it: a loop ends here.
    begun: BTreeSet<&'a str>,
    modules: Vec<Module<'a>>,
}
