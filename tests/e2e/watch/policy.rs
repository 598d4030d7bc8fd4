//! Policies, as a watch applies them.

use serde_json::json;

use crate::support::{Side, TestNamespace, end, eventually, plugin, watching};

/// Sets policy annotations on a group.
pub async fn set(side: &Side, group: &str, annotations: &[(&str, &str)]) {
    let pairs = annotations
        .iter()
        .map(|(key, value)| (format!("failover.linkerd.io/{key}"), json!(value)));
    let map: serde_json::Map<_, _> = pairs.collect();
    side.edit_split(group, json!({"metadata": {"annotations": map}}))
        .await;
}

pub const THREE: [(&str, u32, u8); 3] = [("web", 1, 1), ("web-central", 0, 1), ("web-east", 0, 1)];

/// A group at the start of a watch, and its weights first and after each step. A step is a service
/// and its number of ready endpoints from then on.
pub struct Story<'a> {
    pub backends: &'a [(&'a str, u32, u8)],
    pub policy: &'a [(&'a str, &'a str)],
    pub first: &'a [u64],
    pub steps: &'a [(&'a str, u8, &'a [u64])],
}

impl Story<'_> {
    pub async fn play(&self, purpose: &str) {
        let ns = TestNamespace::new(purpose).await;
        ns.west.group("web", self.backends).await;
        set(&ns.west, "web", self.policy).await;
        let watch = watching(&ns.west, &[]).await;
        ns.west.until_weights("web", self.first).await;
        for (service, ready, weights) in self.steps {
            ns.west.ready(service, *ready).await;
            ns.west.until_weights("web", weights).await;
        }
        end(watch).await;
    }
}

#[tokio::test]
async fn ordered_fallbacks_take_over_one_after_the_other() {
    let story = Story {
        backends: &THREE,
        policy: &[("policy", "ordered")],
        first: &[1, 0, 0],
        steps: &[
            ("web", 0, &[0, 1, 0]),
            ("web-central", 0, &[0, 0, 1]),
            ("web-central", 1, &[0, 1, 0]),
        ],
    };
    story.play("ordered").await;
}

#[tokio::test]
async fn active_active_shares_by_weight_among_ready_backends() {
    let story = Story {
        backends: &THREE,
        policy: &[("policy", "active-active"), ("weights", "web=3,web-east=2")],
        first: &[3, 1, 2],
        steps: &[("web-central", 0, &[3, 0, 2]), ("web", 0, &[0, 0, 2])],
    };
    story.play("active").await;
}

#[tokio::test]
async fn too_few_ready_endpoints_are_not_enough() {
    let story = Story {
        backends: &[("web", 1, 2), ("web-east", 0, 1)],
        policy: &[("min-ready", "2")],
        first: &[1, 0],
        steps: &[("web", 1, &[0, 1]), ("web", 2, &[1, 0])],
    };
    story.play("enough").await;
}

#[tokio::test]
async fn once_waits_for_a_delay() {
    let ns = TestNamespace::new("delay").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    set(&ns.west, "web", &[("failover-delay", "2s")]).await;
    plugin()
        .args(["status"])
        .on(&ns.west)
        .run()
        .await
        .success()
        .stdout_contains("Down")
        .stdout_contains("one would move the traffic after failover-delay (2s)");
    let started = std::time::Instant::now();
    let once = plugin()
        .args(["watch", "--once"])
        .on(&ns.west)
        .run()
        .await
        .success();
    assert!(
        started.elapsed().as_secs() >= 2,
        "the delay was cut short: {once}"
    );
    ns.west.until_weights("web", &[0, 1]).await;
}

#[tokio::test]
async fn manual_failback_holds_until_the_command() {
    let ns = TestNamespace::new("manual").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    set(&ns.west, "web", &[("failback", "manual")]).await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.ready("web", 0).await;
    ns.west.until_weights("web", &[0, 1]).await;
    ns.west.ready("web", 1).await;
    eventually("the stay is noted", async || {
        let object = ns
            .west
            .traffic_splits()
            .get("web")
            .await
            .map_err(|cause| cause.to_string())?;
        let annotations = object.metadata.annotations.unwrap_or_default();
        annotations
            .contains_key("failover.linkerd.io/held")
            .then_some(())
            .ok_or(format!("{annotations:?}"))
    })
    .await;
    plugin()
        .args(["status", "-o", "wide"])
        .on(&ns.west)
        .run()
        .await
        .success()
        .stdout_contains("held");
    plugin()
        .args(["failback", "web", "--yes"])
        .on(&ns.west)
        .run()
        .await
        .success();
    ns.west.until_weights("web", &[1, 0]).await;
    end(watch).await;
    let object = ns.west.traffic_splits().get("web").await.unwrap();
    let annotations = object.metadata.annotations.unwrap_or_default();
    assert!(
        !annotations.contains_key("failover.linkerd.io/held"),
        "{annotations:?}"
    );
}

#[tokio::test]
async fn an_invalid_value_leaves_the_traffic_alone_and_names_valid_ones() {
    let ns = TestNamespace::new("badpolicy").await;
    ns.west
        .group("bad", &[("bad", 1, 0), ("bad-east", 0, 1)])
        .await;
    ns.west
        .group("good", &[("good", 1, 0), ("good-east", 0, 1)])
        .await;
    set(&ns.west, "bad", &[("failover-delay", "soon")]).await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.until_weights("good", &[0, 1]).await;
    ns.west.until_weights("bad", &[1, 0]).await;
    let rest = end(watch).await;
    assert_eq!(rest.complaints("such as 30s or 1m30s"), 1, "{rest:?}");
    let status = plugin()
        .args(["status", "bad", "-o", "json"])
        .on(&ns.west)
        .run()
        .await
        .success()
        .json();
    let reason = "the annotation failover.linkerd.io/failover-delay is \"soon\", but must be whole numbers with s, m \
                  or h, such as 30s or 1m30s";
    assert_eq!(status["items"][0]["reason"], reason);
}
