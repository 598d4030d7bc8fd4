//! The rules of a decision: the reference's own answers, and the invariants over the whole space.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod model {
    mod commands;
    mod garbage;
    mod invariants;
    mod loops;
    mod mirrors;
    mod object;
    mod orders;
    mod routes;
    mod sequences;
    mod vectors;
}
