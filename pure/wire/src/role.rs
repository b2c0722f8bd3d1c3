//! What a caller may do, in three steps.
//!
//! Whoever may write settings may declare a privileged container or name another authority, so that is the
//! administrator's; an operator runs the machine as it is configured.

use core::fmt;
use core::str::FromStr;

/// Least role that a call asks for. A higher role may do everything that a lower one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees settings (never a secret), services, status.
    Reader,
    /// Also reads logs and audit, restarts services, applies again, restarts the machine.
    Operator,
    /// Also changes settings and sees secrets: as good as root.
    Admin,
}

impl Role {
    /// All, the least first.
    pub const ALL: [Role; 3] = [Role::Reader, Role::Operator, Role::Admin];

    /// Its name in certificates, documents and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Reader => "reader",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }

    /// Whether this role may do what asks for `least`.
    pub fn may(self, least: Role) -> bool {
        self >= least
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Role::ALL.into_iter().find(|role| role.name() == text).ok_or(())
    }
}
