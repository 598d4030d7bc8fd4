//! The requests to the backends of groups: what was counted, in a heading, as a table, as lines and as
//! data for programs, and what is wrong with them.

mod cells;
mod document;
mod table;
#[cfg(test)]
mod tests;
mod text;

pub use document::{Ending, TrafficDocument, TrafficListDocument, TrafficOrigin};
pub use table::{TrafficStyle, table};
pub use text::{TrafficFaults, faults, heading, notes, text_lines};
