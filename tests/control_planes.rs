//! Control planes whose programs are killed, and watches that lose their Lease. These tests measure
//! how long recovery takes, so they run one by one, in a binary of their own: `cargo test` runs one
//! binary after another.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

mod control_planes {
    mod audit;
    mod chart;
    mod leases;
    mod restores;
    mod servers;
}

/// Held by the running test.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
