//! Control planes on this machine: etcd, kube-apiserver, kube-controller-manager and kwok, a few clusters at once.

use crate::cli::Command;
use crate::error::Exit;

/// What must happen before the async runtime starts: a guard becomes the program that it guards.
pub fn before_runtime(_command: &Command) -> Option<anyhow::Result<Exit>> {
    None
}
