//! `watch` against real clusters.

mod brake;
mod contexts;
mod ends;
mod faults;
mod flapping;
mod groups;
mod hooks;
mod kinds;
mod logs;
mod metrics;
mod once;
mod policy;
mod readiness;
mod refusals;
mod rights;
mod rules;
mod start;
mod story;
mod upstream;
mod wide;
