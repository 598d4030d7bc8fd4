//! Signals to other processes, and process groups that end with their owner.

use rustix::io;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::Child;

/// Sends a signal to a process. A process that has ended, or never ran, is not an error.
pub fn send(id: Option<u32>, signal: Signal) -> io::Result<()> {
    match pid(id).map(|pid| kill_process(pid, signal)) {
        Some(Err(cause)) if cause != io::Errno::SRCH => Err(cause),
        _ => Ok(()),
    }
}

fn pid(id: Option<u32>) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id?).ok()?)
}

/// The processes of one run: killed when this is dropped before the run has ended.
#[derive(Debug)]
pub struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    pub fn of(leader: &Child) -> Self {
        Self(pid(leader.id()))
    }

    /// Leaves the group alone after its leader has ended, since the system may reuse the process
    /// ID.
    pub fn forget(&mut self) {
        self.0 = None;
    }

    pub fn kill(&mut self) {
        if let Some(leader) = self.0.take() {
            // Fails only if the group has ended by itself.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}
