//! A sandbox on this machine: its folder, its state, its log, and guarded processes.

pub mod base_dirs;
pub mod disk;
pub mod guard;
pub mod log;
pub mod secrets;
pub mod state;
pub mod state_dir;
pub mod suspension;
