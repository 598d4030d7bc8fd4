//! Groups that are routes.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, PostParams};
use serde_json::{Value, json};

use super::{create, namespace, service_with_ports};
use crate::support::{
    Sandbox, Side, TestNamespace, eventually, plugin, restricted_kubeconfig, rule,
};

pub const HTTP: (&str, &str, &str) = ("gateway.networking.k8s.io", "v1", "HTTPRoute");
const GRPC: (&str, &str, &str) = ("gateway.networking.k8s.io", "v1", "GRPCRoute");
pub const LINKERD: (&str, &str, &str) = ("policy.linkerd.io", "v1beta3", "HTTPRoute");

/// The routes of a kind in the namespace.
pub fn routes(side: &Side, (group, version, kind): (&str, &str, &str)) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    Api::namespaced_with(side.client.clone(), &side.namespace, &resource)
}

pub async fn make_route(side: &Side, kind: (&str, &str, &str), mut object: Value) {
    object["apiVersion"] = json!(format!("{}/{}", kind.0, kind.1));
    object["kind"] = json!(kind.2);
    let object = serde_json::from_value(object).unwrap();
    routes(side, kind)
        .create(&PostParams::default(), &object)
        .await
        .expect("the route is taken");
}

/// Without managedFields, which no command writes itself.
pub async fn whole(side: &Side, kind: (&str, &str, &str), name: &str) -> Value {
    let mut object = serde_json::to_value(routes(side, kind).get(name).await.unwrap()).unwrap();
    object["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("managedFields");
    object
}

#[tokio::test]
async fn every_kind_of_route_is_created_as_a_group() {
    for (flag, kind) in [
        ("httproute", HTTP),
        ("grpcroute", GRPC),
        ("httproute.policy.linkerd.io", LINKERD),
    ] {
        let ns = namespace("create-route", &["web-svc-east"]).await;
        let full = format!("{}.{}/web-svc-failover", kind.2.to_lowercase(), kind.0);
        let run = || {
            create(&ns.west, "web-svc-east")
                .args(["--kind", flag])
                .run()
        };
        run()
            .await
            .success()
            .stdout_is(&format!("{full} created\n"));
        let object = whole(&ns.west, kind, "web-svc-failover").await;
        let refs = &object["spec"]["rules"][0]["backendRefs"];
        for (index, name, weight) in [(0, "web-svc", 1), (1, "web-svc-east", 0)] {
            let to = &refs[index];
            let seen = (&to["name"], &to["namespace"], &to["port"], &to["weight"]);
            assert_eq!(
                seen,
                (&json!(name), &json!(ns.name), &json!(80), &json!(weight)),
                "{object:#}"
            );
        }
        assert_eq!(object["spec"]["parentRefs"][0]["name"], "web-svc");
        assert_eq!(object["spec"]["parentRefs"][0]["port"], 80);
        assert_eq!(
            object["metadata"]["annotations"],
            json!({"failover.linkerd.io/primary-service": "web-svc"})
        );
        run()
            .await
            .success()
            .stdout_is(&format!("{full} unchanged\n"));
        let output = create(&ns.west, "other")
            .args(["--kind", flag])
            .run()
            .await
            .code(1);
        output.stderr_contains("backends: web-svc, web-svc-east → web-svc, other");
        let output = create(&ns.west, "web-svc-east")
            .args(["--kind", flag, "--port", "81"])
            .run()
            .await;
        output.code(1).stderr_contains("port: 80 → 81");
        let named = format!("{flag}/web-svc-failover");
        let status = plugin()
            .on(&ns.west)
            .args(["status", &named, "-o", "json"])
            .run()
            .await
            .success();
        assert_eq!(status.json()["items"][0]["apex"], "web-svc");

        let output = create(&ns.west, "web-svc-east")
            .args(["--name", "second"])
            .run()
            .await
            .code(1);
        output
            .stderr_contains(&format!("{full} in namespace"))
            .stderr_contains("already manages service web-svc");
    }
}

#[tokio::test]
async fn without_trafficsplits_a_route_is_created() {
    let sandbox = Sandbox::start(&["west"]);
    let client = sandbox.client("west").await;
    let side = Side {
        context: "west",
        namespace: "default".to_owned(),
        client: client.clone(),
    };
    side.service("web-svc").await;
    side.service("web-svc-east").await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client);
    definitions
        .delete("trafficsplits.split.smi-spec.io", &Default::default())
        .await
        .unwrap();
    let create = |flags: &[&str]| {
        let plugin = plugin()
            .without_clusters()
            .env("KUBECONFIG", sandbox.kubeconfig());
        let args = [
            "create",
            "web-svc",
            "--fallback",
            "web-svc-east",
            "-n",
            "default",
        ];
        plugin.args(args).args(flags.iter().copied()).run()
    };
    let words = "kubectl failover create web-svc --kind httproute --fallback web-svc-east --context west -n default";
    // While it is being deleted, the definition can still be listed for a moment.
    eventually("the definition is gone", async || {
        let output = create(&["--kind", "trafficsplit", "--dry-run=client"]).await;
        if output.stderr.contains(words) {
            Ok(())
        } else {
            Err(output.to_string())
        }
    })
    .await;
    create(&["--kind", "ts"]).await.code(1).stdout_is_empty();
    let adopt = plugin()
        .without_clusters()
        .env("KUBECONFIG", sandbox.kubeconfig());
    let output = adopt
        .args(["create", "--adopt", "ts/web", "-n", "default"])
        .run()
        .await
        .code(1);
    output
        .stderr_contains("does not know TrafficSplit of split.smi-spec.io/v1alpha2")
        .stderr_contains("Linkerd's SMI extension has it, https://");
    // What only a route can have needs no --kind either.
    for flags in [&[][..], &["--port", "80"], &["--retries"]] {
        let output = create(&[flags, &["--dry-run=client"]].concat())
            .await
            .success();
        output
            .stdout_is("httproute.gateway.networking.k8s.io/web-svc-failover created (dry run)\n")
            .stderr_contains("this cluster has no trafficsplit.split.smi-spec.io: using httproute.")
            .stderr_lacks("deprecated");
    }
    create(&[]).await.success();
    let object = whole(&side, HTTP, "web-svc-failover").await;
    assert_eq!(object["spec"]["rules"][0]["backendRefs"][0]["weight"], 1);
}

#[tokio::test]
async fn where_both_are_served_a_trafficsplit_is_created_and_the_route_is_named() {
    let ns = namespace("create-both", &["web-svc-east"]).await;
    let words = "TrafficSplits (SMI) are deprecated in Linkerd, and have no retries or circuit \
                 breakers; to create a route instead: --kind httproute\n";
    let named =
        create(&ns.west, "web-svc-east").args(["--kind", "trafficsplit", "--dry-run=client"]);
    named.run().await.success().stderr_lacks("deprecated");
    for flags in [&["--port", "80"][..], &["--fallback", "other/web"]] {
        let output = create(&ns.west, "web-svc-east")
            .args(flags.iter().copied())
            .run()
            .await;
        output
            .code(2)
            .stderr_contains("create a route")
            .stderr_contains("--kind httproute");
    }
    let output = create(&ns.west, "web-svc-east").run().await.success();
    output
        .stdout_is("trafficsplit.split.smi-spec.io/web-svc-failover created\n")
        .stderr_contains(words);
    let output = create(&ns.west, "web-svc-east").run().await.success();
    output.stderr_lacks("deprecated");
}

#[tokio::test]
async fn a_dry_run_of_a_route_writes_nothing() {
    let ns = namespace("create-route-dry", &["web-svc-east"]).await;
    for mode in ["client", "server"] {
        let args = [
            "--kind",
            "httproute",
            &format!("--dry-run={mode}"),
            "-o",
            "json",
        ];
        let object = create(&ns.west, "web-svc-east")
            .args(args)
            .run()
            .await
            .success()
            .json();
        assert_eq!(object["kind"], "HTTPRoute");
    }
    assert!(
        routes(&ns.west, HTTP)
            .list(&Default::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn forbidden_kinds_are_reported() {
    let ns = namespace("create-blind", &["web-svc-east"]).await;
    let rules = [
        rule(
            "split.smi-spec.io",
            &["trafficsplits"],
            &["get", "list", "create"],
        ),
        rule("", &["services"], &["get", "list"]),
    ];
    let kubeconfig = restricted_kubeconfig(&ns.west, "splits", &rules).await;
    let run = |flags: &[&str]| {
        let plugin = create(&ns.west, "web-svc-east").kubeconfig(kubeconfig.path());
        plugin.args(flags.iter().copied()).run()
    };
    let output = run(&["--kind", "httproute"]).await.code(1);
    output.stderr_contains("cannot list httproutes.gateway.networking.k8s.io");
    let output = run(&[]).await.success();
    output.stderr_contains(
        "can't tell whether a GRPCRoute of gateway.networking.k8s.io already manages service web-svc",
    );
}

#[tokio::test]
async fn a_fallback_of_a_route_may_be_in_another_namespace() {
    let ns = namespace("create-route-far", &[]).await;
    let other = TestNamespace::new("create-route-other").await;
    other.west.service("web-svc").await;
    let far = format!("{}/web-svc", other.name);
    let run = || create(&ns.west, &far).args(["--kind", "httproute"]).run();
    run().await.success();
    let object = whole(&ns.west, HTTP, "web-svc-failover").await;
    let to = &object["spec"]["rules"][0]["backendRefs"][1];
    assert_eq!(
        (&to["name"], &to["namespace"]),
        (&json!("web-svc"), &json!(other.name))
    );
    run()
        .await
        .success()
        .stdout_is("httproute.gateway.networking.k8s.io/web-svc-failover unchanged\n");

    let gone = format!("{}/gone", other.name);
    let output = create(&ns.west, &gone)
        .args(["--kind", "httproute", "--name", "two"])
        .run()
        .await
        .code(1);
    output.stderr_contains(&format!("service {gone} does not exist"));
    let itself = format!("{}/web-svc", ns.name);
    let output = create(&ns.west, &itself)
        .args(["--kind", "httproute", "--name", "two"])
        .run()
        .await
        .code(1);
    output.stderr_contains("backend web-svc is listed twice");
}

#[tokio::test]
async fn a_route_has_one_port_that_every_service_has() {
    let ns = TestNamespace::new("create-route-port").await;
    service_with_ports(&ns.west, "web-svc", &[80, 8080]).await;
    service_with_ports(&ns.west, "web-svc-east", &[80]).await;
    let run = |flags: &[&str]| {
        create(&ns.west, "web-svc-east")
            .args(["--kind", "httproute"])
            .args(flags.iter().copied())
            .run()
    };
    run(&[])
        .await
        .code(2)
        .stderr_contains("web-svc has several ports: 80, 8080")
        .stderr_contains("--port 80");
    run(&["--port", "8080"])
        .await
        .code(1)
        .stderr_contains("web-svc-east lacks 8080; it has 80");
    run(&["--port", "81"])
        .await
        .code(1)
        .stderr_contains("web-svc lacks 81; it has 80, 8080");
    run(&["--port", "80"]).await.success();
    // A second run does not need the port.
    run(&[])
        .await
        .success()
        .stdout_is("httproute.gateway.networking.k8s.io/web-svc-failover unchanged\n");
}

#[tokio::test]
async fn no_route_is_created_for_a_service_that_takes_none() {
    let ns = TestNamespace::new("create-route-parent").await;
    let ports = json!([{"port": 80}]);
    let headless =
        json!({"metadata": {"name": "bare"}, "spec": {"clusterIP": "None", "ports": ports}});
    ns.west.create::<Service>(headless).await;
    let spec = json!({"type": "ExternalName", "externalName": "example.com", "ports": ports});
    ns.west
        .create::<Service>(json!({"metadata": {"name": "far"}, "spec": spec}))
        .await;
    ns.west.service("web-svc-east").await;
    for (apex, why) in [
        ("bare", "is headless"),
        ("far", "is an ExternalName service"),
    ] {
        let args = [
            "create",
            apex,
            "--fallback",
            "web-svc-east",
            "--kind",
            "httproute",
        ];
        plugin()
            .on(&ns.west)
            .args(args)
            .run()
            .await
            .code(1)
            .stderr_contains(why)
            .stdout_is_empty();
        let split = &args[..4];
        plugin()
            .on(&ns.west)
            .args(split.iter().copied())
            .run()
            .await
            .code(i32::from(apex == "far"));
    }
}

#[tokio::test]
async fn an_external_name_is_neither_apex_nor_fallback() {
    let ns = TestNamespace::new("create-external").await;
    let spec = json!({"type": "ExternalName", "externalName": "example.com"});
    ns.west
        .create::<Service>(json!({"metadata": {"name": "far"}, "spec": spec}))
        .await;
    ns.west.service("web").await;
    for (apex, fallback) in [("far", "web"), ("web", "far")] {
        plugin()
            .on(&ns.west)
            .args(["create", apex, "--fallback", fallback])
            .run()
            .await
            .code(1)
            .stderr_contains("is an ExternalName Service: it never has endpoints");
    }
}
