//! The binary, and the files made from it, without a cluster.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod argv0;
mod complete;
mod completion;
mod help;
mod install;
mod place;
mod stale;
mod support;
