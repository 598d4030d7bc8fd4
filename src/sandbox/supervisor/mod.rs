pub mod event;
pub mod guard;
pub mod log;
pub mod session;
pub mod state;
pub mod state_dir;
pub mod supervise;
