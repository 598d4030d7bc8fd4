//! Beside a loop that applies the rules of Linkerd's own failover extension.

use super::{assert_home, run, status, web};
use crate::support::{ReadinessFrom, TestNamespace, Upstream};

#[tokio::test]
async fn a_force_stays_in_place_and_failback_works() {
    let ns = TestNamespace::new("upstream").await;
    web(&ns.west, [1, 1, 1]).await;
    let upstream = Upstream::runs(&ns.west, ReadinessFrom::Slices);

    ns.west.set_weights("web", &[("web", 0), ("web-east", 1), ("web-central", 0)]).await;
    ns.west.until_weights("web", &[1, 0, 0]).await;

    run(&ns.west, "force web --to web-east").await.success();
    upstream.has_spoken().await;
    ns.west.until_weights("web", &[0, 1, 0]).await;
    assert_eq!(status(&ns.west, "web").await["state"], "Overridden");

    ns.west.ready("web-east", 0).await;
    ns.west.until_weights("web", &[1, 0, 1]).await;
    ns.west.ready("web-east", 1).await;
    ns.west.until_weights("web", &[0, 1, 0]).await;

    run(&ns.west, "force web --to web-central").await.success();
    upstream.has_spoken().await;
    ns.west.until_weights("web", &[0, 0, 1]).await;

    run(&ns.west, "failback web").await.success();
    upstream.has_spoken().await;
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
}
