//! Another controller that decides differently.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use http::Method;
use k8s_openapi::api::core::v1::Endpoints;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::support::group_fixture::{
    GROUPS, GroupFixture, SETTLE_LIMIT, fallback_of, first_of, for_each,
};
use crate::support::{
    FaultProxy, ReadinessFrom, Side, TestNamespace, Upstream, end, plugin, started,
};

/// The shortest time between a write and the answer to its reversal.
const MIN_REVERT_DELAY: Duration = Duration::from_secs(5);

/// Upstream's rules follow Endpoints, which still report the primaries as ready.
#[tokio::test]
async fn a_disagreement_with_upstream_backs_off_and_is_shown() {
    let ns = TestNamespace::new("contest").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    for_each(&fixture.names, async |name: &String| {
        create_endpoints(&ns.west, name).await;
        create_endpoints(&ns.west, &fallback_of(name)).await;
    })
    .await;
    let proxy = FaultProxy::before(&ns.west).await;
    let mut watch = started(
        plugin()
            .args(["watch"])
            .on(&ns.west)
            .kubeconfig(proxy.kubeconfig()),
    )
    .await;
    let _upstream = Upstream::runs(&ns.west, ReadinessFrom::Endpoints);

    fixture.lose_all_primaries().await;
    watch
        .stderr_line_containing("weights were reverted by failover.linkerd.io")
        .await;
    // At least one answer, and time for many more.
    let start = Instant::now();
    let answered = || proxy.writes() >= GROUPS * 3 / 2;
    fixture
        .until(SETTLE_LIMIT, "answers", async || {
            if answered() {
                Ok(())
            } else {
                Err(proxy.writes().to_string())
            }
        })
        .await;
    fixture
        .until(
            SETTLE_LIMIT,
            "some time has passed with rollouts",
            async || {
                for_each(&fixture.names, async |name: &String| {
                    fixture.roll_out(&fallback_of(name)).await
                })
                .await;
                if start.elapsed() > MIN_REVERT_DELAY * 2 {
                    Ok(())
                } else {
                    Err(String::new())
                }
            },
        )
        .await;
    // Shown while the other's weights are in place, which is not the case just after an answer.
    fixture
        .until(SETTLE_LIMIT, "most are shown as contested", async || {
            let contested = shown_as_contested(&ns.west).await;
            if contested > GROUPS / 2 {
                Ok(())
            } else {
                Err(contested.to_string())
            }
        })
        .await;

    for_each(&fixture.names, async |name: &String| {
        let patch = Patch::Merge(json!({"subsets": []}));
        let endpoints = ns.west.api::<Endpoints>();
        endpoints
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    })
    .await;
    fixture.until_right(SETTLE_LIMIT).await;
    assert_eq!(fixture.away().await, GROUPS);
    let hasty = hasty_answers(&proxy);
    assert!(hasty.is_empty(), "{}", first_of(&hasty));
    end(watch).await;
}

async fn shown_as_contested(side: &Side) -> usize {
    let status = plugin()
        .args(["status", "-o", "json"])
        .on(side)
        .run()
        .await
        .success()
        .json();
    let is_contested = |item: &&Value| {
        item["flags"]
            .as_array()
            .unwrap()
            .iter()
            .any(|flag| flag == "contested")
    };
    status["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(is_contested)
        .count()
}

/// Writes to one group that came too soon after each other.
fn hasty_answers(proxy: &FaultProxy) -> Vec<(String, Duration)> {
    let mut last: HashMap<String, Instant> = HashMap::new();
    let mut hasty = Vec::new();
    let done = |status: Option<u16>| status == Some(200);
    for write in proxy
        .seen(&Method::PATCH, "/trafficsplits/")
        .into_iter()
        .filter(|write| done(write.status))
    {
        if let Some(before) = last.insert(write.path.clone(), write.at) {
            let pause = write.at.duration_since(before);
            if pause < MIN_REVERT_DELAY {
                hasty.push((write.path, pause));
            }
        }
    }
    hasty
}

async fn create_endpoints(side: &Side, service: &str) {
    let subset =
        json!({"addresses": [{"ip": "10.0.0.1"}], "ports": [{"name": "http", "port": 8080}]});
    // Kubernetes would mirror them to slices, which would agree with upstream.
    let labels = json!({"endpointslice.kubernetes.io/skip-mirror": "true"});
    let metadata = json!({"name": service, "labels": labels});
    let endpoints = json!({"metadata": metadata, "subsets": [subset]});
    let endpoints: Endpoints = serde_json::from_value(endpoints).unwrap();
    side.api()
        .create(&PostParams::default(), &endpoints)
        .await
        .unwrap();
}
