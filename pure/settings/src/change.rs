//! Whether a change may be made.
//!
//! User data is tolerated: the valid part applies. A change through the API has an author who is still there, so any
//! problem that it brings refuses all of it. Problems that were there before are not its author's.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::layers::Layers;
use crate::model::Settings;
use crate::problem::Problem;
use crate::tree::{Layer, Tree};
use crate::validate;

/// The settings of `after`, unless it has problems that `before` has not: then those.
///
/// What lies hidden below the API's own values counts as there before: the host has been as user data says, and whoever
/// takes back what the API said must be able to return to that.
pub fn check_change(before: &Layers, after: &Layers) -> Result<Settings, Vec<Problem>> {
    let (settings, problems) = validate(&after.merged());
    if problems.is_empty() {
        return Ok(settings);
    }
    let mut hidden = before.clone();
    hidden.set(Layer::Api, Tree::default());
    let mut known: BTreeMap<_, usize> = BTreeMap::new();
    for layers in [before, &hidden] {
        let mut here: BTreeMap<_, usize> = BTreeMap::new();
        for problem in validate(&layers.merged()).1 {
            *here.entry(identity(&problem)).or_default() += 1;
        }
        for (problem, times) in here {
            let most = known.entry(problem).or_default();
            *most = times.max(*most);
        }
    }
    let is_new = |problem: &Problem| match known.get_mut(&identity(problem)) {
        Some(left @ 1..) => {
            *left -= 1;
            false
        }
        _ => true,
    };
    let new: Vec<Problem> = problems.into_iter().filter(is_new).collect();
    if new.is_empty() { Ok(settings) } else { Err(new) }
}

/// By what a problem is known again. What is wrong with user data may be said in words that a change makes others (the amount
/// that would be right, the container that has the port): it is the same problem all the same.
fn identity(problem: &Problem) -> (Layer, String, Option<Cow<'static, str>>) {
    let words = (!problem.layer.is_user_data()).then(|| problem.why.clone());
    (problem.layer, problem.path.clone(), words)
}
