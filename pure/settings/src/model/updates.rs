//! `settings.updates`.

use crate::read::group;
use crate::scalar::{Url, VersionLock, Whole};

group! {
    /// Which release this host runs, and where new ones come from.
    pub struct Updates {
        /// Where the update repository's metadata is.
        pub metadata_base_url: Option<Url> = "metadata-base-url",
        /// Where the update repository's files are.
        pub targets_base_url: Option<Url> = "targets-base-url",
        /// This host's place in the order in which a fleet takes a release. Made once, at random, when it is not set.
        pub seed: Option<Whole<0, 2047>> = "seed",
        /// Stay at this release. Default `latest`.
        pub version_lock: Option<VersionLock> = "version-lock",
        /// Take a release at once, whatever this host's place in the order. Default false.
        pub ignore_waves: Option<bool> = "ignore-waves",
    }
}
