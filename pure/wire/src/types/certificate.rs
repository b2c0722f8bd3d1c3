//! Client certificates that the host itself issues.

use alloc::string::String;
use alloc::vec::Vec;

use crate::message::message;

message! {
    /// The body of `POST /v1/certificates`.
    pub struct CertificateWanted {
        /// Who will hold it: 1 to 64 printable characters. Records of calls name its holder so.
        pub name: String,
        /// `reader`, `operator` or `admin`.
        pub role: String,
        /// How long it is valid: 1 to 397 days. Without it, what `settings.api.certificate-days` says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub days: Option<u16>,
    }

    /// A new certificate. Its key is shown here and kept nowhere.
    pub struct CertificateIssued {
        /// Its serial number, by which it can be revoked.
        pub serial: String,
        /// Until when it is valid.
        pub not_after_s: u64,
        /// The certificate, as PEM.
        pub certificate: String,
        /// Its private key, as PEM.
        pub key: String,
        /// The authority by which the host's own certificate is checked, as PEM; where the settings give the host a certificate,
        /// that one's authority takes its place.
        pub ca: String,
    }

    /// A certificate that was issued.
    pub struct Certificate {
        /// Its serial number.
        pub serial: String,
        /// Who holds it.
        pub name: String,
        /// `reader`, `operator` or `admin`.
        pub role: String,
        /// From when it is valid.
        pub not_before_s: u64,
        /// Until when.
        pub not_after_s: u64,
        /// Since when it is revoked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub revoked_s: Option<u64>,
    }

    /// Certificates that the host issued and that have not expired.
    pub struct CertificateList {
        /// The oldest first.
        pub certificates: Vec<Certificate>,
        /// The authority that issued them, as PEM: what clients check the host by.
        pub ca: String,
    }
}
