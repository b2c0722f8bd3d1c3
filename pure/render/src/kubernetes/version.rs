//! Which kubelet it is, and what kubelets know.
//!
//! Numbers are the N of Kubernetes 1.N. Where a field was first behind a feature gate that is off by default, the gate is
//! turned on with it; where that would change more than the field, the field waits until the gate is on by itself.

use crate::Facts;

/// The newest kubelet we know; taken when it is not known which one is there.
pub(super) const NEWEST: u32 = 36;

/// The minor version of a kubelet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Minor(u32);

impl Minor {
    pub(super) fn of(facts: &Facts) -> Self {
        Minor(if facts.kubernetes_minor == 0 { NEWEST } else { facts.kubernetes_minor })
    }

    /// Whether it is this one or a later one.
    pub(super) fn from(self, first: u32) -> bool {
        self.0 >= first
    }

    /// The value, for a kubelet that knows what to do with it.
    pub(super) fn since<T>(self, first: u32, value: Option<T>) -> Option<T> {
        value.filter(|_| self.from(first))
    }
}
