//! The names under which the binary runs, and the command line for each of them.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _, ValueEnum as _};

use super::{Cli, dry_run, help, suggestions};

/// How the user invoked the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invocation {
    /// `kubectl failover`, and any other name
    Kubectl,
    /// `linkerd failover`, through the link `linkerd-failover`
    Linkerd,
    /// `kubectl linkerd-failover`, through the link `kubectl-linkerd_failover`
    KubectlLinkerd,
    /// kubectl asking for completions, through the link `kubectl_complete-failover`
    Completion,
}

impl Invocation {
    /// Returns the invocation for the first word of a command line, which may be a path.
    pub fn called(first_word: Option<&OsStr>) -> Self {
        match file_name(first_word) {
            Some("linkerd-failover") => Self::Linkerd,
            Some("kubectl-linkerd_failover") => Self::KubectlLinkerd,
            Some("kubectl_complete-failover" | "kubectl_complete-linkerd_failover") => {
                Self::Completion
            }
            _ => Self::Kubectl,
        }
    }

    /// Returns the words to complete, if this is a completion request. kubectl uses a separate
    /// program name, the shells' scripts use cobra's `__complete`.
    pub fn to_complete(self, words: &[OsString]) -> Option<&[OsString]> {
        match words {
            [_, first, rest @ ..] if self != Self::Completion && first == "__complete" => {
                Some(rest)
            }
            [_, rest @ ..] if self == Self::Completion => Some(rest),
            _ => None,
        }
    }

    /// Parses a whole command line, the program's name first.
    pub fn parse(self, words: &[OsString]) -> Result<Cli, clap::Error> {
        let mut command = help::arrange(self.command(), self.program()).color(colour(words));
        if let Some(error) = dry_run::spaced_mode(&command, words) {
            return Err(error);
        }
        let matches = command
            .try_get_matches_from_mut(words)
            .map_err(|error| suggestions::improve(error, self.program()))?;
        let mut cli =
            Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        cli.global.settle();
        Ok(cli)
    }

    /// The definition of the command line, with usage lines and examples as the user types them.
    pub fn command(self) -> clap::Command {
        let name = self.program();
        match self {
            Self::Kubectl | Self::Completion => Cli::command(),
            Self::Linkerd | Self::KubectlLinkerd => {
                with_examples_of(Cli::command().bin_name(name), name)
            }
        }
    }

    /// What the user types before the command.
    fn program(self) -> &'static str {
        match self {
            Self::Kubectl | Self::Completion => "kubectl failover",
            Self::Linkerd => "linkerd failover",
            Self::KubectlLinkerd => "kubectl linkerd-failover",
        }
    }
}

/// Returns the output of `_extension-metadata`, if that is the command. `linkerd check` runs it for
/// each extension, possibly without a cluster. The name must be that of the file, by which linkerd
/// distinguishes extensions.
pub fn extension_metadata(words: &[OsString]) -> Option<String> {
    let is_flag = |word: &&OsString| word.as_encoded_bytes().starts_with(b"-");
    let command = words.iter().skip(1).find(|word| !is_flag(word))?;
    if command != "_extension-metadata" {
        return None;
    }
    let name = file_name(words.first().map(OsString::as_os_str))
        .filter(|name| name.starts_with("linkerd-"))
        .unwrap_or("linkerd-failover");
    Some(format!(
        "{{\"name\":{},\"checks\":\"always\"}}\n",
        serde_json::Value::from(name)
    ))
}

/// The program's file name without the folder and the extension.
fn file_name(first_word: Option<&OsStr>) -> Option<&str> {
    Path::new(first_word?).file_stem()?.to_str()
}

/// The value of `--color`, for clap's help and usage errors, which are printed before the flags are
/// parsed.
pub fn colour(words: &[OsString]) -> ColorChoice {
    let given =
        values_of(words, &["--color"]).find_map(|word| ColorChoice::from_str(word, false).ok());
    given.unwrap_or_default()
}

/// Whether a line that cannot be parsed asks for JSON.
pub fn asks_for_json(words: &[OsString]) -> bool {
    values_of(words, &["--output", "-o"]).any(|format| format == "json")
}

/// The values of a flag on a line that may be invalid.
fn values_of<'a>(words: &'a [OsString], names: &'a [&str]) -> impl Iterator<Item = &'a str> {
    let ours = words.iter().take_while(|word| *word != "--");
    let ours: Vec<&str> = ours.filter_map(|word| word.to_str()).collect();
    let values = ours.iter().enumerate().filter_map(|(index, word)| {
        let rest = names
            .iter()
            .find_map(|name| word.strip_prefix(name).map(|rest| (name, rest)))?;
        match rest {
            (_, "") => ours.get(index + 1).copied(),
            (name, rest) if !name.starts_with("--") => Some(rest.trim_start_matches('=')),
            (_, rest) => rest.strip_prefix('='),
        }
    });
    values.collect::<Vec<_>>().into_iter()
}

/// Replaces the program's name in the examples.
fn with_examples_of(command: clap::Command, name: &str) -> clap::Command {
    let examples = command
        .get_after_help()
        .map(|text| text.to_string().replace("kubectl failover", name));
    let command = command.mut_subcommands(|inner| with_examples_of(inner, name));
    match examples {
        Some(examples) => command.after_help(examples),
        None => command,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(words: &[&str]) -> Option<String> {
        extension_metadata(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_metadata_names_the_file() {
        for (file, name) in [
            ("/usr/bin/linkerd-failover", "linkerd-failover"),
            ("linkerd-fo", "linkerd-fo"),
            ("kubectl-failover", "linkerd-failover"),
            ("kubectl-linkerd_failover", "linkerd-failover"),
        ] {
            let told = metadata(&[file, "_extension-metadata", "--any=flag", "-x"]).unwrap();
            let told: serde_json::Value = serde_json::from_str(&told).unwrap();
            assert_eq!(
                told,
                serde_json::json!({ "name": name, "checks": "always" }),
                "{file}"
            );
        }
        assert_eq!(
            metadata(&["linkerd-failover", "status", "_extension-metadata"]),
            None
        );
        assert_eq!(metadata(&["linkerd-failover"]), None);
    }

    #[test]
    fn the_color_is_known_before_the_flags_are_parsed() {
        let of = |line: &str| colour(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(
            of("kubectl-failover status --color never"),
            ColorChoice::Never
        );
        assert_eq!(
            of("kubectl-failover --color=always --help"),
            ColorChoice::Always
        );
        assert_eq!(of("kubectl-failover --color=pink"), ColorChoice::Auto);
        assert_eq!(
            of("kubectl-failover sandbox run -- ls --color=always"),
            ColorChoice::Auto
        );
    }

    #[test]
    fn json_is_known_before_the_flags_are_parsed() {
        let of =
            |line: &str| asks_for_json(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        for line in [
            "x status -o json --bogus",
            "x -ojson",
            "x -o=json force",
            "x --output json",
            "x --output=json",
        ] {
            assert!(of(line), "{line}");
        }
        for line in [
            "x status -o yaml",
            "x --json",
            "x sandbox run -- kubectl -o json",
            "x --outputs=json",
        ] {
            assert!(!of(line), "{line}");
        }
    }

    #[test]
    fn the_file_name_decides() {
        let called = |word: &str| Invocation::called(Some(OsStr::new(word)));
        assert_eq!(
            called("/usr/local/bin/linkerd-failover"),
            Invocation::Linkerd
        );
        assert_eq!(called("kubectl_complete-failover"), Invocation::Completion);
        assert_eq!(
            called("./kubectl-linkerd_failover"),
            Invocation::KubectlLinkerd
        );
        assert_eq!(called("kubectl-failover"), Invocation::Kubectl);
        assert_eq!(called("linkerd-failover/renamed"), Invocation::Kubectl);
        assert_eq!(Invocation::called(None), Invocation::Kubectl);
    }
}
