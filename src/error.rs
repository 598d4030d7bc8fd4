//! What users see when something does not work: the message, what to do next, and the exit code.

mod document;
mod nearest;
mod right;

use std::process::ExitCode;

pub use nearest::nearest;
use right::Right;

use crate::cluster::error::Cause;
use crate::cluster::{Cluster, RequestError};
use crate::logging;
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
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    pub message: String,
    /// Lines that say what to do next; printed below the message.
    pub next: Vec<String>,
    pub exit: Exit,
    /// What was printed as JSON or YAML says all of it, the exit code too.
    pub is_printed: bool,
}

impl Problem {
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            next: Vec::new(),
            exit: Exit::Failed,
            is_printed: false,
        }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::new(message)
        }
    }

    pub fn refused(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Refused,
            ..Self::new(message)
        }
    }

    pub fn not_met(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::NotMet,
            ..Self::new(message)
        }
    }

    #[must_use]
    pub fn next(mut self, line: impl Into<String>) -> Self {
        self.next.push(line.into());
        self
    }

    /// Names the one that may have been meant instead of an unknown one.
    #[must_use]
    pub fn did_you_mean<'a>(self, typed: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(typed, known) {
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
    let (place, reach) = (place(cluster), cluster.reach.all());
    match &error.cause {
        Cause::Unreachable { how } => Problem::new(format!(
            "the API server of {place} cannot be reached: {how}"
        ))
        .next("check the connection, a VPN for example, and the address in the kubeconfig")
        .next(format!("try: kubectl {reach} version")),
        Cause::TimedOut { after } => Problem::new(format!(
            "the API server of {place} did not answer within {} s",
            after.as_secs_f32()
        ))
        .next("check the connection, or allow more time with --request-timeout 30s"),
        Cause::Credentials { how } => {
            Problem::new(format!("the credentials for {place} cannot be had: {how}"))
                .next("log in again")
        }
        Cause::Status { code: 401, .. } => rejected(cluster),
        Cause::Status {
            code: 403, message, ..
        } => forbidden(cluster, &clean(message)),
        Cause::Status {
            code: 400, message, ..
        } if message.starts_with("unable to parse") => {
            Problem::usage(format!("-l is no label selector: {}", clean(message))).next(
                "write it as kubectl takes it: -l team=web,tier!=test, -l 'team in (web,mail)'",
            )
        }
        Cause::Status { .. } | Cause::Unreadable { .. } => {
            Problem::new(format!("{place}: {}", clean(&error.to_string())))
        }
    }
}

fn rejected(cluster: &Cluster) -> Problem {
    let user = cluster
        .user
        .as_ref()
        .map_or(String::new(), |user| format!(" of user {:?}", clean(user)));
    Problem::new(format!(
        "{} does not accept the credentials{user}",
        place(cluster)
    ))
    .next("log in again: they may have expired")
    .next(format!(
        "see who you are there: kubectl {} auth whoami",
        cluster.reach.all()
    ))
}

fn forbidden(cluster: &Cluster, message: &str) -> Problem {
    let place = place(cluster);
    match Right::missing_in(message) {
        Some(right) => right.next(&cluster.reach).into_iter().fold(
            Problem::new(format!("{place} does not allow {}", right.in_words())),
            Problem::next,
        ),
        None => Problem::new(format!("{place} does not allow it: {message}")).next(
            "this is no matter of rights: a policy of the cluster refuses it, see the message",
        ),
    }
}

fn place(cluster: &Cluster) -> String {
    format!(
        "context {} ({})",
        clean(&cluster.context),
        clean(&cluster.server)
    )
}

/// The cluster has no kind of object that could carry a group.
pub fn no_kinds(cluster: &Cluster) -> Problem {
    let crds: Vec<&str> = KINDS.iter().map(|kind| kind.info().crd).collect();
    Problem::new(format!(
        "{} has no kind of object that carries groups",
        place(cluster)
    ))
    .next(format!(
        "install the CustomResourceDefinition {}",
        crds.join(" or ")
    ))
    .next(
        "for TrafficSplits, Linkerd's SMI extension does: https://linkerd.io/2/tasks/linkerd-smi/",
    )
}

/// Prints clap's help, version or usage error, which programs that asked for JSON get as such; help and version are
/// no errors.
pub fn report_usage(usage: &clap::Error, json: bool) -> ExitCode {
    // A closed pipe (`… --help | head -1`) is no failure.
    let _ = usage.print();
    if !usage.use_stderr() {
        return Exit::Done.into();
    }
    if json {
        document::print(&document::of_usage(usage));
    }
    Exit::Usage.into()
}

/// An error in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Perhaps of several lines, safe to print.
    pub message: String,
    pub next: Vec<String>,
    pub exit: Exit,
    /// Standard output has it already.
    pub is_printed: bool,
}

impl Told {
    pub fn of(error: &anyhow::Error) -> Self {
        let problem = error
            .chain()
            .find_map(|cause| cause.downcast_ref::<Problem>());
        Self {
            message: clean_lines(&format!("{error:#}")),
            next: problem
                .iter()
                .flat_map(|problem| &problem.next)
                .map(|line| clean(line))
                .collect(),
            exit: problem.map_or(Exit::Failed, |problem| problem.exit),
            is_printed: problem.is_some_and(|problem| problem.is_printed),
        }
    }

    /// Says it on standard error.
    pub fn say(&self) {
        if logging::is_json() {
            tracing::error!(
                next = self.next.join("; "),
                exit_code = self.exit.code(),
                "{}",
                self.message
            );
        } else {
            self.lines("error").iter().for_each(|line| say(line));
        }
    }

    /// The message after a word that says what it is about, and indented what to do next.
    pub fn lines(&self, about: &str) -> Vec<String> {
        let message = format!("{about}: {}", self.message);
        let next = self.next.iter().map(|line| format!("  {line}"));
        message.lines().map(str::to_owned).chain(next).collect()
    }
}

/// Prints the error of a command, if there is one, and gives the exit code. Programs that asked for JSON get the error
/// as such on standard output.
pub fn finish(outcome: anyhow::Result<Exit>, json: bool) -> ExitCode {
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) if is_broken_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            let told = Told::of(&error);
            told.say();
            if json && !told.is_printed {
                document::print(&document::Document::new(
                    told.exit,
                    &told.message,
                    &told.next,
                ));
            }
            told.exit.into()
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
