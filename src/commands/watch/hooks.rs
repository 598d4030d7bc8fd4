//! The hooks of `--on-transition`: a program that runs after each move. Hooks wait in a bounded
//! queue and never delay a move.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

use super::hook_process::{HookRun, ProgramLookup, look_up};
use crate::cli::CommandWords;
use crate::model::Transition;
use crate::problem::Problem;
use crate::text::word;

const MAX_RUNNING_HOOKS: usize = 4;
/// How many hooks can wait. Further hooks are skipped.
const MAX_QUEUED_HOOKS: usize = 100;
/// The shortest time between two warnings about skipped hooks.
const SKIP_WARNING_INTERVAL: Duration = Duration::from_secs(10);
/// How long running hooks may take when `watch` ends.
const HOOK_SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Dropping it kills the hooks that run.
#[derive(Debug)]
pub struct Hooks {
    queue: Sender<HookRun>,
    /// Moves whose hook has not ended, or not started.
    outstanding: Arc<AtomicUsize>,
    skipped: Mutex<SkippedHooks>,
    runner: AbortOnDrop,
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
    warned: Option<Instant>,
}

impl SkippedHooks {
    /// Adds one, and returns how many to warn about at once.
    fn add(&mut self, now: Instant) -> usize {
        self.count += 1;
        if self
            .warned
            .is_some_and(|warned| now.duration_since(warned) < SKIP_WARNING_INTERVAL)
        {
            return 0;
        }
        self.warned = Some(now);
        self.take()
    }

    fn take(&mut self) -> usize {
        std::mem::take(&mut self.count)
    }
}

impl Hooks {
    /// # Errors
    /// If the program does not exist or cannot be executed.
    pub fn start(command: &CommandWords) -> Result<Self, Problem> {
        check(&command.program)?;
        let (queue, runs) = mpsc::channel(MAX_QUEUED_HOOKS);
        let outstanding = Arc::<AtomicUsize>::default();
        let runner = run_all(Arc::new(command.clone()), runs, Arc::clone(&outstanding));
        Ok(Self {
            queue,
            outstanding,
            skipped: Mutex::default(),
            runner: AbortOnDrop(tokio::spawn(runner)),
        })
    }

    /// Queues the hook of a move; `json` describes the whole move.
    pub fn queue(&self, transition: &Transition, context: &str, json: &str) {
        self.outstanding.fetch_add(1, Ordering::Relaxed);
        let run = HookRun::new(transition, context, json);
        if self.queue.try_send(run).is_err() {
            self.outstanding.fetch_sub(1, Ordering::Relaxed);
            warn_of_skipped(self.skipped.lock().add(Instant::now()));
        }
    }

    /// Waits briefly for the running hooks, and kills the rest.
    pub async fn finish(self) {
        let Self {
            queue,
            outstanding,
            skipped,
            mut runner,
        } = self;
        warn_of_skipped(skipped.into_inner().take());
        drop(queue);
        if timeout(HOOK_SHUTDOWN_GRACE, &mut runner.0).await.is_ok() {
            return;
        }
        let left = outstanding.load(Ordering::Relaxed);
        let running = left.min(MAX_RUNNING_HOOKS);
        let never = match left - running {
            0 => String::new(),
            more => format!("; the hooks of {more} more moves never ran"),
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

fn warn_of_skipped(count: usize) {
    if count > 0 {
        tracing::warn!("too many hooks are queued: skipped the hooks of {count} moves");
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

async fn run_all(
    command: Arc<CommandWords>,
    mut runs: Receiver<HookRun>,
    outstanding: Arc<AtomicUsize>,
) {
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            run = runs.recv(), if running.len() < MAX_RUNNING_HOOKS => match run {
                Some(run) => {
                    let command = Arc::clone(&command);
                    running.spawn(async move { run.run(&command).await });
                }
                None => break,
            },
            Some(_) = running.join_next() => {
                outstanding.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
    while running.join_next().await.is_some() {
        outstanding.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_warning_covers_many_skipped_hooks() {
        let (mut skipped, start) = (SkippedHooks::default(), Instant::now());
        assert_eq!(skipped.add(start), 1);
        for _ in 0..973 {
            assert_eq!(skipped.add(start + SKIP_WARNING_INTERVAL / 2), 0);
        }
        assert_eq!(skipped.add(start + SKIP_WARNING_INTERVAL), 974);
        assert_eq!(skipped.add(start + SKIP_WARNING_INTERVAL * 3 / 2), 0);
        assert_eq!(skipped.take(), 1);
        assert_eq!(skipped.take(), 0);
    }
}
