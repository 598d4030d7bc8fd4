//! A primary that comes and goes.

use std::time::Duration;

use serde_json::json;

use crate::support::{TestNamespace, end, watching};

#[tokio::test]
async fn traffic_moves_only_once_in_each_direction() {
    let ns = TestNamespace::new("flapping").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let delay = json!({"failover.linkerd.io/failback-delay": "10s"});
    ns.west
        .edit_split("web", json!({"metadata": {"annotations": delay}}))
        .await;
    let mut watch = watching(&ns.west, &[]).await;
    // Never ready for as long as the delay.
    let mut turns = tokio::time::interval(Duration::from_secs(1));
    for turn in 0..30 {
        turns.tick().await;
        ns.west.ready("web", turn % 2).await;
    }
    watch.line_containing("web -> web-east").await;
    assert_eq!(
        watch.line_within(Duration::ZERO).await,
        None,
        "it came back too early"
    );
    ns.west.until_weights("web", &[0, 1]).await;
    watch.line_containing("web-east -> web").await;
    ns.west.until_weights("web", &[1, 0]).await;
    let rest = end(watch).await;
    assert!(rest.stdout.is_empty(), "{rest:?}");
}
