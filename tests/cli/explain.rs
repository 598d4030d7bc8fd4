//! `explain`, `options`, `version` and the help: what the program says about itself.

use kubectl_failover::model::{Flags, State};
use kubectl_failover::resource::annotations::{
    CONTROLLED_BY, HELD, LAST_MOVE, LAST_RETURN, MIGRATED_FROM, OVERRIDE, PAUSED, POLICY_KEYS,
    PRIMARY_SERVICE,
};
use serde_json::{Value, json};

use super::scripted::{cluster, on};
use crate::support::{BINARY, ScriptedServer, run};

#[test]
fn every_state_flag_annotation_and_exit_code_is_explained() {
    let mut topics: Vec<String> = State::ALL.iter().map(ToString::to_string).collect();
    let annotations = POLICY_KEYS.into_iter().chain([
        CONTROLLED_BY,
        PRIMARY_SERVICE,
        OVERRIDE,
        PAUSED,
        LAST_MOVE,
        LAST_RETURN,
        HELD,
        MIGRATED_FROM,
    ]);
    let names = Flags::NAMES.into_iter().chain(annotations);
    topics.extend(names.map(str::to_owned));
    topics.extend((0..=4).map(|code| code.to_string()));
    for topic in topics {
        run(BINARY, ["explain", &topic])
            .success()
            .stdout_contains("What to do:\n");
    }
}

#[test]
fn topics_are_listed_completed_and_suggested() {
    let list = run(BINARY, ["explain"]).success();
    list.stdout_contains("\nFlags:\n")
        .stdout_contains("\n  OutOfSync ")
        .stdout_contains("\n  min-ready ");
    run(BINARY, ["__complete", "explain", "Out"])
        .success()
        .stdout_contains("OutOfSync\t");
    run(BINARY, ["explain", "outofsnyc"])
        .code(2)
        .stderr_contains("did you mean OutOfSync?");
    run(BINARY, ["explain", "failover.linkerd.io/standby"])
        .success()
        .stdout_contains("standby (flag)")
        .stdout_contains("failover.linkerd.io/standby (annotation)");
}

#[test]
fn the_options_of_every_command_are_in_one_place() {
    let options = run(BINARY, ["options"]).success();
    options
        .stdout_contains("--kubeconfig")
        .stdout_contains("--as-group");
    for line in [["force", "-h"], ["status", "--help"], ["help", "watch"]] {
        let help = run(BINARY, line)
            .success()
            .stdout_contains("Use \"kubectl failover options\"");
        assert!(!help.stdout.contains("--kubeconfig"), "{help}");
    }
    run(BINARY, ["status", "--kubeconfi", "x"])
        .code(2)
        .stderr_contains("--kubeconfig");
}

#[test]
fn the_help_has_the_commands_in_groups() {
    for line in ["-h", "--help", "help"] {
        run(BINARY, [line])
            .success()
            .stdout_contains("\nTraffic by hand:\n  force ")
            .stdout_contains("\nHelp:\n  explain ");
    }
}

#[test]
fn the_version_of_this_program_needs_no_cluster() {
    let version = env!("CARGO_PKG_VERSION");
    let server = ["version", "--client", "--server", "http://127.0.0.1:1"];
    run(BINARY, server).success().stdout_contains(version);
    let document = run(BINARY, ["version", "--client", "-o", "json"])
        .success()
        .json();
    assert_eq!(document["kind"], "Version");
    assert_eq!(document["client"]["version"], version);
    assert_eq!(document["cluster"], Value::Null);
}

/// A cluster in which a watch of `ns` holds a Lease.
async fn with_a_watch() -> ScriptedServer {
    ScriptedServer::start(|_, path| {
        let body = if path.starts_with("/version") {
            json!({"major": "1", "minor": "36", "gitVersion": "v1.36.3"})
        } else if path.contains("/leases") {
            json!({"metadata": {"resourceVersion": "1"}, "items": [{
                "metadata": {"name": "kubectl-failover-1", "namespace": "ns", "annotations": {
                    "failover.linkerd.io/version": "0.0.9",
                    "failover.linkerd.io/selector": "team=web",
                }},
                "spec": {"holderIdentity": "me@here/1", "leaseDurationSeconds": 60,
                         "renewTime": "2999-01-01T00:00:00.000000Z"},
            }]})
        } else {
            json!({"metadata": {"resourceVersion": "1"}, "items": []})
        };
        (200, body.to_string())
    })
    .await
}

#[tokio::test]
async fn the_version_shows_what_runs_in_the_cluster() {
    let server = with_a_watch().await;
    let text = on(&server).args(["version"]).run().await.success();
    text.stdout_contains("Kubernetes:        v1.36.3\n")
        .stdout_contains("ns         me@here/1  0.0.9    -l team=web\n");
    let json = on(&server).args(["version", "-o", "json"]).run().await;
    let watch = &json.success().json()["cluster"]["watches"][0];
    assert_eq!(watch["version"], "0.0.9");
    assert_eq!(watch["selector"], "team=web");
    let nothing = cluster(json!([])).await;
    on(&nothing).args(["version"]).run().await.code(1);
}
