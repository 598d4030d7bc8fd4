//! `kubectl failover`: fails services over between Linkerd clusters, and back. The crate is a library
//! only for its tests and benchmarks.
#![deny(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic where nobody reads"
)]

mod access;
mod changes;
mod check;
mod cli;
mod cluster;
mod commands;
mod error;
mod install;
pub mod model;
mod observe;
mod output;
mod problem;
mod process;
mod readiness;
pub mod resource;
mod sandbox;
mod settings;
mod text;
mod traffic;
mod view;
mod watch;

/// What the tests and benchmarks use of the other modules.
#[doc(hidden)]
pub mod internals {
    pub use crate::access::rights;
    pub use crate::cli::argv0::Invocation;
    pub use crate::cli::{Cli, Command, GlobalArgs};
    pub use crate::cluster::api::{endpoint_counts, endpoint_slices, lease, services, slice_index};
    pub use crate::cluster::transport::options::ConnectOptions;
    pub use crate::cluster::transport::{connector, kubeconfig};
    pub use crate::cluster::{Cluster, Clusters};
    pub use crate::install::CHART_FILES;
    pub use crate::view::explain;
    pub use crate::watch::{Clocks, Metrics, TextFormat, WatchOptions, WatchReport, run as watch};
}

use std::ffi::OsString;
use std::process::ExitCode;

use cli::argv0::{self, Invocation};
use cluster::transport::descriptors::raise_limit;
use output::logging;
use output::streams::Streams;
use problem::Exit;

/// Runs the command line `args` (the program's name first) and returns the process's exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    raise_limit();
    let streams = Streams::process();
    let words: Vec<OsString> = args.into_iter().collect();
    let program = Invocation::called(words.first().map(OsString::as_os_str));
    if let Some(words) = program.to_complete(&words) {
        return error::finish(&streams, commands::complete(words, &streams), false);
    }
    if let Some(metadata) = argv0::extension_metadata(&words) {
        return error::finish(
            &streams,
            streams.write(&metadata).map(|()| Exit::Done),
            false,
        );
    }
    let cli = match program.parse(&words) {
        Ok(cli) => cli,
        Err(usage) => {
            let (color, json) = (argv0::colour(&words), argv0::asks_for_json(&words));
            return error::report_usage(&streams, &usage, color, json);
        }
    };
    let spec = cli.command.spec();
    let json = spec.prints_json;
    if let Some(outcome) = sandbox::before_runtime(&cli.command) {
        return error::finish(&streams, outcome, json);
    }
    logging::start(&streams, cli.global.verbosity(), spec.log_format);
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(cause) => {
            let error = anyhow::Error::new(cause).context("starting the async runtime");
            return error::finish(&streams, Err(error), json);
        }
    };
    let outcome = runtime.block_on(commands::run(cli, &streams));
    runtime.shutdown_timeout(std::time::Duration::from_millis(100));
    let code = error::finish(&streams, outcome, json);
    streams.finish();
    code
}
