//! The rules of a decision: the answers of the reference, and invariants over the whole space.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod model {
    mod avoid;
    mod commands;
    mod garbage;
    mod invariants;
    mod mirrors;
    mod object;
    mod overrides;
    mod routes;
    mod sequences;
    mod two_controllers;
    mod vectors;
}
