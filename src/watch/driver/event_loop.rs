//! Does what the engine asks for: watches, reads and writes, each in its own task, and tells it what comes back.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, MissedTickBehavior};

use super::executor::{Executor, RequestOutcome};
use super::lease_elector;
use super::notice_aggregator::NoticeAggregator;
use super::read_failures::ReadFailures;
use super::suspend::{Clocks, SuspendDetector};
use super::sync_status::{Stream, SyncStatus};
use super::upstream_probe::UpstreamProbe;
use crate::cluster::api::{groups, identity};
use crate::cluster::queries::kind_status::KindStatus;
use crate::cluster::queries::upstream;
use crate::cluster::{Clusters, RequestResult};
use crate::error;
use crate::model::notice::{Notice, Transition};
use crate::readiness::watches::{FollowedEvent, WatchSet};
use crate::resource::{KINDS, Record, Upstream};
use crate::watch::engine::core::{Effect, Engine, EngineSettings, Moment};
use crate::watch::engine::leases::{LeaseState, WRITE_LIMIT};
use crate::watch::metrics::recorder::MetricsRecorder;
use crate::watch::options::{WatchOptions, WatchOutcome};

/// How often silent watches are looked for.
const TICK: Duration = Duration::from_secs(1);
/// How many things that happened wait to be taken in before the watches are held back.
const INBOX: usize = 1024;
/// How many Leases are asked for at once.
const MOST_LEASES: usize = 32;

/// What the loop's tasks tell it.
pub(crate) enum DriverInput {
    Told(FollowedEvent),
    Lease(String, LeaseState),
    Upstream(RequestResult<Option<Upstream>>),
}

impl From<FollowedEvent> for DriverInput {
    fn from(told: FollowedEvent) -> Self {
        Self::Told(told)
    }
}

/// Runs the loop until it is told to stop or, with `once`, has nothing left to do. Writes that are under way when
/// it is told to stop are waited for.
///
/// # Errors
/// Where the cluster can't be reached or read at the start, or `say` fails.
pub async fn run(
    cluster: &Clusters,
    options: &WatchOptions,
    stop: impl Future<Output = ()>,
    say: &mut dyn FnMut(Notice) -> anyhow::Result<()>,
) -> anyhow::Result<WatchOutcome> {
    tokio::pin!(stop);
    let (signature, upstream) = tokio::select! {
        () = &mut stop => return Ok(WatchOutcome::Stopped { unsettled: Vec::new() }),
        known = join(identity::signature(cluster), upstream::find(cluster)) => known,
    };
    let signature = signature.map_err(|cause| error::explain(cluster, &cause))?;
    let identity = format!("{signature}/{:06x}", fastrand::u32(..1 << 24));
    let (inbox, mut arrivals) = mpsc::channel(INBOX);
    let mut running = Driver {
        engine: Engine::new(
            signature.clone(),
            EngineSettings {
                dry_run: options.dry_run,
                max_moves: options.max_moves,
                upstream: None,
                alongside_upstream: options.alongside_upstream,
                asked: cluster.remotes().asked(),
            },
        ),
        requests: Executor::new(cluster, signature),
        cluster,
        options,
        say,
        watches: WatchSet::new(cluster, inbox.clone()),
        inbox,
        leases: HashMap::new(),
        lease_turns: Arc::new(Semaphore::new(MOST_LEASES)),
        identity,
        kinds: KindStatus::default(),
        troubles: ReadFailures::default(),
        crowd: NoticeAggregator::default(),
        hearing: SyncStatus::default(),
        lookout: UpstreamProbe::default(),
        meter: MetricsRecorder::of(&options.metrics, &cluster.context),
        sleep: SuspendDetector::new(options.clocks.unwrap_or(Clocks::read)(Duration::ZERO)),
        groups: Vec::new(),
        started: Instant::now(),
        announced: false,
    };
    let ended = running.go(upstream, &mut arrivals, stop).await;
    // Nobody takes in any more what the tasks tell: none is to wait for that.
    drop(arrivals);
    let (unsettled, told) = running.finish().await;
    let outcome = ended?.unwrap_or(WatchOutcome::Stopped { unsettled });
    told.map(|()| outcome)
}

pub(crate) struct Driver<'a> {
    pub(crate) engine: Engine,
    pub(super) requests: Executor,
    pub(crate) cluster: &'a Clusters,
    pub(crate) options: &'a WatchOptions,
    pub(super) say: &'a mut dyn FnMut(Notice) -> anyhow::Result<()>,
    pub(crate) watches: WatchSet<DriverInput>,
    pub(crate) inbox: mpsc::Sender<DriverInput>,
    pub(super) leases: HashMap<String, (oneshot::Sender<()>, JoinHandle<()>)>,
    pub(super) lease_turns: Arc<Semaphore>,
    /// What this loop holds Leases as.
    pub(super) identity: String,
    pub(super) kinds: KindStatus,
    pub(super) troubles: ReadFailures,
    /// What waits to be said with others of its kind.
    pub(super) crowd: NoticeAggregator,
    pub(super) hearing: SyncStatus,
    pub(crate) lookout: UpstreamProbe,
    pub(super) meter: MetricsRecorder,
    pub(super) sleep: SuspendDetector,
    /// The watches of groups.
    pub(super) groups: Vec<AbortHandle>,
    pub(super) started: Instant,
    pub(crate) announced: bool,
}

impl Driver<'_> {
    /// Runs until it is told to stop, and then gives nothing, or until the options say that it ends.
    async fn go(
        &mut self,
        upstream: RequestResult<Option<Upstream>>,
        arrivals: &mut mpsc::Receiver<DriverInput>,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> anyhow::Result<Option<WatchOutcome>> {
        self.looked(upstream)?;
        self.follow_groups();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let alarm = self.next_alarm();
            tokio::select! {
                () = stop.as_mut() => return Ok(None),
                Some(input) = arrivals.recv() => self.take_in(input)?,
                Some(answer) = self.requests.next() => self.answered(answer),
                _ = ticks.tick() => self.tick(),
                () = tokio::time::sleep_until(alarm) => {}
            }
            while let Ok(input) = arrivals.try_recv() {
                self.take_in(input)?;
            }
            let was_announced = self.announced;
            self.settle()?;
            if let Some(outcome) = self.outcome(!was_announced, arrivals.is_empty()) {
                return Ok(Some(outcome));
            }
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn moment(&self) -> Moment {
        Moment {
            now: self.now(),
            server: self.cluster.clock().now(),
        }
    }

    fn next_alarm(&self) -> Instant {
        const FAR: Duration = Duration::from_secs(3600);
        let far = self.now() + FAR;
        let alarms = self.engine.next_alarm().into_iter().chain(self.crowd.due());
        self.started + alarms.fold(far, Duration::min)
    }

    fn follow_groups(&mut self) {
        self.groups.drain(..).for_each(|task| task.abort());
        for kind in KINDS {
            let selector = self.options.selector.as_deref();
            let source = groups::source(*kind, self.options.namespace.as_deref(), selector);
            self.groups.push(self.watches.follow_groups(*kind, source));
        }
    }

    fn take_lease(&mut self, namespace: String) {
        let (end, ended) = oneshot::channel();
        let (inbox, name) = (self.inbox.clone(), namespace.clone());
        let tell = async move |standing| {
            inbox
                .send(DriverInput::Lease(name.clone(), standing))
                .await
                .is_ok()
        };
        let (cluster, turns) = (
            self.cluster.limited(WRITE_LIMIT),
            Arc::clone(&self.lease_turns),
        );
        let keeper = lease_elector::keep(
            cluster,
            namespace.clone(),
            self.identity.clone(),
            self.started,
            turns,
            tell,
            ended,
        );
        self.leases.insert(namespace, (end, tokio::spawn(keeper)));
    }

    /// The Leases are asked for anew; whoever has taken one over meanwhile keeps it.
    fn start_over(&mut self, namespaces: Vec<String>) {
        self.requests.take_leaves_back();
        self.follow_groups();
        for (_, (_, keeper)) in self.leases.drain() {
            keeper.abort();
        }
        for namespace in namespaces {
            self.take_lease(namespace);
        }
    }

    fn take_in(&mut self, input: DriverInput) -> anyhow::Result<()> {
        let now = self.now();
        match input {
            DriverInput::Told(told) if self.watches.is_stopped(&told) => Ok(()),
            DriverInput::Told(told) => {
                self.measure(&told, now);
                self.hear(told, now)
            }
            DriverInput::Lease(namespace, standing) => {
                self.meter.lease(&namespace, &standing);
                self.engine.lease(&namespace, standing, now);
                Ok(())
            }
            DriverInput::Upstream(seen) => self.looked(seen),
        }
    }

    pub(crate) fn say(&mut self, notice: impl IntoIterator<Item = Notice>) -> anyhow::Result<()> {
        notice.into_iter().try_for_each(&mut self.say)
    }

    /// Says what more of its kind may join within a moment; everything else at once.
    pub(crate) fn say_with_others(
        &mut self,
        notice: impl IntoIterator<Item = Notice>,
    ) -> anyhow::Result<()> {
        let now = self.now();
        let at_once: Vec<Notice> = notice
            .into_iter()
            .filter_map(|notice| self.crowd.add(notice, now))
            .collect();
        self.say(at_once)
    }

    /// Says what is followed, once it is known, and what can't be.
    fn announce(&mut self) -> anyhow::Result<()> {
        if self.announced || self.kinds.any_pending() {
            return Ok(());
        }
        self.announced = true;
        let forbidden = self.kinds.forbidden();
        let troubles = &mut self.troubles;
        let notices: Vec<Notice> = forbidden
            .filter_map(|(kind, error)| troubles.note_lack(kind.info().crd, error))
            .collect();
        self.say(notices)?;
        self.say([Notice::Started {
            groups: self.engine.group_count(),
        }])
    }

    pub(super) fn answered(&mut self, answer: RequestOutcome) {
        let now = self.now();
        match answer {
            RequestOutcome::LookedUp(service, found) => self.engine.looked_up(service, found, now),
            RequestOutcome::Verified(place, slices) => self.engine.verified(&place, slices, now),
            RequestOutcome::Written(id, number, answer) => {
                self.meter.wrote(answer.is_ok());
                self.engine.written(&id, number, *answer, now);
            }
            RequestOutcome::Postponed(id, number) => self.engine.postponed(&id, number, now),
            RequestOutcome::Reread(id, number, answer) => {
                self.engine.reread(&id, number, *answer, now)
            }
        }
    }

    fn tick(&mut self) {
        let now = self.now();
        self.engine.tick(now);
        self.look_for_upstream(now);
        self.meter
            .turns(self.announced && self.troubles.are_none() && self.hearing.is_complete(now));
    }

    /// Lets the engine decide and does what it asks for.
    pub(super) fn settle(&mut self) -> anyhow::Result<()> {
        let moment = self.moment();
        if self
            .sleep
            .has_passed(self.options.clocks.unwrap_or(Clocks::read)(moment.now))
        {
            self.engine.slept(moment.now);
        }
        for effect in self.engine.settle(moment) {
            match effect {
                Effect::StartOver(namespaces) => self.start_over(namespaces),
                Effect::StartFeed(id, scope) => {
                    self.hearing.starts(Stream::Slices(id));
                    self.watches.start(id, &scope);
                }
                Effect::StopFeed(id) => {
                    self.hearing.ends(Stream::Slices(id));
                    self.troubles.forget(&self.watches, id);
                    self.watches.stop(id);
                }
                Effect::LookUp(service) => self.requests.look_up(service),
                Effect::Verify(place) => self.requests.verify(place),
                Effect::Write(write) => {
                    self.meter.writes(write.is_retry);
                    self.requests.write(*write, self.started);
                }
                Effect::TakeLease(namespace) => self.take_lease(namespace),
                Effect::GiveLeaseBack(namespace) => {
                    // The keeper gives it back when its end is dropped.
                    self.leases.remove(&namespace);
                    self.meter.no_lease(&namespace);
                }
                Effect::Reread(id, number, record) => self.requests.reread(id, number, *record),
                Effect::Moved(record, transition) => self.moved(&record, transition)?,
                Effect::Say(notice) => {
                    self.lookout.hear(&notice, moment.now);
                    self.say_with_others([notice])?;
                }
            }
        }
        let waited = self.crowd.take_due(moment.now);
        self.say(waited)?;
        if let Some(counts) = self.engine.census() {
            self.meter.groups(counts);
        }
        self.meter.braked(self.engine.braked());
        self.announce()?;
        if self.announced
            && let Some(mirrored) = self.engine.mirrored(moment.now)
        {
            self.cluster.remotes().warn_of_strangers(&mirrored);
        }
        Ok(())
    }

    pub(super) fn moved(&mut self, record: &Record, transition: Transition) -> anyhow::Result<()> {
        self.requests.publish(record, &transition);
        self.meter.moved(&transition);
        self.say([Notice::Moved(transition)])
    }
}
