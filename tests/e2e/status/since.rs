//! The age of a group's state, which the object alone does not tell.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::support::{Side, TestNamespace, end, plugin, watching};

impl Side {
    /// Records a move of long ago that fits the weights.
    async fn moved_long_ago(&self, name: &str) {
        let last = json!({
            "from": "web=0,web-east=1",
            "to": "web=1,web-east=0",
            "at": Timestamp::now() - SignedDuration::from_mins(12),
            "by": "bob@vm",
            "why": "web has recovered (1 of 2 endpoints ready)",
        });
        let annotations = json!({"failover.linkerd.io/last-move": last.to_string()});
        let patch = json!({"metadata": {"annotations": annotations}});
        self.edit_split(name, patch).await;
    }

    async fn status_of(&self, name: &str) -> serde_json::Value {
        let output = plugin().args(["status", name, "-o", "json"]).on(self).run();
        output.await.success().json()["items"][0].clone()
    }
}

fn age(item: &serde_json::Value) -> SignedDuration {
    let since: Timestamp = item["since"].as_str().unwrap().parse().unwrap();
    Timestamp::now().duration_since(since)
}

#[tokio::test]
async fn an_outage_is_as_old_as_the_last_change_of_the_endpoints_not_as_the_last_move() {
    let ns = TestNamespace::new("since").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    ns.west.moved_long_ago("web").await;
    let home = ns.west.status_of("web").await;
    assert!(age(&home) > SignedDuration::from_mins(11), "{home}");

    ns.west.ready("web", 0).await;
    let outage = ns.west.status_of("web").await;
    assert!(age(&outage) < SignedDuration::from_mins(1), "{outage}");
    let output = plugin().args(["status"]).on(&ns.west).run().await.success();
    output.stdout_contains("Last move: 12m ago, back to web, by bob@vm: web has recovered");
}

#[tokio::test]
async fn a_delay_says_how_long_traffic_still_stays() {
    let ns = TestNamespace::new("delayed").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let delay = json!({"failover.linkerd.io/failover-delay": "10m"});
    ns.west
        .edit_split("web", json!({"metadata": {"annotations": delay}}))
        .await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.ready("web", 0).await;
    let output = plugin().args(["status"]).on(&ns.west).run().await.success();
    output
        .stdout_contains("Waiting")
        .stdout_contains("Traffic moves in about ")
        .stdout_contains(" (failover-delay 10m), unless that changes before.");
    end(watch).await;
    let output = plugin().args(["status"]).on(&ns.west).run().await.success();
    output.stdout_contains(
        "No watch is running: one would move the traffic after failover-delay (10m).",
    );
}
