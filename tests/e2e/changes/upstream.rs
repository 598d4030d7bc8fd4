//! Beside a controller that applies the rules of Linkerd's own failover extension.

use serde_json::json;

use super::{assert_home, order, run, status, web};
use crate::support::{ReadinessFrom, Sandbox, TestNamespace, Upstream, eventually};

#[tokio::test]
async fn a_force_stays_in_place_and_failback_works() {
    let ns = TestNamespace::new("upstream").await;
    web(&ns.west, [1, 1, 1]).await;
    let upstream = Upstream::runs(&ns.west, ReadinessFrom::Slices);

    ns.west
        .set_weights("web", &[("web", 0), ("web-east", 1), ("web-central", 0)])
        .await;
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

/// If that controller runs in the cluster, a warning names what it does not do.
#[tokio::test]
async fn a_warning_names_what_upstream_ignores() {
    let sandbox = Sandbox::start(&["west"]);
    let extension = sandbox
        .side(
            "west",
            "linkerd-failover",
            json!({"linkerd.io/extension": "failover"}),
        )
        .await;
    let shop = sandbox.side("west", "shop", json!({})).await;
    web(&shop, [1, 1, 1]).await;
    extension.deployment("linkerd-failover", 1).await;
    let run = async |command: &str| {
        order(&shop, command)
            .kubeconfig(&sandbox.kubeconfig())
            .run()
            .await
            .success()
    };
    eventually("the controller is seen", async || {
        let status = run("status web -o json").await.json();
        let kind = &status["items"][0]["runner"]["kind"];
        if kind == "linkerd-failover" {
            Ok(())
        } else {
            Err(kind.to_string())
        }
    })
    .await;

    let forced = run("force web --to web-east --duration 1s").await;
    forced.stderr_contains(
        "warning: Linkerd's failover controller keeps it and does not let it expire; end it yourself: kubectl failover failback web --context \
         west -n shop",
    );
    run("status web --for OutOfSync --timeout 1m").await;
    run("status web")
        .await
        .stdout_contains("Linkerd's controller does not end it. ")
        .stdout_contains(
            "  next: kubectl failover failback web --when-ready --context west -n shop",
        );
    run("failback web").await;

    let words = "Linkerd's failover controller runs this group and ignores pauses";
    run("pause web")
        .await
        .stdout_contains("/web: paused; ")
        .stderr_contains(words);
    run("status web").await.stdout_contains(words);
    run("resume web").await.stderr_lacks(words);
    run("pause web --duration 1s").await;
    run("status web --for OutOfSync --timeout 1m").await;
    run("status web")
        .await
        .stdout_contains("The pause has expired, but Linkerd's controller does not end it. ")
        .stdout_contains("  next: kubectl failover resume web --context west -n shop");
}
