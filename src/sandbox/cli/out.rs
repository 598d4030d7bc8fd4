//! Lines of the sandbox's commands on the process's own streams.

use std::fmt::Display;

use crate::output::streams::Streams;

/// See [`Streams::print`].
pub fn line(text: impl Display) -> anyhow::Result<()> {
    Streams::process().print(&text.to_string())
}

/// See [`Streams::say`].
pub fn note(text: impl Display) {
    Streams::process().say(&text.to_string());
}
