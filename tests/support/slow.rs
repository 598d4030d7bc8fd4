//! Tests that take minutes run only where a variable asks for them, as `.ci/run` does.

use std::io::Write as _;

pub const SLOW_TESTS: &str = "FAILOVER_SLOW_TESTS";

/// Whether tests that take minutes run. If not, says on standard error that this one is skipped.
pub fn runs_slow_tests(test: &str) -> bool {
    let is_set = std::env::var_os(SLOW_TESTS).is_some_and(|value| !value.is_empty());
    if !is_set {
        // The test harness shows what `eprintln!` writes only for tests that fail.
        let line = format!("skipped: {test} (set {SLOW_TESTS}=1 to run it)\n");
        std::io::stderr()
            .write_all(line.as_bytes())
            .expect("standard error");
    }
    is_set
}
