//! Text that is safe to print and fits its place. This module imports nothing.

pub mod connection_flags;
mod evacuation_command;
mod fit;
pub mod nearest;
mod place;
mod safe;
mod shell;

pub use connection_flags::{ConnectionFlags, InstalledWatch};
pub use evacuation_command::evacuation_command;
pub use fit::{MAX_LINE_CHARS, cut, fitted, shorten, wrap};
pub use place::place;
pub use safe::{clean, clean_json, clean_lines, without_code, without_userinfo};
pub use shell::word;
