//! Objects that the API server accepts but that are not valid groups, beside valid ones.

use kube::Api;
use kube::api::{DynamicObject, PostParams};
use serde_json::{Value, json};

use crate::support::group_fixture::{GROUPS, GroupFixture, SETTLE_LIMIT, for_each};
use crate::support::{TestNamespace, end, traffic_split_resource, watching};

const ODD_OBJECTS: usize = 500;
/// The kinds of odd objects. The first ones are not groups.
const KINDS: usize = 11;
const INVALID: usize = 7;
/// These are groups. What is odd about them does not affect their traffic.
const MOVING: [usize; 2] = [7, 8];
const WITHOUT_ENDPOINTS: usize = 10;

#[tokio::test]
async fn odd_objects_are_reported_once_and_do_not_affect_others() {
    let ns = TestNamespace::new("odd").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    let odd: Vec<usize> = (0..ODD_OBJECTS).collect();
    let resource = traffic_split_resource("v1alpha1");
    let splits: Api<DynamicObject> =
        Api::namespaced_with(ns.west.client.clone(), &ns.west.namespace, &resource);
    for_each(&odd, async |number: &usize| {
        let object = serde_json::from_value(object(*number)).unwrap();
        splits
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
    })
    .await;
    let watch = watching(&ns.west, &[]).await;
    fixture.lose_all_primaries().await;
    fixture.until_right(SETTLE_LIMIT).await;
    for_each(&odd, async |number: &usize| {
        let edit = json!({"metadata": {"annotations": {"note": "edited"}}});
        ns.west.edit_split(&format!("odd-{number}"), edit).await;
    })
    .await;
    fixture.restore_all_primaries().await;
    fixture.until_right(SETTLE_LIMIT).await;
    let rest = end(watch).await;
    for number in odd {
        let group = format!("/odd-{number}");
        let said = |text: &str| rest.complaints(&(group.clone() + text));
        let (invalid, stuck) = (said(" is invalid"), said(": Unavailable"));
        let kind = number % KINDS;
        let expected = (
            usize::from(kind < INVALID),
            usize::from(kind == WITHOUT_ENDPOINTS),
        );
        assert_eq!((invalid, stuck), expected, "{}", object(number));
        // On a busy machine a move takes more than 5 s, which is reported too.
        let slow = [": Down", " again", " still waiting"];
        let is_slow = |line: &str| slow.iter().any(|text| line.contains(text));
        let lines = rest.stderr.iter().filter(|line| {
            let is_of = |end: &str| line.contains(&(group.clone() + end));
            (is_of(" ") || is_of(":")) && !is_slow(line)
        });
        let lines: Vec<&String> = lines.collect();
        assert_eq!(lines.len(), expected.0 + expected.1, "{lines:#?}");
        // There and back.
        let moves = if MOVING.contains(&kind) { 2 } else { 0 };
        assert_eq!(rest.moves(&(group + ":")), moves, "{}", object(number));
    }
}

/// The valid ones share the backends of a good group, except those with many backends.
fn object(number: usize) -> Value {
    let good = [backend("g0", json!(1)), backend("g0-east", json!(0))];
    let with = |backends: Value| (backends, json!({}));
    let (backends, annotations) = match number % KINDS {
        0 => with(json!([backend("g0", json!("much")), good[1]])),
        1 => with(json!([backend("", json!(1)), good[1]])),
        2 => with(json!([
            backend("w\u{e9}b\u{1f600}\u{202e}\u{7}", json!(1)),
            good[1]
        ])),
        3 => with(json!([backend("g0", json!(-1)), good[1]])),
        4 => with(json!([good[0], good[0]])),
        5 => with(json!([])),
        6 => (
            json!(good),
            json!({"failover.linkerd.io/min-ready": "\u{1b}[2J\n200%"}),
        ),
        7 => (
            json!(good),
            json!({"failover.linkerd.io/override": "{\"to\": [", "note": "?".repeat(1000)}),
        ),
        8 => (json!(good), json!({"huge": "x".repeat(250_000)})),
        9 => (
            json!(good),
            json!({"failover.linkerd.io/failover-delay": "18446744073709551615s"}),
        ),
        _ => with(
            (0..100)
                .map(|backup| backend(&format!("b{backup}"), json!("1")))
                .collect(),
        ),
    };
    json!({
        "apiVersion": "split.smi-spec.io/v1alpha1",
        "kind": "TrafficSplit",
        "metadata": {
            "name": format!("odd-{number}"),
            "labels": {"failover.linkerd.io/controlled-by": "linkerd-failover"},
            "annotations": annotations,
        },
        "spec": {"service": format!("odd-{number}"), "backends": backends},
    })
}

fn backend(service: &str, weight: Value) -> Value {
    json!({"service": service, "weight": weight})
}
