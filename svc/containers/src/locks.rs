//! Locks by name: two containers of one image must not fetch or unpack the same layer at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

/// A set of locks, one for each name that somebody holds or waits for.
#[derive(Debug, Default)]
pub struct Locks {
    held: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Locks {
    /// Waits until nobody else holds the lock of this name.
    pub async fn lock(&self, name: &str) -> OwnedMutexGuard<()> {
        let lock = {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that only this map knows are held by nobody.
            held.retain(|_, lock| Arc::strong_count(lock) > 1);
            held.entry(name.to_owned()).or_default().clone()
        };
        lock.lock_owned().await
    }
}
