//! A program of the user's that runs for each move.

use std::collections::BTreeSet;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

use crate::cli::{CommandWords, Found};
use crate::model::Transition;
use crate::problem::Problem;
use crate::text::{clean, shorten, word};

/// How many run at once.
const MOST_RUNNING: usize = 4;
/// How many moves wait for that before new ones are left out.
const MOST_WAITING: usize = 100;
/// How long nothing more is said of those.
const SILENCE: Duration = Duration::from_secs(10);
/// How long one may run.
const LIMIT: Duration = Duration::from_secs(30);
/// How long those under way may take when the loop ends.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long what it said last may take to come once it has ended.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// The longest value in its environment, and the longest line of it that is logged.
const LONGEST: usize = 1000;
const MOST_KEPT: usize = 4096;

#[derive(Debug)]
pub struct Hooks {
    queue: Sender<Call>,
    /// Moves whose hook has not ended, or not begun.
    outstanding: Arc<AtomicUsize>,
    dropped: Mutex<Dropped>,
    runner: JoinHandle<()>,
}

/// Moves whose hook is not run, as far as that has not been said.
#[derive(Debug, Default)]
struct Dropped {
    count: usize,
    said: Option<Instant>,
}

impl Dropped {
    /// Takes in one more; gives how many to tell of now.
    fn note(&mut self, now: Instant) -> usize {
        self.count += 1;
        if self
            .said
            .is_some_and(|said| now.duration_since(said) < SILENCE)
        {
            return 0;
        }
        self.said = Some(now);
        self.take()
    }

    fn take(&mut self) -> usize {
        std::mem::take(&mut self.count)
    }
}

/// What one run is told.
#[derive(Debug)]
struct Call {
    about: String,
    environment: Vec<(&'static str, String)>,
    json: String,
}

impl Hooks {
    /// # Errors
    /// Where there is no such program, or it may not be executed.
    pub fn start(command: &CommandWords) -> Result<Self, Problem> {
        check(command)?;
        let (queue, calls) = mpsc::channel(MOST_WAITING);
        let outstanding = Arc::<AtomicUsize>::default();
        let runner = tokio::spawn(run_all(
            Arc::new(command.clone()),
            calls,
            Arc::clone(&outstanding),
        ));
        Ok(Self {
            queue,
            outstanding,
            dropped: Mutex::default(),
            runner,
        })
    }

    /// Has the program run for a move, of which `json` is the whole. Holds nothing up.
    pub fn tell(&self, transition: &Transition, context: &str, json: String) {
        let group = &transition.group;
        let call = Call {
            about: format!("{context}: {group}"),
            environment: environment(transition, context),
            json: json + "\n",
        };
        self.outstanding.fetch_add(1, Ordering::Relaxed);
        if self.queue.try_send(call).is_err() {
            self.outstanding.fetch_sub(1, Ordering::Relaxed);
            self.say_dropped(self.dropped().note(Instant::now()));
        }
    }

    fn dropped(&self) -> MutexGuard<'_, Dropped> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say_dropped(&self, count: usize) {
        if count > 0 {
            tracing::warn!(
                "too many moves wait for their hook: it is not run for {count} more of them"
            );
        }
    }

    /// Gives those under way a moment to end.
    pub async fn finish(self) {
        self.say_dropped(self.dropped().take());
        drop(self.queue);
        let mut runner = self.runner;
        if timeout(FAREWELL, &mut runner).await.is_err() {
            let left = self.outstanding.load(Ordering::Relaxed);
            let running = left.min(MOST_RUNNING);
            let never = match left - running {
                0 => String::new(),
                more => format!("; those of {more} more moves were never run"),
            };
            let seconds = FAREWELL.as_secs();
            tracing::warn!(
                "{running} hooks still ran {seconds} s after the end, and were killed{never}"
            );
            runner.abort();
            // What it holds is killed when it is dropped.
            let _ = runner.await;
        }
    }
}

fn check(command: &CommandWords) -> Result<(), Problem> {
    let program = &command.program;
    match command.found() {
        Found::Runnable => Ok(()),
        Found::NotRunnable => {
            let problem = format!("the program {program:?}, to run on transitions, may not be executed");
            Err(Problem::new(problem).next(format!(
                "make it executable (chmod +x {}), or name what runs it: --on-transition \"sh {}\"",
                word(program),
                word(program)
            )))
        }
        Found::Nothing => {
            Err(Problem::new(format!("there is no program {program:?}, to run on transitions")).next(
                "name one by its path, or one that is on the PATH; a shell only runs where it is named: \
                 --on-transition \"sh -c '…'\"",
            ))
        }
    }
}

fn environment(transition: &Transition, context: &str) -> Vec<(&'static str, String)> {
    let Transition {
        group,
        apex,
        at,
        why,
        unverified,
        ..
    } = transition;
    let value = |text: &str| shorten(&clean(text), LONGEST);
    vec![
        ("FAILOVER_CONTEXT", value(context)),
        ("FAILOVER_NAMESPACE", value(&group.namespace)),
        ("FAILOVER_OBJECT", value(group.kind)),
        ("FAILOVER_GROUP", value(&group.name)),
        ("FAILOVER_APEX", value(apex)),
        ("FAILOVER_FROM", value(&transition.was_active())),
        ("FAILOVER_TO", value(&transition.active())),
        ("FAILOVER_WHY", value(why)),
        ("FAILOVER_TIME", format!("{at:.3}")),
        ("FAILOVER_UNVERIFIED", unverified.to_string()),
    ]
}

async fn run_all(
    command: Arc<CommandWords>,
    mut calls: Receiver<Call>,
    outstanding: Arc<AtomicUsize>,
) {
    let ended = || outstanding.fetch_sub(1, Ordering::Relaxed);
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            call = calls.recv(), if running.len() < MOST_RUNNING => match call {
                Some(call) => {
                    running.spawn(run(Arc::clone(&command), call));
                }
                None => break,
            },
            Some(_) = running.join_next() => {
                ended();
            }
        }
    }
    while running.join_next().await.is_some() {
        ended();
    }
}

async fn run(command: Arc<CommandWords>, call: Call) {
    let about = clean(&call.about);
    let mut last_words = Vec::new();
    let how = match run_once(&command, call, &mut last_words).await {
        Ok(Some(status)) if status.success() => return,
        Ok(Some(status)) => format!("failed with {status}"),
        Ok(None) => format!("still ran after {} s, and was killed", LIMIT.as_secs()),
        Err(cause) => format!("could not be run: {cause}"),
    };
    tracing::warn!("{about}: the hook {how}{}", quoted(&last_words));
}

/// How it ended; none where it took too long.
async fn run_once(
    command: &CommandWords,
    call: Call,
    last_words: &mut Vec<u8>,
) -> std::io::Result<Option<ExitStatus>> {
    let mut child = Command::new(&command.program)
        .args(&command.arguments)
        .envs(call.environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let mut group = Group::of(&child);
    let mut errors = child.stderr.take();
    let feeding = child.stdin.take().map(|mut input| {
        // Who doesn't read it needs no more of it.
        tokio::spawn(async move { input.write_all(call.json.as_bytes()).await.is_ok() })
    });
    let ended = timeout(LIMIT, async {
        let listening = keep_the_end(errors.as_mut(), last_words);
        tokio::pin!(listening);
        tokio::select! {
            () = &mut listening => child.wait().await,
            status = child.wait() => {
                let _ = timeout(LAST_WORDS, listening).await;
                status
            }
        }
    })
    .await;
    feeding.inspect(JoinHandle::abort);
    let Ok(status) = ended else {
        group.kill();
        child.wait().await?;
        return Ok(None);
    };
    group.has_ended();
    status.map(Some)
}

/// The leaders of the groups that run: an exit of the process drops nothing.
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn running() -> MutexGuard<'static, BTreeSet<i32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills whatever still runs.
pub fn kill_all() {
    std::mem::take(&mut *running())
        .into_iter()
        .filter_map(Pid::from_raw)
        .for_each(kill);
}

fn kill(leader: Pid) {
    let _ = kill_process_group(leader, Signal::KILL);
}

/// The processes of one run: killed where it does not end by itself.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        running().extend(leader.map(Pid::as_raw_pid));
        Self(leader)
    }

    /// The number may be another process's from now on.
    fn has_ended(&mut self) {
        if let Some(leader) = self.0.take() {
            running().remove(&leader.as_raw_pid());
        }
    }

    fn kill(&mut self) {
        if let Some(leader) = self.0 {
            kill(leader);
            self.has_ended();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn keep_the_end(pipe: Option<&mut (impl AsyncRead + Unpin)>, kept: &mut Vec<u8>) {
    let Some(pipe) = pipe else { return };
    let mut chunk = [0; 1024];
    while let Ok(count @ 1..) = pipe.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..count]);
        kept.drain(..kept.len().saturating_sub(MOST_KEPT));
    }
}

/// The last line of what it said.
fn quoted(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    last.map(|line| format!(": {}", shorten(&clean(line.trim()), LONGEST)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_told_of_together() {
        let (mut dropped, start) = (Dropped::default(), Instant::now());
        assert_eq!(dropped.note(start), 1);
        for _ in 0..973 {
            assert_eq!(dropped.note(start + SILENCE / 2), 0);
        }
        assert_eq!(dropped.note(start + SILENCE), 974);
        assert_eq!(dropped.note(start + SILENCE * 3 / 2), 0);
        assert_eq!(dropped.take(), 1);
        assert_eq!(dropped.take(), 0);
    }

    /// The clock goes on by itself where nothing else does.
    #[tokio::test(start_paused = true)]
    async fn what_runs_too_long_is_killed() {
        let arguments = ["-c".to_owned(), "sleep 86400".to_owned()].into();
        let command = CommandWords {
            program: "sh".to_owned(),
            arguments,
        };
        let call = Call {
            about: "west: ns/web".into(),
            environment: Vec::new(),
            json: "{}\n".into(),
        };
        let started = tokio::time::Instant::now();
        let ended = run_once(&command, call, &mut Vec::new()).await.unwrap();
        assert_eq!(ended, None);
        assert!(started.elapsed() >= LIMIT);
    }
}
