//! The demo, with each kind of object and network.

use tempfile::TempDir;

use super::lifecycle::sandbox;
use crate::support::cluster_start_permit;

async fn told(arguments: &[&str]) -> String {
    let _permit = cluster_start_permit();
    let home = TempDir::new().unwrap();
    let output = sandbox(&home, ["demo"])
        .args(arguments.to_vec())
        .run()
        .await
        .success();
    let words = "6. web-svc failed over to web-svc-east in ";
    output
        .stdout_contains(words)
        .stdout_contains("\nThe weights are web-svc 1 and web-svc-east 0.\n")
        .stdout
}

#[tokio::test]
async fn a_split_and_a_gateway() {
    let story = told(&[]).await;
    assert!(
        story.contains("TrafficSplit web-svc-failover is as expected, and the only one.\n"),
        "{story}"
    );
}

#[tokio::test]
async fn a_route_and_a_flat_network() {
    let story = told(&["--kind", "httproute", "--flat"]).await;
    assert!(
        story.contains("web-svc-east appeared in west; its endpoints are in east.\n"),
        "{story}"
    );
    assert!(
        story.contains("HTTPRoute web-svc-failover is as expected, and the only one.\n"),
        "{story}"
    );
    assert!(story.contains("web-svc:0/0 web-svc-east:1/1"), "{story}");
    assert!(!story.contains("has no effect"), "{story}");
}
