//! Turns errors into what users see: the message, what to do next, and the exit code.

pub mod explain;
pub mod json;
pub mod report;

pub use explain::{explain, explain_all, explain_group_list, explain_write};
pub use report::{finish, report_usage};
