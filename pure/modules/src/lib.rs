//! Which kernel modules answer to a name or a device, what they need first, and what is never loaded.
//!
//! The texts are depmod's (modules.dep(5), depmod.d(5)): `modules.dep`, `modules.alias`, `modules.softdep`,
//! `modules.builtin`. They are searched, not indexed: one look-up reads a quarter of a megabyte once, which is
//! cheaper than building any map for the handful of look-ups one process makes.
//!
//! Holds always: an order contains each module once, and every module after all that it depends on; a name on the
//! deny list is never reached by a device or by a soft dependency.
//! Left to others: reading the files (with a limit), loading, the command line's source.
#![no_std]
#![warn(missing_docs)]
extern crate alloc;

mod catalog;
mod glob;
mod name;
mod parameters;

pub use catalog::{Catalog, Found, Module};
pub use glob::matches;
pub use name::{Name, TooLong};
pub use parameters::parameters;
