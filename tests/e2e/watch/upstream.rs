//! A watch beside Linkerd's own failover controller.

use serde_json::json;

use crate::support::{
    ReadinessFrom, Sandbox, TestNamespace, Upstream, allow_everywhere, end, eventually,
    operator_rights, operator_rights_beyond, plugin, restricted_kubeconfig_of, started, watching,
};

/// The two disagree on whether one endpoint is enough.
#[tokio::test]
async fn weights_that_another_controller_reverts_are_contested() {
    let ns = TestNamespace::new("contested").await;
    ns.west
        .group("web", &[("web", 1, 2), ("web-east", 0, 1)])
        .await;
    let min_ready = json!({"metadata": {"annotations": {"failover.linkerd.io/min-ready": "2"}}});
    ns.west.edit_split("web", min_ready).await;
    let mut watch = watching(&ns.west, &[]).await;
    let upstream = Upstream::runs(&ns.west, ReadinessFrom::Slices);

    ns.west.ready("web", 1).await;
    watch.line_containing("web: web -> web-east").await;
    let words = "web: weights were reverted by failover.linkerd.io; restoring them in 5s";
    watch.stderr_line_containing(words).await;
    eventually("the group is shown as contested", async || {
        let status = plugin()
            .args(["status", "-o", "json"])
            .on(&ns.west)
            .run()
            .await
            .success()
            .json();
        let flags = &status["items"][0]["flags"];
        let is_shown = flags
            .as_array()
            .is_some_and(|flags| flags.iter().any(|flag| flag == "contested"));
        if is_shown {
            Ok(())
        } else {
            Err(flags.to_string())
        }
    })
    .await;
    drop(upstream);
    watch.line_containing("web: web -> web-east").await;
    ns.west.until_weights("web", &[0, 1]).await;
    end(watch).await;
}

/// The watch is a ServiceAccount with the documented rights, at first without those that only a
/// ClusterRole can give.
#[tokio::test]
async fn groups_of_linkerds_controller_are_refused_left_or_shared() {
    const UNSEEN: &str = "can't tell whether linkerd-failover is installed";
    let sandbox = Sandbox::start(&["west"]);
    let labels = json!({"linkerd.io/extension": "failover"});
    let extension = sandbox.side("west", "linkerd-failover", labels).await;
    let shop = sandbox.side("west", "shop", json!({})).await;
    shop.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    shop.group("mail", &[("mail", 1, 2), ("mail-east", 0, 1)])
        .await;
    let min_ready = json!({"metadata": {"annotations": {"failover.linkerd.io/min-ready": "2"}}});
    shop.edit_split("mail", min_ready).await;
    let rights = operator_rights();
    let operator =
        restricted_kubeconfig_of(&sandbox.kubeconfig(), &shop, "operator", &rights).await;
    let watch = || {
        plugin()
            .args(["watch"])
            .on(&shop)
            .kubeconfig(operator.path())
    };
    let once = || watch().args(["--once"]).run();
    once().await.success().stderr_contains(UNSEEN);

    allow_everywhere(&shop, "operator", &operator_rights_beyond()).await;
    eventually("its absence is seen", async || {
        let output = once().await.success();
        if output.stderr.contains(UNSEEN) {
            Err(output.to_string())
        } else {
            Ok(())
        }
    })
    .await;

    // The controller appears while the watch runs, which notices it when a move is undone.
    let mut beside = started(watch()).await;
    extension.deployment("linkerd-failover", 1).await;
    extension.until_running("linkerd-failover").await;
    let upstream = Upstream::runs(&shop, ReadinessFrom::Slices);
    shop.ready("mail", 1).await;
    beside.line_containing("mail: mail -> mail-east").await;
    beside
        .stderr_line_containing("shop/mail is left to linkerd-failover")
        .await;
    beside
        .stderr_line_containing("shop/web is left to linkerd-failover")
        .await;
    assert_eq!(end(beside).await.moves("mail"), 0);
    drop(upstream);
    shop.until_weights("mail", &[1, 0]).await;

    let refused = once().await.code(4).stdout_is_empty();
    refused
        .stderr_contains("manages shop/mail, shop/web")
        .stderr_contains("--alongside-upstream");

    let mut beside = started(watch().args(["--alongside-upstream"])).await;
    beside
        .stderr_line_containing("shop/mail is left to linkerd-failover")
        .await;
    shop.ready("mail", 0).await;
    shop.ready("web", 0).await;
    beside.line_containing("web: web -> web-east").await;
    let rest = end(beside).await;
    assert_eq!(rest.moves("mail"), 0, "{rest:?}");
    shop.until_weights("mail", &[1, 0]).await;
}

/// A tenant may label its own namespace, give a deployment any name, and write its own groups under
/// any name.
#[tokio::test]
async fn a_tenant_that_pretends_to_be_the_controller_takes_no_group_of_others() {
    let sandbox = Sandbox::start(&["west"]);
    let labels = json!({"linkerd.io/extension": "failover"});
    let tenant = sandbox.side("west", "tenant", labels).await;
    let shop = sandbox.side("west", "shop", json!({})).await;
    for side in [&tenant, &shop] {
        side.group("web", &[("web", 1, 2), ("web-east", 0, 1)])
            .await;
    }
    let min_ready = json!({"metadata": {"annotations": {"failover.linkerd.io/min-ready": "2"}}});
    tenant.edit_split("web", min_ready).await;
    tenant.deployment("linkerd-failover", 1).await;
    tenant.until_running("linkerd-failover").await;
    let everywhere = || {
        plugin()
            .without_clusters()
            .env("KUBECONFIG", sandbox.kubeconfig())
    };

    let mut watch = started(everywhere().args(["watch", "-A"])).await;
    let upstream = Upstream::runs(&tenant, ReadinessFrom::Slices);
    tenant.ready("web", 1).await;
    watch
        .stderr_line_containing("tenant/web is left to linkerd-failover")
        .await;
    shop.ready("web", 0).await;
    watch.line_containing("shop/web: web -> web-east").await;
    assert_eq!(end(watch).await.complaints("shop/web is left"), 0);
    drop(upstream);

    let afresh = everywhere().args(["watch", "-A", "--once"]).run().await;
    let afresh = afresh.success();
    afresh
        .stderr_contains("tenant/web is left")
        .stderr_lacks("shop/web is left");
    let runner = async |namespace: &str| {
        let status = everywhere().args(["status", "-n", namespace, "-o", "json"]);
        status.run().await.success().json()["items"][0]["runner"]["kind"].clone()
    };
    assert_eq!(runner("shop").await, "nobody");
    eventually("the tenant's group alone is left", async || {
        let kind = runner("tenant").await;
        if kind == "linkerd-failover" {
            Ok(())
        } else {
            Err(kind.to_string())
        }
    })
    .await;
}
