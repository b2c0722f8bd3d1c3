//! `settings.host-containers`, `settings.bootstrap-containers` and `settings.bootstrap-commands`.
//!
//! What runs before the host is configured may format disks: with anything wrong in it, it does not run. A host
//! container is how operators reach the host: its valid keys apply, and its defaults are the harmless ones.

use alloc::vec::Vec;

use crate::read::{Reader, Setting, group};
use crate::scalar::{Argument, ImageSource, Scalar, SecretFile64, choice};
use crate::shape::Shape;
use crate::tree::{Node, Table};
use crate::value::Value;

group! {
    /// A container of the host's operators, outside any orchestrator.
    pub struct HostContainer {
        /// Image, with its registry: `REGISTRY/REPOSITORY[:TAG][@DIGEST]`. Required of one that is enabled.
        pub source: Option<ImageSource> = "source",
        /// Run it. Default false.
        pub enabled: Option<bool> = "enabled",
        /// Give it all rights on the host. Default false.
        pub superpowered: Option<bool> = "superpowered",
        /// A file for it, which it finds in its own folder. Secret: it often holds credentials.
        pub user_data: Option<SecretFile64> = "user-data",
        /// Program and arguments, in place of the image's.
        pub command: Option<Vec<Argument>> = "command",
    }
    check HostContainer::check
}

impl HostContainer {
    /// Without an image there is nothing to enable.
    fn check(&mut self, table: &Table, at: &mut Reader) {
        if let (Some(true), None, Some(enabled)) = (self.enabled, &self.source, table.get("enabled")) {
            if !table.contains_key("source") {
                let why = "missing, and required of a container that is enabled";
                at.at_key("source", |at| at.problem(enabled, why));
            }
            self.enabled = None;
            at.discard(enabled);
        }
    }
}

choice! {
    /// When something runs at boot.
    pub enum BootstrapMode {
        /// Never.
        Off = "off",
        /// At the next boot, and never again.
        Once = "once",
        /// At each boot.
        Always = "always",
    }
}

group! {
    /// A container that runs at boot, before the orchestrator, to its end.
    pub struct BootstrapContainer {
        /// Image, with its registry: `REGISTRY/REPOSITORY[:TAG][@DIGEST]`. Required unless `mode` is `off`.
        pub source: Option<ImageSource> = "source",
        /// When it runs: `off` (default), `once` (at the next boot only), `always` (at each).
        pub mode: Option<BootstrapMode> = "mode",
        /// A file for it, which it finds in its own folder. Secret: it often holds credentials.
        pub user_data: Option<SecretFile64> = "user-data",
        /// If it fails, the boot has failed. Default false.
        pub essential: Option<bool> = "essential",
        /// Program and arguments, in place of the image's.
        pub command: Option<Vec<Argument>> = "command",
    }
    as record
    check BootstrapContainer::check
}

impl BootstrapContainer {
    fn check(&self, table: &Table, at: &mut Reader) {
        if self.mode.is_some_and(|mode| mode != BootstrapMode::Off)
            && !table.contains_key("source")
            && let Some(mode) = table.get("mode")
        {
            at.at_key("source", |at| at.problem(mode, "missing, and required of a container that runs"));
        }
    }
}

group! {
    /// Commands of apiclient that run at boot, before bootstrap containers.
    pub struct BootstrapCommand {
        /// The commands, one after the other until one fails, each a list of program and arguments:
        /// `[["apiclient", "set", "motd=hello"]]`.
        pub commands: Vec<Command> = "commands",
        /// When they run: `off` (default), `once` (at the next boot only), `always` (at each).
        pub mode: Option<BootstrapMode> = "mode",
        /// If one fails, the boot has failed. Default false.
        pub essential: Option<bool> = "essential",
    }
    as record
}

/// One command: `apiclient` and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command(pub Vec<Argument>);

impl Setting for Command {
    fn shape() -> Shape {
        Vec::<Argument>::shape()
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let words = at.whole(node, |at| Vec::<Argument>::read(node, at))?;
        if words.first().is_none_or(|program| program.text() != "apiclient") {
            at.problem(node, "not a command of apiclient: its first word has to be apiclient");
            return None;
        }
        Some(Command(words))
    }

    fn write(&self) -> Option<Value> {
        self.0.write()
    }
}
