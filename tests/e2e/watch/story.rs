//! Failover and failback, as users see them.

use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::support::{Side, TestNamespace, end, eventually, watching};

#[tokio::test]
async fn traffic_moves_to_the_mirror_and_back() {
    let ns = TestNamespace::new("story").await;
    for side in [&ns.west, &ns.east] {
        side.service("web-svc").await;
        side.deployment("web", 1).await;
    }
    ns.east.export("web-svc", true).await;
    until_ready(&ns.west, &["web-svc", "web-svc-east"]).await;
    ns.west
        .traffic_split("web", "web-svc", &[("web-svc", 1), ("web-svc-east", 0)])
        .await;
    let before = ns.west.split("web").await;

    let mut watch = watching(&ns.west, &[]).await;
    ns.west.scale("web", 0).await;
    ns.west.until_weights("web", &[0, 1]).await;
    let line = watch.line().await;
    assert!(
        line.contains(&format!(
            "{}/web: web-svc -> web-svc-east: web-svc has no ready",
            ns.name
        )),
        "{line}"
    );
    let away = ns.west.split("web").await;
    assert_eq!(bare(&away, &json!([0, 1])), bare(&before, &json!([1, 0])));
    let note = ns.west.last_move("web").await;
    assert_eq!(note["from"], "web-svc=1,web-svc-east=0");
    assert_eq!(note["to"], "web-svc=0,web-svc-east=1");
    assert_eq!(note["why"], "web-svc has no ready endpoints (0 of 0)");
    let user = format!("watch (system:serviceaccount:{}:operator@", ns.name);
    assert!(note["by"].as_str().unwrap().starts_with(&user), "{note}");
    assert!(
        note["at"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .is_ok(),
        "{note}"
    );
    until_events(&ns.west, &["web-svc-east carries the traffic"]).await;

    ns.west.scale("web", 1).await;
    ns.west.until_weights("web", &[1, 0]).await;
    watch
        .line_containing(
            "web: web-svc-east -> web-svc: web-svc has recovered (1 of 1 endpoints ready)",
        )
        .await;
    let events = [
        "web-svc-east carries the traffic",
        "web-svc carries the traffic",
    ];
    until_events(&ns.west, &events).await;
    let rest = end(watch).await;
    assert!(rest.stdout.is_empty(), "{rest:?}");
}

/// The acceptance test of Linkerd's own failover extension.
#[tokio::test]
async fn several_fallbacks_share_until_the_primary_is_back() {
    let ns = TestNamespace::new("acceptance").await;
    for region in ["west", "central", "east"] {
        ns.west.service(&format!("{region}-svc")).await;
        ns.west.deployment(region, 1).await;
    }
    let services = ["west-svc", "central-svc", "east-svc"];
    until_ready(&ns.west, &services).await;
    ns.west
        .traffic_split(
            "split",
            "west-svc",
            &services.map(|name| (name, u32::from(name == "west-svc"))),
        )
        .await;
    let watch = watching(&ns.west, &[]).await;

    let steps = [
        ([0, 1, 1], [0, 1, 1]),
        ([0, 0, 1], [0, 0, 1]),
        ([1, 0, 1], [1, 0, 0]),
    ];
    for (replicas, weights) in steps {
        for (region, count) in ["west", "central", "east"].into_iter().zip(replicas) {
            ns.west.scale(region, count).await;
        }
        ns.west.until_weights("split", &weights).await;
    }
    let rest = end(watch).await;
    assert_eq!(rest.stdout.len(), 3, "one move for each step: {rest:?}");
}

/// An object without the fields that a move may change. Its weights must be these.
fn bare(object: &Value, weights: &Value) -> Value {
    let mut object = object.clone();
    let mut seen = Vec::new();
    for backend in object["spec"]["backends"].as_array_mut().unwrap() {
        seen.push(backend.as_object_mut().unwrap().remove("weight").unwrap());
    }
    assert_eq!(json!(seen), *weights);
    let metadata = object["metadata"].as_object_mut().unwrap();
    for field in ["resourceVersion", "generation", "managedFields"] {
        metadata.remove(field);
    }
    metadata["annotations"]
        .as_object_mut()
        .unwrap()
        .remove("failover.linkerd.io/last-move");
    object
}

/// Waits until each service has a ready endpoint.
async fn until_ready(side: &Side, services: &[&str]) {
    for service in services {
        let selector =
            ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
        eventually(&format!("{service} is ready"), async || {
            let slices = side
                .api::<EndpointSlice>()
                .list(&selector)
                .await
                .unwrap()
                .items;
            let mut endpoints = slices.iter().flat_map(|slice| &slice.endpoints);
            let ready =
                endpoints.any(|it| it.conditions.as_ref().and_then(|it| it.ready) == Some(true));
            if ready {
                Ok(())
            } else {
                Err(format!("{slices:?}"))
            }
        })
        .await;
    }
}

async fn until_events(side: &Side, notes: &[&str]) {
    eventually(&format!("the Events say {notes:?}"), async || {
        let mut events = side
            .api::<Event>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items;
        events.retain(|event| event.action.as_deref() == Some("MoveTraffic"));
        events.sort_by_key(|event| event.event_time.clone());
        let told: Vec<String> = events
            .iter()
            .filter_map(|event| event.note.clone())
            .collect();
        let agree = told.len() == notes.len()
            && told
                .iter()
                .zip(notes)
                .all(|(told, note)| told.starts_with(note));
        let regarding = events
            .iter()
            .filter_map(|event| event.regarding.as_ref()?.name.clone());
        if agree && regarding.eq(notes.iter().map(|_| "web".to_owned())) {
            Ok(())
        } else {
            Err(format!("{events:?}"))
        }
    })
    .await;
}
