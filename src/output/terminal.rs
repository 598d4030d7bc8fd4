//! What a terminal can show: colours, and a whole screen.

use clap::ColorChoice;

/// Whether to colour a stream. The flag decides, or else the terminal and its environment.
pub fn is_coloured(choice: ColorChoice, on_terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => on_terminal && colour_is_wanted(),
    }
}

/// Whether colour is wanted, on a terminal: <https://no-color.org>.
fn colour_is_wanted() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && can_move_cursor()
}

/// Whether the terminal can do more than print lines.
pub fn can_move_cursor() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
