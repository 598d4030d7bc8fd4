//! This process: its signals and its standard input. Signals to others.

pub mod input;
pub mod others;
pub mod polling;
pub mod signals;
