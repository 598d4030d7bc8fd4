//! The names that the program is called by.

use std::process::Command;

use crate::support::{BINARY, Link, finish, run};

#[test]
fn usage_lines_show_the_name_that_was_typed() {
    run(BINARY, ["status", "--help"])
        .success()
        .stdout_contains("Usage: kubectl failover status");
    let linkerd = Link::named("linkerd-failover");
    run(linkerd.path(), ["status", "--help"])
        .success()
        .stdout_contains("Usage: linkerd failover status");
    run(linkerd.path(), ["sandbox", "gateway", "--bogus"])
        .code(2)
        .stderr_contains("Usage: linkerd failover sandbox");
}

#[test]
fn examples_show_the_name_that_was_typed() {
    let linkerd = Link::named("linkerd-failover");
    for help in [
        run(linkerd.path(), ["--help"]),
        run(linkerd.path(), ["sandbox", "up", "--help"]),
    ] {
        assert!(!help.stdout.contains("kubectl failover"), "{help}");
        help.success()
            .stdout_contains("Examples:\n  linkerd failover ");
    }
}

#[test]
fn the_version_names_the_program() {
    let version = format!("kubectl-failover {}\n", env!("CARGO_PKG_VERSION"));
    let linkerd = Link::named("linkerd-failover");
    for binary in [BINARY.into(), linkerd.path()] {
        assert_eq!(run(binary, ["--version"]).success().stdout, version);
    }
}

#[test]
fn kubectl_also_finds_the_linkerd_name() {
    let link = Link::named("kubectl-linkerd_failover");
    run(link.path(), ["status", "--help"])
        .success()
        .stdout_contains("Usage: kubectl linkerd-failover status");
    run(link.path(), ["--help"])
        .success()
        .stdout_contains("Examples:\n  kubectl linkerd-failover ");
}

#[test]
fn a_copy_works_like_a_link() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, usage) in [
        ("linkerd-failover", "Usage: linkerd failover status"),
        (
            "kubectl-linkerd_failover",
            "Usage: kubectl linkerd-failover status",
        ),
        ("kubectl-failover", "Usage: kubectl failover status"),
    ] {
        let copy = folder.path().join(name);
        // Another process copies it, since a program that this process has open for writing cannot
        // run yet.
        finish(Command::new("cp").arg(BINARY).arg(&copy)).success();
        run(&copy, ["status", "--help"])
            .success()
            .stdout_contains(usage);
    }
}
