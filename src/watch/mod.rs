//! The `watch` controller: the pure `engine` decides, the `driver` does the I/O, and `metrics`
//! records metrics.

mod clocks;
mod driver;
mod engine;
mod metrics;
mod options;

pub use clocks::Clocks;
pub use driver::event_loop::run;
pub use driver::fair_queue::FairQueue;
pub use metrics::registry::Metrics;
pub use metrics::text_format::TextFormat;
pub use options::{EngineOptions, WatchOptions, WatchOutcome, WatchReport};
