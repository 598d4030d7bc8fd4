//! The sandbox's own mirrors and links, as Linkerd creates them.

use k8s_openapi::api::core::v1::Service;

use crate::support::{TestNamespace, end, eventually, plugin, started};

/// web-svc on both sides, with a pod each. This label exports the one of east to west.
async fn offered(purpose: &str, label: (&str, &str), mirror: &str) -> TestNamespace {
    let ns = TestNamespace::new(purpose).await;
    for side in [&ns.west, &ns.east] {
        side.service("web-svc").await;
        side.deployment("web", 1).await;
    }
    ns.east.label("web-svc", label.0, Some(label.1)).await;
    eventually("the mirror is there", async || {
        let found = ns.west.api::<Service>().get_opt(mirror).await.unwrap();
        found.map(drop).ok_or_else(|| "it is missing".to_owned())
    })
    .await;
    ns
}

#[tokio::test]
async fn traffic_fails_over_to_a_flat_mirror_with_the_credentials_of_the_link() {
    let ns = offered(
        "real-flat",
        ("mirror.linkerd.io/exported", "remote-discovery"),
        "web-svc-east",
    )
    .await;
    ns.west
        .traffic_split("web", "web-svc", &[("web-svc", 1), ("web-svc-east", 0)])
        .await;
    let links = ["--remote-from-links"];
    let status = |args: &[&str]| {
        plugin()
            .args(["status", "web"])
            .args(args.to_vec())
            .args(links)
            .on(&ns.west)
    };
    let mut watch = started(plugin().args(["watch"]).args(links).on(&ns.west)).await;
    watch
        .stderr_line_containing("reading the secret cluster-credentials-east")
        .await;
    status(&["--for", "redundant"])
        .run()
        .await
        .success()
        .stdout_contains("web-svc-east:1/1");

    ns.west.scale("web", 0).await;
    ns.west.until_weights("web", &[0, 1]).await;
    ns.east.scale("web", 0).await;
    let dead = status(&["--for", "Unavailable", "-o", "json"])
        .run()
        .await
        .success();
    let mirror = &dead.json()["items"][0]["backends"][1];
    assert_eq!(mirror["ready"], 0, "known, and dead: {mirror}");
    ns.west.scale("web", 1).await;
    ns.west.until_weights("web", &[1, 0]).await;
    end(watch).await;
}

#[tokio::test]
async fn a_federated_service_lives_as_long_as_one_of_its_members() {
    let ns = TestNamespace::new("real-federated").await;
    for side in [&ns.west, &ns.east] {
        side.service("web-svc").await;
        side.deployment("web", 1).await;
        side.label("web-svc", "mirror.linkerd.io/federated", Some("member"))
            .await;
    }
    let mirrors = ns.west.api::<Service>();
    eventually("both members are known", async || {
        let found = mirrors.get_opt("web-svc-federated").await.unwrap();
        let annotations = found
            .and_then(|service| service.metadata.annotations)
            .unwrap_or_default();
        if annotations.len() >= 2 {
            Ok(())
        } else {
            Err(format!("{annotations:?}"))
        }
    })
    .await;
    ns.west.bare_service("old").await;
    ns.west.ready("old", 0).await;
    ns.west
        .traffic_split("web", "old", &[("old", 1), ("web-svc-federated", 0)])
        .await;
    let remote = ["--remote", "east=east"];
    let watch = started(plugin().args(["watch"]).args(remote).on(&ns.west)).await;
    ns.west.until_weights("web", &[0, 1]).await;
    let ready = async |expected: &str| {
        eventually(&format!("its endpoints are {expected}"), async || {
            let status = plugin()
                .args(["status"])
                .args(remote)
                .on(&ns.west)
                .run()
                .await
                .success();
            if status.stdout.contains(expected) {
                Ok(())
            } else {
                Err(status.stdout)
            }
        })
        .await;
    };
    ready("web-svc-federated:2/2").await;
    ns.west.scale("web", 0).await;
    ready("web-svc-federated:1/1").await;
    ns.east.scale("web", 0).await;
    ready("Unavailable").await;
    end(watch).await;
}
