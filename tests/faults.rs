//! Faults of clusters, networks and processes, with hundreds of groups. No change may be lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

mod faults {
    mod contest;
    mod edits;
    mod odd;
    mod restarts;
    mod rights;
    mod sleep;
    mod soak;
    mod story;
    mod watches;
    mod writes;
}
