//! Faults of clusters, networks and processes, with hundreds of groups. No change may be lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

mod faults {
    mod contention;
    mod edits;
    mod hostile;
    mod odd_objects;
    mod restarts;
    mod rights;
    mod soak;
    mod story;
    mod suspend;
    mod watches;
    mod writes;
}
