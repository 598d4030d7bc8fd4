//! The status of groups: as a table, as JSON, on a terminal that is redrawn, and as changes.

pub mod by_cluster;
mod cause;
pub mod changes;
pub mod clusters;
pub mod evacuated;
pub mod evacuations;
mod exposed;
mod late_watch;
pub mod list;
pub mod live;
mod many_groups;
pub mod narrow;
pub mod next_step;
pub mod note_line;
pub mod notes;
pub mod report;
mod steps_for_all;
pub mod table;
