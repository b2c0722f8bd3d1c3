//! The firmware's errors, as people read them.

use uefi::Status;

/// A status by its name in the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub Status);

impl<D: core::fmt::Debug> From<uefi::Error<D>> for Fault {
    fn from(err: uefi::Error<D>) -> Self {
        Self(err.status())
    }
}
