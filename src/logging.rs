//! What the tool says of its own workings, on stderr: warnings always, requests with `-v`.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging; `verbose` is how often `-v` was given. Tokens and bodies are never among what is logged.
pub fn start(verbose: u8) {
    let own = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_target(false);
    let started = tracing_subscriber::registry()
        .with(Targets::new().with_target(env!("CARGO_CRATE_NAME"), own))
        .with(lines)
        .try_init();
    // Someone who uses the crate as a library may have logging of their own.
    drop(started);
}
