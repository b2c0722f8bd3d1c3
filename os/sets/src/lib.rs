//! The two sets of a disk as they are: which one runs, what each holds, and whether it holds it whole.
//!
//! - [`Place`]: the disk, of the running root or an image file; [`Place::running`] says which set runs.
//! - [`image::facts`]: what the UKI in a set's `BOOT` partition says of itself, by a few bounded reads.
//! - [`verify()`]: reads a whole set back and compares; the only maker of [`slots::Written`] on a host.
//! - [`Firmware`]: which set the boot manager started, and how it came to that.
//! - [`Repairs`]: what error correction did to the running root.
//!
//! Holds always: nothing here writes to a disk. How bits change is `pure/slots`, performing that `os/block`.
//! SHA-256 is the `sha2` crate here, because `authenticode`, which reads signatures on the host as in the build, has it.

pub mod extent;
pub mod firmware;
pub mod image;
pub mod place;
pub mod repairs;
pub mod verify;

pub use extent::Extent;
pub use firmware::{Firmware, VariableError};
pub use image::{Contents, ImageError};
pub use place::{Place, PlaceError};
pub use repairs::{Repairs, RepairsError};
pub use verify::{Verified, VerifyError, verify};
