//! One file or folder for each command, which turns arguments into output and an exit code.

pub mod args;
pub mod check;
pub mod complete;
pub mod completion;
pub mod config;
pub mod create;
pub mod delete;
pub mod env;
pub mod evacuate;
pub mod explain;
pub mod failback;
pub mod force;
pub mod history;
pub mod install;
mod installed;
pub mod migrate;
pub mod options;
pub mod pause;
pub mod sandbox;
pub mod set;
pub mod status;
pub mod traffic;
pub mod uninstall;
pub mod version;
pub mod watch;

pub use complete::run as complete;

use crate::cli::{Cli, Command};
use crate::output::streams::Streams;
use crate::problem::Exit;
use crate::process::input::Input;
use crate::settings::{self, Settings};
use env::CommandEnv;

/// Runs the command of a parsed command line.
///
/// # Errors
/// The error of the command.
pub async fn run(cli: Cli, streams: &Streams) -> anyhow::Result<Exit> {
    let settings = if reads_settings(&cli.command) {
        settings::load()?
    } else {
        Settings::default()
    };
    let mut cli = cli;
    // `config view` shows whether it is a flag.
    if !matches!(cli.command, Command::Config(_)) {
        cli.global.color.get_or_insert(settings.color.value);
    }
    let env = CommandEnv {
        settings,
        flags: cli.global,
        rights: cli.command.spec().rights,
        streams: streams.clone(),
        input: Input::process(),
    };
    run_command(&env, cli.command).await
}

/// Whether settings matter to a command: wrong ones must not keep the others from running.
fn reads_settings(command: &Command) -> bool {
    match command {
        Command::Sandbox(_) | Command::Completion(_) | Command::Explain(_) | Command::Options => {
            false
        }
        Command::Version(args) => !args.client,
        _ => true,
    }
}

async fn run_command(env: &CommandEnv, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Status(args) => status::run(env, args).await,
        Command::Create(args) => create::run(env, &args).await,
        Command::History(args) => history::run(env, &args).await,
        Command::Traffic(args) => traffic::run(env, &args).await,
        Command::Watch(args) => watch::run(env, args).await,
        Command::Check(args) => check::run(env, &args).await,
        Command::Force(args) => force::run(env, &args).await,
        Command::Failback(args) => failback::run(env, &args).await,
        Command::Evacuate(args) => evacuate::run(env, &args).await,
        Command::Return(args) => evacuate::bring_back::run(env, &args).await,
        Command::Set(args) => set::run(env, &args).await,
        Command::Delete(args) => delete::run(env, &args).await,
        Command::Migrate(args) => migrate::run(env, &args).await,
        Command::Pause(args) => pause::pause(env, &args).await,
        Command::Resume(args) => pause::resume(env, &args).await,
        Command::Install(args) => install::run(env, &args).await,
        Command::Uninstall(args) => uninstall::run(env, &args).await,
        Command::Sandbox(command) => sandbox::run(&env.streams, command).await,
        Command::Config(command) => config::run(env, &command),
        Command::Explain(args) => explain::run(env, &args),
        Command::Options => options::run(env),
        Command::Version(args) => version::run(env, &args).await,
        Command::Completion(args) => completion::run(env, &args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    /// Runs a command that needs no cluster. Returns how it ended, and its two streams.
    async fn run(line: &str) -> (anyhow::Result<Exit>, String, String) {
        let (env, command, captured) = CommandEnv::of_test(line);
        let ended = run_command(&env, command).await;
        (ended, captured.out(), captured.err())
    }

    #[tokio::test]
    async fn completion_prints_only_the_script() {
        let (ended, out, err) = run("completion fish").await;
        assert_eq!(ended.unwrap(), Exit::Done);
        assert!(out.starts_with('#') && out.contains("complete -c"), "{out}");
        assert_eq!(err, "");
    }

    #[tokio::test]
    async fn a_role_can_be_piped_while_the_hints_are_read() {
        let (ended, out, err) = run("check --rbac history -n ns").await;
        assert_eq!(ended.unwrap(), Exit::Done);
        assert!(out.contains("name: kubectl-failover-history"), "{out}");
        assert!(
            err.starts_with("next: ") && err.contains("-n ns --user=USER"),
            "{err}"
        );
    }

    #[tokio::test]
    async fn arguments_are_checked_before_the_cluster_is_contacted() {
        for (line, message) in [
            ("set web", "nothing to change"),
            ("create web --fallback Bad", "invalid service name \"Bad\""),
            ("history pod/web", "\"pod\" is not a kind of group"),
            ("status -w -o yaml", "--watch prints a table, or JSON Lines"),
            (
                "force web --context nowhere --kubeconfig /nowhere",
                "/nowhere",
            ),
        ] {
            let (ended, out, _) = run(line).await;
            let error = ended.unwrap_err();
            let problem = error.downcast_ref::<Problem>().unwrap();
            assert!(problem.message.contains(message), "{line}: {problem:?}");
            assert_eq!(out, "", "{line}");
        }
    }
}
