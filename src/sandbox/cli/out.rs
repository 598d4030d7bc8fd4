//! Lines for the user. `println!` would panic when the reader has gone.

use std::fmt::Display;
use std::io::Write;

/// A line of a command's result, on standard output.
pub fn line(text: impl Display) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// A line that only accompanies the result, on standard error: when nobody reads it, nothing is lost.
pub fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
