//! Standard input, passed to everything that asks a question.

use std::io::{BufRead as _, IsTerminal as _};

/// Where answers come from. A test passes its own.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    pub is_terminal: bool,
    /// Blocks until a line has been typed.
    pub read_line: fn() -> std::io::Result<String>,
}

impl Input {
    /// The standard input of this process.
    pub fn process() -> Self {
        Self {
            is_terminal: std::io::stdin().is_terminal(),
            read_line: read_stdin,
        }
    }
}

fn read_stdin() -> std::io::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}
