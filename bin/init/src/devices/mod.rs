//! The units `devices` and `modules`: the drivers of what this machine has, and modules that no device asks for.
//!
//! The kernel announces a device before anybody listens, so this looks at every bus once for `modalias` files and
//! loads what answers. Later devices (hot plug) are a later matter. Always holds: a module that cannot be loaded
//! costs its device, never the boot.

mod coldplug;
mod efi;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use modules::{Catalog, Found, Module, Name};
use sys::module::Loaded;

use crate::catalog::Texts;

/// Loaded first, in this order, whether or not a bus has something for them: what others wait for, then what nothing
/// on a bus asks for. A name that this kernel lacks is passed over.
const FIRST: &[&str] = &[
    // User data of QEMU guests: settings wait for it.
    "qemu_fw_cfg",
    // The power button's key presses, for PID 1.
    "button",
    "evdev",
];

/// Threads that load at the same time. Checking its signature is seven tenths of a module's cost and keeps one CPU
/// busy (measured).
const LOADERS: usize = 2;

/// modules-load.d(5), rendered from settings.
const NAMED_BY_SETTINGS: &str = "/etc/modules-load.d/settings.conf";
/// A settings document is a MiB.
const NAMED_BY_SETTINGS_MAX: usize = 1 << 20;

pub fn main() -> ExitCode {
    let texts = match Texts::read() {
        Ok(texts) => texts,
        Err(err) => {
            eprintln!("error devices: no modules why={:?}", files::chain(&err));
            return ExitCode::from(75);
        }
    };
    let started = Instant::now();
    let aliases = coldplug::aliases(Path::new("/sys"));
    let catalog = texts.catalog();
    let mut names: Vec<Name> = FIRST.iter().filter_map(|name| Name::new(name).ok()).collect();
    let drivers = catalog.drivers(aliases.iter().map(String::as_str));
    names.extend(drivers.into_iter().filter(|name| !FIRST.contains(&name.as_str())));
    let found_ms = started.elapsed().as_millis();
    let done = load(&texts, &catalog, names);
    if let Err(err) = efi::mount_variables() {
        eprintln!("warn devices: no firmware variables why=\"{err}\"");
    }
    let took_ms = started.elapsed().as_millis();
    eprintln!(
        "info devices: modules loaded count={} failed={} devices={} search_ms={found_ms} took_ms={took_ms}",
        done.loaded,
        done.failed,
        aliases.len()
    );
    ExitCode::SUCCESS
}

/// The unit `modules`: loads what the unit file names. One that is missing costs what would have used it.
pub fn wanted(names: &[OsString]) -> ExitCode {
    let names = names.iter().filter_map(|name| Name::new(name.to_str()?).ok()).collect();
    load_and_say(names, Texts::catalog)
}

/// The unit `autoload`: loads what settings name (`kernel.modules.NAME.autoload`), one name a line.
pub fn autoload() -> ExitCode {
    match files::read_text(Path::new(NAMED_BY_SETTINGS), NAMED_BY_SETTINGS_MAX) {
        Ok(text) => {
            let names = text.lines().filter_map(|name| Name::new(name).ok()).collect();
            load_and_say(names, Texts::catalog_of_settings)
        }
        Err(err) if err.is_absent() => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error modules: modules of the settings not loaded why={:?}", files::chain(&err));
            ExitCode::from(75)
        }
    }
}

fn load_and_say(names: Vec<Name>, catalog: fn(&Texts) -> Catalog<'_>) -> ExitCode {
    let texts = match Texts::read() {
        Ok(texts) => texts,
        Err(err) => {
            eprintln!("error modules: no modules why={:?}", files::chain(&err));
            return ExitCode::from(75);
        }
    };
    let started = Instant::now();
    let done = load(&texts, &catalog(&texts), names);
    let took_ms = started.elapsed().as_millis();
    eprintln!("info modules: modules loaded count={} failed={} took_ms={took_ms}", done.loaded, done.failed);
    ExitCode::SUCCESS
}

#[derive(Default)]
struct Done {
    loaded: usize,
    failed: usize,
}

/// Loads the named modules with their needs. Each name is one piece of work, taken by whichever thread is free; two
/// that share a need may both load it, and the kernel lets the second wait for the first.
fn load(texts: &Texts, catalog: &Catalog<'_>, names: Vec<Name>) -> Done {
    let work = Mutex::new(names.into_iter());
    let done = Mutex::new(Done::default());
    let next = || work.lock().ok()?.next();
    thread::scope(|scope| {
        for _ in 0..LOADERS {
            scope.spawn(|| {
                while let Some(name) = next() {
                    let Found::Load(order) = catalog.find(&name) else { continue };
                    let mine = load_in_order(texts, &order);
                    if let Ok(mut done) = done.lock() {
                        done.loaded += mine.loaded;
                        done.failed += mine.failed;
                    }
                }
            });
        }
    });
    done.into_inner().unwrap_or_default()
}

fn load_in_order(texts: &Texts, order: &[Module<'_>]) -> Done {
    let mut done = Done::default();
    for module in order {
        let started = Instant::now();
        match texts.load(*module) {
            Ok(Loaded::Now) => {
                done.loaded += 1;
                let took_ms = started.elapsed().as_millis();
                eprintln!("debug devices: module loaded name={} took_ms={took_ms}", module.name());
            }
            Ok(Loaded::Before) => {}
            Err(err) => {
                done.failed += 1;
                eprintln!(
                    "warn devices: module not loaded name={} why={:?}",
                    module.name(),
                    files::chain(&err)
                );
            }
        }
    }
    done
}
