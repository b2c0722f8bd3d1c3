//! Scenarios: each boots a real machine and is named after a promise or a threat.
//!
//! They need the built image and the tools tree: run them with `cargo xtask vm [NAME...]`, which provides both. Each has
//! a machine, a registry and a console log (`out/vm/NAME/console.log`) of its own.

// Tests may unwrap; helper functions of integration tests are not known to clippy as tests.
#![allow(clippy::unwrap_used)]

mod api;
mod containers;
mod data;
mod fallback;
mod health;
mod measured;
mod releases;
mod remote;
mod root;
mod secure_boot;
mod sets;
mod settings;
mod story;
mod survival;
