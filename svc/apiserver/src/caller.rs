//! Who asks.

use std::fmt;

use wire::Role;

/// A caller, known before its first request is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A process of this host, by its credentials when it connected.
    Local {
        /// Its user.
        uid: u32,
        /// Its group.
        gid: u32,
        /// Its process.
        pid: u32,
    },
    /// The holder of a client certificate.
    Remote {
        /// Its Common Name.
        name: String,
        /// What the certificate lets it do.
        role: Role,
        /// The certificate's serial number, in hexadecimal digits.
        serial: String,
    },
}

impl Caller {
    /// What it may do. Who may use the socket at all is an administrator: root, and those whom root gave the group.
    pub fn role(&self) -> Role {
        match self {
            Caller::Local { .. } => Role::Admin,
            Caller::Remote { role, .. } => *role,
        }
    }

    /// Whether it came over the network.
    pub fn is_remote(&self) -> bool {
        matches!(self, Caller::Remote { .. })
    }
}

impl fmt::Display for Caller {
    /// As generations and records name it: `uid 0 (pid 117)`, `ada (admin, certificate 3f09)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Caller::Local { uid, pid, .. } => write!(f, "uid {uid} (pid {pid})"),
            Caller::Remote { name, role, serial } => write!(f, "{name} ({role}, certificate {serial})"),
        }
    }
}
