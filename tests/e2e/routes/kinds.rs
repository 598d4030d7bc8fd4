//! Kinds of routes that the cluster lacks or the user may not read.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use super::{GRPC, HOME, HTTP, LINKERD, group, rule, services, spec, until_weights};
use crate::support::{
    Sandbox, Side, TestNamespace, end, eventually, operator_rights_without, plugin,
    restricted_kubeconfig, started, watching_as,
};

/// In a cluster of its own, whose definitions can be deleted.
#[tokio::test]
async fn a_kind_that_is_installed_later_is_picked_up() {
    let sandbox = tokio::task::spawn_blocking(|| Sandbox::start(&["alone"]))
        .await
        .unwrap();
    let client = sandbox.client("alone").await;
    let side = Side {
        context: "alone",
        namespace: "default".into(),
        client: client.clone(),
    };
    let definitions: Api<CustomResourceDefinition> = Api::all(client);
    const NAME: &str = "httproutes.gateway.networking.k8s.io";
    let mut definition = definitions.get(NAME).await.unwrap();
    definition.metadata.resource_version = None;
    definition.metadata.uid = None;
    definition.status = None;
    definitions
        .delete(NAME, &DeleteParams::default())
        .await
        .unwrap();
    eventually("the definition is gone", async || {
        match definitions.get_opt(NAME).await.unwrap() {
            None => Ok(()),
            Some(_) => Err("it is there".to_owned()),
        }
    })
    .await;

    services(&side).await;
    side.traffic_split("split", "web", &[("web", 1), ("web-east", 0)])
        .await;
    let status = || {
        plugin()
            .args(["status", "-o", "name"])
            .on(&side)
            .kubeconfig(&sandbox.kubeconfig())
            .run()
    };
    eventually("the kind is no longer served", async || {
        let output = status().await;
        if output.stderr.is_empty() {
            Ok(())
        } else {
            Err(output.stderr)
        }
    })
    .await;
    status()
        .await
        .success()
        .stdout_is("trafficsplit/split\n")
        .stderr_is_empty();
    let watch = plugin()
        .args(["watch"])
        .on(&side)
        .kubeconfig(&sandbox.kubeconfig());
    let mut watch = started(watch).await;
    side.ready("web", 0).await;
    side.until_weights("split", &[0, 1]).await;
    watch.line_containing("split: web -> web-east").await;

    definitions
        .create(&PostParams::default(), &definition)
        .await
        .unwrap();
    eventually("the kind is served", async || {
        super::routes(&side, HTTP)
            .list(&Default::default())
            .await
            .map(drop)
            .map_err(|it| it.to_string())
    })
    .await;
    group(&side, HTTP, "route", spec("apex", &[rule(HOME)])).await;
    until_weights(&side, HTTP, "route", &[&[0, 1]]).await;
    watch
        .line_containing("httproute/route: web -> web-east")
        .await;
    let rest = end(watch).await;
    assert_eq!(rest.complaints("cannot read "), 0, "{rest:?}");
    status()
        .await
        .success()
        .stdout_is("httproute/route\ntrafficsplit/split\n")
        .stderr_is_empty();
}

#[tokio::test]
async fn a_forbidden_kind_gets_a_warning_and_affects_no_other() {
    let ns = TestNamespace::new("some-kinds").await;
    let side = &ns.west;
    services(side).await;
    group(side, GRPC, "grpc", spec("web", &[rule(HOME)])).await;
    group(side, HTTP, "http", spec("other", &[rule(HOME)])).await;
    group(side, LINKERD, "http", spec("another", &[rule(HOME)])).await;
    let rights = operator_rights_without("httproutes");
    let user = restricted_kubeconfig(side, "grpc-only", &rights).await;
    let status = plugin()
        .args(["status", "-o", "name"])
        .on(side)
        .kubeconfig(user.path())
        .run()
        .await;
    let status = status.success().stdout_is("grpcroute/grpc\n");
    for group in [HTTP.group, LINKERD.group] {
        let lines: Vec<&str> = status
            .stderr
            .lines()
            .filter(|line| line.starts_with("warning: "))
            .collect();
        let right = format!("httproutes.{group}");
        let told = lines
            .iter()
            .any(|line| line.contains(&right) || line.contains(group));
        assert!(told && lines.len() == 2, "{status}");
    }
    status.stderr_contains("groups of this kind are skipped");
    let named = plugin()
        .args(["status", "httproute/http"])
        .on(side)
        .kubeconfig(user.path())
        .run()
        .await;
    named.code(1).stderr_contains("there is no group");

    let mut watch = watching_as(side, &rights, &[]).await;
    side.ready("web", 0).await;
    until_weights(side, GRPC, "grpc", &[&[0, 1]]).await;
    watch
        .line_containing("grpcroute/grpc: web -> web-east")
        .await;
    let rest = end(watch).await;
    for definition in [
        "httproutes.gateway.networking.k8s.io",
        "httproutes.policy.linkerd.io",
    ] {
        assert_eq!(
            rest.complaints(&format!("cannot read {definition}")),
            1,
            "{rest:?}"
        );
    }
    assert_eq!(rest.stdout, [] as [&str; 0]);
    for kind in [HTTP, LINKERD] {
        until_weights(side, kind, "http", &[&[1, 0]]).await;
    }
    let check = plugin()
        .args(["check", "-o", "json"])
        .on(side)
        .kubeconfig(user.path())
        .run()
        .await;
    let found = json!(check.json()["categories"]).to_string();
    assert!(found.contains("groups of this kind are skipped"), "{found}");
}
