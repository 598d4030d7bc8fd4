//! A machine that sleeps while delays are running. The watch runs in this process, so that its
//! clocks can jump.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use kube::api::{Patch, PatchParams};
use kubectl_failover::internals::{
    self, Clocks, Cluster, Clusters, ConnectOptions, Metrics, TextFormat, WatchOptions, WatchReport,
};
use kubectl_failover::model::Notice;
use serde_json::json;

use crate::support::group_fixture::{GROUPS, GroupFixture, SETTLE_LIMIT, for_each};
use crate::support::{Fault, FaultProxy, TestNamespace};

const DELAY: Duration = Duration::from_secs(12);
const WATCH: &str = "?watch=true";
const SPLITS: &str = "/trafficsplits/";
/// How many seconds the machine has slept so far.
static SLEPT: AtomicU64 = AtomicU64::new(0);

fn clocks(monotonic: Duration) -> Clocks {
    let slept = Duration::from_secs(SLEPT.load(Ordering::Relaxed));
    let awake = Clocks::read(monotonic);
    Clocks {
        boot: awake.boot + slept,
        wall: awake.wall + slept,
        ..awake
    }
}

#[tokio::test]
async fn after_a_sleep_recovered_groups_stay_and_delays_start_again() {
    let ns = TestNamespace::new("sleep").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    for_each(&fixture.names, async |name: &String| {
        let delay = json!({"failover.linkerd.io/failover-delay": format!("{}s", DELAY.as_secs())});
        let patch = Patch::Merge(json!({"metadata": {"annotations": delay}}));
        ns.west
            .traffic_splits()
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    })
    .await;
    let proxy = FaultProxy::before(&ns.west).await;
    let options = ConnectOptions {
        kubeconfig: Some(proxy.kubeconfig().to_owned()),
        ..ConnectOptions::default()
    };
    let cluster = Clusters::from(Cluster::connect(&options).await.unwrap());
    let metrics = Metrics::default();
    let options = WatchOptions {
        namespace: Some(ns.name.clone()),
        metrics: metrics.clone(),
        clocks: Some(clocks),
        ..WatchOptions::default()
    };
    let all_wait = format!("failover_groups{{context=\"west\",state=\"Waiting\"}} {GROUPS}\n");
    let until_all_wait = async || {
        let seen = async || {
            let figures = metrics.text(TextFormat::Prometheus).unwrap();
            if figures.contains(&all_wait) {
                Ok(())
            } else {
                Err(figures)
            }
        };
        fixture.until(SETTLE_LIMIT, "every delay runs", seen).await;
    };
    let notices = RefCell::new(Vec::new());
    let mut say = |report: WatchReport| {
        notices.borrow_mut().push(report.notice);
        Ok(())
    };
    let said = |is_meant: fn(&Notice) -> bool| {
        notices
            .borrow()
            .iter()
            .filter(|notice| is_meant(notice))
            .count()
    };
    let until = async |what: &str, count: usize, is_meant: fn(&Notice) -> bool| {
        let seen = async || {
            if said(is_meant) >= count {
                Ok(())
            } else {
                Err(format!("{}", said(is_meant)))
            }
        };
        fixture.until(SETTLE_LIMIT, what, seen).await;
    };
    let story = async {
        until("the loop has started", 1, |notice| {
            matches!(notice, Notice::Started { .. })
        })
        .await;
        proxy.until_seen(Method::GET, WATCH, 2).await;

        // No event arrives while it sleeps.
        fixture.lose_all_primaries().await;
        until_all_wait().await;
        sleep_for(&proxy, 3600, async || fixture.restore_all_primaries().await).await;
        until("it notices", 1, |notice| {
            matches!(notice, Notice::Suspended)
        })
        .await;
        let awake = Instant::now();
        fixture
            .until(SETTLE_LIMIT, "the delays would be over", async || {
                past(awake, DELAY * 2)
            })
            .await;
        assert_eq!(proxy.writes(), 0, "what has recovered was moved");
        assert!(fixture.wrong().await.is_empty());

        fixture.lose_all_primaries().await;
        until_all_wait().await;
        sleep_for(&proxy, 60, async || ()).await;
        let woke = Instant::now();
        until("it notices again", 2, |notice| {
            matches!(notice, Notice::Suspended)
        })
        .await;
        let all_moved = async || match fixture.away().await {
            GROUPS => Ok(()),
            away => Err(away.to_string()),
        };
        fixture
            .until(SETTLE_LIMIT, "all have moved", all_moved)
            .await;
        let first = proxy
            .seen(&Method::PATCH, SPLITS)
            .into_iter()
            .map(|write| write.at)
            .min()
            .unwrap();
        assert!(
            first >= woke + DELAY,
            "moved {:?} after the sleep",
            first.duration_since(woke)
        );
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = internals::watch(
        &cluster,
        &options,
        async move { stopped.await.unwrap_or_default() },
        &mut say,
    );
    let (outcome, ()) = tokio::join!(running, async move {
        story.await;
        drop(stop);
    });
    outcome.unwrap();
}

/// Cuts the connections, runs `meanwhile`, and resumes this many seconds later by the clocks of the
/// watch.
async fn sleep_for(proxy: &FaultProxy, seconds: u64, meanwhile: impl AsyncFnOnce()) {
    proxy.disturb(Method::GET, WATCH, 1, &[Fault::Hang]);
    proxy.cut_streams();
    meanwhile().await;
    SLEPT.fetch_add(seconds, Ordering::Relaxed);
    proxy.heal();
    proxy.cut_streams();
}

fn past(start: Instant, time: Duration) -> Result<(), String> {
    if start.elapsed() > time {
        Ok(())
    } else {
        Err(format!("{:?}", start.elapsed()))
    }
}
