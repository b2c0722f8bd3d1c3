//! Ctrl-C as a flag, so that a running machine can be powered off in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};

/// Set by SIGINT and SIGTERM. A second one ends the program at once, as if the first had not been caught.
#[derive(Debug, Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts catching.
    pub fn catch() -> Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            // In this order: the first signal finds the flag unset and sets it, the second finds it set.
            let second = signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag));
            let first = second.and_then(|_| signal_hook::flag::register(signal, Arc::clone(&flag)));
            first.context("cannot catch Ctrl-C")?;
        }
        Ok(Self(flag))
    }

    /// True once somebody wants this to end.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
