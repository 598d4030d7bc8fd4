//! What users and programs read: tables, lines, JSON and YAML of what the model holds. No I/O.

pub mod age;
pub mod check;
pub mod columns;
pub mod command_line;
pub mod formats;
pub mod history;
pub mod manifest;
pub mod notices;
pub mod status;
