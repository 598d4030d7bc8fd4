//! The tests against real control planes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod check;
mod create;
mod lease;
mod orders;
mod sandbox;
mod status;
#[path = "../support/mod.rs"]
mod support;
mod watch;
