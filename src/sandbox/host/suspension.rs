//! Suspends and resumes another process, and waits until its threads have followed.
//!
//! A signal's sender does not wait: the threads of a process stop a moment later, one by one.

use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

/// Far longer than threads take on a busy machine.
const SUSPEND_TIMEOUT: Duration = Duration::from_secs(2);
const THREAD_POLL: Duration = Duration::from_millis(2);

/// Suspends or resumes all threads of a process. Does nothing if the process has ended.
pub async fn set_suspended(pid: Pid, suspended: bool) -> Result<(), Errno> {
    let signal = if suspended {
        Signal::STOP
    } else {
        Signal::CONT
    };
    match kill_process(pid, signal) {
        Ok(()) => {}
        Err(Errno::SRCH) => return Ok(()),
        Err(cause) => return Err(cause),
    }
    let followed = async {
        while !all_threads_are(pid, suspended) {
            tokio::time::sleep(THREAD_POLL).await;
        }
    };
    // A thread that the kernel does not let go cannot answer either.
    let _ = tokio::time::timeout(SUSPEND_TIMEOUT, followed).await;
    Ok(())
}

/// Whether all threads are suspended, or none is. Systems without `/proc` do not show it, and a
/// process that has ended has no threads: then there is nothing to wait for.
fn all_threads_are(pid: Pid, suspended: bool) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
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

    fn endless() -> (Child, Pid) {
        let child = Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let pid = Pid::from_child(&child);
        (child, pid)
    }

    #[tokio::test]
    async fn a_process_is_suspended_and_resumed_when_the_call_returns() {
        let (mut child, pid) = endless();
        let mut seen = Vec::new();
        for suspended in [true, false].repeat(20) {
            set_suspended(pid, suspended).await.unwrap();
            let state = thread_state(Path::new(&format!("/proc/{pid}/task/{pid}")));
            seen.push((suspended, state == Some('T')));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(seen.iter().all(|(asked, is)| asked == is), "{seen:?}");
    }

    #[tokio::test]
    async fn a_process_that_has_ended_is_not_waited_for() {
        let (mut child, pid) = endless();
        child.kill().unwrap();
        let zombie = tokio::time::timeout(SUSPEND_TIMEOUT / 2, set_suspended(pid, true)).await;
        child.wait().unwrap();
        let gone = set_suspended(pid, true).await;
        assert_eq!((zombie, gone), (Ok(Ok(())), Ok(())));
    }
}
