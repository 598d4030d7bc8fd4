//! What the tool says of its own workings, on stderr: warnings always, requests with `-v`; as JSON, all that it says
//! there.

pub mod json;

use std::sync::atomic::{AtomicBool, Ordering};

use json::JsonLines;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::queued_writer::Stderr;
use crate::cli::LogFormat;

static JSON: AtomicBool = AtomicBool::new(false);

/// Whether every line on stderr is to be a JSON object.
pub fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// Starts logging; `verbose` is how often `-v` was given. Tokens and bodies are never among what is logged.
pub fn start(verbose: u8, format: LogFormat) {
    let as_json = format == LogFormat::Json;
    let own = match verbose {
        0 if as_json => LevelFilter::INFO,
        0 => LevelFilter::WARN,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| Stderr)
        .with_ansi(false);
    let lines = if as_json {
        lines.event_format(JsonLines).boxed()
    } else {
        lines.with_target(false).boxed()
    };
    let started = tracing_subscriber::registry()
        .with(lines.with_filter(Targets::new().with_target(env!("CARGO_CRATE_NAME"), own)))
        .try_init();
    // Someone who uses the crate as a library may have logging of their own.
    JSON.store(as_json && started.is_ok(), Ordering::Relaxed);
}
