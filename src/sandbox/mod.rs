//! Control planes on this machine: etcd, kube-apiserver, kube-controller-manager and kwok, a few clusters at once.
//!
//! One supervisor process owns a sandbox: it starts the programs, runs the mirror loops between the clusters and
//! takes everything down. The commands start it and talk to it through pipes, files and signals.

mod access;
mod assets;
mod cluster;
mod definitions;
pub mod demo;
mod event;
mod guard;
mod install;
pub(crate) mod interrupt;
mod known;
mod links;
mod log;
mod mirror;
pub mod network;
mod out;
mod place;
mod ports;
mod program;
mod progress;
mod secrets;
mod session;
pub mod standing;
mod state;
pub mod supervise;
pub mod temporary;
mod workshop;

use crate::cli::{Command, SandboxCommand};
use crate::problem::Exit;

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
