//! Two watches of one namespace: only one of them writes.

use std::time::Duration;

use http::Method;
use k8s_openapi::api::coordination::v1::Lease;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{
    Admitted, DenyingPolicy, Fault, FaultProxy, Side, TestNamespace, end, eventually,
    eventually_within, hanging_webhook, operator_rights, plugin, remove_webhook,
    restricted_kubeconfig, started, watching_as,
};

#[tokio::test]
async fn the_second_watch_stands_by_and_takes_over_from_a_killed_one() {
    let ns = TestNamespace::new("takeover").await;
    let (first, mut second) = two_loops(&ns).await;
    assert!(!first.end_with(Signal::KILL).await.success());

    ns.west.ready("web", 0).await;
    until_moved(&ns.west, Duration::from_secs(25)).await;
    second
        .stderr_line_containing(&format!("{}: acquired the Lease", ns.name))
        .await;
    second.line_containing("web -> web-east").await;
    end(second).await;
}

#[tokio::test]
async fn status_says_that_a_new_watch_waits_for_the_lease_of_a_killed_one() {
    let ns = TestNamespace::new("successor").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let first = started(plugin().args(["watch"]).on(&ns.west)).await;
    let killed = until_held(&ns.west).await;
    assert!(!first.end_with(Signal::KILL).await.success());
    let mut second = plugin().args(["watch"]).on(&ns.west).spawn();
    second
        .stderr_line_containing(&format!(
            "{}: {killed} has stopped renewing the Lease; taking over in ",
            ns.name
        ))
        .await;

    let status = async |args: &[&str]| {
        let status = plugin().args(["status"]).args(args.iter().copied());
        status.on(&ns.west).run().await.success()
    };
    eventually("the successor is shown", async || {
        let text = status(&[]).await.stdout;
        let waits = format!(" waits for the Lease of {killed}, which was last renewed ");
        (text.contains(&waits) && text.contains(" and takes over in at most "))
            .then_some(())
            .ok_or(text)
    })
    .await;
    let runner = status(&["-o", "json"]).await.json()["items"][0]["runner"].clone();
    assert_eq!(runner["holder"], killed, "{runner}");
    assert_ne!(runner["late"]["successor"], killed, "{runner}");
    assert!(runner["late"]["until"].is_string(), "{runner}");

    second.stderr_line_containing("acquired the Lease").await;
    let taken = status(&["-o", "json"]).await.json()["items"][0]["runner"].clone();
    assert_ne!(taken["holder"], killed, "{taken}");
    assert_eq!(taken["late"], Value::Null, "{taken}");
    end(second).await;
}

/// Admission may hold up the write with which the second watch takes the Lease.
#[tokio::test]
async fn a_slow_takeover_does_not_keep_traffic_on_a_dead_backend() {
    let ns = TestNamespace::new("slow-takeover").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let first = started(plugin().args(["watch"]).on(&ns.west)).await;
    until_held(&ns.west).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let mut second = plugin()
        .args(["watch"])
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    second.stderr_line_containing("standing by").await;
    proxy.inject(Method::PUT, "/leases/", usize::MAX, Fault::Hang);
    assert!(!first.end_with(Signal::KILL).await.success());
    ns.west.ready("web", 0).await;
    // The Lease expires 15 s after the last renewal, and the write of it is slow after 5 s more.
    until_moved(&ns.west, Duration::from_secs(40)).await;
    second
        .stderr_line_containing("running without a Lease (the API server has not answered yet)")
        .await;
    second.line_containing("web -> web-east").await;
    proxy.heal();
    end(second).await;
}

/// It knows that there is another watch, but not whether that one still writes.
#[tokio::test]
async fn a_standby_that_loses_the_right_to_the_lease_does_not_write() {
    const LEASE: &str = "/leases/kubectl-failover";
    let ns = TestNamespace::new("standby-403").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let first = started(plugin().args(["watch"]).on(&ns.west)).await;
    until_held(&ns.west).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let mut second = plugin()
        .args(["watch"])
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    second.stderr_line_containing("standing by").await;
    proxy.inject(Method::GET, LEASE, usize::MAX, Fault::Answer(403, None));
    second
        .stderr_line_containing("cannot read or renew the Lease")
        .await;
    assert!(!first.end_with(Signal::KILL).await.success());

    ns.west.ready("web", 0).await;
    let asked = proxy.seen(&Method::GET, LEASE).len();
    proxy.until_seen(Method::GET, LEASE, asked + 3).await;
    assert_eq!(
        proxy.writes(),
        0,
        "written without knowing who runs the groups"
    );
    proxy.heal();
    until_moved(&ns.west, Duration::from_secs(25)).await;
    end(second).await;
}

#[tokio::test]
async fn a_watch_that_shuts_down_hands_over_at_once() {
    let ns = TestNamespace::new("handover").await;
    let (mut first, mut second) = two_loops(&ns).await;
    ns.west.ready("web", 0).await;
    first.line_containing("web -> web-east").await;
    let rest = end(first).await;
    assert!(rest.stdout.is_empty(), "{rest:?}");
    second.stderr_line_containing("acquired the Lease").await;
    ns.west.ready("web", 1).await;
    second.line_containing("web-east -> web").await;
    let rest = end(second).await;
    assert!(
        rest.stdout.is_empty(),
        "the move of the other was told too: {rest:?}"
    );
}

#[tokio::test]
async fn a_watch_whose_output_is_closed_releases_its_lease() {
    let ns = TestNamespace::new("unheard").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let mut watch = started(plugin().args(["watch"]).on(&ns.west)).await;
    until_held(&ns.west).await;
    watch.stop_listening();
    for (ready, weight) in [(0, 0), (1, 1)] {
        ns.west.ready("web", ready).await;
        eventually("the traffic has moved", async || {
            let weights = ns.west.weights("web").await;
            if weights[0].1 == weight {
                Ok(())
            } else {
                Err(format!("{weights:?}"))
            }
        })
        .await;
    }
    assert!(watch.wait().await.success());
    let lease = ns
        .west
        .api::<Lease>()
        .get("kubectl-failover")
        .await
        .unwrap();
    assert_eq!(lease.spec.unwrap().holder_identity.as_deref(), Some(""));
}

#[tokio::test]
async fn once_beside_another_watch_ends_with_a_message() {
    let ns = TestNamespace::new("once-beside").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let watch = started(plugin().args(["watch"]).on(&ns.west)).await;
    let holder = until_held(&ns.west).await;
    let output = plugin()
        .args(["watch", "--once"])
        .on(&ns.west)
        .run()
        .await
        .code(3);
    output.stdout_is("").stderr_contains(&format!(
        "another watch ({holder}) is already running namespace {}",
        ns.name
    ));
    // A run that writes nothing does not need the Lease.
    plugin()
        .args(["watch", "--once", "--dry-run"])
        .on(&ns.west)
        .run()
        .await
        .success();
    end(watch).await;
    plugin()
        .args(["watch", "--once"])
        .on(&ns.west)
        .run()
        .await
        .success();
}

#[tokio::test]
async fn status_shows_which_watch_runs_the_groups() {
    let ns = TestNamespace::new("runner").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let status = async || {
        plugin()
            .args(["status", "-o", "json"])
            .on(&ns.west)
            .run()
            .await
            .success()
            .json()
    };
    let before = status().await["items"][0].clone();
    assert_eq!(before["runner"]["kind"], "nobody", "{before}");
    assert_eq!(
        before["flags"],
        serde_json::json!(["redundant", "unattended", "exposed"]),
        "{before}"
    );
    let watch = started(plugin().args(["watch"]).on(&ns.west)).await;
    let holder = until_held(&ns.west).await;
    let during = status().await["items"][0].clone();
    assert_eq!(during["runner"]["holder"], holder, "{during}");
    assert_eq!(during["runner"]["kind"], "watch", "{during}");
    plugin()
        .args(["status"])
        .on(&ns.west)
        .run()
        .await
        .success()
        .stdout_contains(&holder);
    end(watch).await;
    plugin()
        .args(["status"])
        .on(&ns.west)
        .run()
        .await
        .success()
        .stdout_contains("none");
}

/// Two watches of one healthy group. The first one holds the Lease.
async fn two_loops(ns: &TestNamespace) -> (crate::support::Running, crate::support::Running) {
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let first = started(plugin().args(["watch"]).on(&ns.west)).await;
    let holder = until_held(&ns.west).await;
    let mut second = plugin().args(["watch"]).on(&ns.west).spawn();
    second
        .stderr_line_containing(&format!(
            "{}: another watch ({holder}) holds the Lease; standing by",
            ns.name
        ))
        .await;
    (first, second)
}

async fn until_moved(side: &Side, limit: Duration) {
    eventually_within(limit, "the traffic has moved", async || {
        let weights = side.weights("web").await;
        if weights[1].1 == 1 {
            Ok(())
        } else {
            Err(format!("{weights:?}"))
        }
    })
    .await;
}

/// Waits until a watch holds the Lease. Returns the holder.
async fn until_held(side: &Side) -> String {
    eventually("the Lease is held", async || {
        let lease = side
            .api::<Lease>()
            .get_opt("kubectl-failover")
            .await
            .unwrap();
        let holder = lease
            .and_then(|lease| lease.spec?.holder_identity)
            .unwrap_or_default();
        if holder.is_empty() {
            Err("nobody holds it".to_owned())
        } else {
            Ok(holder)
        }
    })
    .await
}

/// Another watch, which may, takes the Lease.
#[tokio::test]
async fn a_watch_that_may_not_patch_holds_no_lease() {
    let ns = TestNamespace::new("no-patch").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let mut rights = operator_rights();
    for rule in &mut rights {
        rule.verbs.retain(|verb| verb != "patch");
    }
    let mut limited = watching_as(&ns.west, &rights, &[]).await;
    limited
        .stderr_line_containing("cannot patch trafficsplits.split.smi-spec.io")
        .await;
    let mut capable = started(plugin().args(["watch"]).on(&ns.west)).await;
    ns.west.ready("web", 0).await;
    capable.line_containing("web -> web-east").await;
    let rest = end(limited).await;
    assert_eq!(rest.complaints("cannot patch"), 1, "said once: {rest:#?}");
    end(capable).await;

    let kubeconfig = restricted_kubeconfig(&ns.west, "once", &rights).await;
    ns.west.ready("web", 1).await;
    let once = plugin().args(["watch", "--once"]).on(&ns.west);
    let once = once.kubeconfig(kubeconfig.path()).run().await.code(1);
    assert!(once.stderr.contains("cannot patch"), "{once}");
}

/// Each watch speaks for the groups that its selector covers, and for no others.
#[tokio::test]
async fn watches_with_different_selectors_run_side_by_side() {
    let ns = TestNamespace::new("selectors").await;
    for (group, team) in [("web", "a"), ("emoji", "b"), ("vote", "c")] {
        let fallback = format!("{group}-east");
        ns.west
            .group(group, &[(group, 1, 1), (&fallback, 0, 1)])
            .await;
        let labels = json!({"metadata": {"labels": {"team": team}}});
        ns.west.edit_split(group, labels).await;
    }
    let selected =
        async |team: &'static str| started(plugin().args(["watch", "-l", team]).on(&ns.west)).await;
    let (mut a, mut b) = (selected("team=a").await, selected("team=b").await);
    let mut others = started(plugin().args(["watch"]).on(&ns.west)).await;
    others
        .stderr_line_containing("runs the groups with labels team=")
        .await;
    for group in ["web", "emoji", "vote"] {
        ns.west.ready(group, 0).await;
        ns.west.until_weights(group, &[0, 1]).await;
    }
    a.line_containing("web -> web-east").await;
    b.line_containing("emoji -> emoji-east").await;
    others.line_containing("vote -> vote-east").await;

    let once = plugin()
        .args(["watch", "--once", "-l", "team=b"])
        .on(&ns.west)
        .run()
        .await;
    let once = once.code(3);
    assert!(
        once.stderr.contains("is already running namespace"),
        "{once}"
    );
    let once = plugin()
        .args(["watch", "--once", "-l", "team=d"])
        .on(&ns.west);
    once.run().await.success();

    // Without a watch of its own, team b is run by the one for the whole namespace.
    let rest = end(b).await;
    assert!(rest.stdout.is_empty(), "{rest:#?}");
    ns.west.ready("emoji", 1).await;
    others.line_containing("emoji-east -> emoji").await;
    let rest = end(others).await;
    assert!(rest.stdout.is_empty(), "{rest:#?}");

    let status = plugin()
        .args(["status", "-o", "json"])
        .on(&ns.west)
        .run()
        .await
        .success();
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let runners: Vec<&str> = status["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["runner"]["kind"].as_str().unwrap())
        .collect();
    assert_eq!(runners, ["nobody", "nobody", "watch"], "{status:#}");
    let check = plugin().args(["check"]).on(&ns.west).run().await;
    assert!(check.stdout.contains("no watch is running for"), "{check}");
    end(a).await;
}

/// The objects' versions guard the writes.
#[tokio::test]
async fn traffic_moves_although_a_policy_denies_the_lease() {
    let ns = TestNamespace::new("lease-denied").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let policy = DenyingPolicy::install(&ns.west, Admitted::Leases, "Invalid").await;
    let mut watch = started(plugin().args(["watch"]).on(&ns.west)).await;
    watch
        .stderr_line_containing(&format!("{}: running without a Lease (", ns.name))
        .await;
    ns.west.ready("web", 0).await;
    ns.west.until_weights("web", &[0, 1]).await;
    watch.line_containing("web -> web-east").await;
    let check = plugin().args(["check"]).on(&ns.west).run().await;
    let refused = format!(
        "does not accept the Lease of a watch in namespace {}: ",
        ns.name
    );
    assert!(check.stdout.contains(&refused), "{check}");
    let rest = end(watch).await;
    assert_eq!(
        rest.complaints("frozen until Monday"),
        1,
        "said once: {rest:#?}"
    );
    policy.remove().await;
}

/// Each renewal takes ten of the Lease's fifteen seconds.
#[tokio::test]
async fn traffic_moves_although_a_webhook_holds_up_the_lease() {
    let ns = TestNamespace::new("lease-held-up").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    hanging_webhook(&ns.west, Admitted::All, 10).await;
    let mut watch = started(plugin().args(["watch"]).on(&ns.west)).await;
    ns.west.ready("web", 0).await;
    until_moved(&ns.west, Duration::from_secs(60)).await;
    watch.line_containing("web -> web-east").await;
    until_held(&ns.west).await;
    remove_webhook(&ns.west).await;
    let rest = end(watch).await;
    for words in ["cannot read or renew", "running without a Lease"] {
        assert_eq!(rest.complaints(words), 0, "{rest:#?}");
    }
}

#[tokio::test]
async fn a_move_that_is_refused_is_not_promised() {
    let ns = TestNamespace::new("refused-move").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let policy = DenyingPolicy::install(&ns.west, Admitted::TrafficSplits, "Invalid").await;
    let mut watch = started(plugin().args(["watch"]).on(&ns.west)).await;
    ns.west.ready("web", 0).await;
    watch.stderr_line_containing("frozen until Monday").await;
    for command in ["status", "check"] {
        plugin()
            .args([command])
            .on(&ns.west)
            .run()
            .await
            .stdout_contains(" has not failed over (its output says why)");
    }
    end(watch).await;
    policy.remove().await;
}
