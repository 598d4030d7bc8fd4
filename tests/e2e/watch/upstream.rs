//! The loop beside Linkerd's own failover controller.

use serde_json::json;

use crate::support::{
    ReadinessFrom, Sandbox, TestNamespace, Upstream, end, eventually, plugin, started, watching,
};

/// The two disagree on whether one endpoint is enough.
#[tokio::test]
async fn weights_that_another_loop_puts_back_are_contested() {
    let ns = TestNamespace::new("contested").await;
    ns.west.group("web", &[("web", 1, 2), ("web-east", 0, 1)]).await;
    let min_ready = json!({"metadata": {"annotations": {"failover.linkerd.io/min-ready": "2"}}});
    ns.west.edit_split("web", min_ready).await;
    let mut watch = watching(&ns.west, &[]).await;
    let upstream = Upstream::runs(&ns.west, ReadinessFrom::Slices);

    ns.west.ready("web", 1).await;
    watch.line_containing("web: web -> web-east").await;
    let words = "web is contested: failover.linkerd.io has put its weights back; the answer comes in 5s";
    watch.stderr_line_containing(words).await;
    eventually("the group is shown as contested", async || {
        let status = plugin().args(["status", "-o", "json"]).on(&ns.west).run().await.success().json();
        let flags = &status["items"][0]["flags"];
        let is_shown = flags.as_array().is_some_and(|flags| flags.iter().any(|flag| flag == "contested"));
        if is_shown { Ok(()) } else { Err(flags.to_string()) }
    })
    .await;
    drop(upstream);
    watch.line_containing("web: web -> web-east").await;
    ns.west.until_weights("web", &[0, 1]).await;
    end(watch).await;
}

#[tokio::test]
async fn groups_that_linkerds_controller_runs_are_refused_or_shared() {
    let sandbox = Sandbox::start(&["west"]);
    let extension =
        sandbox.side("west", "linkerd-failover", json!({"linkerd.io/extension": "failover"})).await;
    let shop = sandbox.side("west", "shop", json!({})).await;
    shop.group("web", &[("web", 1, 1), ("web-east", 0, 1)]).await;
    shop.group("mail", &[("mail", 1, 1), ("mail-east", 0, 1)]).await;
    let manual = json!({"metadata": {"annotations": {"failover.linkerd.io/failback": "manual"}}});
    shop.edit_split("mail", manual).await;
    let watch = || plugin().args(["watch"]).on(&shop).kubeconfig(&sandbox.kubeconfig());
    let once = || watch().args(["--once"]).run();
    once().await.success();

    extension.deployment("linkerd-failover", 1).await;
    eventually("the controller is seen", async || {
        let output = once().await;
        if output.stderr.contains("Linkerd's own failover controller") {
            Ok(())
        } else {
            Err(output.to_string())
        }
    })
    .await;
    let refused = once().await.code(4).stdout_is_empty();
    refused.stderr_contains("runs shop/mail, shop/web").stderr_contains("--alongside-upstream");

    let mut beside = started(watch().args(["--alongside-upstream"])).await;
    beside.stderr_line_containing("shop/mail is left to Linkerd's failover controller").await;
    shop.ready("mail", 0).await;
    shop.ready("web", 0).await;
    beside.line_containing("web: web -> web-east").await;
    let rest = end(beside).await;
    assert_eq!(rest.moves("mail"), 0, "{rest:?}");
    shop.until_weights("mail", &[1, 0]).await;
}
