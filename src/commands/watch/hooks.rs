//! The hooks of `--on-transition`: a program that runs for each event of a group. Hooks wait in a
//! bounded queue and never delay a move. Namespaces take turns.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

use super::hook_process::{HookRun, ProgramLookup, look_up};
use crate::cli::CommandWords;
use crate::model::{EventKind, GroupEvent};
use crate::problem::Problem;
use crate::text::{clean, word};
use crate::watch::FairQueue;

const MAX_RUNNING_HOOKS: usize = 4;
/// How many hooks of a namespace can wait. Further hooks are skipped.
const MAX_QUEUED_HOOKS_IN_NAMESPACE: usize = 100;
/// How many hooks of all namespaces can wait.
const MAX_QUEUED_HOOKS: usize = 2_000;
/// The shortest time between two warnings about skipped hooks.
const SKIP_WARNING_INTERVAL: Duration = Duration::from_secs(10);
/// How many namespaces a warning about skipped hooks names.
const MAX_NAMED_NAMESPACES: usize = 3;
/// How long running hooks may take when `watch` ends.
const HOOK_SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Dropping it kills the hooks that run.
#[derive(Debug)]
pub struct Hooks {
    queue: Arc<HookQueue>,
    /// The events that have hooks. Empty: all.
    only: Vec<EventKind>,
    skipped: Mutex<SkippedHooks>,
    runner: AbortOnDrop,
}

#[derive(Debug, Default)]
struct HookQueue {
    state: Mutex<QueueState>,
    changed: Notify,
}

#[derive(Debug)]
struct QueueState {
    waiting: FairQueue<HookRun>,
    is_closed: bool,
}

impl Default for QueueState {
    fn default() -> Self {
        Self {
            waiting: FairQueue::new(MAX_RUNNING_HOOKS),
            is_closed: false,
        }
    }
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Counts skipped hooks until the next warning about them.
#[derive(Debug, Default)]
struct SkippedHooks {
    count: usize,
    namespaces: BTreeSet<String>,
    warned: Option<Instant>,
}

impl SkippedHooks {
    /// Adds one, and returns the warning to log at once.
    fn add(&mut self, namespace: &str, now: Instant) -> Option<String> {
        self.count += 1;
        if self.namespaces.len() <= MAX_NAMED_NAMESPACES {
            self.namespaces.insert(namespace.to_owned());
        }
        let is_early = |warned| now.duration_since(warned) < SKIP_WARNING_INTERVAL;
        if self.warned.is_some_and(is_early) {
            return None;
        }
        self.warned = Some(now);
        self.take()
    }

    fn take(&mut self) -> Option<String> {
        let (count, namespaces) = (
            std::mem::take(&mut self.count),
            std::mem::take(&mut self.namespaces),
        );
        let named: Vec<&str> = namespaces
            .iter()
            .take(MAX_NAMED_NAMESPACES)
            .map(String::as_str)
            .collect();
        let more = if namespaces.len() > named.len() {
            " and others"
        } else {
            ""
        };
        (count > 0).then(|| {
            let named = clean(&named.join(", "));
            format!(
                "too many hooks are queued: skipped the hooks of {count} events in {named}{more}"
            )
        })
    }
}

impl Hooks {
    /// # Errors
    /// If the program does not exist or cannot be executed.
    pub fn start(command: &CommandWords, only: Vec<EventKind>) -> Result<Self, Problem> {
        check(&command.program)?;
        let queue = Arc::<HookQueue>::default();
        let runner = run_all(command.clone(), Arc::clone(&queue));
        Ok(Self {
            queue,
            only,
            skipped: Mutex::default(),
            runner: AbortOnDrop(tokio::spawn(runner)),
        })
    }

    /// Queues the hook of an event; `json` describes all of it.
    pub fn queue(&self, event: &GroupEvent, context: &str, json: &str) {
        if !self.only.is_empty() && !self.only.contains(&event.kind) {
            return;
        }
        let namespace = &event.group.namespace;
        if !self
            .queue
            .push(namespace, || HookRun::new(event, context, json))
        {
            warn_of_skipped(self.skipped.lock().add(namespace, Instant::now()));
        }
    }

    /// Waits briefly for the running hooks, and kills the rest.
    pub async fn finish(self) {
        let Self {
            queue,
            skipped,
            mut runner,
            ..
        } = self;
        warn_of_skipped(skipped.into_inner().take());
        queue.close();
        if timeout(HOOK_SHUTDOWN_GRACE, &mut runner.0).await.is_ok() {
            return;
        }
        let (running, waiting) = queue.outstanding();
        let never = match waiting {
            0 => String::new(),
            more => format!("; the hooks of {more} more events never ran"),
        };
        let seconds = HOOK_SHUTDOWN_GRACE.as_secs();
        tracing::warn!(
            "killed {running} hooks that were still running {seconds} s after the end{never}"
        );
        runner.0.abort();
        // The processes are killed when the task is dropped.
        let _ = (&mut runner.0).await;
    }
}

impl HookQueue {
    /// Returns whether there was room for the hook.
    fn push(&self, namespace: &str, run: impl FnOnce() -> HookRun) -> bool {
        let mut state = self.state.lock();
        let has_room = state.waiting.queued_in(namespace) < MAX_QUEUED_HOOKS_IN_NAMESPACE
            && state.waiting.len() < MAX_QUEUED_HOOKS;
        if has_room {
            state.waiting.push(namespace, run());
            self.changed.notify_one();
        }
        has_room
    }

    /// Starts the next hook, if there is one and it may run.
    fn next(&self) -> Option<HookRun> {
        let mut state = self.state.lock();
        if state.waiting.in_flight() >= MAX_RUNNING_HOOKS {
            return None;
        }
        state.waiting.pop()
    }

    fn ended(&self, namespace: &str) {
        self.state.lock().waiting.ended(namespace);
    }

    fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_one();
    }

    fn is_done(&self) -> bool {
        let state = self.state.lock();
        state.is_closed && state.waiting.in_flight() == 0 && state.waiting.is_empty()
    }

    /// Returns how many hooks run, and how many wait.
    fn outstanding(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.waiting.in_flight(), state.waiting.len())
    }
}

fn warn_of_skipped(warning: Option<String>) {
    if let Some(warning) = warning {
        tracing::warn!("{warning}");
    }
}

fn check(program: &str) -> Result<(), Problem> {
    match look_up(program) {
        ProgramLookup::Executable => Ok(()),
        ProgramLookup::NotExecutable => Err(Problem::new(format!(
            "--on-transition: {program:?} is not executable"
        ))
        .next(format!(
            "make it executable (chmod +x {0}), or name what runs it: --on-transition \"sh {0}\"",
            word(program)
        ))),
        ProgramLookup::NotFound => Err(Problem::new(format!(
            "--on-transition: program {program:?} not found"
        ))
        .next(
            "give its path, or the name of a program on the PATH; for a shell command: \
                 --on-transition \"sh -c '…'\"",
        )),
    }
}

/// Runs the queued hooks until the queue is closed and empty.
async fn run_all(command: CommandWords, queue: Arc<HookQueue>) {
    let command = Arc::new(command);
    let mut running = JoinSet::new();
    while !queue.is_done() {
        while let Some(run) = queue.next() {
            let command = Arc::clone(&command);
            running.spawn(async move { run.run(&command).await });
        }
        tokio::select! {
            () = queue.changed.notified() => {}
            Some(ended) = running.join_next() => {
                if let Ok(namespace) = ended {
                    queue.ended(&namespace);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_that_flaps_leaves_turns_and_room_to_the_others() {
        let queue = HookQueue::default();
        let push = |namespace: &str| queue.push(namespace, || HookRun::example(namespace));
        let accepted = (0..500).filter(|_| push("flaps")).count();
        assert_eq!(accepted, MAX_QUEUED_HOOKS_IN_NAMESPACE);
        assert!(push("shop"), "there is room for other namespaces");
        let first: Vec<String> = std::iter::from_fn(|| queue.next())
            .map(|run| run.namespace().to_owned())
            .collect();
        assert_eq!(first, ["flaps", "shop", "flaps", "flaps"]);
        queue.ended("shop");
        assert!(queue.next().is_some() && queue.next().is_none());
        queue.close();
        assert!(!queue.is_done());
    }

    #[test]
    fn one_warning_covers_many_skipped_hooks() {
        let (mut skipped, start) = (SkippedHooks::default(), Instant::now());
        let warning = |count: usize, named: &str| {
            Some(format!(
                "too many hooks are queued: skipped the hooks of {count} events in {named}"
            ))
        };
        assert_eq!(skipped.add("a", start), warning(1, "a"));
        for i in 0..973 {
            let namespace = format!("n{}", i % 5);
            assert_eq!(
                skipped.add(&namespace, start + SKIP_WARNING_INTERVAL / 2),
                None
            );
        }
        assert_eq!(
            skipped.add("a", start + SKIP_WARNING_INTERVAL),
            warning(974, "n0, n1, n2 and others")
        );
        assert_eq!(
            skipped.add("b", start + SKIP_WARNING_INTERVAL * 3 / 2),
            None
        );
        assert_eq!(skipped.take(), warning(1, "b"));
        assert_eq!(skipped.take(), None);
    }
}
