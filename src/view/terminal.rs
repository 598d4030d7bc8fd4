//! What the terminal can do.

use std::io::Write as _;

use clap::ColorChoice;

use super::text::clean;

/// Whether to colour what goes to a stream: what the flag says, or else what the terminal and its environment say.
pub fn is_coloured(choice: ColorChoice, on_terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => on_terminal && colour_is_wanted(),
    }
}

/// A line on standard error, without anything that would drive the terminal. That nobody reads it is no failure.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", clean(line));
}

/// Whether colour is wanted, on a terminal: <https://no-color.org>.
fn colour_is_wanted() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Its width in columns.
pub fn width() -> u16 {
    const USUAL: u16 = 80;
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    asked
        .or_else(|| rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| size.ws_col))
        .filter(|columns| *columns > 0)
        .unwrap_or(USUAL)
}

/// Its columns and rows now, whatever the environment says.
pub fn size() -> (u16, u16) {
    const USUAL: (u16, u16) = (80, 24);
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| (size.ws_col, size.ws_row));
    size.filter(|(columns, rows)| *columns > 0 && *rows > 0).unwrap_or(USUAL)
}
