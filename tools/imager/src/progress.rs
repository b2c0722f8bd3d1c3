//! What a person at the terminal sees while an image is built: a line per step, with its time.

use std::time::Instant;

/// Announces `what`, runs it, and says how long it took.
pub fn step<T, E>(what: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    eprintln!("  {what} ...");
    let start = Instant::now();
    let result = work();
    let seconds = start.elapsed().as_secs_f64();
    let outcome = if result.is_ok() { "done" } else { "failed" };
    eprintln!("  {what}: {outcome} in {seconds:.1} s");
    result
}

/// One line that needs no clock.
pub fn note(text: &str) {
    eprintln!("  {text}");
}
