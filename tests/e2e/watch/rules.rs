//! Rules of the decision that no other test covers.

use std::time::{Duration, Instant};

use super::policy::{Story, THREE, set};
use crate::support::{TestNamespace, end, eventually, plugin, watching};

#[tokio::test]
async fn a_short_primary_has_the_traffic_if_no_other_backend_is_ready() {
    let story = Story {
        backends: &[("web", 0, 1), ("web-east", 1, 0)],
        policy: &[("min-ready", "2")],
        first: &[1, 0],
        steps: &[("web-east", 1, &[0, 1]), ("web-east", 0, &[1, 0])],
    };
    story.play("short").await;
}

#[tokio::test]
async fn min_ready_can_be_a_percentage() {
    let story = Story {
        // One endpoint of each service is not ready: 2 of 3, then 1 of 2.
        backends: &[("web", 1, 2), ("web-east", 0, 1)],
        policy: &[("min-ready", "60%")],
        first: &[1, 0],
        steps: &[("web", 1, &[0, 1]), ("web", 2, &[1, 0])],
    };
    story.play("percentage").await;
}

#[tokio::test]
async fn an_unknown_primary_is_tried_only_if_no_other_is_ready() {
    let ns = TestNamespace::new("unknown").await;
    ns.west.unknowable_service("web-north").await;
    for (service, ready) in [("web", 0), ("web-east", 1)] {
        ns.west.bare_service(service).await;
        ns.west.ready(service, ready).await;
    }
    let weights = [("web-north", 0), ("web", 1), ("web-east", 0)];
    ns.west.traffic_split("web", "web-north", &weights).await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.until_weights("web", &[0, 0, 1]).await;
    ns.west.ready("web-east", 0).await;
    ns.west.until_weights("web", &[1, 0, 0]).await;
    assert_eq!(ns.west.last_move("web").await["unverified"], true);
    end(watch).await;
}

#[tokio::test]
async fn weights_that_no_proxy_takes_are_scaled_down_at_once() {
    let ns = TestNamespace::new("too-large").await;
    ns.west
        .group("web", &[("web", 300_000, 1), ("web-east", 300_000, 1)])
        .await;
    let active = [
        ("policy", "active-active"),
        ("weights", "mail=1000000,mail-east=500000"),
    ];
    ns.west
        .group("mail", &[("mail", 1, 1), ("mail-east", 0, 1)])
        .await;
    set(&ns.west, "mail", &active).await;
    // Delays and a manual failback hold traffic, not weights that fail.
    let held = [("failback", "manual"), ("failover-delay", "1h")];
    ns.west
        .group("chat", &[("chat", 0, 1), ("chat-east", 500_000, 1)])
        .await;
    set(&ns.west, "chat", &held).await;
    let watch = watching(&ns.west, &["--max-moves", "2/1h"]).await;
    ns.west.until_weights("web", &[1, 0]).await;
    ns.west.until_weights("mail", &[2, 1]).await;
    ns.west.until_weights("chat", &[0, 1]).await;
    let why = ns.west.last_move("chat").await["why"].to_string();
    assert!(why.contains("the weights sum to 500000"), "{why}");
    end(watch).await;
}

#[tokio::test]
async fn a_hold_takes_weight_off_dead_backends_and_ends_if_all_are_dead() {
    let ns = TestNamespace::new("stay").await;
    ns.west.group("web", &THREE).await;
    set(&ns.west, "web", &[("failback", "manual")]).await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.ready("web", 0).await;
    ns.west.until_weights("web", &[0, 1, 1]).await;
    ns.west.ready("web", 1).await;
    eventually("it is held", async || {
        let status = plugin()
            .args(["status", "web", "-o", "json"])
            .on(&ns.west)
            .run()
            .await
            .success()
            .json();
        let flags = &status["items"][0]["flags"];
        let held = flags
            .as_array()
            .is_some_and(|flags| flags.iter().any(|flag| flag == "held"));
        if held { Ok(()) } else { Err(flags.to_string()) }
    })
    .await;
    ns.west.ready("web-central", 0).await;
    ns.west.until_weights("web", &[0, 0, 1]).await;
    ns.west.ready("web-east", 0).await;
    ns.west.until_weights("web", &[1, 0, 0]).await;
    end(watch).await;
}

#[tokio::test]
async fn a_preferred_fallback_waits_for_the_delay_like_the_primary() {
    let ns = TestNamespace::new("preferred").await;
    ns.west.group("web", &THREE).await;
    let delay = Duration::from_secs(2);
    set(
        &ns.west,
        "web",
        &[("policy", "ordered"), ("failback-delay", "2s")],
    )
    .await;
    let watch = watching(&ns.west, &[]).await;
    for (service, weights) in [("web", [0, 1, 0]), ("web-central", [0, 0, 1])] {
        ns.west.ready(service, 0).await;
        ns.west.until_weights("web", &weights).await;
    }
    for (service, weights) in [("web-central", [0, 1, 0]), ("web", [1, 0, 0])] {
        let started = Instant::now();
        ns.west.ready(service, 1).await;
        ns.west.until_weights("web", &weights).await;
        assert!(
            started.elapsed() >= delay,
            "{service} has the traffic after {:?}",
            started.elapsed()
        );
    }
    end(watch).await;
}
