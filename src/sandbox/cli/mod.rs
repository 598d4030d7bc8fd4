//! The `sandbox` subcommands, other than `demo`.

pub mod network;
pub mod run;
pub mod traffic;
pub mod up;
