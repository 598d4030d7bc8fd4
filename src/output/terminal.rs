//! What the terminal can do.

use std::io::ErrorKind;
use std::time::Duration;

use clap::ColorChoice;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{logging, queued_writer};
use crate::text::clean;

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
    if logging::is_json() {
        tracing::info!("{line}");
        return;
    }
    queued_writer::complain(&clean(line));
}

/// A line on standard output. That nobody reads it is no failure of what was done.
///
/// # Errors
/// Where it could not be written for another reason, such as a full disk.
pub fn print(line: &str) -> std::io::Result<()> {
    match queued_writer::print(line) {
        Err(cause) if cause.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Whether colour is wanted, on a terminal: <https://no-color.org>.
fn colour_is_wanted() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Waits until standard output is a pipe from which nobody will read any more.
pub async fn unread() {
    const LOOK_EVERY: Duration = Duration::from_secs(1);
    let mut looks = tokio::time::interval(LOOK_EVERY);
    while !is_unread() {
        looks.tick().await;
    }
}

fn is_unread() -> bool {
    let output = std::io::stdout();
    // Errors are told unasked.
    let mut asked = [PollFd::new(&output, PollFlags::empty())];
    let told = poll(&mut asked, Some(&Timespec::default()));
    told.is_ok()
        && asked[0]
            .revents()
            .intersects(PollFlags::ERR | PollFlags::HUP)
}

/// Its columns and rows now, whatever the environment says.
pub fn size() -> (u16, u16) {
    const USUAL: (u16, u16) = (80, 24);
    let size = rustix::termios::tcgetwinsize(std::io::stdout())
        .ok()
        .map(|size| (size.ws_col, size.ws_row));
    size.filter(|(columns, rows)| *columns > 0 && *rows > 0)
        .unwrap_or(USUAL)
}
