//! The simulation of traffic, as `traffic` shows it.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use serde_json::json;

use crate::support::{Output, Side, TestNamespace, end, eventually, plugin, watching};

#[tokio::test]
async fn the_traffic_of_a_split_follows_the_failover() {
    story("split", "trafficsplit", "true").await;
}

#[tokio::test]
async fn the_traffic_of_an_http_route_follows_the_failover() {
    story("http", "httproute", "true").await;
}

#[tokio::test]
async fn the_traffic_of_a_grpc_route_follows_the_failover() {
    story("grpc", "grpcroute", "true").await;
}

#[tokio::test]
async fn traffic_of_a_flat_network_follows_the_other_clusters_endpoints() {
    story("flat", "httproute", "remote-discovery").await;
}

/// The primary carries, its pods go, `watch` moves the traffic, and back. Without `watch`, requests
/// to the empty primary fail.
async fn story(purpose: &str, kind: &str, exported: &str) {
    let ns = TestNamespace::new(&format!("sim-{purpose}")).await;
    ns.create_group(kind, exported).await;
    ns.until_traffic("share(web-svc)>=100%").await.success();

    ns.west.scale("web", 0).await;
    ns.until_traffic("failfast(web-svc)>0").await.success();
    let flat = exported == "remote-discovery";
    let remote: &[&str] = if flat {
        &["--remote", "east=east"]
    } else {
        &[]
    };
    let watch = watching(&ns.west, remote).await;
    ns.until_traffic("share(web-svc-east)>=100%")
        .await
        .success();

    ns.west.scale("web", 1).await;
    ns.until_traffic("share(web-svc)>=100%").await.success();
    end(watch).await;
}

/// The group moves, but the requests go where they went: to the primary without pods.
#[tokio::test]
async fn the_requests_that_a_route_without_effect_loses_are_counted() {
    let ns = TestNamespace::new("sim-unaccepted").await;
    ns.create_group_without_controller("httproute", "true")
        .await;
    ns.west.scale("web", 0).await;
    let seen = ns.until_traffic("failfast(web-svc)>0").await.success();
    let seen = seen.json();
    assert_eq!(seen["simulated"], true, "{seen:#}");
    let finding = &seen["findings"][0];
    assert_eq!(finding["reason"], "notAccepted", "{seen:#}");
    assert_eq!(
        finding["message"],
        "Linkerd has not accepted the route yet, so it has no effect."
    );

    ns.west.accept_routes().await;
    let watch = watching(&ns.west, &[]).await;
    let seen = ns
        .until_traffic("share(web-svc-east)>=100%")
        .await
        .success();
    assert!(!seen.stdout.contains("notAccepted"), "{seen}");
    end(watch).await;
}

#[tokio::test]
async fn force_and_failback_wait_until_the_requests_follow() {
    let ns = TestNamespace::new("sim-waits").await;
    ns.create_group("trafficsplit", "true").await;
    ns.until_traffic("share(web-svc)>=100%").await.success();
    for (command, backend) in [("force", "web-svc-east"), ("failback", "web-svc")] {
        let arguments = [
            command,
            "web-svc",
            "--yes",
            "--wait",
            "--traffic",
            "-o",
            "json",
        ];
        let done = plugin().args(arguments).on(&ns.west).run().await.success();
        let traffic = &done.json()["items"][0]["traffic"];
        let backends = traffic["backends"].as_array().unwrap();
        let used = backends.iter().find(|it| it["name"] == backend).unwrap();
        assert!(used["share"].as_f64().unwrap() >= 0.95, "{done}");
    }
}

#[tokio::test]
async fn faults_show_in_the_success_rate_and_the_latency() {
    let ns = TestNamespace::new("sim-faults").await;
    ns.create_group("trafficsplit", "true").await;
    ns.west
        .set_weights("web-svc-failover", &[("web-svc", 0), ("web-svc-east", 1)])
        .await;
    let set = async |arguments: &[&str]| {
        let arguments = [&["sandbox", "traffic"], arguments].concat();
        plugin().args(arguments).run().await.success()
    };
    set(&["west", "--rps", "50"])
        .await
        .stdout_contains("west  simulation: each client pod sends 50rps; ");
    set(&["east", "--success", "93%", "--latency", "25ms"])
        .await
        .stdout_contains(
            "east  simulation: each client pod sends 2rps; pods answer 93% with success, in 25ms\n",
        );
    let seen = ns
        .until_traffic("success(web-svc-east)<94%")
        .await
        .success();
    let east = &seen.json()["backends"][1];
    assert_eq!(east["name"], "web-svc-east", "{seen}");
    let number = |name: &str| east[name].as_f64().unwrap_or_default();
    assert!((0.91..0.94).contains(&number("success")), "{seen}");
    assert!((45.0..55.0).contains(&number("rps")), "{seen}");
    assert!((24.0..26.0).contains(&number("latencyMsP50")), "{seen}");

    set(&["--reset"])
        .await
        .stdout_contains("pods answer 100% with success");
    plugin()
        .args(["sandbox", "traffic", "north", "--rps", "1"])
        .run()
        .await
        .code(2)
        .stderr_contains("unknown cluster north");
}

#[tokio::test]
async fn each_of_many_clients_answers() {
    let ns = TestNamespace::new("sim-many").await;
    ns.create_group("trafficsplit", "true").await;
    ns.west.scale("vote-bot", 60).await;
    let deployments = ns.west.api::<Deployment>();
    eventually("all clients run", async || {
        let status = deployments.get("vote-bot").await.unwrap().status;
        match status.and_then(|status| status.ready_replicas) {
            Some(60) => Ok(()),
            ready => Err(format!("{ready:?}")),
        }
    })
    .await;
    ns.until_traffic("rps>=95").await.success();
    let seen = traffic(&ns.west, &["--max-pods", "100", "--output", "json"])
        .await
        .success();
    let clients = &seen.json()["clients"];
    assert_eq!(clients["asked"], 60, "{seen}");
    assert_eq!(clients["silent"], json!([]), "{seen}");
}

impl TestNamespace {
    /// Creates web-svc in both clusters, a client in west, and a group.
    async fn create_group(&self, kind: &str, exported: &str) {
        self.west.accept_routes().await;
        self.create_group_without_controller(kind, exported).await;
    }

    /// Routes are not accepted.
    async fn create_group_without_controller(&self, kind: &str, exported: &str) {
        for side in [&self.west, &self.east] {
            side.service("web-svc").await;
            side.deployment("web", 1).await;
            side.until_running("web").await;
        }
        self.east
            .label("web-svc", "mirror.linkerd.io/exported", Some(exported))
            .await;
        client(&self.west).await;
        let flat = exported == "remote-discovery";
        let remote: &[&str] = if flat {
            &["--remote", "east=east"]
        } else {
            &[]
        };
        let services = self.west.api::<Service>();
        eventually("the mirror exists", async || {
            let mirror = services.get_opt("web-svc-east").await.unwrap();
            mirror.map(drop).ok_or_else(|| "it is missing".to_owned())
        })
        .await;
        plugin()
            .args([
                "create",
                "web-svc",
                "--fallback",
                "web-svc-east",
                "--kind",
                kind,
            ])
            .args(remote)
            .on(&self.west)
            .run()
            .await
            .success();
    }

    async fn until_traffic(&self, condition: &str) -> Output {
        traffic(
            &self.west,
            &["--for", condition, "--timeout", "30s", "--output", "json"],
        )
        .await
    }
}

async fn traffic(side: &Side, arguments: &[&str]) -> Output {
    plugin()
        .args([
            "traffic",
            "web-svc",
            "--from",
            "deploy/vote-bot",
            "--window",
            "2s",
        ])
        .args(arguments)
        .on(side)
        .run()
        .await
}

/// Creates a pod with a proxy, which calls web-svc.
async fn client(side: &Side) {
    let labels = json!({"app": "vote-bot"});
    let env = json!([{"name": "WEB_HOST", "value": format!("web-svc.{}:80", side.namespace)}]);
    let containers = json!([
        {"name": "vote-bot", "image": "vote-bot", "env": env},
        {"name": "linkerd-proxy", "image": "proxy"},
    ]);
    let template = json!({
        "metadata": {"labels": labels},
        "spec": {"nodeName": "node-0", "containers": containers},
    });
    let spec = json!({"replicas": 1, "selector": {"matchLabels": labels}, "template": template});
    side.create::<Deployment>(json!({"metadata": {"name": "vote-bot"}, "spec": spec}))
        .await;
    side.until_running("vote-bot").await;
}
