//! What kubelets, the ECS agent and Docker read: byte for byte for a few documents, and laws over every key.
#![allow(clippy::unwrap_used)]

mod documents;
mod golden;
mod hostile;
mod keys;
mod laws;
