pub mod conflicts;
pub mod group_list;
pub mod history;
pub mod runners;
pub mod upstream;
