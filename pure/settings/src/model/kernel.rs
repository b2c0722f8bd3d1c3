//! `settings.kernel`.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::read::{Reader, Setting, group};
use crate::scalar::{
    HugepageDefrag, HugepageSize, Lockdown, ModuleName, Scalar, SingleLine, SysctlKey, TransparentHugepages,
    Whole,
};
use crate::shape::Shape;
use crate::tree::{Item, Node, Table};
use crate::value::Value;

group! {
    /// What the kernel is told at run time.
    pub struct Kernel {
        /// How far root is kept from the running kernel: `none`, `integrity`, `confidentiality`. It can be raised while the host
        /// runs, never lowered.
        pub lockdown: Option<Lockdown> = "lockdown",
        /// Kernel modules that may be loaded, or may not, or are loaded at boot.
        pub modules: BTreeMap<ModuleName, Module> = "modules",
        /// Values to write below `/proc/sys`, by key. A key with dots is quoted: `"vm.swappiness" = "10"`.
        pub sysctl: BTreeMap<SysctlKey, SingleLine> = "sysctl",
        /// Memory in pages that are larger than usual.
        pub hugepages: Hugepages = "hugepages",
    }
    check Kernel::check
}

impl Kernel {
    /// The kernel knows a parameter, and a module, by several spellings.
    fn check(&mut self, table: &Table, at: &mut Reader) {
        one_spelling("sysctl", &mut self.sysctl, SysctlKey::path, table, at);
        one_spelling("modules", &mut self.modules, |name| name.as_str().replace('-', "_"), table, at);
    }
}

/// Of keys that mean the same, the one of the highest layer stays; of one layer's, the first.
fn one_spelling<K: Scalar + Ord + Clone, V>(
    key: &str,
    map: &mut BTreeMap<K, V>,
    meaning: fn(&K) -> String,
    table: &Table,
    at: &mut Reader,
) {
    let Some(Item::Table(written)) = table.get(key).map(|node| &node.item) else { return };
    let mut names: Vec<(K, &Node)> =
        map.keys().filter_map(|name| Some((name.clone(), written.get(&name.text())?))).collect();
    names.sort_by_key(|(_, node)| Reverse(node.layer));
    let mut kept: BTreeMap<String, String> = BTreeMap::new();
    for (name, node) in names {
        match kept.entry(meaning(&name)) {
            Entry::Vacant(place) => drop(place.insert(name.text())),
            Entry::Occupied(better) => {
                let why = format!("another key names the same: {}", better.get());
                at.at_key(key, |at| at.at_key(&name.text(), |at| at.problem(node, why)));
                at.discard(node);
                map.remove(&name);
            }
        }
    }
}

group! {
    /// What to do with a kernel module.
    pub struct Module {
        /// Whether it may be loaded. Default true.
        pub allowed: Option<bool> = "allowed",
        /// Load it at boot. Only one that is allowed. Default false.
        pub autoload: Option<bool> = "autoload",
    }
    as record
    check Module::check
}

impl Module {
    fn check(&self, table: &Table, at: &mut Reader) {
        if self.autoload == Some(true)
            && self.allowed != Some(true)
            && let Some(autoload) = table.get("autoload")
        {
            at.at_key("autoload", |at| {
                at.problem(autoload, "only a module with allowed = true can be loaded at boot")
            });
        }
    }
}

group! {
    /// Memory in pages that are larger than usual.
    pub struct Hugepages {
        /// Pages set aside at boot, by size: `"2Mi" = { count = 512 }`.
        pub statically: StaticHugepages = "static",
        /// Pages the kernel puts together by itself.
        pub transparent: Transparent = "transparent",
    }
}

group! {
    /// Huge pages the kernel puts together by itself.
    pub struct Transparent {
        /// Of which memory: `always` (all), `madvise` (what programs ask for), `never`.
        pub enabled: Option<TransparentHugepages> = "enabled",
        /// When programs wait for it: `always`, `defer`, `defer+madvise`, `madvise`, `never`.
        pub defrag: Option<HugepageDefrag> = "defrag",
    }
}

/// Huge pages set aside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StaticHugepages {
    /// If there are fewer, the boot has failed.
    pub essential: Option<bool>,
    /// How many, by size.
    pub pages: BTreeMap<HugepageSize, Pages>,
}

group! {
    /// Huge pages of one size.
    pub struct Pages {
        /// How many.
        pub count: Option<Whole<0, 16_777_216>> = "count",
    }
    as record
}

group! {
    /// The keys beside the sizes.
    pub struct Essential {
        /// If there are fewer, the boot has failed. Default false.
        pub essential: Option<bool> = "essential",
    }
}

impl Setting for StaticHugepages {
    fn shape() -> Shape {
        let sizes = Shape::Map { key: HugepageSize::FACTS, value: Box::new(Pages::shape()) };
        Shape::OneOf([Essential::shape(), sizes].into())
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let table = at.table(node)?;
        let essential = at.field(table, "essential");
        let mut pages: BTreeMap<HugepageSize, Pages> = BTreeMap::new();
        for (key, node) in table.iter().filter(|(key, _)| *key != "essential") {
            match HugepageSize::parse(key) {
                Ok(size) if pages.contains_key(&size) => {
                    at.at_key(key, |at| at.problem(node, "another key names the same size"));
                }
                Ok(size) => pages.extend(at.entry(table, key).map(|count| (size, count))),
                Err(invalid) => at.at_key(key, |at| at.problem(node, invalid.0)),
            }
        }
        Some(StaticHugepages { essential, pages })
    }

    fn write(&self) -> Option<Value> {
        let mut table = BTreeMap::new();
        table.extend(self.essential.write().map(|essential| ("essential".into(), essential)));
        if let Some(Value::Table(pages)) = self.pages.write() {
            table.extend(pages);
        }
        Some(Value::Table(table))
    }
}
