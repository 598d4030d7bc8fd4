//! A remote that cannot be reached becomes unknown after a while, never dead, and delays nothing
//! else.

use std::time::{Duration, Instant};

use futures::future::join_all;
use http::Method;
use kube::config::Kubeconfig;
use serde_json::json;
use tempfile::NamedTempFile;

use super::{REMOTE, flat_group};
use crate::support::{
    Fault, FaultProxy, Running, TestNamespace, end, eventually_within, kubeconfig_with, plugin,
    started,
};

/// The shared kubeconfig, with a proxy in front of east.
fn through(proxy: &FaultProxy) -> NamedTempFile {
    let behind =
        Kubeconfig::read_from(proxy.kubeconfig()).expect("the proxy's kubeconfig can be read");
    let entry = behind
        .clusters
        .into_iter()
        .find_map(|entry| entry.cluster)
        .expect("it has a cluster");
    kubeconfig_with(|config| {
        let east = config
            .clusters
            .iter_mut()
            .find(|cluster| cluster.name == "east")
            .expect("there is east");
        east.cluster = Some(entry);
    })
}

/// Cuts a remote off: open connections break, and new ones hang.
fn cut_off(proxy: &FaultProxy) {
    proxy.inject(Method::GET, "endpointslices", usize::MAX, Fault::Hang);
    proxy.cut_streams();
}

async fn line_in_time(running: &mut Running, text: &str, limit: Duration) -> String {
    let end = Instant::now() + limit;
    while let Some(line) = running
        .line_within(end.saturating_duration_since(Instant::now()))
        .await
    {
        if line.contains(text) {
            return line;
        }
    }
    panic!("no line with {text:?} within {limit:?}");
}

async fn mark(ns: &TestNamespace) {
    ns.west
        .group("mark", &[("mark", 1, 1), ("mark-east", 0, 1)])
        .await;
}

#[tokio::test]
async fn a_remote_that_is_cut_off_becomes_unknown_and_recovers() {
    let ns = flat_group("remote-lost").await;
    ns.west.ready("web", 0).await;
    let proxy = FaultProxy::before(&ns.east).await;
    let kubeconfig = through(&proxy);
    let watch = plugin()
        .args(["watch"])
        .args(REMOTE)
        .on(&ns.west)
        .kubeconfig(kubeconfig.path());
    let mut watch = started(watch).await;
    ns.west.until_weights("web", &[0, 1]).await;
    assert_ne!(
        ns.west.last_move("web").await["unverified"],
        true,
        "it is known"
    );
    let sight = plugin()
        .args(["status", "web", "-w", "-o", "json"])
        .args(REMOTE);
    let mut sight = sight.on(&ns.west).kubeconfig(kubeconfig.path()).spawn();
    sight.line_containing("\"ready\":1").await;

    cut_off(&proxy);
    let limit = Duration::from_secs(45);
    let line = line_in_time(&mut sight, "cluster far", limit).await;
    assert!(line.contains("\"state\":\"Unknown\""), "{line}");
    watch.stderr_line_containing("in cluster far").await;
    ns.west.until_weights("web", &[0, 1]).await;

    proxy.heal();
    proxy.cut_streams();
    ns.east.ready("web", 2).await;
    line_in_time(&mut sight, "\"ready\":2", limit).await;
    ns.west.ready("web", 1).await;
    ns.west.until_weights("web", &[1, 0]).await;
    drop(sight);
    assert_eq!(end(watch).await.moves("web: web-east -> web"), 1);
}

#[tokio::test]
async fn a_remote_that_hangs_delays_no_other_group() {
    let ns = flat_group("remote-hangs").await;
    mark(&ns).await;
    let proxy = FaultProxy::before(&ns.east).await;
    cut_off(&proxy);
    let kubeconfig = through(&proxy);
    ns.west.ready("mark", 0).await;
    ns.west.ready("web", 0).await;
    let watch = plugin()
        .args(["watch"])
        .args(REMOTE)
        .on(&ns.west)
        .kubeconfig(kubeconfig.path());
    let mut watch = started(watch).await;
    // The other group moves first, while the one with the mirror waits for its remote.
    let first = watch.line_containing("->").await;
    assert!(first.contains("mark -> mark-east"), "{first}");
    // Nothing is known about the only fallback, and the primary is dead: it is tried, unverified.
    eventually_within(Duration::from_secs(30), "it is tried", async || {
        let note = ns.west.last_move("web").await;
        if note["unverified"] == true {
            Ok(())
        } else {
            Err(note.to_string())
        }
    })
    .await;
    end(watch).await;
}

#[tokio::test]
async fn a_remote_that_starts_to_hang_delays_no_local_failover() {
    const GROUPS: usize = 24;
    const DELAY: Duration = Duration::from_secs(12);
    let ns = flat_group("remote-hung").await;
    let groups: Vec<(String, String)> = (0..GROUPS)
        .map(|i| (format!("app-{i}"), format!("other-{i}")))
        .collect();
    for (app, other) in &groups {
        for service in [app, other] {
            ns.west.bare_service(service).await;
            ns.west.ready(service, 1).await;
        }
        ns.west
            .traffic_split(app, app, &[(app, 1), ("web-east", 0), (other, 0)])
            .await;
        let delay = json!({"failover.linkerd.io/failover-delay": format!("{}s", DELAY.as_secs())});
        ns.west
            .edit_split(app, json!({"metadata": {"annotations": delay}}))
            .await;
    }
    let proxy = FaultProxy::before(&ns.east).await;
    let kubeconfig = through(&proxy);
    let watch = plugin()
        .args(["watch"])
        .args(REMOTE)
        .on(&ns.west)
        .kubeconfig(kubeconfig.path());
    let watch = started(watch).await;
    proxy.until_seen(Method::GET, "endpointslices", 2).await;
    cut_off(&proxy);
    join_all(groups.iter().map(|(app, _)| ns.west.ready(app, 0))).await;
    // One after the other, they would take several request timeouts.
    eventually_within(
        DELAY + Duration::from_secs(6),
        "all are on what is ready here",
        async || {
            let weights = join_all(groups.iter().map(|(app, _)| ns.west.weights(app))).await;
            let away = weights
                .iter()
                .filter(|weights| weights[0].1 == 0 && weights[2].1 == 1);
            let away = away.count();
            if away == GROUPS {
                Ok(())
            } else {
                Err(format!("{away} of {GROUPS}"))
            }
        },
    )
    .await;
    end(watch).await;
}

#[tokio::test]
async fn status_waits_for_a_hanging_remote_only_up_to_a_limit() {
    let ns = flat_group("status-hangs").await;
    let proxy = FaultProxy::before(&ns.east).await;
    cut_off(&proxy);
    let kubeconfig = through(&proxy);
    let status = plugin()
        .args(["status", "-o", "json"])
        .args(REMOTE)
        .on(&ns.west)
        .kubeconfig(kubeconfig.path());
    let seen = status.run().await.success().json();
    let unknown = seen["items"][0]["backends"][1]["unknown"]
        .as_str()
        .expect("it is unknown")
        .to_owned();
    assert!(
        unknown.starts_with("cluster far: ") && unknown.contains("no answer within 5 s"),
        "{unknown}"
    );
}
