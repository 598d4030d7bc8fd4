//! Parses an unfinished command line as far as possible.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, FromArgMatches as _};

use crate::cli::GlobalArgs;

/// The parsed words before the word that is being completed.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    pub flags: GlobalArgs,
    /// The arguments of the innermost command.
    command: ArgMatches,
    /// The command takes another name.
    pub awaits_name: bool,
}

impl Typed {
    /// `line` starts with the program's name. An unfinished line is often invalid: errors are
    /// ignored.
    pub fn read(definition: clap::Command, line: &[OsString]) -> Self {
        let mut innermost = definition.clone();
        let Ok(matches) = definition.ignore_errors(true).try_get_matches_from(line) else {
            return Self::default();
        };
        let flags = GlobalArgs::from_arg_matches(&matches).unwrap_or_default();
        let mut command = matches;
        while let Some((name, inner)) = command.remove_subcommand() {
            command = inner;
            innermost = innermost.find_subcommand(name).cloned().unwrap_or_default();
        }
        let is_open = |argument: &Arg| {
            let given = command
                .try_contains_id(argument.get_id().as_str())
                .unwrap_or_default();
            !argument.is_last_set()
                && (!given || matches!(argument.get_action(), ArgAction::Append))
        };
        let awaits_name = innermost.get_positionals().any(is_open);
        Self {
            flags,
            command,
            awaits_name,
        }
    }

    /// The values of an argument; empty if the command has no such argument.
    pub fn all(&self, argument: &str) -> Vec<String> {
        let values = self.command.try_get_many::<String>(argument).ok().flatten();
        values.into_iter().flatten().cloned().collect()
    }

    /// Whether a flag without a value was given.
    pub fn is_set(&self, flag: &str) -> bool {
        let value = self.command.try_get_one::<bool>(flag).ok().flatten();
        value.is_some_and(|is_set| *is_set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::argv0::Invocation;

    fn typed(words: &[&str]) -> Typed {
        let line: Vec<OsString> = ["kubectl-failover"]
            .iter()
            .chain(words)
            .map(|word| OsString::from(*word))
            .collect();
        Typed::read(Invocation::Completion.command(), &line)
    }

    #[test]
    fn flags_are_read_at_any_position() {
        for words in [
            &["--context", "west", "-n", "emojivoto", "status"][..],
            &["status", "--context=west", "-nemojivoto"],
            &[
                "--context",
                "west",
                "status",
                "web",
                "-n",
                "emojivoto",
                "--output",
            ],
        ] {
            let flags = typed(words).flags;
            assert_eq!(flags.context.as_deref(), Some("west"), "{words:?}");
            assert_eq!(flags.namespace.as_deref(), Some("emojivoto"), "{words:?}");
        }
        assert!(typed(&["-A", "status"]).flags.all_namespaces);
    }

    #[test]
    fn an_unfinished_line_is_parsed_as_far_as_possible() {
        let line = typed(&["create", "web", "--fallback", "web-a", "--fallback"]);
        assert_eq!(
            (line.all("service"), line.all("fallback")),
            (vec!["web".into()], vec!["web-a".into()])
        );
        assert_eq!(
            typed(&["status", "a", "ts/b", "--context"]).all("names"),
            ["a", "ts/b"]
        );
        assert_eq!(typed(&["status"]).all("service"), [""; 0]);
        assert_eq!(typed(&["no-such-command", "x"]).all("names"), [""; 0]);
    }
}
