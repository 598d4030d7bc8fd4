//! Programs of control planes are killed, and loops whose Lease has to end. How long that may take is a part of what is
//! tested: this binary runs alone, since `cargo test` runs one after another, and its tests run one by one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

mod control_planes {
    mod audit;
    mod leases;
    mod servers;
}

/// Held by the test that runs.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
