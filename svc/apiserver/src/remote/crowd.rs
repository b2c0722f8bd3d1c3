//! Counting places that are taken by each of many.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Who has how many places.
#[derive(Debug)]
pub struct Crowd<K>(Arc<Mutex<HashMap<K, usize>>>);

/// A taken place; free again when it goes.
#[derive(Debug)]
pub struct Place<K: Hash + Eq + Clone> {
    crowd: Crowd<K>,
    whose: K,
}

impl<K> Default for Crowd<K> {
    fn default() -> Self {
        Crowd(Arc::default())
    }
}

impl<K> Clone for Crowd<K> {
    fn clone(&self) -> Self {
        Crowd(self.0.clone())
    }
}

impl<K: Hash + Eq + Clone> Crowd<K> {
    /// A place for `whose`, unless they have `most`.
    pub fn place(&self, whose: K, most: usize) -> Option<Place<K>> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(whose.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { crowd: self.clone(), whose })
    }
}

impl<K: Hash + Eq + Clone> Drop for Place<K> {
    fn drop(&mut self) {
        let mut counts = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Crowd;

    #[test]
    fn each_has_so_many_places_and_gets_them_back() {
        let crowd = Crowd::default();
        let first = crowd.place("a", 2);
        let second = crowd.place("a", 2);
        assert!(first.is_some() && second.is_some() && crowd.place("a", 2).is_none());
        assert!(crowd.place("b", 2).is_some(), "another is not concerned");
        drop(first);
        assert!(crowd.place("a", 2).is_some());
        drop(second);
        assert!(crowd.0.lock().unwrap().is_empty(), "who has left is forgotten");
    }
}
