//! Errors of commands with `-o json`.

use serde_json::{Value, json};

use super::scripted::{cluster, on, split};
use crate::support::{Plugin, documented, plugin};

/// Runs a command that must fail with this exit code. The words appear once in each output.
async fn fails(plugin: Plugin, code: i32, words: &str) -> Value {
    let output = plugin
        .args(["-o", "json"])
        .run()
        .await
        .code(code)
        .stderr_contains(words);
    let error = output.json();
    documented(&error);
    assert_eq!(
        (&error["kind"], &error["exitCode"]),
        (&json!("Error"), &json!(code)),
        "{output}"
    );
    assert!(
        error["message"].as_str().unwrap().contains(words),
        "{output}"
    );
    for line in error["next"].as_array().unwrap() {
        assert!(output.stderr.contains(line.as_str().unwrap()), "{output}");
    }
    assert_eq!(
        output.stdout.lines().count(),
        1,
        "it can be one of JSON Lines: {output}"
    );
    error
}

const COMMANDS: [&[&str]; 10] = [
    &["status", "nope"],
    &["status", "-w", "nope"],
    &["history", "nope"],
    &["traffic", "nope"],
    &["watch", "--once"],
    &["create", "web", "--fallback", "web-east"],
    &["force", "nope"],
    &["failback", "nope"],
    &["pause", "nope"],
    &["resume", "nope"],
];

#[tokio::test]
async fn a_server_that_is_not_there() {
    for command in COMMANDS {
        let plugin = plugin()
            .server("http://127.0.0.1:1")
            .namespace("ns")
            .args(command.to_vec());
        let error = fails(plugin, 1, "cannot be reached: ").await;
        assert!(!error["next"].as_array().unwrap().is_empty(), "{error}");
    }
}

#[tokio::test]
async fn a_group_that_is_not_there() {
    let server = cluster(json!([split("web", "me")])).await;
    for command in COMMANDS
        .iter()
        .filter(|command| command.last() == Some(&"nope"))
    {
        if command.contains(&"-w") {
            continue;
        }
        let error = fails(
            on(&server).args(command.to_vec()),
            1,
            "there is no group \"nope\"",
        )
        .await;
        assert!(
            error["next"].to_string().contains("available groups: web"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_ambiguous_name_and_a_missing_terminal() {
    let claims = |name: &str| {
        let mut split = split(name, "me");
        split["spec"]["service"] = json!("shop");
        split
    };
    let server = cluster(json!([claims("web"), claims("other")])).await;
    fails(
        on(&server).args(["pause", "shop"]),
        2,
        "shop is ambiguous: ",
    )
    .await;
    let server = cluster(json!([split("web", "me")])).await;
    let force = on(&server).args(["force", "web", "--allow=unready,unknown"]);
    fails(
        force,
        4,
        "force asks for confirmation, and there is no terminal to ask on",
    )
    .await;
}

#[tokio::test]
async fn a_usage_error() {
    let bogus = plugin().without_clusters().args(["status", "--bogus"]);
    fails(bogus, 2, "unexpected argument '--bogus' found").await;
    let of_which = on(&cluster(json!([])).await).args(["force"]);
    fails(of_which, 2, "specify a group, -l LABELS or --all").await;
    let plain = plugin()
        .without_clusters()
        .args(["status", "--bogus"])
        .run()
        .await
        .code(2);
    plain.stdout_is_empty();
}

/// The document that is printed already reports the failure.
#[tokio::test]
async fn a_wait_that_times_out_prints_one_document() {
    let server = cluster(json!([split("web", "me")])).await;
    let wait = on(&server).args([
        "status",
        "--for",
        "Failover",
        "--timeout",
        "0s",
        "-o",
        "json",
    ]);
    let output = wait.run().await.code(3).stderr_contains("timed out");
    assert_eq!(
        (&output.json()["kind"], &output.json()["exitCode"]),
        (&json!("StatusList"), &json!(3))
    );
}
