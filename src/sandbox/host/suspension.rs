//! Suspends and resumes another process, and waits until its threads have followed.
//!
//! A signal's sender does not wait: the threads of a process stop a moment later, one by one.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use crate::process::others;
use crate::process::polling::poll;

/// Far longer than threads take on a busy machine.
const SUSPEND_TIMEOUT: Duration = Duration::from_secs(2);
const THREAD_POLL: Duration = Duration::from_millis(2);

/// Suspends or resumes all threads of a process. Does nothing if the process has ended.
pub async fn set_suspended(process: u32, suspended: bool) -> rustix::io::Result<()> {
    let signal = if suspended {
        Signal::STOP
    } else {
        Signal::CONT
    };
    others::send(Some(process), signal)?;
    let followed = poll(THREAD_POLL, async || {
        all_threads_are(process, suspended).then_some(())
    });
    // A thread that the kernel does not let go cannot answer either.
    let _ = tokio::time::timeout(SUSPEND_TIMEOUT, followed).await;
    Ok(())
}

/// Whether all threads are suspended, or none is. Systems without `/proc` do not show it, and a
/// process that has ended has no threads: then there is nothing to wait for.
fn all_threads_are(process: u32, suspended: bool) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{process}/task"));
    threads.into_iter().flatten().flatten().all(|thread| {
        thread_state(&thread.path()).is_none_or(|state| match state {
            'Z' | 'X' => true,
            state => (state == 'T') == suspended,
        })
    })
}

/// Returns the letter after the command's name, which is in parentheses and may contain others.
fn thread_state(thread: &Path) -> Option<char> {
    let stat = std::fs::read_to_string(thread.join("stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn endless() -> Child {
        Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap()
    }

    #[tokio::test]
    async fn a_process_is_suspended_and_resumed_when_the_call_returns() {
        let mut child = endless();
        let thread = format!("/proc/{0}/task/{0}", child.id());
        let mut seen = Vec::new();
        for suspended in [true, false].repeat(20) {
            set_suspended(child.id(), suspended).await.unwrap();
            seen.push((suspended, thread_state(Path::new(&thread)) == Some('T')));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(seen.iter().all(|(asked, is)| asked == is), "{seen:?}");
    }

    #[tokio::test]
    async fn a_process_that_has_ended_is_not_waited_for() {
        let mut child = endless();
        child.kill().unwrap();
        let zombie = set_suspended(child.id(), true);
        let zombie = tokio::time::timeout(SUSPEND_TIMEOUT / 2, zombie).await;
        child.wait().unwrap();
        let gone = set_suspended(child.id(), true).await;
        assert_eq!((zombie, gone), (Ok(Ok(())), Ok(())));
    }
}
