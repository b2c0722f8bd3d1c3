//! Virtual machines for tests, benchmarks and `xtask run`: started, watched and ended in a typed way.
//!
//! A [`Lab`] knows the tools, the image and the accelerator. From it comes a [`guest::Builder`], from that a
//! [`Guest`]: QEMU under UEFI firmware with a private copy of the image. Tests wait for conditions with deadlines, never
//! for time. Holds always: a machine ends with its value, by its own handle; the image itself is never written to;
//! ports are chosen by the kernel, so any number of machines may run at once; nothing is tried twice to make a test
//! pass. Standard threads only. What a machine should do is not known here: that is the scenarios' business
//! (`tests/scenarios`).

pub mod accel;
pub mod api;
pub mod bus;
pub mod console;
pub mod disk;
pub mod error;
pub mod fat;
pub mod firmware;
pub mod guest;
pub mod http;
pub mod lab;
pub mod nocloud;
pub mod oci;
pub mod program;
pub mod qmp;
pub mod registry;
pub mod root;
pub mod timeline;
pub mod tools;
pub mod tpm;
pub mod trust;
pub mod uki;

pub use accel::Accel;
pub use api::{Api, ApiKeys};
pub use bus::{Bus, Told};
pub use console::{Console, Line};
pub use disk::Disk;
pub use error::{Error, Result};
pub use guest::Guest;
pub use lab::{Image, Lab};
pub use oci::Oci;
pub use program::Program;
pub use registry::Registry;
pub use root::Root;
pub use timeline::Timeline;
pub use tools::Tools;
pub use trust::{Owner, Trust};
pub use uki::Uki;
