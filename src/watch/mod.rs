//! The reconcile loop. `engine` is told what happens and says what is to be done, without I/O; `run` does it.

mod alarms;
mod answers;
mod behind;
mod brake;
mod calm;
mod census;
mod checks;
mod crowd;
mod engine;
pub(crate) mod feed;
pub(crate) mod feeds;
mod fight;
mod hearing;
mod intake;
mod keeper;
mod kinds;
mod lane;
mod leases;
mod leave;
mod meter;
mod metrics;
mod mirrors;
mod options;
pub(crate) mod readings;
mod reconcile;
mod register;
mod requests;
mod run;
mod sleep;
mod tidings;
mod tracked;
mod upstream;
pub(crate) mod watches;

pub use brake::MaxMoves;
pub use metrics::Metrics;
pub use options::{Options, Outcome};
pub use run::run;
pub use sleep::Clocks;

#[cfg(test)]
mod tests;
