//! `failback` of many groups: whose forces it ends.

use serde_json::{Value, json};

use super::{override_of, run};
use crate::support::{Output, Side, TestNamespace};

/// Three groups: the first is forced by this user, the second by bob, the third not.
async fn three(side: &Side) {
    for name in ["web", "mail", "vote"] {
        let east = format!("{name}-east");
        side.group(name, &[(name, 1, 1), (&east, 0, 1)]).await;
    }
    for command in [
        "force web --id CHG-77 --reason rehearsal",
        "force mail --id CHG-78 --reason outage",
    ] {
        run(side, command).await.success();
    }
    let mut order = override_of(side, "mail").await;
    order["by"] = json!("bob@laptop");
    order["ticket"] = json!(["unknown", "to this version"]);
    let order = json!({"failover.linkerd.io/override": order.to_string()});
    let patch = json!({"metadata": {"annotations": order}});
    side.edit_split("mail", patch).await;
}

/// The results by group.
fn results(output: &Output) -> Value {
    let items = output.json()["items"].as_array().unwrap().clone();
    let results = items.iter().map(|item| {
        let name = item["name"].as_str().unwrap().to_owned();
        (name, item["result"].clone())
    });
    Value::Object(results.collect())
}

#[tokio::test]
async fn a_failback_of_all_leaves_the_forces_of_others() {
    let ns = TestNamespace::new("others").await;
    let side = &ns.west;
    three(side).await;
    let output = run(side, "failback --all -o json").await.success();
    assert_eq!(
        results(&output),
        json!({"web": "changed", "mail": "left", "vote": "unchanged"})
    );
    let left = output.json()["items"][0].clone();
    assert_eq!(
        (&left["name"], &left["allow"]),
        (&json!("mail"), &json!("others"))
    );
    side.until_weights("web", &[1, 0]).await;
    side.until_weights("mail", &[0, 1]).await;

    let output = run(side, "failback --all").await.success();
    output
        .stderr_contains("/mail: forced to mail-east by bob@laptop (CHG-78: outage)")
        .stderr_contains("to fail it back too: kubectl failover failback mail ")
        .stderr_contains("3 groups: 2 unchanged, 1 left alone");
    let when_ready = run(side, "failback --all --when-ready --timeout 1m").await;
    when_ready.success().stderr_contains("left alone: ");

    run(side, "failback --all --allow=others").await.success();
    side.until_weights("mail", &[1, 0]).await;
}

#[tokio::test]
async fn a_group_that_is_named_is_meant() {
    let ns = TestNamespace::new("others-named").await;
    let side = &ns.west;
    three(side).await;
    run(side, "failback mail").await.success();
    side.until_weights("mail", &[1, 0]).await;
    side.until_weights("web", &[0, 1]).await;
}

#[tokio::test]
async fn nothing_but_forces_of_others_is_a_refusal() {
    let ns = TestNamespace::new("others-only").await;
    let side = &ns.west;
    three(side).await;
    let labels = json!({"metadata": {"labels": {"team": "mail"}}});
    side.edit_split("mail", labels).await;
    let output = run(side, "failback -l team=mail")
        .await
        .code(4)
        .stdout_is("");
    output.stderr_contains("left alone: ");
    side.until_weights("mail", &[0, 1]).await;
}

#[tokio::test]
async fn filters_choose_forces_by_id_user_and_reason() {
    let ns = TestNamespace::new("others-filters").await;
    let side = &ns.west;
    three(side).await;
    let output = run(side, "failback --id CHG-7").await.code(1);
    output
        .stderr_contains("no group is forced with --id CHG-7")
        .stderr_contains("CHG-77 by ")
        .stderr_contains("CHG-78 by bob@laptop");
    let output = run(side, "failback mail web --id CHG-77 --dry-run=client").await;
    output
        .success()
        .stdout_contains("/web: ended the override")
        .stderr_contains("/mail: forced to mail-east by bob@laptop")
        .stderr_contains("which --id CHG-77 does not mean");
    // A reason is no name of anybody's force.
    let output = run(side, "failback --forced-reason outage").await.code(4);
    output.stderr_contains("/mail: forced to mail-east by bob@laptop");
    let output = run(side, "failback --by bob -o json").await.success();
    assert_eq!(results(&output), json!({"mail": "changed"}));
    let output = run(side, "failback --id CHG-77 -o json").await.success();
    assert_eq!(results(&output), json!({"web": "changed"}));
    side.until_weights("web", &[1, 0]).await;
    side.until_weights("mail", &[1, 0]).await;
}

#[tokio::test]
async fn the_identifier_of_a_force_is_shown() {
    let ns = TestNamespace::new("force-id").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    run(side, "force web --id CHG-77").await.success();
    let again = run(side, "force web --id CHG-99").await.success();
    again.stdout_contains("already forced to web-east; its id stays: CHG-77");
    let status = run(side, "status").await.success();
    status.stdout_contains("(CHG-77)");
    let status = super::status(side, "web").await;
    assert_eq!(status["override"]["id"], "CHG-77");
    let history = run(side, "history").await.success();
    history.stdout_contains("forced to web-east (CHG-77)");
    run(side, "force web --id ").await.code(2);
    run(side, "force web --id CHG\t77").await.code(2);
}
