//! `failback-ready`: a primary gets its traffic back once it has enough endpoints.

use serde_json::Value;

use super::policy::set;
use crate::support::{Output, Side, TestNamespace, end, eventually, plugin, watching};

async fn run(side: &Side, command: &str) -> Output {
    let mut words: Vec<&str> = command.split(' ').collect();
    if words[0] == "failback" {
        words.push("--yes");
    }
    plugin().args(words).on(side).run().await
}

async fn status(side: &Side) -> Value {
    let status = run(side, "status web -o json").await.success().json();
    status["items"][0].clone()
}

/// Waits until the status of the group has this state and, in the reason, these words.
async fn until(side: &Side, state: &str, words: &str) {
    eventually(&format!("{state}: {words}"), async || {
        let seen = status(side).await;
        let reason = seen["reason"].as_str().unwrap_or_default();
        if seen["state"] == state && reason.contains(words) {
            Ok(())
        } else {
            Err(seen.to_string())
        }
    })
    .await;
}

#[tokio::test]
async fn pods_that_come_one_by_one_get_the_traffic_once_they_are_half_of_those_before() {
    let ns = TestNamespace::new("failback-ready").await;
    let west = &ns.west;
    west.service("web").await;
    west.deployment("web", 20).await;
    west.bare_service("web-east").await;
    west.ready("web-east", 1).await;
    west.traffic_split("web", "web", &[("web", 1), ("web-east", 0)])
        .await;
    set(west, "web", &[("failback-ready", "50%")]).await;
    let watch = watching(west, &[]).await;
    until(west, "Primary", "web has 20 of 20 endpoints ready").await;
    west.scale("web", 0).await;
    west.until_weights("web", &[0, 1]).await;
    assert_eq!(west.last_move("web").await["ready"], 20);
    for pods in 1..10 {
        west.scale("web", pods).await;
        until(
            west,
            "Waiting",
            &format!("web has {pods} of the 20 endpoints that it had; 10 are needed"),
        )
        .await;
        if pods == 3 {
            let words = "web has 3 of the 20 endpoints that it had; 10 are needed";
            run(west, "failback web")
                .await
                .code(4)
                .stderr_contains(words);
        }
    }
    west.until_weights("web", &[0, 1]).await;
    west.scale("web", 10).await;
    west.until_weights("web", &[1, 0]).await;
    assert_eq!(west.last_move("web").await["ready"], Value::Null);
    end(watch).await;
}

#[tokio::test]
async fn failback_by_hand_needs_the_endpoints_too_unless_told_otherwise() {
    let ns = TestNamespace::new("failback-short").await;
    let west = &ns.west;
    west.group("web", &[("web", 0, 1), ("web-east", 1, 1)])
        .await;
    run(west, "set web --failback-ready 3")
        .await
        .success()
        .stdout_contains("failback-ready: (not set) -> 3");
    until(
        west,
        "Waiting",
        "web has 1 of 2 endpoints ready; 3 are needed to fail back",
    )
    .await;
    // Endpoints alone end this wait, so that a job need not stay for them.
    run(west, "watch --once").await.success();
    west.until_weights("web", &[0, 1]).await;
    let refused = run(west, "failback web").await.code(4);
    refused
        .stderr_contains("web has 1 of 2 endpoints ready; 3 are needed to fail back")
        .stderr_contains("--allow=short");
    run(west, "failback web --allow=unready").await.code(4);
    run(west, "failback web --allow=short").await.success();
    west.until_weights("web", &[1, 0]).await;
    run(west, "watch --once").await.success();
    west.until_weights("web", &[1, 0]).await;
    run(west, "set web --failback-ready 0").await.code(2);
}

/// A force that expires does not send all the traffic to the first few endpoints.
#[tokio::test]
async fn a_force_that_expires_leaves_home_away_until_it_has_enough() {
    let ns = TestNamespace::new("failback-expiry").await;
    let west = &ns.west;
    west.group("web", &[("web", 1, 4), ("web-east", 0, 1)])
        .await;
    set(west, "web", &[("failback-ready", "75%")]).await;
    let watch = watching(west, &[]).await;
    run(west, "force web --to web-east --duration 4s --yes")
        .await
        .success();
    west.until_weights("web", &[0, 1]).await;
    west.ready("web", 1).await;
    until(
        west,
        "Waiting",
        "web has 1 of the 4 endpoints that it had; 3 are needed",
    )
    .await;
    west.ready("web", 3).await;
    west.until_weights("web", &[1, 0]).await;
    end(watch).await;
}
