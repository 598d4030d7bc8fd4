//! Runs programs to their end, without a cluster.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::output::Output;

/// The path of the plugin that is under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-failover");

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a program with these arguments.
pub fn run<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = A>,
) -> Output {
    finish(Command::new(program).args(args))
}

/// Runs a command without input and without colors.
pub fn finish(command: &mut Command) -> Output {
    command
        .stdin(Stdio::null())
        .env("NO_COLOR", "1")
        .env("XDG_CONFIG_HOME", env!("CARGO_TARGET_TMPDIR"));
    let output = command.output().expect("the program starts");
    Output::new(format!("{command:?}"), output)
}
