//! The kernel's request for a module: `/sbin/modprobe -q -- NAME`, where the name may be an alias.
//!
//! The kernel waits for it with some system call of some process, so it does one thing and ends. It has neither
//! terminal nor log of its own; what goes wrong is said on the kernel's log. "No such module" is no error worth a
//! line: the kernel asks for many on the off chance.

use std::ffi::OsString;
use std::process::ExitCode;

use modules::{Found, Name};
use sys::kmsg::{Level, Writer};

use crate::catalog::{CatalogError, Texts};

pub fn main(args: Vec<OsString>) -> ExitCode {
    let mut wanted = args.iter().filter_map(|arg| arg.to_str()).skip_while(|arg| arg.starts_with('-'));
    let (Some(wanted), None) = (wanted.next(), wanted.next()) else {
        eprintln!("modprobe: want one module name or alias");
        return ExitCode::from(crate::EXIT_USAGE);
    };
    let Ok(name) = Name::new(wanted) else { return ExitCode::FAILURE };
    match load(&name) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(err) => {
            if let Ok(log) = Writer::open() {
                let why = files::chain(&err);
                log.write(
                    Level::Error,
                    "modprobe",
                    &format_args!("module not loaded name={name} why={why:?}"),
                );
            }
            ExitCode::FAILURE
        }
    }
}

/// Loads what answers to the name; returns whether there is such a thing.
fn load(name: &Name) -> Result<bool, CatalogError> {
    let texts = Texts::read()?;
    match texts.catalog().find(name) {
        Found::BuiltIn => Ok(true),
        Found::Unknown | Found::Denied => Ok(false),
        Found::Load(order) => {
            for module in order {
                texts.load(module)?;
            }
            Ok(true)
        }
    }
}
