//! Measures `watch` and `status` under load in the sandbox, and compares them with programs that do
//! the minimum. docs/performance.md describes the measurements and their results.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark fails by panicking"
)]

mod baseline;
mod environment;
mod external_watch;
mod fixture;
mod hostile;
mod latency_proxy;
mod process;
mod report;
mod requests;
mod rows;
mod statistics;
// The tests and the benchmarks share this module.
#[path = "../../tests/support/mod.rs"]
mod support;

use std::time::Duration;

use environment::Environment;
use report::Report;

/// The latency of requests from a laptop.
const LAPTOP_LATENCY: Duration = Duration::from_millis(25);

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    match words.split_first() {
        Some((first, rest)) if first == baseline::NAME => runtime.block_on(baseline::run(rest)),
        _ => runtime.block_on(measure(&words)),
    }
}

/// Measures the named rows, or all of them.
async fn measure(words: &[String]) {
    let quick = words.iter().any(|word| word == "--quick");
    let (delay, words) = delay(words);
    let names: Vec<&str> = words
        .into_iter()
        .filter(|word| !word.starts_with("--"))
        .collect();
    let unknown = names.iter().find(|name| !rows::NAMES.contains(name));
    assert!(
        unknown.is_none(),
        "{} is no row; there are: {}",
        unknown.unwrap(),
        rows::NAMES.join(" ")
    );
    let environment = Environment::start(quick, delay).await;
    let mut report = Report::new(quick);
    for name in rows::NAMES
        .iter()
        .filter(|name| names.is_empty() || names.contains(name))
    {
        eprintln!("# {name}");
        rows::measure(name, &environment, &mut report).await;
        report.write();
    }
    report.print();
}

/// Splits off the value of `--delay 25ms`. The default is the latency of a laptop.
fn delay(words: &[String]) -> (Duration, Vec<&str>) {
    const FLAG: &str = "--delay";
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some(at) = words.iter().position(|word| *word == FLAG) else {
        return (LAPTOP_LATENCY, words);
    };
    words.remove(at);
    let said = if at < words.len() {
        words.remove(at)
    } else {
        ""
    };
    let millis = said
        .strip_suffix("ms")
        .and_then(|number| number.parse().ok());
    (
        Duration::from_millis(millis.expect("--delay takes milliseconds, such as 25ms")),
        words,
    )
}
