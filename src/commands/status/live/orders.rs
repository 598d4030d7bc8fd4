//! Runs `force`, `failback` and `history` for the live view: the commands themselves, with their
//! output and their questions in its screen.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;

use clap::Parser as _;
use futures::future::LocalBoxFuture;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::cli::{Cli, Command};
use crate::cluster::Clusters;
use crate::commands::env::CommandEnv;
use crate::commands::{failback, force, history};
use crate::model::GroupId;
use crate::output::streams::{Captured, Streams};
use crate::problem::{Exit, Problem};
use crate::process::input::Input;
use crate::resource::GroupName;

/// A command that runs.
pub struct RunningCommand {
    work: LocalBoxFuture<'static, anyhow::Result<Exit>>,
    output: Captured,
    asks: Arc<Notify>,
    answers: mpsc::Sender<String>,
    /// How much of the output belongs to a question that was answered.
    answered: usize,
}

/// What a command does next.
pub enum CommandEvent {
    /// It asks, and waits for the answer.
    Asked(String),
    /// It has ended. The text is what it printed after the last answer.
    Ended(String),
}

impl RunningCommand {
    /// Starts a command on one group, such as `["force", "--to", "web-svc-east"]`.
    pub fn start(env: &CommandEnv, cluster: &Clusters, group: &GroupId, words: &[&str]) -> Self {
        let (streams, output) = Streams::joined();
        let (answers, answered) = mpsc::channel();
        let asks = Arc::<Notify>::default();
        let input = input(Arc::clone(&asks), answered);
        let mut env = CommandEnv {
            streams,
            input,
            ..env.clone()
        };
        env.flags.all_namespaces = false;
        env.flags.namespace = Some(group.namespace.clone());
        let mut cluster = cluster.clone();
        cluster.local.namespace.clone_from(&group.namespace);
        let name = GroupName::of(group).to_string();
        let words = ["kubectl-failover"].iter().chain(words).copied();
        let words: Vec<String> = words.chain(["--", &name]).map(str::to_owned).collect();
        let work = Box::pin(async move {
            let command = Cli::try_parse_from(words)?.command;
            env.rights = command.spec().rights;
            if let Some(rights) = env.rights {
                cluster.local.reach = cluster.local.reach.with_command(rights.name());
            }
            match &command {
                Command::Force(args) => force::run_in(&env, &cluster, args).await,
                Command::Failback(args) => failback::run_in(&env, &cluster, args).await,
                Command::History(args) => history::run_in(&env, &cluster, args).await,
                _ => Ok(Exit::Done),
            }
        });
        Self {
            work,
            output,
            asks,
            answers,
            answered: 0,
        }
    }

    /// Returns what the command does next. Cancel safe. Not to be called after it has ended.
    pub async fn next(&mut self) -> CommandEvent {
        let ended = tokio::select! {
            ended = &mut self.work => ended,
            () = self.asks.notified() => return CommandEvent::Asked(self.output.out()),
        };
        let output = self.output.out();
        let mut text = output.get(self.answered..).unwrap_or_default().to_owned();
        if let Err(error) = ended {
            text.push_str(&Problem::of(&error).lines("error").join("\n"));
        }
        CommandEvent::Ended(text)
    }

    /// Answers the question with yes.
    pub fn confirm(&mut self) {
        self.answered = self.output.out().len();
        let _ = self.answers.send("yes".to_owned());
    }

    /// Whether it may have changed something.
    pub fn is_confirmed(&self) -> bool {
        self.answered > 0
    }
}

/// Answers that come from the live view. A question fails when the view is gone.
fn input(asks: Arc<Notify>, answers: mpsc::Receiver<String>) -> Input {
    let answers = Mutex::new(answers);
    Input {
        can_ask: true,
        read_line: Arc::new(move || {
            asks.notify_one();
            answers.lock().recv().map_err(io::Error::other)
        }),
    }
}
