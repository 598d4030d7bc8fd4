//! The event loop of `watch` in one cluster: passes reports from the tasks to the engine, and
//! carries out the engine's effects.

use std::collections::{BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{OptionFuture, join3};
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior};

use super::executor::Executor;
use super::lease_elector::{RunningElector, SharedScope};
use super::notice_aggregator::NoticeAggregator;
use super::read_failures::ReadFailures;
use super::request_outcome::RequestOutcome;
use super::rights_review::{RightsReview, denied_kinds};
use super::suspend::SuspendDetector;
use super::sync_tracker::SyncTracker;
use super::upstream_probe::UpstreamProbe;
use crate::cluster::api::identity;
use crate::cluster::api::lease::Lease;
use crate::cluster::listwatch::watch_event::Event;
use crate::cluster::queries::kind_status::KindStatus;
use crate::cluster::queries::upstream;
use crate::cluster::{Clusters, RequestResult};
use crate::error;
use crate::model::GroupEvent;
use crate::model::event::watch_signature;
use crate::model::notice::Notice;
use crate::readiness::cache::ReadinessCache;
use crate::readiness::watches::{FollowedEvent, WatchSet};
use crate::resource::Upstream;
use crate::watch::clocks::Clocks;
use crate::watch::engine::core::Engine;
use crate::watch::engine::effect::Moment;
use crate::watch::engine::leases::LeaseState;
use crate::watch::metrics::recorder::MetricsRecorder;
use crate::watch::options::{WatchOptions, WatchOutcome, WatchReport};

/// How often to check for silent watches and due look-ups.
const TICK_INTERVAL: Duration = Duration::from_secs(1);
/// The capacity of the input queue. The watches wait while it is full.
const INPUT_QUEUE: usize = 1024;
/// The number of Leases to acquire or renew at once.
const MAX_LEASE_REQUESTS: usize = 32;
/// The number of objects to look for at once after their groups were gone. Of more groups, only the
/// number is reported.
const MAX_GONE_READS: usize = 5;
/// The longest sleep of the driver.
const MAX_SLEEP: Duration = Duration::from_secs(3600);
/// The name of the Leases of [`DriverInput::OtherLeases`], for messages.
const OTHER_LEASES: &str = "Leases of other watches with a selector";

/// A report from a task of the driver.
pub(super) enum DriverInput {
    Watch(FollowedEvent),
    Lease(String, LeaseState),
    OtherLeases(Event<Lease>),
    /// The report of a group that is gone.
    Gone(Box<Notice>),
    /// The kinds of groups that may not be patched in a namespace.
    Rights(String, BTreeSet<&'static str>),
    Upstream(RequestResult<Vec<Upstream>>),
}

impl From<FollowedEvent> for DriverInput {
    fn from(event: FollowedEvent) -> Self {
        Self::Watch(event)
    }
}

/// Runs until `stop` completes or, with `once`, until nothing is left to do. Then waits for the
/// writes in flight.
///
/// # Errors
/// If the cluster cannot be reached or read at the start, or `report` fails.
pub async fn run(
    cluster: &Clusters,
    options: &WatchOptions,
    stop: impl Future<Output = ()>,
    report: &mut dyn FnMut(WatchReport) -> anyhow::Result<()>,
) -> anyhow::Result<WatchOutcome> {
    tokio::pin!(stop);
    let rights =
        (!options.engine.dry_run).then(|| denied_kinds(cluster, options.namespace.as_deref()));
    let rights = OptionFuture::from(rights);
    let (signature, upstream, limited) = tokio::select! {
        () = &mut stop => return Ok(WatchOutcome::Stopped { unsettled: Vec::new() }),
        known = join3(identity::signature(cluster), upstream::find(cluster), rights) => known,
    };
    let signature = signature.map_err(|cause| error::explain(cluster, &cause))?;
    let (inputs, mut received) = mpsc::channel(INPUT_QUEUE);
    let mut driver = Driver::new(
        cluster,
        options,
        signature,
        limited.unwrap_or_default(),
        inputs,
        report,
    );
    let ended = driver.run(upstream, &mut received, stop).await;
    // Closes the inbox, so that no task waits for its input to be read.
    drop(received);
    let (unsettled, reported) = driver.finish().await;
    let outcome = ended?.unwrap_or(WatchOutcome::Stopped { unsettled });
    reported.map(|()| outcome)
}

pub(super) struct Driver<'a> {
    pub(super) engine: Engine,
    pub(super) executor: Executor,
    pub(super) cluster: &'a Clusters,
    pub(super) options: &'a WatchOptions,
    pub(super) report: &'a mut dyn FnMut(WatchReport) -> anyhow::Result<()>,
    pub(super) watches: WatchSet<DriverInput>,
    pub(super) inputs: mpsc::Sender<DriverInput>,
    pub(super) electors: HashMap<String, RunningElector>,
    /// What the Leases speak for, by namespace.
    pub(super) lease_scopes: HashMap<String, SharedScope>,
    pub(super) rights: RightsReview,
    pub(super) lease_requests: Arc<Semaphore>,
    /// Who does what this process does.
    pub(super) signature: String,
    /// The holder of this process's Leases.
    pub(super) identity: String,
    /// Permits to look for the objects of groups that are gone.
    pub(super) gone_reads: Arc<Semaphore>,
    pub(super) kinds: KindStatus,
    pub(super) read_failures: ReadFailures,
    pub(super) aggregator: NoticeAggregator,
    pub(super) sync_tracker: SyncTracker,
    pub(super) upstream_probe: UpstreamProbe,
    pub(super) metrics: MetricsRecorder,
    pub(super) suspend_detector: SuspendDetector,
    /// The watches of groups.
    pub(super) group_watches: Vec<AbortHandle>,
    pub(super) started: Instant,
    /// The number of watched groups has been reported.
    pub(super) announced: bool,
}

impl<'a> Driver<'a> {
    fn new(
        cluster: &'a Clusters,
        options: &'a WatchOptions,
        signature: String,
        limited: BTreeSet<&'static str>,
        inputs: mpsc::Sender<DriverInput>,
        report: &'a mut dyn FnMut(WatchReport) -> anyhow::Result<()>,
    ) -> Self {
        let cache = ReadinessCache::new(cluster.remotes().asked());
        let clocks = options.clocks.unwrap_or(Clocks::read);
        Self {
            engine: Engine::new(watch_signature(&signature), options.engine.clone(), cache),
            identity: format!("{signature}/{:06x}", fastrand::u32(..1 << 24)),
            signature: watch_signature(&signature),
            executor: Executor::new(cluster, watch_signature(&signature)),
            cluster,
            options,
            report,
            watches: WatchSet::new(cluster, inputs.clone()),
            inputs,
            electors: HashMap::new(),
            lease_scopes: HashMap::new(),
            rights: RightsReview::after(limited),
            lease_requests: Arc::new(Semaphore::new(MAX_LEASE_REQUESTS)),
            gone_reads: Arc::new(Semaphore::new(MAX_GONE_READS)),
            kinds: KindStatus::default(),
            read_failures: ReadFailures::default(),
            aggregator: NoticeAggregator::default(),
            sync_tracker: SyncTracker::default(),
            upstream_probe: UpstreamProbe::default(),
            metrics: MetricsRecorder::new(
                &options.metrics,
                options.name.as_deref().unwrap_or(&cluster.context),
                !options.engine.dry_run,
            ),
            suspend_detector: SuspendDetector::new(clocks(Duration::ZERO)),
            group_watches: Vec::new(),
            started: Instant::now(),
            announced: false,
        }
    }

    /// Returns the outcome if it ended by itself. None: `stop` has completed.
    async fn run(
        &mut self,
        upstream: RequestResult<Vec<Upstream>>,
        received: &mut mpsc::Receiver<DriverInput>,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> anyhow::Result<Option<WatchOutcome>> {
        self.upstream_found(upstream)?;
        self.watch_groups();
        let mut ticks = tokio::time::interval(TICK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let next_turn = self.next_turn();
            tokio::select! {
                () = stop.as_mut() => return Ok(None),
                Some(input) = received.recv() => self.handle(input)?,
                Some(result) = self.executor.next() => self.handle_result(result),
                _ = ticks.tick() => self.tick(),
                () = tokio::time::sleep_until(next_turn) => {}
            }
            while let Ok(input) = received.try_recv() {
                self.handle(input)?;
            }
            let was_announced = self.announced;
            self.turn()?;
            if let Some(outcome) = self.outcome(!was_announced, received.is_empty()) {
                return Ok(Some(outcome));
            }
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn moment(&self) -> Moment {
        Moment {
            now: self.now(),
            server: self.cluster.clock().now(),
        }
    }

    fn next_turn(&self) -> Instant {
        let latest = self.now() + MAX_SLEEP;
        let due = self
            .engine
            .next_turn()
            .into_iter()
            .chain(self.aggregator.due());
        self.started + due.fold(latest, Duration::min)
    }

    fn handle(&mut self, input: DriverInput) -> anyhow::Result<()> {
        let now = self.now();
        match input {
            DriverInput::Watch(event) if self.watches.is_stopped(&event) => Ok(()),
            DriverInput::Watch(event) => {
                self.note_activity(&event, now);
                self.handle_event(event, now)
            }
            DriverInput::Lease(namespace, state) => {
                self.metrics.lease(&namespace, &state);
                self.executor.lease_event(&namespace, &state, self.started);
                self.engine.lease_event(&namespace, state, now);
                Ok(())
            }
            DriverInput::OtherLeases(event) => {
                let notice = self.read_failures.note_dispensable(&event, OTHER_LEASES);
                self.aggregate(notice)?;
                self.engine.other_leases_event(event, &self.identity, now);
                Ok(())
            }
            DriverInput::Rights(namespace, denied) => {
                self.rights_reviewed(namespace, denied, now);
                Ok(())
            }
            DriverInput::Upstream(found) => self.upstream_found(found),
            DriverInput::Gone(notice) => self.aggregate([*notice]),
        }
    }

    pub(super) fn handle_result(&mut self, result: RequestOutcome) {
        let now = self.now();
        match result {
            RequestOutcome::Relisted(place, slices) => self.engine.relisted(&place, slices, now),
            RequestOutcome::Written(id, request, result) => {
                self.metrics.write_ended(result.is_ok());
                self.engine.written(&id, request, *result, now);
            }
            RequestOutcome::StillWriting(id, request) => self.engine.write_is_slow(&id, request),
            RequestOutcome::Postponed(id, request) => {
                self.engine.write_postponed(&id, request, now);
            }
            RequestOutcome::Read(id, request, result) => {
                self.engine.object_read(&id, request, *result, now);
            }
        }
    }

    fn tick(&mut self) {
        let now = self.now();
        self.engine.tick(now);
        self.probe_upstream(now);
        self.review_limited_rights(now);
        let is_ready = self.announced
            && !self.engine.can_move_nothing()
            && self.read_failures.are_none()
            && self.sync_tracker.all_current(now);
        self.metrics.turn(is_ready);
        let silence = self.sync_tracker.longest_silence(now);
        if let Ok(at) = self.cluster.clock().now().checked_sub(silence) {
            self.metrics.last_activity(at);
        }
    }

    /// Looks for Linkerd's own failover controller, if a probe is due.
    fn probe_upstream(&mut self, now: Duration) {
        if self.upstream_probe.take_due(now) {
            let (cluster, inputs) = (self.cluster.clone(), self.inputs.clone());
            // The time limits of its requests bound it, and it ends with the watches.
            self.watches.spawn(async move {
                let found = upstream::find(&cluster).await;
                let _ = inputs.send(DriverInput::Upstream(found)).await;
            });
        }
    }

    /// Handles the result of a probe. If the probe failed, the last result still counts.
    fn upstream_found(&mut self, found: RequestResult<Vec<Upstream>>) -> anyhow::Result<()> {
        let now = self.now();
        let notice = self.upstream_probe.ended(&found, now);
        self.report(notice)?;
        if let Ok(upstream) = found {
            self.engine.upstream_found(upstream, now);
        }
        Ok(())
    }

    pub(super) fn report(
        &mut self,
        notices: impl IntoIterator<Item = Notice>,
    ) -> anyhow::Result<()> {
        let at = self.cluster.clock().now();
        notices.into_iter().try_for_each(|notice| {
            let events = self.events_of(&notice, at);
            (self.report)(WatchReport { at, notice, events })
        })
    }

    /// Returns the events of groups that a notice is about, if this process reports on them.
    pub(super) fn events_of(&self, notice: &Notice, at: Timestamp) -> Vec<GroupEvent> {
        let notices = match notice {
            Notice::Batch(notices) => notices.as_slice(),
            one => std::slice::from_ref(one),
        };
        let events = notices
            .iter()
            .filter_map(|notice| notice.event(&self.signature, at));
        let own = events.filter(|event| self.engine.reports_on(&event.group));
        own.map(|event| {
            let record = self.engine.record(&event.group);
            let apex = event.apex.or(record.map(|record| record.apex.clone()));
            GroupEvent { apex, ..event }
        })
        .collect()
    }

    /// Queues a notice for aggregation, or reports it at once if it cannot be aggregated.
    pub(super) fn aggregate(
        &mut self,
        notices: impl IntoIterator<Item = Notice>,
    ) -> anyhow::Result<()> {
        let now = self.now();
        let at_once: Vec<Notice> = notices
            .into_iter()
            .filter_map(|notice| self.aggregator.add(notice, now))
            .collect();
        self.report(at_once)
    }
}
