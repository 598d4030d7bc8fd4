//! The one place that turns errors into words: what users see when something does not work.

pub mod explain;
pub mod json;
pub mod report;

pub use explain::{explain, explain_group_list};
pub use report::{Report, finish, report_usage};
