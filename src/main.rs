use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_failover::run(std::env::args_os())
}
