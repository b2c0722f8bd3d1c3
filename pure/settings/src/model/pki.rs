//! `settings.pki`.

use crate::read::group;
use crate::scalar::TrustBundle;

group! {
    /// A bundle of certificates of authorities.
    pub struct Bundle {
        /// The certificates: PEM, in base64. May be empty.
        pub data: Option<TrustBundle> = "data",
        /// The host trusts them. Default false.
        pub trusted: Option<bool> = "trusted",
    }
}
