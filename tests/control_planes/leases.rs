//! Two watches of the same groups: one of them writes.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use jiff::{SignedDuration, Timestamp};
use rustix::process::{Signal, kill_process};
use tokio::sync::Notify;

use crate::ALONE;
use crate::control_planes::audit::{AuditLog, Write};
use crate::control_planes::servers::until_it_answers;
use crate::support::group_fixture::{GROUPS, GroupFixture, SETTLE_LIMIT, fallback_of};
use crate::support::{
    Fault, FaultProxy, Running, Sandbox, Side, client, end, eventually_within, operator_rights,
    plugin, restricted_kubeconfig_of, started,
};

const SPLITS: &str = "/trafficsplits/";
const LEASES: &str = "/leases";
/// How long a Lease lasts after a write.
const LEASE_DURATION: Duration = Duration::from_secs(15);
/// How long the other watch may take once the Lease has expired.
const TAKEOVER_LIMIT: Duration = Duration::from_secs(5);

/// Two watches, each with a ServiceAccount and a proxy of its own.
struct Pair<'a> {
    side: Side,
    log: &'a AuditLog,
    fixture: GroupFixture,
    first: FaultProxy,
    _second: FaultProxy,
}

impl<'a> Pair<'a> {
    /// The first watch holds the Lease. For each of them the API server's clock differs by this
    /// much.
    async fn new(
        sandbox: &Sandbox,
        log: &'a AuditLog,
        purpose: &str,
        hours: [i64; 2],
    ) -> (Self, Running, Running) {
        let side = Side {
            context: "solo",
            namespace: purpose.into(),
            client: sandbox.client("solo").await,
        };
        side.create_namespace().await;
        let fixture = GroupFixture::build(&side, GROUPS).await;
        let proxy = async |name: &str, hours: i64| {
            let rights = operator_rights();
            let kubeconfig =
                restricted_kubeconfig_of(&sandbox.kubeconfig(), &side, name, &rights).await;
            let operator = Side {
                client: client(kubeconfig.path(), "solo").await,
                ..side.clone()
            };
            let proxy = FaultProxy::before(&operator).await;
            proxy.shift_clock(SignedDuration::from_hours(hours));
            proxy
        };
        let (first, second) = (
            proxy("first", hours[0]).await,
            proxy("second", hours[1]).await,
        );
        let watch = |proxy: &FaultProxy| {
            plugin()
                .args(["watch"])
                .on(&side)
                .kubeconfig(proxy.kubeconfig())
        };
        let holder = started(watch(&first)).await;
        first.until_seen(Method::POST, LEASES, 1).await;
        let mut standby = started(watch(&second)).await;
        standby.stderr_line_containing("standing by").await;
        (
            Self {
                side: side.clone(),
                log,
                fixture,
                first,
                _second: second,
            },
            holder,
            standby,
        )
    }

    /// The writes of one watch to one kind of objects.
    fn writes(&self, user: &str, resource: &str) -> Vec<Write> {
        let user = format!("system:serviceaccount:{}:{user}", self.side.namespace);
        let mut writes = self.log.writes(&self.side.namespace);
        writes.retain(|write| write.user == user && write.resource == resource);
        writes
    }

    /// Checks that each write started after its watch had the Lease and ended before the Lease
    /// could expire, and that the other watch did not hold it meanwhile.
    fn audit(&self) {
        let lasts = SignedDuration::try_from(LEASE_DURATION).unwrap();
        let mut seen = 0;
        for (own, other) in [("first", "second"), ("second", "first")] {
            let (kept, taken) = (self.writes(own, "leases"), self.writes(other, "leases"));
            for write in self.writes(own, "trafficsplits") {
                seen += 1;
                let kept = kept.iter().rfind(|lease| lease.ended <= write.began);
                let kept = kept.unwrap_or_else(|| panic!("written without a Lease: {write:?}"));
                let end = kept.began + lasts;
                assert!(
                    write.began < end,
                    "started after the Lease could have ended: {write:?} {kept:?}"
                );
                assert!(
                    write.ended < end,
                    "ended after the Lease could have ended: {write:?} {kept:?}"
                );
                let between =
                    |lease: &&Write| lease.began > kept.ended && lease.ended < write.ended;
                let between = taken.iter().find(between);
                assert!(
                    between.is_none(),
                    "written under the Lease of another: {write:?} {between:?}"
                );
            }
        }
        assert!(seen >= GROUPS, "{seen} writes are in the audit log");
    }

    /// Waits until the second watch has taken over, within the time limit, and has finished its
    /// work. The first watch has been silent since `since`.
    async fn until_taken_over(&self, since: Timestamp) {
        let taken = eventually_within(SETTLE_LIMIT, "the second loop has the Lease", async || {
            self.writes("second", "leases")
                .first()
                .cloned()
                .ok_or_else(String::new)
        })
        .await;
        let took = taken.began.duration_since(since);
        assert!(
            took < SignedDuration::try_from(LEASE_DURATION + TAKEOVER_LIMIT).unwrap(),
            "{took:?}"
        );
        self.fixture.until_right(SETTLE_LIMIT).await;
    }
}

#[tokio::test]
async fn a_killed_or_frozen_watch_is_replaced_whatever_the_clocks_show() {
    let _alone = ALONE.lock().await;
    let sandbox = Sandbox::start(&["solo"]);
    let log = AuditLog::keep(&sandbox, "solo").await;
    until_it_answers(&sandbox.client("solo").await).await;
    tokio::join!(
        killed(&sandbox, &log, "same-clocks", [0, 0]),
        killed(&sandbox, &log, "holder-ahead", [1, -1]),
        killed(&sandbox, &log, "holder-behind", [-1, 1]),
        frozen(&sandbox, &log),
    );
}

async fn killed(sandbox: &Sandbox, log: &AuditLog, purpose: &str, hours: [i64; 2]) {
    let (pair, holder, standby) = Pair::new(sandbox, log, purpose, hours).await;
    pair.first.disturb(
        Method::PATCH,
        SPLITS,
        1,
        &[Fault::Delay(Duration::from_millis(300))],
    );
    pair.fixture.lose_all_primaries().await;
    pair.first
        .until_seen(Method::PATCH, SPLITS, GROUPS / 4)
        .await;
    assert!(!holder.end_with(Signal::KILL).await.success());
    pair.until_taken_over(Timestamp::now()).await;
    assert_eq!(pair.fixture.away().await, GROUPS);
    pair.audit();
    end(standby).await;
}

/// A write of the first watch is under way when the watch freezes, and arrives when it is long out
/// of date.
async fn frozen(sandbox: &Sandbox, log: &AuditLog) {
    let (pair, holder, standby) = Pair::new(sandbox, log, "frozen", [0, 0]).await;
    let (fixture, under_way) = (&pair.fixture, Arc::new(Notify::new()));
    let late = format!("{SPLITS}g0?");
    pair.first
        .inject(Method::PATCH, &late, 1, Fault::Wait(Arc::clone(&under_way)));
    fixture.set("g0", false).await;
    pair.first.until_seen(Method::PATCH, &late, 1).await;
    kill_process(holder.pid(), Signal::STOP).unwrap();
    let frozen = Timestamp::now();
    fixture.lose_all_primaries().await;
    pair.until_taken_over(frozen).await;
    let (before, version) = (pair.first.writes(), pair.side.version("g0").await);

    under_way.notify_one();
    fixture
        .until(SETTLE_LIMIT, "the late write is answered", async || {
            let status = pair.first.seen(&Method::PATCH, &late)[0].status;
            if status.is_some() {
                Ok(())
            } else {
                Err("no answer".to_owned())
            }
        })
        .await;
    assert_eq!(pair.first.seen(&Method::PATCH, &late)[0].status, Some(409));
    assert_eq!(pair.side.version("g0").await, version);
    kill_process(holder.pid(), Signal::CONT).unwrap();
    let mut holder = holder;
    holder.stderr_line_containing("standing by").await;
    fixture.restore_all_primaries().await;
    fixture.set(&fallback_of("g0"), false).await;
    fixture.until_right(SETTLE_LIMIT).await;
    assert_eq!(
        pair.first.writes(),
        before,
        "the loop that came back has written"
    );
    pair.audit();
    end(holder).await;
    end(standby).await;
}
