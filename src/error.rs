//! The one place that turns errors into words: what users see when something does not work.

mod document;
mod explain;
mod report;
mod right;

pub use explain::{explain, no_kinds};
pub use report::{Told, finish, report_usage};
