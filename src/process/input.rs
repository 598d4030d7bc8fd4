//! Standard input, passed to everything that asks a question.

use std::fmt;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::sync::Arc;

/// Where answers come from. A test and the live view pass their own.
#[derive(Clone)]
pub struct Input {
    /// Whether someone sees a question and can answer it.
    pub can_ask: bool,
    /// Blocks until a line has been typed.
    pub read_line: ReadLine,
}

type ReadLine = Arc<dyn Fn() -> io::Result<String> + Send + Sync>;

impl fmt::Debug for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Input").finish_non_exhaustive()
    }
}

impl Input {
    /// The standard input of this process. Questions are written to standard error.
    pub fn process() -> Self {
        Self {
            can_ask: io::stdin().is_terminal() && io::stderr().is_terminal(),
            read_line: Arc::new(read_stdin),
        }
    }
}

fn read_stdin() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}
