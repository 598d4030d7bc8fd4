//! Several groups at once, and their reports.

use http::Method;
use serde_json::{Value, json};

use super::{run, run_through};
use crate::support::{Fault, FaultProxy, Output, Side, TestNamespace, documented};

/// Two groups with one fallback each. The one of mail has this many ready endpoints.
async fn two(side: &Side, mail_east: u8) {
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    side.group("mail", &[("mail", 1, 1), ("mail-east", 0, mail_east)])
        .await;
}

async fn until(side: &Side, web: &[u64], mail: &[u64]) {
    side.until_weights("web", web).await;
    side.until_weights("mail", mail).await;
}

#[tokio::test]
async fn an_ambiguous_name_changes_nothing() {
    let ns = TestNamespace::new("ambiguous").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    for name in ["first", "second"] {
        ns.west.traffic_split(name, "mail", &[("mail", 1)]).await;
    }
    let versions = [
        ns.west.version("first").await,
        ns.west.version("second").await,
    ];
    run(&ns.west, "pause mail")
        .await
        .code(2)
        .stderr_contains(&format!(
            "mail is ambiguous: trafficsplit/first -n {}",
            ns.name
        ))
        .stderr_contains("-l");
    for names in ["mail first", "mail mail", "first mail web"] {
        let output = run(&ns.west, &format!("pause {names}")).await.code(2);
        output.stderr_contains("mail is ambiguous");
    }
    let before = [
        ns.west.version("first").await,
        ns.west.version("second").await,
    ];
    assert_eq!(before, versions);
    run(&ns.west, "pause first first").await.success();
    assert_ne!(ns.west.version("first").await, versions[0]);
    assert_eq!(ns.west.version("second").await, versions[1]);
}

#[tokio::test]
async fn groups_by_name_by_labels_and_all() {
    let ns = TestNamespace::new("several").await;
    two(&ns.west, 1).await;
    ns.west
        .edit_split("mail", json!({"metadata": {"labels": {"team": "mail"}}}))
        .await;
    let output = run(&ns.west, "force ts/web mail").await.success();
    output
        .stdout_contains("/mail: forced to mail-east")
        .stderr_contains("2 groups: 2 changed");
    until(&ns.west, &[0, 1], &[0, 1]).await;
    let output = run(&ns.west, "failback -l team=mail").await.success();
    output.stdout_contains("/mail: ").stderr_lacks("groups:");
    until(&ns.west, &[0, 1], &[1, 0]).await;
    let output = run(&ns.west, "failback --all").await.success();
    output.stderr_contains("2 groups: 1 changed, 1 unchanged");
    until(&ns.west, &[1, 0], &[1, 0]).await;

    run(&ns.west, "pause --all --yes")
        .await
        .success()
        .stderr_contains("2 groups: 2 changed");
    run(&ns.west, "resume --all --yes")
        .await
        .success()
        .stderr_contains("2 groups: 2 changed");
}

#[tokio::test]
async fn a_selection_without_groups_changes_nothing() {
    let ns = TestNamespace::new("several-none").await;
    for command in ["force", "failback", "pause", "resume"] {
        let output = run(&ns.west, command).await.code(2);
        output
            .stderr_contains("specify a group, -l LABELS or --all")
            .stderr_contains("--all")
            .stderr_contains(&format!(
                "kubectl failover {command} NAME --context west -n {}",
                ns.name
            ));
        let output = run(&ns.west, &format!("{command} --all")).await.code(1);
        output
            .stdout_is("")
            .stderr_contains(&format!("no groups found in namespace {}", ns.name))
            .stderr_contains("nothing was changed");
    }
    two(&ns.west, 1).await;
    for command in ["force", "failback", "pause", "resume"] {
        let output = run(&ns.west, &format!("{command} -l team=nobody"))
            .await
            .code(1)
            .stdout_is("");
        output.stderr_contains("no groups with labels team=nobody found");
    }
    let output = run(&ns.west, "force web mial").await.code(1);
    output.stderr_contains("there is no group \"mial\"");
    until(&ns.west, &[1, 0], &[1, 0]).await;
    run(&ns.west, "force web --all").await.code(2);
}

#[tokio::test]
async fn refusals_and_failures_are_named() {
    let ns = TestNamespace::new("several-part").await;
    two(&ns.west, 0).await;
    let output = run(&ns.west, "force web mail").await.code(1);
    output
        .stdout_contains("/web: forced to web-east")
        .stderr_contains("refused: ")
        .stderr_contains("/mail: mail-east has no ready endpoint")
        .stderr_contains("2 groups: 1 changed, 1 refused");
    until(&ns.west, &[0, 1], &[1, 0]).await;
    run(&ns.west, "failback web").await.success();

    let proxy = FaultProxy::before(&ns.west).await;
    ns.west.ready("mail-east", 1).await;
    proxy.inject(
        Method::PATCH,
        "/trafficsplits/mail",
        1,
        Fault::Answer(403, None),
    );
    let output = run_through(&ns.west, proxy.kubeconfig(), "force web mail")
        .await
        .code(1);
    output
        .stdout_contains("/web: forced to web-east")
        .stderr_contains("error: ")
        .stderr_contains("2 groups: 1 changed, 1 failed");
    until(&ns.west, &[0, 1], &[1, 0]).await;
    run(&ns.west, "failback web").await.success();

    ns.west.ready("mail-east", 0).await;
    ns.west.ready("web-east", 0).await;
    run(&ns.west, "force web mail")
        .await
        .code(4)
        .stderr_contains("2 groups: 2 refused");
}

#[tokio::test]
async fn the_shape_of_the_json() {
    let ns = TestNamespace::new("several-json").await;
    two(&ns.west, 0).await;
    let list = run(&ns.west, "force web mail -o json")
        .await
        .code(1)
        .stderr_is_empty()
        .json();
    let mut shape = list.clone();
    shape["server"] = Value::Null;
    let expected = json!({
        "apiVersion": "cli.failover.linkerd.io/v1",
        "kind": "ChangeList",
        "command": "force",
        "context": "west",
        "server": null,
        "exitCode": 1,
        "items": [
            {
                "namespace": ns.name, "object": "trafficsplit", "name": "mail", "result": "refused",
                "message": "mail-east has no ready endpoint", "allow": "unready",
                "next": [
                    format!("look at its endpoints: kubectl --context west -n {} describe service mail-east", ns.name),
                    "to do it anyway, add --allow=unready",
                ],
            },
            {
                "namespace": ns.name, "object": "trafficsplit", "name": "web", "result": "changed",
                "message": "forced to web-east; traffic is on web-east (Overridden)",
                "state": "Overridden", "active": ["web-east"],
            },
        ],
    });
    assert_eq!(shape, expected);
    documented(&list);
    assert!(
        list["server"].as_str().unwrap().starts_with("https://"),
        "{list}"
    );
    let results = |output: &Output| output.json()["items"][0]["result"].clone();
    let again = run(&ns.west, "force web -o json").await.success();
    assert_eq!(results(&again), "unchanged");
    let trial = run(&ns.west, "failback web -o json --dry-run=client")
        .await
        .success();
    assert_eq!(results(&trial), "wouldChange");
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let ns = TestNamespace::new("several-dry").await;
    two(&ns.west, 1).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let versions = (ns.west.version("web").await, ns.west.version("mail").await);
    for command in ["force web mail", "pause web mail"] {
        let dry = |mode: &str| format!("{command} --dry-run={mode}");
        let before = proxy.writes();
        let output = run_through(&ns.west, proxy.kubeconfig(), &dry("client"))
            .await
            .success();
        output
            .stdout_contains("(dry run)")
            .stderr_contains("2 groups: 2 would change");
        assert_eq!(proxy.writes(), before);
        let output = run_through(&ns.west, proxy.kubeconfig(), &dry("server"))
            .await
            .success();
        output
            .stdout_contains("(server dry run)")
            .stderr_contains("2 groups: 2 would change");
        assert_eq!(proxy.writes(), before + 2);
    }
    assert_eq!(
        proxy.seen(&Method::PATCH, "dryRun=All").len(),
        proxy.writes()
    );
    assert_eq!(
        (ns.west.version("web").await, ns.west.version("mail").await),
        versions
    );
}
