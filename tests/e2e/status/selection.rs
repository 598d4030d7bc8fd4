//! The groups that `status` shows.

use serde_json::json;

use crate::support::{Output, Side, TestNamespace, plugin};

#[tokio::test]
async fn groups_by_name_by_kind_and_by_apex() {
    let ns = TestNamespace::new("names").await;
    two_groups(&ns.west).await;
    for name in [
        "web-failover",
        "ts/web-failover",
        "trafficsplit/web-failover",
        "TrafficSplits/web-failover",
        "web",
    ] {
        status(&ns.west, &["-o", "name", name])
            .await
            .success()
            .stdout_is("trafficsplit/web-failover\n");
    }
    let both = status(
        &ns.west,
        &["-o", "name", "web", "mail-failover", "web-failover"],
    )
    .await
    .success();
    both.stdout_is("trafficsplit/mail-failover\ntrafficsplit/web-failover\n");
}

#[tokio::test]
async fn an_unknown_name_lists_the_existing_ones() {
    let ns = TestNamespace::new("unknown").await;
    two_groups(&ns.west).await;
    let output = status(&ns.west, &["webb"]).await.code(1).stdout_is("");
    output
        .stderr_contains(&format!(
            "there is no group \"webb\" in namespace {} of context west",
            ns.name
        ))
        .stderr_contains("available groups: mail-failover, web-failover");
    let output = status(&ns.west, &["pod/web"]).await.code(2);
    output
        .stderr_contains("\"pod\" is not a kind of group")
        .stderr_contains("trafficsplit");
    let output = status(&ns.west, &["we\u{1b}[2Jb"]).await.code(1);
    assert!(!output.stderr.contains('\u{1b}'), "{output}");
}

#[tokio::test]
async fn a_split_without_the_label_comes_with_the_command_to_adopt_it() {
    let ns = TestNamespace::new("unlabelled").await;
    two_groups(&ns.west).await;
    let label = "failover.linkerd.io/controlled-by";
    ns.west
        .edit_split(
            "web-failover",
            json!({"metadata": {"labels": {label: null}}}),
        )
        .await;
    let output = status(&ns.west, &["web-failover"]).await.code(1);
    let command = format!(
        "kubectl failover create --adopt trafficsplit/web-failover --primary web --context west -n {}",
        ns.name
    );
    output
        .stderr_contains("is not a failover group: it has no label")
        .stderr_contains(&command);
    status(&ns.west, &["-o", "name"])
        .await
        .success()
        .stdout_is("trafficsplit/mail-failover\n");
}

#[tokio::test]
async fn labels_select_groups() {
    let ns = TestNamespace::new("labels").await;
    two_groups(&ns.west).await;
    ns.west
        .edit_split(
            "web-failover",
            json!({"metadata": {"labels": {"team": "web"}}}),
        )
        .await;
    let output = status(&ns.west, &["-o", "name", "-l", "team=web"])
        .await
        .success();
    output.stdout_is("trafficsplit/web-failover\n");
    let output = status(&ns.west, &["-o", "name", "-l", "team!=web"])
        .await
        .success();
    output.stdout_is("trafficsplit/mail-failover\n");
    let output = status(&ns.west, &["-l", "team in ("])
        .await
        .code(2)
        .stdout_is("");
    output
        .stderr_contains("invalid label selector (-l): unable to parse")
        .stderr_contains("-l team=web");
}

#[tokio::test]
async fn finding_nothing_is_reported_but_not_a_failure() {
    let ns = TestNamespace::new("nothing").await;
    let table = status(&ns.west, &[]).await.success().stdout_is("");
    table.stderr_contains(&format!(
        "No groups found in namespace {} of context west.",
        ns.name
    ));
    let json = status(&ns.west, &["-o", "json"])
        .await
        .success()
        .stderr_contains("No groups found")
        .json();
    assert_eq!(json["items"], json!([]));
    status(&ns.west, &["-o", "name"])
        .await
        .success()
        .stdout_is("");
    status(&ns.west, &["-o", "yaml"])
        .await
        .success()
        .stdout_contains("items: []");
}

#[tokio::test]
async fn a_missing_namespace_is_reported() {
    let in_nope = |args: &[&str]| {
        plugin()
            .context("west")
            .namespace("nope")
            .args(args.to_vec())
    };
    let table = in_nope(&["status"]).run().await.success();
    table.stderr_contains("No groups found: namespace nope does not exist in context west.");
    let named = in_nope(&["status", "web"]).run().await.code(1);
    named.stderr_contains("namespace nope does not exist");
}

async fn two_groups(side: &Side) {
    side.group("web-failover", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    side.group("mail-failover", &[("mail", 1, 1), ("mail-east", 0, 1)])
        .await;
}

async fn status(side: &Side, args: &[&str]) -> Output {
    plugin()
        .args(["status"])
        .args(args.to_vec())
        .on(side)
        .run()
        .await
}
