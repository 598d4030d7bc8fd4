//! Everything that reaches the user: the two output streams, the terminal, progress, and the log.

pub mod logging;

pub mod progress;
pub mod queued_writer;
pub mod screen;
pub mod spinner;
pub mod streams;
pub mod terminal;
