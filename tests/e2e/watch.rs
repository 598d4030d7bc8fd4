//! `watch` against real clusters.

mod admission;
mod contexts;
mod failback_ready;
mod faults;
mod flapping;
mod groups;
mod hooks;
mod journal;
mod kinds;
mod logs;
mod metrics;
mod once;
mod policy;
mod rate_limit;
mod readiness;
mod refusals;
mod rights;
mod rules;
mod shutdown;
mod start;
mod story;
mod upstream;
mod wide;
