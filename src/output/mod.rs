pub mod logging;
pub mod progress;
pub mod queued_writer;
pub mod screen;
pub mod terminal;
