//! The readiness that the remote reports counts.

use std::path::Path;

use serde_json::json;

use super::{FAR, REMOTE, flat_group, flat_mirror, mirror};
use crate::support::{
    TestNamespace, documented, end, eventually, operator_rights_without, plugin,
    restricted_kubeconfig, rule, shared, watching,
};

#[tokio::test]
async fn status_reads_a_flat_mirror_from_its_cluster() {
    let ns = flat_group("flat-status").await;
    let status = async |args: &[&str]| {
        plugin()
            .args(["status"])
            .args(args.to_vec())
            .on(&ns.west)
            .run()
            .await
    };
    let blind = status(&[]).await.success();
    blind.stdout_contains("web-east:?");
    status(&REMOTE)
        .await
        .success()
        .stdout_contains("web-east:1/2");

    ns.east.ready("web", 0).await;
    let typo = status(&["--remote", "typo=east", "-o", "json"])
        .await
        .success();
    typo.stderr_contains(
        "warning: no mirror of these groups names the cluster typo; available clusters: far",
    );
    let seen = status(&["--remote", "far=east", "-o", "json"])
        .await
        .success()
        .json();
    let backend = &seen["items"][0]["backends"][1];
    assert_eq!(
        (&backend["ready"], &backend["total"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(backend["mirror"]["side"], "remote");
    assert_eq!(
        backend["mirror"]["words"],
        "web in far has 0 of 1 endpoints ready"
    );
    documented(&seen);

    ns.west.ready("web", 0).await;
    ns.east.ready("web", 1).await;
    let moving = status(&["--remote", "far=east", "-o", "json"])
        .await
        .success()
        .json();
    for (key, command) in [("next", "force web "), ("then", "watch ")] {
        let typed = moving["items"][0][key].as_str().unwrap_or_default();
        let begins = typed.starts_with(&format!("kubectl failover {command}"));
        assert!(begins && typed.ends_with(" --remote far=east"), "{moving}");
    }
}

#[tokio::test]
async fn traffic_moves_only_to_a_remote_with_endpoints() {
    let ns = flat_group("flat-loop").await;
    ns.east.ready("web", 0).await;
    // A second group shows when the watch has received a change that came after the first group's.
    ns.west
        .group("mark", &[("mark", 1, 1), ("mark-east", 0, 1)])
        .await;
    let mut watch = watching(&ns.west, &REMOTE).await;
    ns.west.ready("web", 0).await;
    ns.west.ready("mark", 0).await;
    watch.line_containing("mark ->").await;
    ns.west.until_weights("web", &[1, 0]).await;

    ns.east.ready("web", 1).await;
    ns.west.until_weights("web", &[0, 1]).await;
    assert_ne!(
        ns.west.last_move("web").await["unverified"],
        true,
        "it is known"
    );
    // The remote dies. It is known to be dead, so traffic returns to the primary at once, and no
    // other is tried.
    ns.east.ready("web", 0).await;
    let args = ["status", "web", "--for", "Unavailable", "--timeout", "1m"];
    plugin()
        .args(args)
        .args(REMOTE)
        .on(&ns.west)
        .run()
        .await
        .success()
        .stdout_contains("Unavailable");
    ns.west.ready("web", 1).await;
    ns.west.until_weights("web", &[1, 0]).await;
    assert_eq!(end(watch).await.complaints("warning"), 0);
}

#[tokio::test]
async fn a_remote_that_no_mirror_names_gets_one_warning() {
    let ns = flat_group("flat-typo").await;
    let labels = json!({"mirror.linkerd.io/cluster-name": "near"});
    let full = json!({"mirror.linkerd.io/remote-svc-fq-name": "web.elsewhere.svc.cluster.local"});
    mirror(&ns.west, "web-near", labels, full).await;
    ns.west.ready("web-near", 1).await;
    ns.west
        .traffic_split("two", "two", &[("two", 1), ("web-near", 0)])
        .await;
    let warning =
        "warning: no mirror of these groups names the cluster typo; available clusters: far, near";
    let mut watch = watching(&ns.west, &["--remote", "far=east", "--remote", "typo=east"]).await;
    watch.stderr_line_containing(warning).await;
    ns.west.ready("web", 0).await;
    ns.west.until_weights("web", &[0, 1]).await;
    assert_eq!(end(watch).await.complaints("warning: no mirror"), 1);
}

#[tokio::test]
async fn a_gateway_mirror_needs_both_sides_and_names_the_short_one() {
    let ns = TestNamespace::new("both-sides").await;
    ns.east.bare_service("origin").await;
    ns.east.ready("origin", 0).await;
    ns.west.bare_service("web").await;
    ns.west.ready("web", 0).await;
    let labels = json!({"mirror.linkerd.io/cluster-name": "far"});
    let full = json!({"mirror.linkerd.io/remote-svc-fq-name": format!("origin.{}.svc.cluster.local", ns.name)});
    mirror(&ns.west, "web-east", labels, full).await;
    ns.west.ready("web-east", 1).await;
    ns.west
        .traffic_split("web", "web", &[("web", 1), ("web-east", 0)])
        .await;
    let remote = ["--remote", "far=east"];
    let status = async || {
        plugin()
            .args(["status", "-o", "json"])
            .args(remote)
            .on(&ns.west)
            .run()
            .await
            .success()
    };
    let side = async || status().await.json()["items"][0]["backends"][1]["mirror"]["words"].clone();

    assert_eq!(side().await, "origin in far has 0 of 1 endpoints ready");
    let watch = watching(&ns.west, &remote).await;
    ns.west.ready("web-east", 0).await;
    ns.east.ready("origin", 1).await;
    eventually("the gateway is what is short", async || {
        let said = side().await;
        if said == "the gateway of far is not ready" {
            Ok(())
        } else {
            Err(said.to_string())
        }
    })
    .await;
    ns.west.until_weights("web", &[1, 0]).await;
    ns.west.ready("web-east", 1).await;
    ns.west.until_weights("web", &[0, 1]).await;
    assert_ne!(
        ns.west.last_move("web").await["unverified"],
        true,
        "it is known"
    );
    end(watch).await;
}

#[tokio::test]
async fn the_members_of_a_federation_are_counted_together() {
    let ns = TestNamespace::new("federation").await;
    ns.west.bare_service("api").await;
    ns.west.ready("api", 0).await;
    ns.east.bare_service("api").await;
    ns.east.ready("api", 1).await;
    let members = json!({
        "multicluster.linkerd.io/local-discovery": "api",
        "multicluster.linkerd.io/remote-discovery": "api@far",
    });
    mirror(&ns.west, "api-federated", json!({}), members).await;
    ns.west.bare_service("web").await;
    ns.west.ready("web", 1).await;
    ns.west
        .traffic_split("web", "web", &[("web", 1), ("api-federated", 0)])
        .await;
    let watch = watching(&ns.west, &REMOTE).await;
    let status = plugin()
        .args(["status"])
        .args(REMOTE)
        .on(&ns.west)
        .run()
        .await
        .success();
    status.stdout_contains("api-federated:1/3");
    ns.west.ready("web", 0).await;
    ns.west.until_weights("web", &[0, 1]).await;
    assert_ne!(
        ns.west.last_move("web").await["unverified"],
        true,
        "it is known"
    );
    ns.east.ready("api", 0).await;
    ns.west.ready("api", 1).await;
    let args = [
        "status",
        "--for",
        "active=api-federated",
        "--for",
        "!unavailable",
        "-o",
        "json",
    ];
    plugin()
        .args(args)
        .args(REMOTE)
        .on(&ns.west)
        .run()
        .await
        .success();
    end(watch).await;
}

#[tokio::test]
async fn a_federation_of_local_members_is_as_ready_as_they_are() {
    let ns = TestNamespace::new("federation-here").await;
    ns.west.bare_service("api").await;
    ns.west.ready("api", 1).await;
    let members = json!({"multicluster.linkerd.io/local-discovery": "api"});
    mirror(&ns.west, "api-federated", json!({}), members).await;
    ns.west.bare_service("web").await;
    ns.west.ready("web", 0).await;
    ns.west
        .traffic_split("web", "web", &[("web", 1), ("api-federated", 0)])
        .await;
    let status = plugin()
        .args(["status"])
        .args(REMOTE)
        .on(&ns.west)
        .run()
        .await
        .success();
    status.stdout_contains("api-federated:1/2");
    let watch = watching(&ns.west, &REMOTE).await;
    ns.west.until_weights("web", &[0, 1]).await;
    assert_ne!(
        ns.west.last_move("web").await["unverified"],
        true,
        "it is known"
    );
    end(watch).await;
}

#[tokio::test]
async fn a_federation_with_an_unknown_member_is_reported_and_not_moved() {
    let ns = TestNamespace::new("federation-partly").await;
    ns.west.bare_service("api").await;
    ns.west.ready("api", 2).await;
    let members = json!({
        "multicluster.linkerd.io/local-discovery": "api",
        "multicluster.linkerd.io/remote-discovery": "api@gone",
    });
    mirror(&ns.west, "api-federated", json!({}), members).await;
    ns.west.bare_service("web").await;
    ns.west.ready("web", 1).await;
    let words = [
        "create",
        "api-federated",
        "--fallback",
        "web",
        "--min-ready",
        "9",
    ];
    let created = plugin()
        .args(words)
        .args(REMOTE)
        .on(&ns.west)
        .run()
        .await
        .success();
    created.stderr_contains(
        "the readiness of the primary, api-federated, is partly unknown: it is mirrored from cluster gone",
    );
    let check = plugin()
        .args(["check"])
        .args(REMOTE)
        .on(&ns.west)
        .run()
        .await;
    check.stdout_contains("the primary, api-federated, is partly unknown");
    plugin()
        .args(["watch", "--once"])
        .args(REMOTE)
        .on(&ns.west)
        .run()
        .await
        .success();
    let status = plugin()
        .args(["status", "-o", "json"])
        .args(REMOTE)
        .on(&ns.west)
        .run()
        .await
        .success();
    let item = &status.json()["items"][0];
    assert_eq!(
        (&item["state"], &item["active"]),
        (&json!("Unknown"), &json!(["api-federated"])),
        "{item}"
    );
}

#[tokio::test]
async fn without_knowing_the_mirrors_local_endpoints_are_not_enough() {
    let ns = flat_group("flat-hidden").await;
    let rights = operator_rights_without("services");
    let kubeconfig = restricted_kubeconfig(&ns.west, "operator", &rights).await;
    let status = async |args: &[&str]| {
        plugin()
            .args(["status"])
            .args(args.to_vec())
            .on(&ns.west)
            .kubeconfig(kubeconfig.path())
            .run()
            .await
    };
    status(&[]).await.success().stdout_contains("web:1/2");
    status(&REMOTE)
        .await
        .success()
        .stdout_contains("web:?")
        .stdout_contains("reading its Service is forbidden");
}

#[tokio::test]
async fn check_reports_whether_a_remote_can_be_asked() {
    let ns = flat_group("remote-rights").await;
    let check = async |kubeconfig: &Path, args: &[&str]| {
        plugin()
            .args(["check"])
            .args(args.to_vec())
            .on(&ns.west)
            .kubeconfig(kubeconfig)
            .run()
            .await
    };
    let readable = "EndpointSlices can be read in cluster far";
    let whole = shared().kubeconfig();
    check(&whole, &REMOTE)
        .await
        .stdout_contains("√ there are credentials for cluster far")
        .stdout_contains(&format!("√ {readable}"));

    let list = [rule("discovery.k8s.io", &["endpointslices"], &["list"])];
    let less = restricted_kubeconfig(&ns.east, "looker", &list).await;
    for args in [&REMOTE[..], &["--remote", "far=east", "--pre"]] {
        check(less.path(), args)
            .await
            .code(1)
            .stdout_contains(&format!("× {readable}"))
            .stdout_contains(&format!(
                "cannot watch endpointslices.discovery.k8s.io in namespace {}",
                ns.name
            ));
    }
    check(&whole, &["--remote-from-links"])
        .await
        .code(1)
        .stdout_contains("× there are credentials for cluster far")
        .stdout_contains("there is no secret cluster-credentials-far")
        .stdout_contains("--resource-name=cluster-credentials-far");
}

#[tokio::test]
async fn changes_use_the_readiness_of_a_remote() {
    let ns = flat_group("flat-orders").await;
    let force = async |args: &[&str]| {
        plugin()
            .args(["force", "web", "--to", "web-east", "--yes"])
            .args(args.to_vec())
            .on(&ns.west)
            .run()
            .await
    };
    let blind = force(&[]).await.code(4).stderr_contains("is unknown");
    blind.stderr_contains("name one with --remote far=CONTEXT, or use --remote-from-links");
    ns.east.ready("web", 0).await;
    force(&REMOTE)
        .await
        .code(4)
        .stderr_contains("no ready endpoint");
    ns.east.ready("web", 1).await;
    force(&REMOTE)
        .await
        .success()
        .stdout_contains("traffic is on web-east (Overridden)");
}

/// A wait would never end.
#[tokio::test]
async fn a_wait_for_an_unknowable_home_fails_at_once() {
    let ns = flat_group("flat-home").await;
    let home =
        json!({"metadata": {"annotations": {"failover.linkerd.io/primary-service": "web-east"}}});
    ns.west.edit_split("web", home).await;
    let order = async |args: &[&str]| {
        plugin()
            .args(args.to_vec())
            .args(["--yes"])
            .on(&ns.west)
            .run()
            .await
    };
    order(&["force", "web", "--to", "web"]).await.success();
    for args in [
        &["failback", "web"] as &[&str],
        &["failback", "web", "--when-ready"],
    ] {
        let output = order(args)
            .await
            .code(4)
            .stderr_contains("name one with --remote far=CONTEXT");
        output.stderr_lacks("to wait for it");
    }
    let args = [
        "failback",
        "web",
        "--when-ready",
        "--timeout",
        "1m",
        REMOTE[0],
        REMOTE[1],
    ];
    order(&args).await.success();
    ns.west.until_weights("web", &[0, 1]).await;
}

#[tokio::test]
async fn create_and_check_warn_about_an_unknowable_primary() {
    let ns = TestNamespace::new("blind-primary").await;
    ns.east.bare_service("web").await;
    ns.east.ready("web", 1).await;
    ns.west.bare_service("web").await;
    ns.west.ready("web", 1).await;
    flat_mirror(&ns.west, FAR, "web-east", "web").await;
    let create = async |args: &[&str]| {
        let words = [
            "create",
            "web",
            "--primary",
            "web-east",
            "--fallback",
            "web",
        ];
        plugin()
            .args(words)
            .args(args.to_vec())
            .on(&ns.west)
            .run()
            .await
            .success()
    };
    let blind = create(&["--dry-run=client"]).await;
    blind
        .stderr_contains("the readiness of the primary, web-east, is unknown")
        .stderr_contains("--remote far=CONTEXT");
    create(&REMOTE).await.stderr_lacks("warning");
    let again = create(&[]).await.stdout_contains("unchanged");
    again.stderr_contains("the readiness of the primary, web-east, is unknown");

    let check = async |args: &[&str]| {
        plugin()
            .args(["check"])
            .args(args.to_vec())
            .on(&ns.west)
            .run()
            .await
    };
    check(&[])
        .await
        .stdout_contains("the primary, web-east, is unknown")
        .stdout_contains("--remote far=CONTEXT");
    check(&REMOTE)
        .await
        .stdout_contains("√ the readiness of every backend is known");
}
