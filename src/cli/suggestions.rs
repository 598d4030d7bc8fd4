//! Names the right command for words that people type from habit with other tools.

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Cli;
use crate::text::clean;
use crate::text::nearest::nearest;

/// Words that are not commands, and what to type instead.
const SUGGESTIONS: [(&[&str], &[&str]); 15] = [
    (
        &["list", "ls", "get", "show", "groups"],
        &["to see all groups: kubectl failover status"],
    ),
    (
        &["describe", "inspect"],
        &["to see a group in detail: kubectl failover status NAME"],
    ),
    (
        &["remove", "rm", "destroy"],
        &["to delete a group: kubectl failover delete NAME"],
    ),
    (
        &["edit", "update", "patch", "configure", "annotate"],
        &["to change a group's settings: kubectl failover set NAME"],
    ),
    (
        &["undo", "rollback", "revert", "restore"],
        &[
            "to send traffic back to the primary: kubectl failover failback NAME",
            "to see what was done: kubectl failover history NAME",
        ],
    ),
    (
        &["drain", "cordon"],
        &[
            "to take all traffic away from a cluster: kubectl failover evacuate CLUSTER",
            "to bring it back: kubectl failover return CLUSTER --id ID",
        ],
    ),
    (
        &[
            "failover",
            "switch",
            "switchover",
            "promote",
            "move",
            "trigger",
        ],
        &["to send traffic to a fallback by hand: kubectl failover force NAME"],
    ),
    (
        &["fallback", "unforce"],
        &["to send traffic back to the primary: kubectl failover failback NAME"],
    ),
    (
        &["log", "logs", "events", "audit"],
        &["to see past failovers: kubectl failover history"],
    ),
    (
        &["start", "controller", "loop", "agent", "daemon"],
        &["to fail over automatically: kubectl failover watch"],
    ),
    (
        &["stop", "disable", "suspend", "freeze"],
        &["to pause automatic failover: kubectl failover pause NAME"],
    ),
    (
        &["enable", "unpause", "continue"],
        &["to resume automatic failover: kubectl failover resume NAME"],
    ),
    (
        &["add", "new", "init", "apply", "adopt"],
        &["to create a group: kubectl failover create SERVICE --fallback SERVICE"],
    ),
    (
        &["doctor", "verify", "validate", "diagnose", "preflight"],
        &["to check the cluster and your permissions: kubectl failover check"],
    ),
    (
        &["wait"],
        &["to wait for a state: kubectl failover status NAME --for CONDITION"],
    ),
];

/// Returns an error with a suggestion in place of clap's, if there is one. The words of `program`
/// are how the user called it.
pub fn improve(error: clap::Error, program: &str) -> clap::Error {
    let advice = match error.kind() {
        ErrorKind::InvalidSubcommand => of_command(&error, program),
        ErrorKind::UnknownArgument => of_watch(&error, program),
        _ => None,
    };
    let Some((message, lines)) = advice else {
        return error;
    };
    let lines: String = lines
        .iter()
        .map(|line| format!("\n  {}", line.replace("kubectl failover", program)))
        .collect();
    clap::Error::raw(error.kind(), format!("{message}{lines}\n"))
}

type Advice = (String, Vec<String>);

fn of_command(error: &clap::Error, program: &str) -> Option<Advice> {
    let usage = error.get(ContextKind::Usage)?.to_string();
    // Commands of commands, such as those of `sandbox`, keep clap's error.
    if !usage.contains(&format!("{program} [")) {
        return None;
    }
    let word = text_of(error, ContextKind::InvalidSubcommand)?;
    let is_same = |known: &&str| *known == word.to_lowercase();
    let suggestion = SUGGESTIONS
        .iter()
        .find(|(words, _)| words.iter().any(is_same));
    let mut lines: Vec<String> = match suggestion {
        Some((_, lines)) => lines.iter().map(ToString::to_string).collect(),
        None => {
            let root = Cli::command();
            let shown = root
                .get_subcommands()
                .filter(|command| !command.is_hide_set());
            let near = nearest(word, shown.map(clap::Command::get_name));
            near.map(|name| format!("did you mean {name}?"))
                .into_iter()
                .collect()
        }
    };
    lines.push("all commands: kubectl failover --help".to_owned());
    Some((format!("there is no command \"{}\"", clean(word)), lines))
}

/// `watch NAME` is what people type to look at a group.
fn of_watch(error: &clap::Error, program: &str) -> Option<Advice> {
    let usage = error.get(ContextKind::Usage)?.to_string();
    let name = text_of(error, ContextKind::InvalidArg)?;
    let is_watch = usage.contains(&format!("{program} watch"));
    if !is_watch || name.starts_with('-') {
        return None;
    }
    let is_name = name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "-./".contains(letter));
    let shown = if is_name { name } else { "NAME" };
    Some((
        "watch takes no names: it fails over all groups of the namespace".to_owned(),
        vec![
            format!("to look at a group: kubectl failover status {shown} -w"),
            "to fail over only some groups: kubectl failover watch -l LABELS".to_owned(),
        ],
    ))
}

fn text_of(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_word_is_a_command_or_is_listed_twice() {
        let mut seen = HashSet::new();
        for word in SUGGESTIONS.iter().flat_map(|(words, _)| *words) {
            assert!(seen.insert(word), "{word}");
            assert!(Cli::command().find_subcommand(word).is_none(), "{word}");
        }
    }

    #[test]
    fn every_suggested_command_exists() {
        for line in SUGGESTIONS.iter().flat_map(|(_, lines)| *lines) {
            let Some((_, command)) = line.split_once("kubectl failover ") else {
                continue;
            };
            let name = command.split(' ').next().unwrap();
            assert!(Cli::command().find_subcommand(name).is_some(), "{line}");
        }
    }
}
