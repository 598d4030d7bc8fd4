//! Changes to groups by hand: plan each group, ask once, write with compare-and-swap, read back and
//! report.

pub mod apex_service;
pub mod batches;
pub mod confirm;
pub mod execute;
pub mod hold;
pub mod later_events;
pub mod order;
pub mod plan;
pub mod precondition;
pub mod preflight;
pub mod read_back;
pub mod refusal;
pub mod report;
mod report_lines;
pub mod retry;
pub mod wait_ready;
pub mod write;
