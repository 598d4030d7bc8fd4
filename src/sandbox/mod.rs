//! Local throwaway clusters for demos, drills and tests: etcd, kube-apiserver,
//! kube-controller-manager and kwok (<https://kwok.sigs.k8s.io>).
//!
//! One supervisor process owns a sandbox: it starts the programs, mirrors services between the
//! clusters and stops everything at the end. Commands talk to it through pipes, files and signals.

pub mod cli;
pub mod control_plane;
pub mod demo;
pub mod host;
pub mod mirror;
pub mod policy;
pub mod simulation;
pub mod supervisor;

use crate::cli::{Command, SandboxCommand};
use crate::problem::Exit;
use host::guard;

/// Runs the steps that must precede the async runtime. A guard becomes the program that it guards.
/// A supervisor leaves the terminal's session, so that Ctrl-C reaches only the command that started
/// it.
pub fn before_runtime(command: &Command) -> Option<anyhow::Result<Exit>> {
    match command {
        Command::Sandbox(SandboxCommand::Guard(args)) => Some(guard::run(args)),
        Command::Sandbox(SandboxCommand::Supervise(_)) => {
            // Fails only for a process group's leader, which a shell's Ctrl-C does not reach
            // anyway.
            let _ = rustix::process::setsid();
            allow_open_files();
            None
        }
        _ => None,
    }
}

/// Raises the limit of open files, where it can be: each simulated client listens on a port.
fn allow_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    const WANTED_OPEN_FILES: u64 = 10_240;
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(u64::MAX).min(WANTED_OPEN_FILES);
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit {
            current: Some(wanted),
            ..limit
        };
        // With fewer files, fewer clients can be simulated.
        let _ = setrlimit(Resource::Nofile, raised);
    }
}
