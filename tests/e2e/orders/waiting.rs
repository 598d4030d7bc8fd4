//! `failback --when-ready`.

use http::Method;

use super::{assert_home, order, run, run_through, web};
use crate::support::{A_WHILE, FaultProxy, TestNamespace};

#[tokio::test]
async fn it_moves_home_as_soon_as_home_is_ready() {
    let ns = TestNamespace::new("when-ready").await;
    web(&ns.west, [0, 1, 1]).await;
    run(&ns.west, "force web --to web-east").await.success();
    let proxy = FaultProxy::before(&ns.west).await;
    let mut waiting = order(&ns.west, "failback web --when-ready").kubeconfig(proxy.kubeconfig()).spawn();
    let line = waiting.stderr_line_containing("waiting: ").await;
    assert_eq!(line, format!("waiting: {}/web: web has 0 of 1 endpoints ready, 1 needed", ns.name));

    proxy.until_seen(Method::GET, "endpointslices*watch=", 1).await;
    let lists = || proxy.seen(&Method::GET, "/trafficsplits/web").len();
    let settled = async {
        let mut before = lists();
        // Until it has taken in the first list of its watch.
        loop {
            assert!(waiting.line_within(A_WHILE).await.is_none(), "nothing is done yet");
            if lists() == before {
                return before;
            }
            before = lists();
        }
    }
    .await;
    assert!(settled < 5, "it watches, and does not ask again and again: {settled}");

    ns.west.ready("web", 1).await;
    let (status, stdout, stderr) = waiting.wait_and_collect().await;
    assert_eq!(status.code(), Some(0), "{stderr:?}");
    assert!(stdout[0].contains("the override is ended; now web carries the traffic"), "{stdout:?}");
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn it_does_not_wait_for_ever() {
    let ns = TestNamespace::new("when-late").await;
    web(&ns.west, [0, 1, 1]).await;
    run(&ns.west, "force web --to web-east").await.success();
    let version = ns.west.version("web").await;
    let output = run(&ns.west, "failback web --when-ready --timeout 1s").await.code(3);
    output
        .stdout_is("")
        .stderr_contains(&format!("not ready in time: {}/web: web has 0 of 1 endpoints ready", ns.name))
        .stderr_contains("nothing was changed");
    assert_eq!(ns.west.version("web").await, version);
}

#[tokio::test]
async fn what_is_ready_does_not_wait() {
    let ns = TestNamespace::new("when-now").await;
    web(&ns.west, [1, 1, 1]).await;
    let proxy = FaultProxy::before(&ns.west).await;
    run(&ns.west, "force web --to web-east").await.success();
    let output = run_through(&ns.west, proxy.kubeconfig(), "failback web --when-ready").await.success();
    output.stderr_lacks("waiting");
    let again = run(&ns.west, "failback web --when-ready --timeout 20s").await.success();
    again.stdout_contains("web has the traffic already");
    run(&ns.west, "failback web --timeout 1s").await.code(2).stderr_contains("--when-ready");
}
