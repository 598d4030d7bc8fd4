//! Queries that need several requests: groups, conflicts, history, and the controllers of groups.

pub mod ailing_pods;
pub mod conflicts;
pub mod group_list;
pub mod history;
pub mod installed_watch;
pub mod kind_status;
pub mod migrations;
pub mod residences;
pub mod runners;
pub mod stale_slices;
pub mod upstream;
