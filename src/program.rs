//! The names under which the binary runs, and the command line that fits each of them.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::cli::Cli;

/// What the user typed to get here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `kubectl failover`, and any other name
    Kubectl,
    /// `linkerd failover`, through the link `linkerd-failover`
    Linkerd,
    /// kubectl asking for completions, through the link `kubectl_complete-failover`
    Completion,
}

impl Program {
    /// The program that the first word of a command line, perhaps a path, stands for.
    pub fn called(first_word: Option<&OsStr>) -> Self {
        match first_word.and_then(|word| Path::new(word).file_stem()).and_then(OsStr::to_str) {
            Some("linkerd-failover") => Self::Linkerd,
            Some("kubectl_complete-failover") => Self::Completion,
            _ => Self::Kubectl,
        }
    }

    /// The words to complete, where that is what is asked: by kubectl under a name of its own, by the shells'
    /// scripts as cobra's programs are asked.
    pub fn to_complete(self, words: &[OsString]) -> Option<&[OsString]> {
        match words {
            [_, first, rest @ ..] if self != Self::Completion && first == "__complete" => Some(rest),
            [_, rest @ ..] if self == Self::Completion => Some(rest),
            _ => None,
        }
    }

    /// Parses a whole command line, the program's name first.
    pub fn parse(self, words: &[OsString]) -> Result<Cli, clap::Error> {
        let mut command = self.command();
        let matches = command.try_get_matches_from_mut(words)?;
        Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }

    /// The command line's definition, whose usage lines and examples say what the user types.
    pub fn command(self) -> clap::Command {
        match self {
            Self::Kubectl | Self::Completion => Cli::command(),
            Self::Linkerd => with_linkerd_examples(Cli::command().bin_name("linkerd failover")),
        }
    }
}

fn with_linkerd_examples(command: clap::Command) -> clap::Command {
    let examples =
        command.get_after_help().map(|text| text.to_string().replace("kubectl failover", "linkerd failover"));
    let command = command.mut_subcommands(with_linkerd_examples);
    match examples {
        Some(examples) => command.after_help(examples),
        None => command,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_decides() {
        let called = |word: &str| Program::called(Some(OsStr::new(word)));
        assert_eq!(called("/usr/local/bin/linkerd-failover"), Program::Linkerd);
        assert_eq!(called("kubectl_complete-failover"), Program::Completion);
        assert_eq!(called("kubectl-failover"), Program::Kubectl);
        assert_eq!(called("linkerd-failover/renamed"), Program::Kubectl);
        assert_eq!(Program::called(None), Program::Kubectl);
    }
}
