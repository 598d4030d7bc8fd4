//! Groups whose traffic keeps off a backend, by the annotation `avoid`.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{Output, Side, TestNamespace, end, eventually, plugin, watching};

async fn run(side: &Side, command: &str) -> Output {
    plugin().args(command.split(' ')).on(side).run().await
}

async fn status(side: &Side) -> Value {
    let status = run(side, "status web -o json").await.success().json();
    status["items"][0].clone()
}

async fn annotate(side: &Side, annotations: &[(&str, Value)]) {
    let annotations: serde_json::Map<String, Value> = annotations
        .iter()
        .map(|(key, value)| (format!("failover.linkerd.io/{key}"), value.clone()))
        .collect();
    let patch = json!({"metadata": {"annotations": annotations}});
    side.edit_split("web", patch).await;
}

/// An entry that avoids web, for this many seconds.
fn entry(seconds: Option<i64>) -> Value {
    let now = Timestamp::now();
    let until = seconds.map(|seconds| now + SignedDuration::from_secs(seconds));
    let entry = json!([{"backends": ["web"], "id": "CHG-77", "by": "ann@desk", "at": now,
        "until": until, "reason": "maintenance"}]);
    json!(entry.to_string())
}

async fn group(ns: &TestNamespace, ready: [u8; 2]) {
    let backends = [("web", 1, ready[0]), ("web-east", 0, ready[1])];
    ns.west.group("web", &backends).await;
}

#[tokio::test]
async fn an_evacuation_moves_traffic_at_once_is_shown_and_expires() {
    let ns = TestNamespace::new("avoid").await;
    group(&ns, [1, 1]).await;
    let watch = watching(&ns.west, &[]).await;
    let manual = [
        ("failback", json!("manual")),
        ("failover-delay", json!("10m")),
        ("avoid", entry(None)),
    ];
    annotate(&ns.west, &manual).await;
    ns.west.until_weights("web", &[0, 1]).await;
    let why = "web is evacuated (CHG-77: maintenance)";
    assert_eq!(ns.west.last_move("web").await["why"], why);

    let away = status(&ns.west).await;
    assert_eq!(
        json!([away["state"], away["active"], away["flags"], away["reason"]]),
        json!(["Failover", ["web-east"], ["avoiding"], why])
    );
    let shown = &away["avoid"][0];
    assert_eq!(
        json!([shown["status"], shown["id"], shown["by"], shown["backends"]]),
        json!(["inForce", "CHG-77", "ann@desk", ["web"]])
    );
    run(&ns.west, "status web")
        .await
        .success()
        .stdout_contains("web: Evacuated by ann@desk")
        .stdout_contains("; traffic is on web-east.");
    run(&ns.west, "status web --for avoiding --timeout 1m")
        .await
        .success();
    run(&ns.west, "check")
        .await
        .stdout_contains("web was evacuated by ann@desk");
    run(&ns.west, "history web")
        .await
        .success()
        .stdout_contains("evacuated web (CHG-77): maintenance");

    // What would send the traffic there is refused.
    for command in ["force web --to web --yes", "failback web --yes"] {
        run(&ns.west, command)
            .await
            .code(4)
            .stderr_contains(
                "web gets no traffic: it is evacuated by ann@desk (CHG-77: maintenance)",
            )
            .stderr_contains("--allow=evacuated");
    }
    run(&ns.west, "force web --to web --allow=evacuated --yes")
        .await
        .success()
        .stderr_contains("traffic did not move to web: it is evacuated by ann@desk");
    ns.west.until_weights("web", &[0, 1]).await;
    run(&ns.west, "failback web --allow=evacuated --yes")
        .await
        .success();
    ns.west.until_weights("web", &[0, 1]).await;
    run(&ns.west, "pause web --yes")
        .await
        .success()
        .stderr_contains("nothing keeps the traffic off web, and no evacuation expires");
    run(&ns.west, "resume web --yes").await.success();

    // The end skips failback: manual.
    annotate(&ns.west, &[("avoid", entry(Some(3)))]).await;
    ns.west.until_weights("web", &[1, 0]).await;
    let home = status(&ns.west).await;
    assert_eq!(home["avoid"], json!(null), "{home}");
    let why = ns.west.last_move("web").await["why"].to_string();
    assert!(
        why.contains("the evacuation of web (CHG-77: maintenance) has expired, and web has"),
        "{why}"
    );
    let rest = end(watch).await;
    assert_eq!(rest.complaints("panicked"), 0);
}

#[tokio::test]
async fn an_evacuation_rests_while_nothing_else_is_ready() {
    let ns = TestNamespace::new("avoid-rests").await;
    group(&ns, [1, 0]).await;
    annotate(&ns.west, &[("avoid", entry(None))]).await;
    let resting = status(&ns.west).await;
    assert_eq!(
        json!([resting["state"], resting["avoid"][0]["status"]]),
        json!(["Primary", "resting"])
    );
    run(&ns.west, "status web")
        .await
        .success()
        .stdout_contains("but no other backend can take the traffic");
    let watch = watching(&ns.west, &[]).await;
    ns.west.ready("web-east", 1).await;
    ns.west.until_weights("web", &[0, 1]).await;
    ns.west.ready("web-east", 0).await;
    ns.west.until_weights("web", &[1, 0]).await;
    end(watch).await;
}

#[tokio::test]
async fn without_a_watch_an_expired_evacuation_is_named() {
    let ns = TestNamespace::new("avoid-expired").await;
    group(&ns, [1, 1]).await;
    annotate(&ns.west, &[("avoid", entry(Some(-5)))]).await;
    let expired = status(&ns.west).await;
    assert_eq!(
        json!([expired["state"], expired["avoid"][0]["status"]]),
        json!(["OutOfSync", "over"])
    );
    run(&ns.west, "status web")
        .await
        .success()
        .stdout_contains("the evacuation of web (CHG-77: maintenance) by ann@desk expired at");
    run(&ns.west, "watch --once").await.success();
    eventually("the entry is removed", async || {
        let status = status(&ns.west).await;
        let is_gone = status["avoid"].is_null() && status["state"] == "Primary";
        is_gone.then_some(()).ok_or_else(|| status.to_string())
    })
    .await;

    annotate(&ns.west, &[("avoid", json!("[{"))]).await;
    run(&ns.west, "status web")
        .await
        .success()
        .stdout_contains("avoid cannot be parsed, so no backend is avoided");
    let broken = status(&ns.west).await;
    assert_eq!(broken["state"], "Primary", "{broken}");
}
