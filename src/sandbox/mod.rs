//! Control planes on this machine: etcd, kube-apiserver, kube-controller-manager and kwok, a few clusters at once.
//!
//! One supervisor process owns a sandbox: it starts the programs, runs the mirror loops between the clusters and
//! takes everything down. The commands start it and talk to it through pipes, files and signals.

pub mod cli;
pub mod control_plane;
pub mod demo;
pub mod mirror;
pub mod supervisor;

use crate::cli::{Command, SandboxCommand};
use crate::problem::Exit;
use supervisor::guard;

/// What must happen before the async runtime starts: a guard becomes the program that it guards, and a supervisor
/// leaves the terminal's session, so that the terminal's signals reach only whoever started it.
pub fn before_runtime(command: &Command) -> Option<anyhow::Result<Exit>> {
    match command {
        Command::Sandbox(SandboxCommand::Guard(args)) => Some(guard::run(args)),
        Command::Sandbox(SandboxCommand::Supervise(_)) => {
            // Refused only for a process group's leader, which no shell's Ctrl-C reaches through another group.
            let _ = rustix::process::setsid();
            None
        }
        _ => None,
    }
}
