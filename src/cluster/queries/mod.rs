//! Answers composed of several requests: groups, conflicts, history, and who runs the groups.

pub mod conflicts;
pub mod group_list;
pub mod history;
pub mod kind_status;
pub mod runners;
pub mod upstream;
