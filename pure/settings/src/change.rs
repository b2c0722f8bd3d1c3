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
use crate::tree::Layer;
use crate::validate;

/// The settings of `after`, unless it has problems that `before` has not: then those.
pub fn check_change(before: &Layers, after: &Layers) -> Result<Settings, Vec<Problem>> {
    let (settings, problems) = validate(&after.merged());
    if problems.is_empty() {
        return Ok(settings);
    }
    let mut known: BTreeMap<_, usize> = BTreeMap::new();
    for problem in validate(&before.merged()).1 {
        *known.entry(identity(&problem)).or_default() += 1;
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
