//! The fuzzers' corpora hold.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/properties/replay.rs"]
mod replay;
#[path = "../../../fuzz/properties/request.rs"]
mod request;

#[test]
fn every_request_that_was_ever_a_problem_is_none() {
    replay::corpus("request", 22, request::holds);
}
