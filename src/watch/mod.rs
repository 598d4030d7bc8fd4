//! The reconcile loop. `engine` is told what happens and says what is to be done, without I/O; `run` does it.

mod answers;
mod engine;
pub(crate) mod feed;
pub(crate) mod feeds;
mod keeper;
mod leases;
mod mirrors;
mod reconcile;
mod register;
mod requests;
mod run;
mod tracked;
mod watches;

pub use run::{Options, Outcome, run};

#[cfg(test)]
mod tests;
