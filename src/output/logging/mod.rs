//! The log, on standard error: warnings always, requests with `-v`. With `--log-format json` every
//! line of standard error is a log line. The subscriber is a global of the process, as it is for
//! every program that uses `tracing`.

pub mod json;

use clap::ValueEnum;
use json::JsonLines;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::streams::{LogWriter, Streams};

/// The format of standard error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Starts the log; `verbose` counts the `-v` flags. Tokens and bodies are never logged.
pub fn start(streams: &Streams, verbose: u8, format: LogFormat) {
    let as_json = format == LogFormat::Json;
    let own = match verbose {
        0 if as_json => LevelFilter::INFO,
        0 => LevelFilter::WARN,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let writer = streams.clone();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || LogWriter(writer.clone()))
        .with_ansi(false);
    let lines = if as_json {
        lines.event_format(JsonLines).boxed()
    } else {
        lines.with_target(false).boxed()
    };
    let started = tracing_subscriber::registry()
        .with(lines.with_filter(Targets::new().with_target(env!("CARGO_CRATE_NAME"), own)))
        .try_init();
    // A program that uses the crate as a library may have a subscriber of its own.
    if as_json && started.is_ok() {
        streams.log_as_json();
    }
}
