//! Long and slow lists.

use futures::{StreamExt as _, stream};
use http::Method;

use crate::support::{Fault, FaultProxy, Output, TestNamespace, plugin};

/// One more than a small page holds.
const GROUP_COUNT: usize = 501;
const GROUP_LIST: &str = "trafficsplits?*limit=10000";

async fn many_groups(prefix: &str) -> TestNamespace {
    let ns = TestNamespace::new(prefix).await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 2)])
        .await;
    let groups = (1..GROUP_COUNT).map(|number| format!("group-{number}"));
    let west = &ns.west;
    let made = groups.map(|name| async move {
        west.traffic_split(&name, &name, &[(&name, 1), ("web-east", 0)])
            .await;
    });
    stream::iter(made)
        .buffer_unordered(16)
        .collect::<Vec<()>>()
        .await;
    ns
}

async fn status(ns: &TestNamespace, proxy: &FaultProxy, flags: &[&str]) -> Output {
    plugin()
        .args(["status"])
        .args(flags)
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig())
        .run()
        .await
        .success()
}

fn assert_all_are_shown(output: &Output) {
    let table = output.stdout.lines().take_while(|line| !line.is_empty());
    assert_eq!(table.count(), 1 + GROUP_COUNT, "{output}");
    let row = |name: &str| {
        output
            .stdout
            .lines()
            .find(|line| line.starts_with(&format!("{name} ")))
            .unwrap()
    };
    assert!(row("web").contains("web:1/2 web-east:2/3"), "{output}");
    assert!(
        row("group-7").contains("group-7:missing web-east:2/3"),
        "{output}"
    );
}

#[tokio::test]
async fn many_groups_and_their_slices_take_one_list_each() {
    let ns = many_groups("many").await;
    let proxy = FaultProxy::before(&ns.west).await;
    let output = status(&ns, &proxy, &[]).await;
    assert_all_are_shown(&output);
    for (step, count) in [
        ("  fail over now: kubectl failover force group-", 4),
        ("  then the same for: 380 more groups", 1),
        ("  and stay covered: kubectl failover watch ", 1),
        ("  next: kubectl failover watch ", 1),
    ] {
        let lines = output.stdout.lines();
        let steps = lines.filter(|line| line.starts_with(step)).count();
        assert_eq!(steps, count, "{step}: {output}");
    }
    let folded = format!("{} groups in {} (group-", GROUP_COUNT - 1, ns.name);
    assert!(output.stdout.contains(&folded), "{output}");
    assert!(
        output
            .stdout
            .ends_with(&format!(" groups: {} Down, 1 Primary\n", GROUP_COUNT - 1)),
        "{output}"
    );
    for list in [GROUP_LIST, "endpointslices?limit=10000"] {
        assert_eq!(proxy.seen(&Method::GET, list).len(), 1, "{list}");
    }
}

#[tokio::test]
async fn a_slow_list_is_read_in_small_pages() {
    let ns = many_groups("slow").await;
    let proxy = FaultProxy::before(&ns.west).await;
    proxy.inject(Method::GET, GROUP_LIST, 1, Fault::Silent);
    assert_all_are_shown(&status(&ns, &proxy, &["--request-timeout", "3s"]).await);
    assert_eq!(proxy.seen(&Method::GET, GROUP_LIST).len(), 1);
    assert_eq!(
        proxy.seen(&Method::GET, "trafficsplits?*limit=500").len(),
        2
    );
    assert_eq!(
        proxy
            .seen(&Method::GET, "endpointslices?*limit=10000")
            .len(),
        0,
        "once was enough to know"
    );
}

#[tokio::test]
async fn a_list_that_never_comes_is_an_error() {
    let ns = TestNamespace::new("never").await;
    let proxy = FaultProxy::before(&ns.west).await;
    proxy.inject(Method::GET, "trafficsplits?", 2, Fault::Silent);
    let status = plugin()
        .args(["status", "--request-timeout", "1s"])
        .on(&ns.west);
    let output = status.kubeconfig(proxy.kubeconfig()).run().await.code(1);
    output.stderr_contains("did not answer within 1 s");
}
