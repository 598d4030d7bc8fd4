//! Runs the command line of this process.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_failover::run(std::env::args_os())
}
