//! Flags that conflict or have no meaning.

use crate::support::{BINARY, run};

#[track_caller]
fn refused(line: &str, words: &str) {
    run(BINARY, line.split(' ')).code(2).stderr_contains(words);
}

#[test]
fn flags_of_one_cluster_conflict_with_several_contexts() {
    for command in ["status", "watch"] {
        for flag in [
            "--context",
            "--server",
            "--token",
            "--cluster",
            "--user",
            "--client-key",
        ] {
            let line = format!("{command} --contexts west,east {flag} x");
            refused(&line, &format!("{flag} is about one cluster"));
        }
    }
    refused(
        "status --all-contexts --contexts west",
        "cannot be used with",
    );
}

#[test]
fn commands_for_one_cluster_reject_several() {
    refused(
        "status --contexts west,east --watch",
        "cannot be used with '--watch'",
    );
    refused(
        "status --contexts west,east --for failover",
        "cannot be used with '--for",
    );
    refused(
        "status --contexts west,east -o name",
        "does not say which cluster",
    );
    refused(
        "watch --contexts west,east --until failover",
        "cannot be used with",
    );
}

#[test]
fn durations_and_conditions_are_checked() {
    refused("watch --timeout 3s", "required arguments were not provided");
    refused("watch --once --until failover", "cannot be used with");
    refused("watch --once --run-for 3s", "cannot be used with");
    refused("watch --until nonsense", "active=BACKEND");
    refused(
        "force web --duration 0s",
        "--duration must be longer than 0s",
    );
    refused(
        "pause web --duration 0",
        "--duration must be longer than 0s",
    );
    refused("watch --run-for soon", "expected a number with a unit");
    refused("watch --run-for -5m", "a duration cannot be negative");
    refused("force web --duration -5m", "a duration cannot be negative");
    refused("pause web --duration -5m", "a duration cannot be negative");
}

#[test]
fn invalid_hooks_addresses_and_formats_are_refused() {
    refused("watch --on-transition 'open", "a quote is not closed");
    refused(
        "watch --metrics nowhere",
        "expected a port, or an IP address and a port",
    );
    refused("watch --log-format yaml", "possible values: text, json");
}
