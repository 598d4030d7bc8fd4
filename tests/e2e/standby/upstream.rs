//! Beside Linkerd's own failover controller, which knows only the weights 0 and 1.

use serde_json::json;

use crate::support::{Sandbox, eventually, plugin};

#[tokio::test]
async fn no_backend_stands_by_in_a_group_that_upstream_manages() {
    let sandbox = Sandbox::start(&["west"]);
    let extension = sandbox
        .side(
            "west",
            "linkerd-failover",
            json!({"linkerd.io/extension": "failover"}),
        )
        .await;
    let shop = sandbox.side("west", "shop", json!({})).await;
    shop.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    for service in ["mail", "mail-east"] {
        shop.bare_service(service).await;
    }
    extension.deployment("linkerd-failover", 1).await;
    let run = async |command: &str| {
        let words: Vec<&str> = command.split(' ').collect();
        let kubeconfig = sandbox.kubeconfig();
        let command = plugin().args(words).on(&shop).kubeconfig(&kubeconfig);
        command.run().await
    };
    eventually("the controller is seen", async || {
        let status = run("status web -o json").await.success().json();
        let kind = &status["items"][0]["runner"]["kind"];
        if kind == "linkerd-failover" {
            Ok(())
        } else {
            Err(kind.to_string())
        }
    })
    .await;
    let why = "writes only the weights 0 and 1";
    run("set web --standby on")
        .await
        .code(4)
        .stderr_contains(why);
    let create = "create mail --fallback mail-east --standby";
    run(create).await.code(4).stderr_contains(why);
    let route = "--kind httproute --port 80 --dry-run=server";
    run(&format!("{create} {route}")).await.success();
    run("set web --standby off").await.success();
    // Somebody has set the annotation by hand.
    let annotation = json!({"metadata": {"annotations": {"failover.linkerd.io/standby": "on"}}});
    shop.edit_split("web", annotation).await;
    run("status web").await.success().stdout_contains(why);
}
