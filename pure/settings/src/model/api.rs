//! `settings.api`, `settings.health` and `settings.logs`: the host's own services.

use alloc::vec::Vec;

use crate::read::{Reader, group};
use crate::scalar::{Certificates, PrivateKey, Revocations, ServerName, Whole, choice};
use crate::tree::Table;

group! {
    /// The API over the network. Off unless it is enabled.
    pub struct Api {
        /// Listen on the network. Default false.
        pub enabled: Option<bool> = "enabled",
        /// TCP port. Default 7443.
        pub port: Option<Whole<1, 65535>> = "port",
        /// Authorities whose client certificates are believed: PEM, in base64. The host makes its own authority when there are
        /// none.
        pub client_ca: Option<Certificates> = "client-ca",
        /// The server's certificate with those between it and its authority: PEM, in base64. With `key`. The host makes one
        /// when there is none.
        pub certificate: Option<Certificates> = "certificate",
        /// The server's private key: PEM, in base64. With `certificate`.
        pub key: Option<PrivateKey> = "key",
        /// Certificate revocation lists of those authorities: PEM, in base64.
        pub revoked: Option<Revocations> = "revoked",
        /// DNS names and IP addresses for a certificate that the host makes itself, beside its own.
        pub names: Vec<ServerName> = "names",
        /// How long a certificate is valid that the host makes itself, in days. Default 90.
        pub certificate_days: Option<Whole<1, 397>> = "certificate-days",
    }
    check Api::check
}

impl Api {
    /// The port to listen on.
    pub fn port(&self) -> u16 {
        self.port.and_then(|port| u16::try_from(port.get()).ok()).unwrap_or(7443)
    }

    /// How long a certificate is valid that the host makes itself.
    pub fn certificate_days(&self) -> u16 {
        self.certificate_days.and_then(|days| u16::try_from(days.get()).ok()).unwrap_or(90)
    }

    /// One without the other is neither.
    fn check(&mut self, table: &Table, at: &mut Reader) {
        if self.certificate.is_some() == self.key.is_some() {
            return;
        }
        for (key, other) in [("certificate", "key"), ("key", "certificate")] {
            if let Some(node) = table.get(other) {
                if !table.contains_key(key) {
                    at.at_key(key, |at| at.problem(node, "missing: certificate and key go together"));
                }
                at.discard(node);
            }
        }
        (self.certificate, self.key) = (None, None);
    }
}

group! {
    /// When the host counts as good.
    pub struct Health {
        /// Seconds from the kernel's start until a system on trial that is not healthy gives way to the other one. Default 300.
        pub deadline_s: Option<Whole<60, 86400>> = "deadline-s",
    }
}

choice! {
    /// Which lines of services are shown on the console. Those of units that ask for the console always are.
    pub enum ConsoleLevel {
        /// None.
        Off = "off",
        /// What went wrong.
        Error = "error",
        /// And what may.
        Warn = "warn",
        /// And what happens.
        Info = "info",
    }
}

group! {
    /// The host's log.
    pub struct Logs {
        /// How much of it is kept on disk, in MiB. Default 40.
        pub keep_mib: Option<Whole<5, 65536>> = "keep-mib",
        /// Which lines of services are shown on the console, beside those of units that always are. Default `off`.
        pub console: Option<ConsoleLevel> = "console",
    }
}
