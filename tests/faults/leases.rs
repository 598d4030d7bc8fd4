//! Two loops on one estate: one writes.

use std::time::{Duration, Instant};

use http::Method;
use jiff::SignedDuration;
use rustix::process::{Signal, kill_process};
use std::sync::Arc;
use tokio::sync::Notify;

use crate::estate::{Estate, LIMIT, MANY, fallback_of};
use crate::support::{
    Fault, FaultProxy, Recorded, Running, TestNamespace, end, on_this_machine, plugin, started,
};

const SPLITS: &str = "/trafficsplits/";
const LEASES: &str = "/leases";
/// How long a Lease lasts after it was written.
const LASTS: Duration = Duration::from_secs(15);
/// How long the other loop may take once the Lease has ended.
const TAKE_OVER: Duration = Duration::from_secs(5);

/// Two loops, each with a proxy of its own: their notes are the audit log.
struct Pair {
    ns: TestNamespace,
    estate: Estate,
    first: FaultProxy,
    second: FaultProxy,
}

impl Pair {
    /// The first loop holds the Lease; the API server's clock differs by so much for each of them.
    async fn new(purpose: &str, hours: [i64; 2]) -> (Self, Running, Running) {
        let ns = TestNamespace::new(purpose).await;
        let estate = Estate::build(&ns.west, MANY).await;
        let [first, second] = [FaultProxy::before(&ns.west).await, FaultProxy::before(&ns.west).await];
        for (proxy, hours) in [&first, &second].into_iter().zip(hours) {
            proxy.shift_clock(SignedDuration::from_hours(hours));
        }
        let watch = |proxy: &FaultProxy| plugin().args(["watch"]).on(&ns.west).kubeconfig(proxy.kubeconfig());
        let holder = started(watch(&first)).await;
        first.until_seen(Method::POST, LEASES, 1).await;
        let mut standby = started(watch(&second)).await;
        standby.stderr_line_containing("standing by").await;
        (Self { ns, estate, first, second }, holder, standby)
    }

    /// Checks that each write started while the Lease of its loop could not have ended, nor be the other's.
    fn audit(&self) {
        let pairs = [(&self.first, &self.second), (&self.second, &self.first)];
        for (own, other) in pairs {
            let taken = lease_writes(other);
            for write in own.seen(&Method::PATCH, SPLITS) {
                let kept = lease_writes(own).into_iter().rfind(|lease| lease.at <= write.at);
                let kept = kept.unwrap_or_else(|| panic!("written without a Lease: {write:?}"));
                assert!(write.at < kept.at + LASTS, "written after the Lease had ended: {write:?} {kept:?}");
                let between = taken.iter().find(|lease| lease.at > kept.at && lease.at < write.at);
                assert!(between.is_none(), "written under the Lease of another: {write:?} {between:?}");
            }
        }
    }

    /// Waits until the second loop has taken over and done what there was to do. It was left alone by `since`.
    async fn until_taken_over(&self, since: Instant) {
        self.estate.until_right(on_this_machine(LASTS + TAKE_OVER)).await;
        let taken = lease_writes(&self.second).first().expect("the second loop has the Lease").at;
        let took = taken.duration_since(since);
        assert!(took < on_this_machine(LASTS + TAKE_OVER), "{took:?}");
    }
}

/// When a proxy passed the Lease on and it was taken.
fn lease_writes(proxy: &FaultProxy) -> Vec<Recorded> {
    let mut writes = proxy.seen(&Method::POST, LEASES);
    writes.extend(proxy.seen(&Method::PUT, LEASES));
    writes.retain(|write| matches!(write.status, Some(200 | 201)));
    writes.sort_by_key(|write| write.at);
    writes
}

#[tokio::test]
async fn a_loop_that_is_killed_or_frozen_is_taken_over_from_whatever_the_clocks_say() {
    tokio::join!(killed("same-clocks", [0, 0]), killed("other-clocks", [1, -1]), frozen());
}

async fn killed(purpose: &str, hours: [i64; 2]) {
    let (pair, holder, standby) = Pair::new(purpose, hours).await;
    pair.first.disturb(Method::PATCH, SPLITS, 1, &[Fault::Delay(Duration::from_millis(300))]);
    pair.estate.lose_all_primaries().await;
    pair.first.until_seen(Method::PATCH, SPLITS, MANY / 4).await;
    assert!(!holder.end_with(Signal::KILL).await.success());
    pair.until_taken_over(Instant::now()).await;
    assert_eq!(pair.estate.away().await, MANY);
    pair.audit();
    end(standby).await;
}

/// A write of the first loop is under way when it freezes, and arrives when it is long out of date.
async fn frozen() {
    let (pair, holder, standby) = Pair::new("frozen", [0, 0]).await;
    let (estate, under_way) = (&pair.estate, Arc::new(Notify::new()));
    let late = format!("{SPLITS}g0?");
    pair.first.inject(Method::PATCH, &late, 1, Fault::Wait(Arc::clone(&under_way)));
    estate.set("g0", false).await;
    pair.first.until_seen(Method::PATCH, &late, 1).await;
    kill_process(holder.pid(), Signal::STOP).unwrap();
    let frozen = Instant::now();
    estate.lose_all_primaries().await;
    pair.until_taken_over(frozen).await;
    let (before, version) = (pair.first.writes(), pair.ns.west.version("g0").await);

    under_way.notify_one();
    estate
        .until(LIMIT, "the late write is answered", async || {
            let status = pair.first.seen(&Method::PATCH, &late)[0].status;
            if status.is_some() { Ok(()) } else { Err("no answer".to_owned()) }
        })
        .await;
    assert_eq!(pair.first.seen(&Method::PATCH, &late)[0].status, Some(409));
    assert_eq!(pair.ns.west.version("g0").await, version);
    kill_process(holder.pid(), Signal::CONT).unwrap();
    let mut holder = holder;
    holder.stderr_line_containing("standing by").await;
    estate.restore_all_primaries().await;
    estate.set(&fallback_of("g0"), false).await;
    estate.until_right(LIMIT).await;
    assert_eq!(pair.first.writes(), before, "the loop that came back has written");
    pair.audit();
    end(holder).await;
    end(standby).await;
}
