//! `watch`, the controller: the pure `engine` decides, the `driver` does the I/O, `metrics` count.

mod driver;
mod engine;
mod metrics;
mod options;

pub use driver::event_loop::run;
pub use driver::suspend::Clocks;
pub use metrics::registry::Metrics;
pub use options::{EngineOptions, WatchOptions, WatchOutcome};
