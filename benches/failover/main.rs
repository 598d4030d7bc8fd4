//! `watch` and `status` under load, against the sandbox, beside programs that do the least that would do.
//! What is measured, how, and the results: docs/performance.md.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark fails by panicking"
)]

mod bare;
mod estate;
mod outside;
mod process;
mod report;
mod requests;
mod rows;
mod slow_line;
mod statistics;
// One copy for tests and benchmarks, in the folder of the tests.
#[path = "../../tests/support/mod.rs"]
mod support;
mod world;

use std::time::Duration;

use report::Report;
use world::World;

/// What is added to each request of a laptop.
const LAPTOP: Duration = Duration::from_millis(25);

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
        Some((first, rest)) if first == bare::NAME => runtime.block_on(bare::run(rest)),
        _ => runtime.block_on(measure(&words)),
    }
}

/// Measures the rows that are named, or all of them.
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
    let world = World::start(quick, delay).await;
    let mut report = Report::new(quick);
    for name in rows::NAMES
        .iter()
        .filter(|name| names.is_empty() || names.contains(name))
    {
        eprintln!("# {name}");
        rows::measure(name, &world, &mut report).await;
        report.write();
    }
    report.print();
}

/// What `--delay 25ms` says, or how far away a laptop is; and the other words.
fn delay(words: &[String]) -> (Duration, Vec<&str>) {
    const FLAG: &str = "--delay";
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some(at) = words.iter().position(|word| *word == FLAG) else {
        return (LAPTOP, words);
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
