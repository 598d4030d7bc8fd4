//! The reconcile loop. `engine` is told what happens and says what is to be done, without I/O; `run` does it.

mod driver;
mod engine;
mod metrics;
mod options;

pub use driver::event_loop::run;
pub use driver::suspend::Clocks;
pub use metrics::registry::Metrics;
pub use options::{WatchOptions, WatchOutcome};
