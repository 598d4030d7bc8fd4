//! The way from Linkerd's failover controller to this one: on each step of it, the traffic leaves a
//! primary that fails, and returns.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use super::pod::{Pod, free_ports};
use super::{Installation, apply_all};
use crate::ALONE;
use crate::support::{ReadinessFrom, Side, Upstream};

/// How long a failover may take on each step. A failure of a step takes minutes to be repaired.
const STEP_LIMIT: Duration = Duration::from_secs(10);

/// A group whose primary fails again and again.
struct Group<'a> {
    side: &'a Side,
    changes: i64,
}

impl Group<'_> {
    async fn fails_and_returns(&mut self, step: &str) {
        for (ready, weights) in [(0, [0, 1]), (1, [1, 0])] {
            let began = Instant::now();
            self.side.ready("web", ready).await;
            self.side.until_weights("web", &weights).await;
            let took = began.elapsed();
            eprintln!("{step}: weights {weights:?} after {took:?}");
            assert!(took < STEP_LIMIT, "{step}: {took:?}");
            self.changes += 1;
        }
    }

    /// Each change of the primary has moved the traffic once: two controllers never had a fight.
    async fn moved_once_each(&self) {
        let split = self.side.split("web").await;
        assert_eq!(split["metadata"]["generation"], json!(1 + self.changes));
    }
}

#[tokio::test]
async fn the_way_from_linkerds_controller_has_no_gap() {
    let _alone = ALONE.lock().await;
    let it = Installation::labelled(json!({"linkerd.io/extension": "failover"})).await;
    let shop = it.namespace("shop").await;
    shop.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    it.side.deployment("linkerd-failover", 1).await;
    it.side.until_running("linkerd-failover").await;
    let theirs = Upstream::runs(&shop, ReadinessFrom::Slices);
    let mut group = Group {
        side: &shop,
        changes: 0,
    };
    group.fails_and_returns("before").await;
    let ports = free_ports();
    let metrics = format!("metrics.address=127.0.0.1,metrics.port={}", ports[0]);
    let beside = "alongsideUpstream=true";
    it.plugin(&["install"])
        .await
        .code(4)
        .stdout_is_empty()
        .stderr_contains("Linkerd's failover controller is installed in namespace linkerd-failover")
        .stderr_contains(&format!("--set {beside}"))
        .stderr_contains("scale deployment/linkerd-failover --replicas=0");
    it.plugin(&["install", "--set", beside, "-n", "elsewhere"])
        .await
        .code(4)
        .stderr_contains("-n linkerd-failover");

    let objects = it.printed(&["--set", beside, "--set", &metrics]).await;
    apply_all(&it.side, &objects).await;
    let pod = Pod::new(&it, ports[0]).await;
    let mut first = pod.start();
    group.fails_and_returns("while it starts").await;
    first.stderr_line_containing("watching 1 group").await;
    group.fails_and_returns("beside each other").await;

    drop(theirs);
    it.side.scale("linkerd-failover", 0).await;
    group.fails_and_returns("when theirs ends").await;

    let objects = it.printed(&["--set", &metrics]).await;
    apply_all(&it.side, &objects).await;
    let pod = Pod::new(&it, ports[1]).await;
    let mut second = pod.start();
    second.stderr_line_containing("standing by").await;
    let (_, ()) = tokio::join!(
        first.end_with(Signal::TERM),
        group.fails_and_returns("while pods are replaced"),
    );
    group.fails_and_returns("after").await;
    group.moved_once_each().await;
    let status = it.plugin(&["status", "-A"]).await.success();
    status.stdout_contains("system:serviceaccount:linkerd-failover:kubectl-failover@");
    second.end_with(Signal::TERM).await;
}
