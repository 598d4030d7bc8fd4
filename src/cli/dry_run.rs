//! `--dry-run`, as kubectl has it: alone it means `client`, and another mode follows an equals sign.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Args, Command, ValueEnum};

#[derive(Debug, Clone, Copy, Default, Args)]
pub struct DryRunArgs {
    /// Only show what would change; `server` also asks the API server to validate it
    #[arg(
        id = "dry_run",
        long = "dry-run",
        value_enum,
        default_value_t,
        value_name = "MODE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "client"
    )]
    pub mode: DryRun,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    #[default]
    None,
    Client,
    Server,
}

impl DryRun {
    /// Returns what follows the words for a change, as in kubectl.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Client => " (dry run)",
            Self::Server => " (server dry run)",
        }
    }
}

/// Returns an error if a mode follows `--dry-run` after a space: it would be taken for a name.
/// `words` are a whole command line.
pub fn spaced_mode(root: &Command, words: &[OsString]) -> Option<clap::Error> {
    let words: Vec<&str> = words.iter().skip(1).map_while(|it| it.to_str()).collect();
    let command = words.iter().find_map(|name| root.find_subcommand(name))?;
    let takes_mode = command.get_arguments().any(|argument| {
        argument.get_long() == Some("dry-run") && argument.get_action().takes_values()
    });
    let words = words.split(|word| *word == "--").next()?;
    let mode = words.windows(2).find_map(|pair| match pair {
        ["--dry-run", mode] => DryRun::from_str(mode, false).is_ok().then_some(mode),
        _ => None,
    });
    mode.filter(|_| takes_mode).map(|mode| {
        let words = format!(
            "--dry-run takes its mode after an equals sign: --dry-run={mode}\n  \
             if {mode} is a name, put it before --dry-run\n"
        );
        clap::Error::raw(ErrorKind::NoEquals, words)
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::argv0::Invocation;
    use crate::cli::{Cli, Command};

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        Invocation::Kubectl.parse(&words)
    }

    fn mode(cli: Cli) -> DryRun {
        match cli.command {
            Command::Create(args) => args.dry_run.mode,
            Command::Delete(args) => args.change.dry_run.mode,
            Command::Evacuate(args) => args.many.dry_run.mode,
            Command::Failback(args) => args.change.dry_run.mode,
            Command::Force(args) => args.change.dry_run.mode,
            Command::Migrate(args) => args.change.dry_run.mode,
            Command::Pause(args) => args.change.dry_run.mode,
            Command::Resume(args) => args.change.dry_run.mode,
            Command::Return(args) => args.many.dry_run.mode,
            Command::Set(args) => args.change.dry_run.mode,
            other => panic!("{other:?}"),
        }
    }

    const CHANGES: [&str; 13] = [
        "create web --fallback web-east",
        "create --all --fallback-cluster east",
        "create -f groups.yaml",
        "create --adopt httproute/web",
        "delete web",
        "evacuate east",
        "failback web",
        "force web --to web-east",
        "migrate web",
        "pause web",
        "resume web",
        "return east",
        "set web --min-ready 2",
    ];

    #[test]
    fn every_change_has_the_dry_run_of_kubectl() {
        for line in CHANGES {
            let mode_of = |flag: &str| {
                let line = format!("kubectl-failover {line}{flag}");
                mode(parsed(&line).unwrap_or_else(|error| panic!("{line}: {error}")))
            };
            assert_eq!(mode_of(""), DryRun::None, "{line}");
            assert_eq!(mode_of(" --dry-run"), DryRun::Client, "{line}");
            assert_eq!(mode_of(" --dry-run=client"), DryRun::Client, "{line}");
            assert_eq!(mode_of(" --dry-run=server"), DryRun::Server, "{line}");
            assert_eq!(mode_of(" --dry-run=none"), DryRun::None, "{line}");
        }
    }

    #[test]
    fn a_mode_after_a_space_never_changes_anything() {
        for line in CHANGES {
            let (command, rest) = line.split_once(' ').unwrap();
            for mode in ["none", "client", "server"] {
                for line in [
                    format!("kubectl-failover {line} --dry-run {mode}"),
                    format!("kubectl-failover {line} --dry-run {mode} --yes"),
                    format!("kubectl-failover {command} --dry-run {mode} {rest}"),
                    format!("kubectl-failover -n {command} {line} --dry-run {mode}"),
                ] {
                    let error = parsed(&line).expect_err(&line).to_string();
                    assert!(
                        error.starts_with(&format!(
                            "error: --dry-run takes its mode after an equals sign: --dry-run={mode}\n"
                        )),
                        "{line}: {error}"
                    );
                }
                // Even if it gets past that, it is a dry run.
                let words = format!("kubectl-failover {line} --dry-run {mode}");
                if let Ok(cli) = Cli::try_parse_from(words.split(' ')) {
                    assert_eq!(super::tests::mode(cli), DryRun::Client, "{words}");
                }
            }
        }
    }

    #[test]
    fn a_name_may_be_a_mode() {
        for line in ["delete server --dry-run", "delete --dry-run -- server"] {
            let cli = parsed(&format!("kubectl-failover {line}")).unwrap();
            assert_eq!(mode(cli), DryRun::Client, "{line}");
        }
        let program = "kubectl-failover sandbox run -- kubectl apply --dry-run client";
        assert!(parsed(program).is_ok());
    }
}
