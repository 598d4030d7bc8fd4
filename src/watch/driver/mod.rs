//! The driver: runs the watches, reads and writes that the engine requests, and reports the results
//! to it.

mod effects;
pub mod event_loop;
mod event_recorder;
mod events;
mod executor;
pub mod fair_queue;
mod fencing;
mod gone_objects;
mod idle_gate;
mod journal_writer;
mod lease_elector;
mod lease_term;
mod limited_rights;
mod notice_aggregator;
mod read_failures;
mod request_outcome;
mod rights_review;
mod shutdown;
pub mod suspend;
mod sync_tracker;
mod task_pool;
mod unwritable_lease;
mod upstream_probe;
mod write_pool;
