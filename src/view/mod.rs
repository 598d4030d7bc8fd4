//! The output for users and programs: the model as tables, lines, JSON and YAML. No I/O.

pub mod age;
pub mod check;
pub mod columns;
pub mod command_for_all;
pub mod command_line;
pub mod config;
pub mod context_outcome;
pub mod evacuation;
pub mod explain;
pub mod formats;
pub mod history;
pub mod manifest;
pub mod notices;
pub mod status;
pub mod traffic;
pub mod version;
