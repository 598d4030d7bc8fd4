//! What users see when something does not work: the message, what to do next, and the exit code.

mod nearest;
mod right;

use std::process::ExitCode;

use right::Right;

use crate::cluster::error::Cause;
use crate::cluster::{Cluster, RequestError};
use crate::resource::KINDS;
use crate::view::terminal::say;
use crate::view::text::{clean, clean_lines};

/// The exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done,
    Failed,
    Usage,
    NotMet,
    Refused,
    /// The exit code of a command that was run on the user's behalf.
    Passed(u8),
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotMet => 3,
            Self::Refused => 4,
            Self::Passed(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// A failure in words for the user: what failed and where, what to do next, and how to exit.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    pub message: String,
    /// Lines that say what to do next; printed below the message.
    pub next: Vec<String>,
    pub exit: Exit,
}

impl Problem {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), next: Vec::new(), exit: Exit::Failed }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::new(message) }
    }

    pub fn refused(message: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, ..Self::new(message) }
    }

    pub fn not_met(message: impl Into<String>) -> Self {
        Self { exit: Exit::NotMet, ..Self::new(message) }
    }

    #[must_use]
    pub fn next(mut self, line: impl Into<String>) -> Self {
        self.next.push(line.into());
        self
    }

    /// Names the one that may have been meant instead of an unknown one.
    #[must_use]
    pub fn did_you_mean<'a>(self, typed: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest::nearest(typed, known) {
            Some(name) => self.next(format!("did you mean {name}?")),
            None => self,
        }
    }

    /// Lists what there is instead of something unknown.
    #[must_use]
    pub fn there_are<'a>(self, what: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        const MOST: usize = 20;
        let known: Vec<&str> = known.into_iter().collect();
        let more = if known.len() > MOST { ", …" } else { "" };
        let shown = known.get(..MOST).unwrap_or(&known).join(", ");
        self.next(format!("{what} there are: {shown}{more}"))
    }
}

/// A request's failure in words: which cluster, what it means, what to do next.
pub fn explain(cluster: &Cluster, error: &RequestError) -> Problem {
    let (place, context) = (place(cluster), clean(&cluster.context));
    match &error.cause {
        Cause::Unreachable { how } => {
            Problem::new(format!("the API server of {place} cannot be reached: {how}"))
                .next("check the connection, a VPN for example, and the address in the kubeconfig")
                .next(format!("try: kubectl --context {context} version"))
        }
        Cause::TimedOut { after } => {
            Problem::new(format!("the API server of {place} did not answer within {} s", after.as_secs_f32()))
                .next("check the connection, or allow more time with --request-timeout 30s")
        }
        Cause::Credentials { how } => {
            Problem::new(format!("the credentials for {place} cannot be had: {how}")).next("log in again")
        }
        Cause::Status { code: 401, .. } => rejected(cluster),
        Cause::Status { code: 403, message, .. } => forbidden(cluster, &clean(message)),
        Cause::Status { .. } | Cause::Unreadable { .. } => {
            Problem::new(format!("{place}: {}", clean(&error.to_string())))
        }
    }
}

fn rejected(cluster: &Cluster) -> Problem {
    let user = cluster.user.as_ref().map_or(String::new(), |user| format!(" of user {:?}", clean(user)));
    Problem::new(format!("{} does not accept the credentials{user}", place(cluster)))
        .next("log in again: they may have expired")
        .next(format!("see who you are there: kubectl --context {} auth whoami", clean(&cluster.context)))
}

fn forbidden(cluster: &Cluster, message: &str) -> Problem {
    let place = place(cluster);
    match Right::missing_in(message) {
        Some(right) => right
            .next(&clean(&cluster.context))
            .into_iter()
            .fold(Problem::new(format!("{place} does not allow {}", right.in_words())), Problem::next),
        None => Problem::new(format!("{place} does not allow it: {message}"))
            .next("this is no matter of rights: a policy of the cluster refuses it, see the message"),
    }
}

fn place(cluster: &Cluster) -> String {
    format!("context {} ({})", clean(&cluster.context), clean(&cluster.server))
}

/// The cluster has no kind of object that could carry a group.
pub fn no_kinds(cluster: &Cluster) -> Problem {
    let crds: Vec<&str> = KINDS.iter().map(|kind| kind.info().crd).collect();
    Problem::new(format!("{} has no kind of object that carries groups", place(cluster)))
        .next(format!("install the CustomResourceDefinition {}", crds.join(" or ")))
        .next("for TrafficSplits, Linkerd's SMI extension does: https://linkerd.io/2/tasks/linkerd-smi/")
}

/// Prints clap's help, version or usage error; help and version are no errors.
pub fn report_usage(usage: &clap::Error) -> ExitCode {
    // A closed pipe (`… --help | head -1`) is no failure.
    let _ = usage.print();
    if usage.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}

/// Prints the error of a command, if there is one, and gives the exit code.
pub fn finish(outcome: anyhow::Result<Exit>) -> ExitCode {
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) if is_broken_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            let problem = error.chain().find_map(|cause| cause.downcast_ref::<Problem>());
            clean_lines(&format!("error: {error:#}")).lines().for_each(say);
            for line in problem.map(|problem| problem.next.as_slice()).unwrap_or_default() {
                say(&format!("  {line}"));
            }
            problem.map_or(Exit::Failed, |problem| problem.exit).into()
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
