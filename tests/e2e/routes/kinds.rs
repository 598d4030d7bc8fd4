//! Kinds of routes that the cluster lacks or the user may not read.

use http::Method;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::{GRPC, HOME, HTTP, Kind, LINKERD, group, rule, services, spec, until_weights};
use crate::support::{
    Fault, FaultProxy, Sandbox, Side, TestNamespace, end, eventually, operator_rights_without,
    plugin, restricted_kubeconfig, started, watching_as,
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

    // First in an older version alone, then in the preferred version alone.
    const BETA: Kind = Kind {
        version: "v1beta1",
        ..HTTP
    };
    serve_only(&mut definition, BETA.version);
    definitions
        .create(&PostParams::default(), &definition)
        .await
        .unwrap();
    until_served(&side, BETA).await;
    group(&side, BETA, "route", spec("apex", &[rule(HOME)])).await;
    until_weights(&side, BETA, "route", &[&[0, 1]]).await;
    watch
        .line_containing("httproute/route: web -> web-east")
        .await;
    let run = |command: &str| {
        plugin()
            .args(command.split(' ').map(str::to_owned).collect::<Vec<_>>())
            .on(&side)
            .kubeconfig(&sandbox.kubeconfig())
            .run()
    };
    status()
        .await
        .success()
        .stdout_is("httproute/route\ntrafficsplit/split\n");
    let force = "force httproute/route --to web --allow=unready --dry-run=client --yes";
    run(force).await.success();
    side.bare_service("new").await;
    let create = "create new --fallback web-east --kind httproute --port 80 --name new";
    let made = run(&format!("{create} --dry-run=client -o json")).await;
    let made = made.success().json();
    assert_eq!(made["apiVersion"], "gateway.networking.k8s.io/v1beta1");
    run(create).await.success();
    run("create --adopt httproute/new").await.success();
    run("check")
        .await
        .stdout_contains("HTTPRoutes of gateway.networking.k8s.io can be used (v1beta1)");

    serve_only(&mut definition, HTTP.version);
    let patch = Patch::Merge(json!({"spec": definition.spec}));
    definitions
        .patch(NAME, &PatchParams::default(), &patch)
        .await
        .unwrap();
    until_served(&side, HTTP).await;
    side.ready("web", 1).await;
    until_weights(&side, HTTP, "route", &[&[1, 0]]).await;
    let rest = end(watch).await;
    assert_eq!(rest.complaints("cannot read "), 0, "{rest:?}");
    status()
        .await
        .success()
        .stdout_is("httproute/new\nhttproute/route\ntrafficsplit/split\n")
        .stderr_is_empty();
}

fn serve_only(definition: &mut CustomResourceDefinition, version: &str) {
    for each in &mut definition.spec.versions {
        each.served = each.name == version;
    }
}

async fn until_served(side: &Side, kind: Kind) {
    eventually("the kind is served", async || {
        super::routes(side, kind)
            .list(&Default::default())
            .await
            .map(drop)
            .map_err(|it| it.to_string())
    })
    .await;
}

/// As for SMI's first version, which Linkerd's SMI extension reads.
#[tokio::test]
async fn traffic_splits_of_another_version_are_groups() {
    let ns = TestNamespace::new("alpha1").await;
    let side = &ns.west;
    services(side).await;
    side.traffic_split("web", "web", &[("web", 1), ("web-east", 0)])
        .await;
    let proxy = FaultProxy::before(side).await;
    for method in [Method::GET, Method::PATCH, Method::POST] {
        let gone = [Fault::Answer(404, None)];
        proxy.disturb(method, "split.smi-spec.io/v1alpha2", 1, &gone);
    }
    let run = |command: &str| {
        plugin()
            .args(command.split(' ').map(str::to_owned).collect::<Vec<_>>())
            .on(side)
            .kubeconfig(proxy.kubeconfig())
            .run()
    };
    run("create --adopt trafficsplit/web --primary web")
        .await
        .success();
    side.ready("web", 0).await;
    run("watch --once").await.success();
    side.until_weights("web", &[0, 1]).await;
    side.bare_service("new").await;
    run("create new --fallback web-east").await.success();
    let status = run("status -o name").await.success();
    status.stdout_is("trafficsplit/new-failover\ntrafficsplit/web\n");
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
    let lines = status.stderr.lines();
    let warnings: Vec<&str> = lines.filter(|line| line.starts_with("warning: ")).collect();
    let both = format!("httproutes.{}, httproutes.{}", HTTP.group, LINKERD.group);
    assert!(
        warnings.len() == 1 && warnings[0].contains(&both),
        "{status}"
    );
    status.stderr_contains("groups of these kinds are skipped");
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
    let unread = "cannot read httproutes.gateway.networking.k8s.io, httproutes.policy.linkerd.io: ";
    assert_eq!(rest.complaints(unread), 1, "{rest:?}");
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
