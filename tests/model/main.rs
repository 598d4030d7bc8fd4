//! The rules of a decision: the reference's own answers, and the invariants over the whole space.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod commands;
mod invariants;
mod object;
mod orders;
mod purity;
mod sequences;
mod vectors;
