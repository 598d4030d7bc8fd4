//! Groups that appear, disappear, change or are invalid.

use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

use crate::support::{Side, TestNamespace, end, eventually, plugin, started, watching};

const LABEL: &str = "failover.linkerd.io/controlled-by";
const PRIMARY: &str = "failover.linkerd.io/primary-service";

#[tokio::test]
async fn an_invalid_group_is_reported_once_and_does_not_affect_others() {
    let ns = TestNamespace::new("invalid").await;
    ns.west
        .group("good", &[("good", 1, 1), ("good-east", 0, 1)])
        .await;
    let weights = |first: Value, second: Value| json!([{"service": "good", "weight": first}, {"service": "good-east", "weight": second}]);
    let twice = json!([{"service": "good", "weight": 1}, {"service": "good", "weight": 0}]);
    let foreign = json!([{"service": "good.other.svc.cluster.local", "weight": 1}]);
    let cases = [
        (
            "stranger",
            "elsewhere",
            weights(json!(1), json!(0)),
            "\"elsewhere\" is not among the backends",
        ),
        ("empty", "good", json!([]), "spec.backends is empty"),
        ("twice", "good", twice, "backend good is listed twice"),
        (
            "fraction",
            "good",
            weights(json!(0.5), json!(0)),
            "the weight of backend good is 0.5",
        ),
        (
            "negative",
            "good",
            weights(json!(1), json!(-1)),
            "the weight of backend good-east is -1",
        ),
        ("foreign", "good", foreign, "is not a valid Service name"),
    ];
    let mut versions = Vec::new();
    for (name, primary, backends, _) in &cases {
        raw_split(&ns.west, "v1alpha2", name, primary, backends.clone()).await;
        versions.push(ns.west.version(name).await);
    }
    let watch = watching(&ns.west, &[]).await;
    ns.west.ready("good", 0).await;
    ns.west.until_weights("good", &[0, 1]).await;
    // Another change of the object, which does not affect the error.
    ns.west
        .edit_split("empty", json!({"metadata": {"labels": {"touched": "yes"}}}))
        .await;
    ns.west.ready("good", 1).await;
    ns.west.until_weights("good", &[1, 0]).await;

    let rest = end(watch).await;
    for ((name, _, _, words), version) in cases.iter().zip(versions) {
        let line = format!("{}/{name} is invalid", ns.name);
        assert_eq!(rest.complaints(&line), 1, "{name}: {rest:#?}");
        assert_eq!(rest.complaints(words), 1, "{name}: {rest:#?}");
        assert!(
            *name == "empty" || ns.west.version(name).await == version,
            "{name} was written"
        );
    }
    let status = plugin().args(["status"]).on(&ns.west).run().await.success();
    assert_eq!(
        status.stdout.matches(" Invalid ").count(),
        cases.len(),
        "{status}"
    );
}

#[tokio::test]
async fn weights_that_are_strings_count_as_numbers() {
    let ns = TestNamespace::new("strings").await;
    for (service, ready) in [("web", 1), ("web-east", 1)] {
        ns.west.bare_service(service).await;
        ns.west.ready(service, ready).await;
    }
    let backends =
        json!([{"service": "web", "weight": "1"}, {"service": "web-east", "weight": "0"}]);
    raw_split(&ns.west, "v1alpha1", "web", "web", backends).await;
    let version = ns.west.version("web").await;
    let watch = watching(&ns.west, &[]).await;
    assert_eq!(ns.west.version("web").await, version);
    ns.west.ready("web", 0).await;
    ns.west.until_weights("web", &[0, 1]).await;
    let rest = end(watch).await;
    assert_eq!(rest.complaints("web"), 0, "{rest:?}");
}

#[tokio::test]
async fn weights_edited_by_hand_are_restored() {
    let ns = TestNamespace::new("edited").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let mut watch = watching(&ns.west, &[]).await;
    ns.west
        .set_weights("web", &[("web", 30), ("web-east", 70)])
        .await;
    watch.line_containing("web: web, web-east -> web:").await;
    ns.west.until_weights("web", &[1, 0]).await;
    end(watch).await;
}

#[tokio::test]
async fn a_group_is_left_alone_while_its_label_is_gone() {
    let ns = TestNamespace::new("label").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    ns.west
        .group("mark", &[("mark", 1, 1), ("mark-east", 0, 1)])
        .await;
    let mut watch = watching(&ns.west, &[]).await;
    ns.west
        .edit_split("web", json!({"metadata": {"labels": {LABEL: null}}}))
        .await;
    ns.west.ready("web", 0).await;
    ns.west.ready("mark", 0).await;
    watch.line_containing("mark -> mark-east").await;
    ns.west.until_weights("web", &[1, 0]).await;

    ns.west
        .edit_split("web", json!({"metadata": {"labels": {LABEL: "anyone"}}}))
        .await;
    ns.west.until_weights("web", &[0, 1]).await;
    end(watch).await;
}

#[tokio::test]
async fn a_deleted_group_stays_deleted_and_a_new_one_is_picked_up() {
    let ns = TestNamespace::new("come-and-go").await;
    ns.west
        .group("old", &[("old", 1, 1), ("old-east", 0, 1)])
        .await;
    let mut watch = watching(&ns.west, &[]).await;
    ns.west
        .traffic_splits()
        .delete("old", &DeleteParams::default())
        .await
        .unwrap();
    ns.west.ready("old", 0).await;
    ns.west
        .group("new", &[("new", 1, 0), ("new-east", 0, 1)])
        .await;
    watch.line_containing("new -> new-east").await;
    assert!(
        ns.west
            .traffic_splits()
            .get_opt("old")
            .await
            .unwrap()
            .is_none()
    );

    // The same name with another UID.
    ns.west
        .traffic_split("old", "old", &[("old", 1), ("old-east", 0)])
        .await;
    watch.line_containing("old -> old-east").await;
    end(watch).await;
}

#[tokio::test]
async fn an_added_backend_counts_at_once() {
    let ns = TestNamespace::new("added").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 0)])
        .await;
    ns.west.bare_service("web-north").await;
    ns.west.ready("web-north", 1).await;
    let mut watch = watching(&ns.west, &[]).await;
    ns.west
        .set_weights("web", &[("web", 1), ("web-east", 0), ("web-north", 0)])
        .await;
    watch.line_containing("web -> web-north").await;
    ns.west.until_weights("web", &[0, 0, 1]).await;
    ns.west.ready("web", 1).await;
    ns.west.until_weights("web", &[1, 0, 0]).await;
    end(watch).await;
}

#[tokio::test]
async fn the_newer_of_two_groups_on_one_apex_is_invalid() {
    let ns = TestNamespace::new("rivals").await;
    ns.west
        .group("older", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    // Creation times are whole seconds. If two are the same, the first by name is the older one.
    ns.west
        .traffic_split("rival", "web", &[("web", 1), ("web-east", 0)])
        .await;
    let version = ns.west.version("rival").await;
    let mut watch = watching(&ns.west, &[]).await;
    ns.west.ready("web", 0).await;
    ns.west.until_weights("older", &[0, 1]).await;
    watch
        .stderr_line_containing(
            "rival is invalid, its traffic is left alone: the older group older has the same apex, web",
        )
        .await;
    assert_eq!(ns.west.version("rival").await, version);
    let status = plugin()
        .args(["status", "rival"])
        .on(&ns.west)
        .run()
        .await
        .success();
    status
        .stdout_contains("Invalid")
        .stdout_contains("the older group older");

    ns.west
        .traffic_splits()
        .delete("older", &DeleteParams::default())
        .await
        .unwrap();
    ns.west.until_weights("rival", &[0, 1]).await;
    end(watch).await;
}

#[tokio::test]
async fn a_selector_selects_groups() {
    let ns = TestNamespace::new("selector").await;
    ns.west
        .group("mine", &[("mine", 1, 0), ("mine-east", 0, 1)])
        .await;
    ns.west
        .group("yours", &[("yours", 1, 0), ("yours-east", 0, 1)])
        .await;
    ns.west
        .edit_split("mine", json!({"metadata": {"labels": {"team": "mine"}}}))
        .await;
    let mut watch = watching(&ns.west, &["-l", "team=mine"]).await;
    watch.line_containing("mine -> mine-east").await;
    ns.west.until_weights("yours", &[1, 0]).await;
    let rest = end(watch).await;
    assert_eq!(rest.moves("yours"), 0, "{rest:?}");
}

/// The selector leaves out the groups of other tests.
#[tokio::test]
async fn all_namespaces_at_once() {
    let ns = TestNamespace::new("everywhere").await;
    let other = TestNamespace::new("everywhere-else").await;
    let mark = json!({"metadata": {"labels": {"test": ns.name}}});
    for side in [&ns.west, &other.west] {
        side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
            .await;
        side.edit_split("web", mark.clone()).await;
    }
    let selector = format!("test={}", ns.name);
    let watch = started(
        plugin()
            .args(["watch", "-A", "-l", &selector])
            .context("west"),
    )
    .await;
    for side in [&ns.west, &other.west] {
        side.ready("web", 0).await;
        side.until_weights("web", &[0, 1]).await;
    }
    let status = plugin()
        .args(["status", "-A", "-l", &selector])
        .context("west")
        .run()
        .await
        .success();
    let status = status
        .stdout_contains("NAMESPACE")
        .stdout_contains(&format!("{} ", other.name));
    assert_eq!(status.stdout.matches(" Failover ").count(), 2, "{status}");
    end(watch).await;
}

/// Creates a group from JSON, at any version of the API.
async fn raw_split(side: &Side, version: &str, name: &str, primary: &str, backends: Value) {
    let resource = crate::support::traffic_split_resource(version);
    let splits: kube::Api<kube::api::DynamicObject> =
        kube::Api::namespaced_with(side.client.clone(), &side.namespace, &resource);
    let object = json!({
        "apiVersion": format!("split.smi-spec.io/{version}"),
        "kind": "TrafficSplit",
        "metadata": {"name": name, "labels": {LABEL: "x"}, "annotations": {PRIMARY: primary}},
        "spec": {"service": format!("{name}-apex"), "backends": backends},
    });
    let object = serde_json::from_value(object).unwrap();
    splits
        .create(&PostParams::default(), &object)
        .await
        .unwrap();
    eventually("the object is there", async || {
        side.traffic_splits()
            .get(name)
            .await
            .map_err(|it| it.to_string())
    })
    .await;
}
