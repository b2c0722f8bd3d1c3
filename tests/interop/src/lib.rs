//! Other people's tools as oracles: the same input to them and to us.
//!
//! The programs come from the tools tree, as everywhere in the tests (`GANTRY_TOOLS`; `cargo xtask test` sets it). Each
//! module is one program, with verbs instead of option letters and values instead of text; the comparisons are in `tests/`.

pub mod cgpt;

use vm::Tools;

/// The tools tree, or `None` where there is none; `what` is then skipped, and says so.
pub fn tools(what: &str) -> Option<Tools> {
    let Some(root) = std::env::var_os("GANTRY_TOOLS") else {
        eprintln!("SKIPPED {what}: GANTRY_TOOLS is not set");
        return None;
    };
    Some(Tools::at(root).expect("GANTRY_TOOLS is a tools tree"))
}
