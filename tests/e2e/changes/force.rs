//! The life of a force while a watch runs.

use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::{annotation, assert_home, override_of, run, seen_by_the_loop, status, web};
use crate::support::{Side, TestNamespace, documented, end, plugin, watching};

const OVERRIDE: &str = "failover.linkerd.io/override";

#[tokio::test]
async fn a_force_records_the_user_the_reason_and_home() {
    let ns = TestNamespace::new("force").await;
    web(&ns.west, [1, 1, 1]).await;
    let output = run(&ns.west, "force web --to web-east --reason rehearsal")
        .await
        .success();
    let output =
        output.stdout_contains("/web: forced to web-east; traffic is on web-east (Overridden)");
    assert_eq!(output.stderr, "", "no end was asked for");
    ns.west.until_weights("web", &[0, 1, 0]).await;
    assert_eq!(
        annotation(&ns.west, "web", "primary-service").await,
        "web-east"
    );
    let note = override_of(&ns.west, "web").await;
    assert_eq!(
        (&note["to"], &note["home"], &note["reason"]),
        (&json!("web-east"), &json!("web"), &json!("rehearsal"))
    );
    assert_eq!(note.get("until"), None);
    assert!(note["by"].as_str().unwrap().contains('@'), "{note}");
    assert_eq!(
        ns.west.last_move("web").await["why"],
        "forced to web-east: rehearsal"
    );

    let version = ns.west.version("web").await;
    run(&ns.west, "force web --to web-east")
        .await
        .success()
        .stdout_contains("already forced to web-east");
    assert_eq!(ns.west.version("web").await, version);
    run(&ns.west, "failback web")
        .await
        .success()
        .stdout_contains("traffic is on web (Primary)");
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
    let output = run(&ns.west, "failback web").await.success();
    output.stdout_contains("/web: already on web");
}

#[tokio::test]
async fn a_single_fallback_is_the_default_target() {
    let ns = TestNamespace::new("force-one").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    run(&ns.west, "force web")
        .await
        .success()
        .stdout_contains("forced to web-east");
    run(&ns.west, "force web")
        .await
        .success()
        .stdout_contains("already forced to web-east");
    run(&ns.west, "failback web").await.success();
    ns.west.until_weights("web", &[1, 0]).await;
}

#[tokio::test]
async fn a_force_keeps_traffic_on_the_fallback_when_the_primary_returns() {
    let ns = TestNamespace::new("force-away").await;
    web(&ns.west, [0, 1, 0]).await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.until_weights("web", &[0, 1, 0]).await;
    run(&ns.west, "force web --to web-east").await.success();
    ns.west.ready("web", 1).await;
    seen_by_the_loop(&ns.west).await;
    assert_eq!(status(&ns.west, "web").await["state"], "Overridden");
    ns.west.until_weights("web", &[0, 1, 0]).await;
    run(&ns.west, "failback web").await.success();
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
    end(watch).await;
}

#[tokio::test]
async fn home_is_the_primary_before_the_first_of_two_forces() {
    let ns = TestNamespace::new("force-twice").await;
    web(&ns.west, [1, 1, 1]).await;
    let watch = watching(&ns.west, &[]).await;
    run(&ns.west, "force web --to web-east").await.success();
    run(&ns.west, "force web --to web-central").await.success();
    ns.west.until_weights("web", &[0, 0, 1]).await;
    assert_eq!(override_of(&ns.west, "web").await["home"], "web");
    run(&ns.west, "failback web").await.success();
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
    let rest = end(watch).await;
    assert!(
        rest.stdout.is_empty(),
        "the loop had nothing to mend: {rest:?}"
    );
}

#[tokio::test]
async fn the_original_manifest_applied_over_a_force_breaks_it() {
    let ns = TestNamespace::new("force-apply").await;
    let original = manifest(&ns.west).await;
    apply(&ns.west, &original).await;
    let watch = watching(&ns.west, &[]).await;
    run(&ns.west, "force web --to web-east --reason rehearsal")
        .await
        .success();
    ns.west.until_weights("web", &[0, 1, 0]).await;
    apply(&ns.west, &original).await;
    ns.west.until_weights("web", &[1, 0, 0]).await;

    let broken = status(&ns.west, "web").await;
    assert_eq!(broken["flags"].as_array().unwrap()[0], "broken", "{broken}");
    assert_eq!(broken["override"]["status"], "broken");
    let why = "its target is web-east, but the object names web as primary";
    assert_eq!(broken["override"]["why"], why);
    assert_eq!(
        (&broken["override"]["editedBy"], &broken["override"]["to"]),
        (&json!("deployer"), &json!("web-east"))
    );
    documented(
        &plugin()
            .args(["status", "-o", "json"])
            .on(&ns.west)
            .run()
            .await
            .success()
            .json(),
    );
    let by = broken["override"]["by"].as_str().unwrap();
    let table = plugin()
        .args(["status", "web"])
        .on(&ns.west)
        .run()
        .await
        .success();
    let words = format!("{why}. Forced to web-east by {by} (rehearsal); last edited by deployer.");
    table
        .stdout_contains(&words)
        .stdout_contains("next: kubectl failover failback web --context west");

    let output = run(&ns.west, "failback web").await.success();
    output.stdout_contains("removed the stale override; traffic is on web (Primary)");
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
    end(watch).await;
}

/// A manifest without a primary resets only the weights, and the watch corrects those.
#[tokio::test]
async fn a_manifest_without_a_primary_applied_over_a_force_leaves_it_in_force() {
    let ns = TestNamespace::new("force-bare").await;
    let mut original = manifest(&ns.west).await;
    original["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("annotations");
    apply(&ns.west, &original).await;
    run(&ns.west, "force web --to web-east").await.success();
    apply(&ns.west, &original).await;
    ns.west.until_weights("web", &[1, 0, 0]).await;
    let reset = status(&ns.west, "web").await;
    assert_eq!(
        (&reset["override"]["status"], &reset["state"]),
        (&json!("inForce"), &json!("OutOfSync"))
    );
    let watch = watching(&ns.west, &[]).await;
    ns.west.until_weights("web", &[0, 1, 0]).await;
    assert_eq!(status(&ns.west, "web").await["state"], "Overridden");
    end(watch).await;
}

/// The output of `create -o yaml` for a group with two fallbacks, which is not created.
async fn manifest(side: &Side) -> Value {
    web(side, [1, 1, 1]).await;
    side.traffic_splits()
        .delete("web", &DeleteParams::default())
        .await
        .unwrap();
    let words =
        "create web --fallback web-east --fallback web-central --name web --dry-run=client -o yaml";
    let yaml = run(side, words).await.success().stdout;
    serde_yaml::from_str(&yaml).unwrap()
}

/// Applies it as `kubectl apply --server-side --force-conflicts` does.
async fn apply(side: &Side, manifest: &Value) {
    let params = PatchParams::apply("deployer").force();
    side.traffic_splits()
        .patch("web", &params, &Patch::Apply(manifest))
        .await
        .unwrap();
}

#[tokio::test]
async fn traffic_leaves_a_dead_target_for_home_only_if_no_other_is_ready() {
    let ns = TestNamespace::new("force-dead").await;
    web(&ns.west, [1, 1, 1]).await;
    let watch = watching(&ns.west, &[]).await;
    run(&ns.west, "force web --to web-east").await.success();
    ns.west.ready("web-east", 0).await;
    ns.west.until_weights("web", &[0, 0, 1]).await;
    assert_eq!(status(&ns.west, "web").await["state"], "Failover");
    ns.west.ready("web-central", 0).await;
    ns.west.until_weights("web", &[1, 0, 0]).await;
    ns.west.ready("web-central", 1).await;
    ns.west.until_weights("web", &[0, 0, 1]).await;
    ns.west.ready("web-east", 1).await;
    ns.west.until_weights("web", &[0, 1, 0]).await;
    let note = override_of(&ns.west, "web").await;
    assert_eq!(
        (&note["to"], &note["home"]),
        (&json!("web-east"), &json!("web"))
    );
    end(watch).await;
}

#[tokio::test]
async fn without_a_readable_override_its_target_stays_the_primary() {
    let ns = TestNamespace::new("force-lost").await;
    web(&ns.west, [1, 1, 1]).await;
    let watch = watching(&ns.west, &[]).await;
    run(&ns.west, "force web --to web-east").await.success();
    ns.west
        .edit_split(
            "web",
            json!({"metadata": {"annotations": {OVERRIDE: "{to: web"}}}),
        )
        .await;
    seen_by_the_loop(&ns.west).await;
    let garbage = status(&ns.west, "web").await;
    assert_eq!(
        (&garbage["state"], &garbage["primary"]),
        (&json!("Primary"), &json!("web-east"))
    );
    assert_eq!(
        garbage["override"]["why"],
        format!("the annotation {OVERRIDE} cannot be parsed")
    );
    run(&ns.west, "failback web")
        .await
        .success()
        .stdout_contains("removed the stale override and made web the primary");

    let bare = status(&ns.west, "web").await;
    assert_eq!(
        (&bare["primary"], bare.get("override"), bare.get("warnings")),
        (&json!("web"), None, None)
    );
    run(&ns.west, "force web --to web-central").await.success();
    ns.west
        .edit_split(
            "web",
            json!({"metadata": {"annotations": {OVERRIDE: Value::Null}}}),
        )
        .await;
    assert_eq!(status(&ns.west, "web").await["primary"], "web-central");
    ns.west.ready("web-central", 0).await;
    ns.west.until_weights("web", &[1, 1, 0]).await;
    end(watch).await;
}

#[tokio::test]
async fn home_replaces_a_primary_that_was_removed() {
    let ns = TestNamespace::new("force-gone").await;
    web(&ns.west, [1, 1, 1]).await;
    run(&ns.west, "force web --to web-east").await.success();
    ns.west
        .set_weights("web", &[("web", 0), ("web-central", 1)])
        .await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.until_weights("web", &[1, 0]).await;
    assert_eq!(
        status(&ns.west, "web").await["override"]["why"],
        "its target web-east is no longer a backend"
    );
    run(&ns.west, "failback web").await.success();
    assert_home(&ns.west, "web", &[1, 0]).await;
    assert_eq!(status(&ns.west, "web").await["state"], "Primary");
    end(watch).await;
}

#[tokio::test]
async fn failback_ends_a_hold_of_the_manual_policy() {
    let ns = TestNamespace::new("manual").await;
    web(&ns.west, [0, 1, 0]).await;
    let manual = json!({"metadata": {"annotations": {"failover.linkerd.io/failback": "manual"}}});
    ns.west.edit_split("web", manual).await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.until_weights("web", &[0, 1, 0]).await;
    ns.west.ready("web", 1).await;
    seen_by_the_loop(&ns.west).await;
    assert!(annotation(&ns.west, "web", "held").await.is_string());
    let output = run(&ns.west, "failback web").await.success();
    output.stdout_contains("/web: failed back to web; traffic is on web (Primary)");
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
    assert_eq!(annotation(&ns.west, "web", "held").await, Value::Null);
    end(watch).await;
}

#[tokio::test]
async fn a_change_that_moves_nothing_explains_why_and_when_it_will() {
    let ns = TestNamespace::new("not-there").await;
    web(&ns.west, [1, 0, 1]).await;
    let forced = run(&ns.west, "force web --to web-east --allow=unready")
        .await
        .success();
    forced.stderr_contains(
        "traffic did not move to web-east: it has no ready endpoint; a watch moves it once web-east has a ready \
         endpoint",
    );
    let again = run(&ns.west, "force web --to web-east --allow=unready")
        .await
        .success();
    again.stdout_contains("already forced to web-east; traffic is on web-central");
    run(&ns.west, "force web --to web-central")
        .await
        .success()
        .stderr_lacks("did not move");
    ns.west.ready("web", 0).await;
    let back = run(&ns.west, "failback web --allow=unready")
        .await
        .success();
    back.stdout_contains("traffic is on web-central")
        .stderr_contains("traffic did not move to web: it has no");
}

#[tokio::test]
async fn a_new_expiry_is_reported_with_the_old_one() {
    let ns = TestNamespace::new("another-end").await;
    web(&ns.west, [1, 1, 1]).await;
    run(&ns.west, "force web --to web-east --duration 1h")
        .await
        .success();
    let until = override_of(&ns.west, "web").await["until"]
        .as_str()
        .unwrap()
        .to_owned();
    let without = run(&ns.west, "force web --to web-east").await.success();
    without.stdout_contains(&format!(", which would have expired at {until})"));
}
