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
fn only_the_dangers_of_a_command_can_be_allowed() {
    refused(
        "evacuate east --allow=short",
        "[possible values: conflict, others, paused, gitops]",
    );
    refused(
        "return east --id X --allow=others",
        "[possible values: unready, short, unknown, ",
    );
}

#[test]
fn clusters_of_the_sandbox_are_named_and_not_counted() {
    refused("sandbox up --clusters 3", "--clusters west,east,central");
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

#[test]
fn words_of_other_tools_name_the_right_command() {
    for (line, next) in [
        ("list", "kubectl failover status"),
        ("get groups", "kubectl failover status"),
        ("describe web", "kubectl failover status NAME"),
        ("remove web", "kubectl failover delete NAME"),
        ("undo web", "kubectl failover failback NAME"),
        ("undo web", "kubectl failover history NAME"),
        ("drain east", "kubectl failover evacuate CLUSTER"),
        ("statu", "did you mean status?"),
    ] {
        let word = line.split(' ').next().unwrap();
        refused(line, &format!("there is no command \"{word}\""));
        refused(line, next);
    }
    let unknown = run(BINARY, ["frobnicate"]).code(2);
    assert!(!unknown.stderr.contains("did you mean"), "{unknown}");
    refused("sandbox upp", "unrecognized subcommand");
}

#[test]
fn a_name_after_watch_is_for_status() {
    for line in ["watch web", "run web", "-n shop watch web"] {
        refused(line, "watch takes no names");
        refused(line, "kubectl failover status web -w");
        refused(line, "kubectl failover watch -l LABELS");
    }
    refused("watch web;reboot", "kubectl failover status NAME -w");
    refused("watch --bogus", "unexpected argument '--bogus'");
}

#[test]
fn standby_and_retries_are_checked() {
    for command in ["create web --fallback e", "set web"] {
        refused(
            &format!("{command} --resilient --standby=off"),
            "contradict each other",
        );
        refused(
            &format!("{command} --standby maybe"),
            "possible values: on, off",
        );
        refused(
            &format!("{command} --retries=200"),
            "HTTP statuses from 400 to 599",
        );
        refused(&format!("{command} --retries --retry-limit 101"), "101");
    }
}
