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

    /// Parses a whole command line, the program's name first.
    pub fn parse(self, words: &[OsString]) -> Result<Cli, clap::Error> {
        let mut command = self.command();
        let matches = command.try_get_matches_from_mut(words)?;
        let mut cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        cli.global.settle();
        Ok(cli)
    }

    /// The command line's definition, whose usage lines and examples say what the user types.
    pub fn command(self) -> clap::Command {
        match self {
            Self::Kubectl | Self::Completion => Cli::command(),
            Self::Linkerd => with_linkerd_examples(Cli::command().bin_name("linkerd failover")),
        }
    }
}

/// What `linkerd check` asks of each extension, at every run and perhaps without a cluster; none where it is not
/// asked for. The name has to be the file's: by it linkerd tells extensions apart.
pub fn extension_metadata(words: &[OsString]) -> Option<String> {
    let is_flag = |word: &&OsString| word.as_encoded_bytes().starts_with(b"-");
    let command = words.iter().skip(1).find(|word| !is_flag(word))?;
    if command != "_extension-metadata" {
        return None;
    }
    let file = words.first().and_then(|word| Path::new(word).file_stem()).and_then(OsStr::to_str);
    let name = file.filter(|name| name.starts_with("linkerd-")).unwrap_or("linkerd-failover");
    Some(format!("{{\"name\":{},\"checks\":\"always\"}}\n", serde_json::Value::from(name)))
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

    fn metadata(words: &[&str]) -> Option<String> {
        extension_metadata(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn linkerd_is_told_the_name_of_the_file() {
        for (file, name) in [
            ("/usr/bin/linkerd-failover", "linkerd-failover"),
            ("linkerd-fo", "linkerd-fo"),
            ("kubectl-failover", "linkerd-failover"),
            ("kubectl-linkerd_failover", "linkerd-failover"),
        ] {
            let told = metadata(&[file, "_extension-metadata", "--any=flag", "-x"]).unwrap();
            let told: serde_json::Value = serde_json::from_str(&told).unwrap();
            assert_eq!(told, serde_json::json!({ "name": name, "checks": "always" }), "{file}");
        }
        assert_eq!(metadata(&["linkerd-failover", "status", "_extension-metadata"]), None);
        assert_eq!(metadata(&["linkerd-failover"]), None);
    }

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
