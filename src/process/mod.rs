//! This process: its signals and its standard input.

pub mod input;
pub mod signals;
