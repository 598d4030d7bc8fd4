//! What kubectl asks for while the user types `kubectl failover …` and Tab: the choices for the last word, one a
//! line with its meaning after a tab, then a line that says how the shell is to treat them.

pub mod lookup;
pub mod typed;
pub mod values;

use std::ffi::OsString;
use std::sync::Arc;

use clap_complete::CompletionCandidate;
use clap_complete::engine::complete;

use typed::Typed;

use crate::cli::argv0::Invocation;
use crate::problem::Exit;
use crate::text::clean;

const NO_SPACE: u8 = 2;
const NO_FILE_NAMES: u8 = 4;

/// Prints the choices for the last of the words after `kubectl failover`, which may be empty.
pub fn run(words: &[OsString]) -> anyhow::Result<Exit> {
    super::print(&answer(words))
}

fn answer(words: &[OsString]) -> String {
    let choices = choices(words);
    let lines: String = choices.iter().map(|choice| line(choice) + "\n").collect();
    format!("{lines}:{}\n", directive(&choices))
}

/// Flags are offered where one has been begun, or where nothing else fits. Where a name is to come that nobody knows,
/// a flag would look like one.
fn choices(words: &[OsString]) -> Vec<CompletionCandidate> {
    let begun = words.last().cloned().unwrap_or_default();
    let (mut choices, awaits_name) = candidates(words);
    let is_flag =
        |choice: &CompletionCandidate| choice.get_value().as_encoded_bytes().starts_with(b"-");
    if begun.is_empty() && (awaits_name || !choices.iter().all(is_flag)) {
        choices.retain(|choice| !is_flag(choice));
    }
    choices
}

/// With whether a name is to come.
fn candidates(words: &[OsString]) -> (Vec<CompletionCandidate>, bool) {
    let mut line = vec![OsString::from("kubectl-failover")];
    line.extend_from_slice(words);
    if words.is_empty() {
        line.push(OsString::new());
    }
    let last = line.len() - 1;
    // After a dash alone the engine offers letters; the long names say more.
    if line[last] == "-" {
        line[last].push("-");
    }
    let typed = Typed::read(definition(), &line[..last]);
    let awaits_name = typed.awaits_name;
    let mut command = values::add(definition(), &Arc::new(typed));
    let here = std::env::current_dir().ok();
    // Whatever goes wrong, a shell has no use for an error in the middle of a line.
    (
        complete(&mut command, line, last, here.as_deref()).unwrap_or_default(),
        awaits_name,
    )
}

fn definition() -> clap::Command {
    Invocation::Completion.command()
}

fn line(choice: &CompletionCandidate) -> String {
    let value = clean(&choice.get_value().to_string_lossy());
    match choice
        .get_help()
        .map(ToString::to_string)
        .as_deref()
        .and_then(|help| help.lines().next())
    {
        Some(help) => format!("{value}\t{}", clean(help)),
        None => value,
    }
}

/// A folder's name goes on with what is in it, so no space follows it.
fn directive(choices: &[CompletionCandidate]) -> u8 {
    let is_folder =
        |choice: &CompletionCandidate| choice.get_value().as_encoded_bytes().ends_with(b"/");
    if !choices.is_empty() && choices.iter().all(is_folder) {
        NO_FILE_NAMES | NO_SPACE
    } else {
        NO_FILE_NAMES
    }
}
