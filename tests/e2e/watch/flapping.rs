//! A primary that comes and goes.

use std::time::Duration;

use serde_json::json;

use crate::support::{TestNamespace, end, watching};

#[tokio::test]
async fn traffic_moves_once_there_and_once_back() {
    let ns = TestNamespace::new("flapping").await;
    ns.west.group("web", &[("web", 1, 1), ("web-east", 0, 1)]).await;
    let delay = json!({"failover.linkerd.io/failback-delay": "10s"});
    ns.west.edit_split("web", json!({"metadata": {"annotations": delay}})).await;
    let mut watch = watching(&ns.west, &[]).await;
    // Longer than the delay, and never as long as it in one piece.
    let mut turns = tokio::time::interval(Duration::from_secs(2));
    for ready in [0, 1, 0, 1, 0, 1, 0, 1] {
        turns.tick().await;
        ns.west.ready("web", ready).await;
    }
    watch.line_containing("web -> web-east").await;
    assert_eq!(watch.line_within(Duration::ZERO).await, None, "it came back too early");
    ns.west.until_weights("web", &[0, 1]).await;
    watch.line_containing("web-east -> web").await;
    ns.west.until_weights("web", &[1, 0]).await;
    let rest = end(watch).await;
    assert!(rest.stdout.is_empty(), "{rest:?}");
}
