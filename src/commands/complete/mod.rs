//! Completion in the format that kubectl expects: a line for each choice with its help after a tab,
//! then cobra's directive for the shell.

mod evacuations;
pub mod lookup;
pub mod typed;
pub mod values;

use std::ffi::OsString;
use std::sync::Arc;

use clap_complete::CompletionCandidate;
use clap_complete::engine::complete;

use typed::Typed;

use crate::cli::argv0::Invocation;
use crate::output::streams::Streams;
use crate::problem::Exit;
use crate::text::clean;

/// Cobra's directives are bit flags.
const NO_SPACE: u8 = 2;
const NO_FILE_NAMES: u8 = 4;

/// Prints the choices for the last word, which may be empty. `words` follow `kubectl failover`.
pub fn run(words: &[OsString], streams: &Streams) -> anyhow::Result<Exit> {
    streams.write(&answer(words))?;
    Ok(Exit::Done)
}

fn answer(words: &[OsString]) -> String {
    let choices = choices(words);
    let lines: String = choices.iter().map(|choice| line(choice) + "\n").collect();
    format!("{lines}:{}\n", directive(&choices))
}

/// Offers flags only after a dash, or if there are no other choices: among names, a flag would look
/// like a name.
fn choices(words: &[OsString]) -> Vec<CompletionCandidate> {
    let begun = words.last().cloned().unwrap_or_default();
    let (mut choices, awaits_name) = candidates(words);
    let is_flag = |choice: &CompletionCandidate| bytes(choice).starts_with(b"-");
    if begun.is_empty() && (awaits_name || !choices.iter().all(is_flag)) {
        choices.retain(|choice| !is_flag(choice));
    }
    choices
}

/// Returns the choices, and whether a name is expected.
fn candidates(words: &[OsString]) -> (Vec<CompletionCandidate>, bool) {
    let mut line = vec![OsString::from("kubectl-failover")];
    line.extend_from_slice(words);
    if words.is_empty() {
        line.push(OsString::new());
    }
    let last = line.len() - 1;
    // After a single dash the engine offers short flags. Long flags are easier to recognize.
    if line[last] == "-" {
        line[last].push("-");
    }
    let typed = Typed::read(definition(), &line[..last]);
    let awaits_name = typed.awaits_name;
    let mut command = values::add(definition(), &Arc::new(typed));
    let here = std::env::current_dir().ok();
    // A shell cannot show an error in the middle of a line.
    (
        complete(&mut command, line, last, here.as_deref()).unwrap_or_default(),
        awaits_name,
    )
}

fn definition() -> clap::Command {
    Invocation::Completion.command()
}

fn bytes(choice: &CompletionCandidate) -> &[u8] {
    choice.get_value().as_encoded_bytes()
}

fn line(choice: &CompletionCandidate) -> String {
    let value = clean(&choice.get_value().to_string_lossy());
    let help = choice.get_help().map(ToString::to_string);
    match help.unwrap_or_default().lines().next() {
        Some(help) => format!("{value}\t{}", clean(help)),
        None => value,
    }
}

/// Adds no space after a folder, since a path inside it may follow.
fn directive(choices: &[CompletionCandidate]) -> u8 {
    let is_folder = |choice: &CompletionCandidate| bytes(choice).ends_with(b"/");
    if !choices.is_empty() && choices.iter().all(is_folder) {
        NO_FILE_NAMES | NO_SPACE
    } else {
        NO_FILE_NAMES
    }
}
