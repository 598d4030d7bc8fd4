//! Runs of Helm, and the chart.

use std::path::PathBuf;
use std::process::Command;

use super::command::{finish, repository};
use super::go_tools::HELM;
use super::output::Output;

/// The folder of the chart.
pub fn chart() -> PathBuf {
    repository().join("deploy/helm/linkerd-failover")
}

/// Runs Helm.
pub fn helm(args: &[&str]) -> Output {
    finish(&mut helm_command(args))
}

/// A run of Helm with files of its own, and no others of the user.
pub fn helm_command(args: &[&str]) -> Command {
    let mut command = HELM.command();
    for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(variable, env!("CARGO_TARGET_TMPDIR"));
    }
    command.args(args);
    command
}
