//! Follows groups for `status --watch` and `--for`: an event loop over watches that returns
//! snapshots.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, sleep_until};

use super::status_cache::{Coverage, Snapshot, StatusCache};
use crate::cluster::api::groups;
use crate::cluster::api::lease;
use crate::cluster::api::lease::Lease;
use crate::cluster::listwatch::watch_event::Event;
use crate::cluster::queries::kind_status::KindStatus;
use crate::cluster::queries::runners;
use crate::cluster::{Clusters, RequestError};
use crate::error;
use crate::model::since;
use crate::readiness::pending_writes::PendingWrites;
use crate::readiness::scope::{Affected, SliceWatchId};
use crate::readiness::watches::{FollowedEvent, WatchSet};
use crate::resource::{GroupName, KINDS, Kind, LabelSelector, Record, Upstream};

/// How often to check for changes over time: Leases and overrides expire, and watches go silent.
const OBSERVE_INTERVAL: Duration = Duration::from_secs(1);
/// The capacity of the input queue. The watches wait while it is full.
const OBSERVER_QUEUE: usize = 1024;

/// Which groups to follow.
#[derive(Debug, Clone, Default)]
pub struct ObserveScope {
    /// None: all namespaces.
    pub namespace: Option<String>,
    /// A label selector that narrows the groups down.
    pub selector: LabelSelector,
    /// None: all groups.
    pub names: Vec<GroupName>,
}

enum ObserverInput {
    Event(FollowedEvent),
    Leases(Event<Lease>),
    Upstream(Vec<Upstream>),
}

impl From<FollowedEvent> for ObserverInput {
    fn from(event: FollowedEvent) -> Self {
        Self::Event(event)
    }
}

/// Follows groups until it is dropped.
#[derive(Debug)]
pub struct Observer {
    cluster: Clusters,
    cache: StatusCache,
    watches: WatchSet<ObserverInput>,
    inputs: mpsc::Sender<ObserverInput>,
    received: mpsc::Receiver<ObserverInput>,
    /// The first snapshot waits for these, besides the groups.
    leases_pending: bool,
    upstream_pending: bool,
    kinds: KindStatus,
    ticks: Interval,
    started: Instant,
    /// The next snapshot may differ from the last one.
    dirty: bool,
    last: Option<Snapshot>,
    pending: PendingWrites,
}

impl Observer {
    pub fn start(cluster: &Clusters, scope: ObserveScope) -> Self {
        let (inputs, received) = mpsc::channel(OBSERVER_QUEUE);
        let mut ticks = tokio::time::interval(OBSERVE_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut observer = Self {
            cluster: cluster.clone(),
            cache: StatusCache::of(scope.names, scope.selector, cluster.remotes().asked()),
            watches: WatchSet::new(cluster, inputs.clone()),
            inputs,
            received,
            leases_pending: true,
            upstream_pending: true,
            kinds: KindStatus::default(),
            ticks,
            started: Instant::now(),
            dirty: false,
            last: None,
            pending: PendingWrites::default(),
        };
        let namespace = scope.namespace.as_deref();
        for kind in KINDS {
            // Without the selector, since a rival may lack the labels. The cache applies it.
            let source = groups::collection(*kind, namespace, None);
            observer.watches.follow_groups(*kind, source);
        }
        let leases = lease::collection(namespace);
        observer.watches.follow(leases, ObserverInput::Leases);
        let local = cluster.local.clone();
        observer
            .spawn(async move { ObserverInput::Upstream(runners::seen_upstream(&local).await) });
        observer
    }

    /// Returns the first snapshot, then the next one that differs. Cancel safe.
    ///
    /// # Errors
    /// If the cluster cannot be reached or read at the start.
    pub async fn next(&mut self) -> anyhow::Result<Snapshot> {
        loop {
            let late = self.pending.next_late(self.now());
            let late = late.map(|late| self.started + late);
            tokio::select! {
                Some(input) = self.received.recv() => self.handle(input)?,
                _ = self.ticks.tick() => self.dirty = true,
                () = until(late) => self.dirty = true,
            }
            while let Ok(input) = self.received.try_recv() {
                self.handle(input)?;
            }
            self.update_watches();
            if std::mem::take(&mut self.dirty)
                && let Some(snapshot) = self.changed_snapshot()
            {
                return Ok(snapshot);
            }
        }
    }

    /// Returns the errors of kinds that the user is not allowed to list.
    pub fn forbidden(&self) -> impl Iterator<Item = &RequestError> {
        self.kinds.forbidden().map(|(_, error)| error)
    }

    /// Returns the time since a moment in a snapshot.
    pub fn since(&self, then: Duration) -> Duration {
        self.now().saturating_sub(then)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Runs a task that ends with an input.
    fn spawn(&mut self, task: impl Future<Output = ObserverInput> + Send + 'static) {
        let inbox = self.inputs.clone();
        self.watches.spawn(async move {
            let _ = inbox.send(task.await).await;
        });
    }

    fn handle(&mut self, input: ObserverInput) -> anyhow::Result<()> {
        let now = self.now();
        match input {
            ObserverInput::Event(event) => return self.handle_event(event, now),
            ObserverInput::Leases(event) => {
                self.leases_pending = false;
                self.cache.leases(event, self.cluster.clock().now());
            }
            ObserverInput::Upstream(runs) => {
                self.upstream_pending = false;
                self.cache.runners.upstream = runs;
            }
        }
        self.dirty = true;
        Ok(())
    }

    fn handle_event(&mut self, event: FollowedEvent, now: Duration) -> anyhow::Result<()> {
        self.dirty |= match event {
            FollowedEvent::Groups(kind, event) => {
                self.kind_event(kind, &event)?;
                self.cache.groups(kind.info().name, *event, now);
                true
            }
            FollowedEvent::Slices(id, event) => {
                let (matters, stop) = self.cache.slices(id, event, now);
                self.stop(stop);
                matters
            }
            FollowedEvent::Services(id, event) => self.cache.services(id, event, now),
            FollowedEvent::NoAccess(id, why) => {
                self.cache.readiness.no_access(id, why) != Affected::Nothing
            }
        };
        Ok(())
    }

    /// Handles an event of a kind. A failure before the kind's first list ends the observer, unless
    /// it may be temporary.
    fn kind_event(&mut self, kind: &dyn Kind, event: &Event<Record>) -> anyhow::Result<()> {
        let explain =
            |error: &RequestError| Err(error::explain_group_list(&self.cluster, error).into());
        match event {
            Event::Failed(error) if self.kinds.is_pending(kind) => {
                if error.is_transient() {
                    return Ok(());
                }
                let unavailable = self.kinds.unavailable(kind, error);
                unavailable.or_else(|error| explain(&error))
            }
            // A user who may list but not watch, or who lost the right, would wait forever.
            Event::Failed(error) if error.is_forbidden() && !self.kinds.is_forbidden(kind) => {
                explain(error)
            }
            Event::Failed(_) => Ok(()),
            _ => {
                self.kinds.served(kind);
                Ok(())
            }
        }
    }

    fn update_watches(&mut self) {
        let changes = self.cache.watch_changes(self.now());
        for (id, scope) in changes.start {
            self.watches.start(id, &scope);
        }
        self.stop(changes.stop);
    }

    fn stop(&mut self, ids: Vec<SliceWatchId>) {
        ids.into_iter().for_each(|id| self.watches.stop(id));
    }

    /// Returns a snapshot if everything has arrived and it differs from the last one.
    fn changed_snapshot(&mut self) -> Option<Snapshot> {
        if self.kinds.any_pending() || self.leases_pending || self.upstream_pending {
            return None;
        }
        let now = self.now();
        let snapshot = match self.cache.connection.lost(now) {
            None => self.snapshot(now)?,
            lost => Snapshot {
                lost,
                ..self.last.clone().unwrap_or_default()
            },
        };
        (self.last.as_ref() != Some(&snapshot)).then(|| self.last.insert(snapshot).clone())
    }

    /// Returns a snapshot. A group keeps its last status while its backends are being read, and
    /// while a change of it is about to be written. The first snapshot waits for all groups.
    fn snapshot(&mut self, now: Duration) -> Option<Snapshot> {
        let Coverage {
            mut snapshot,
            unread,
            is_cut_off,
        } = self.cache.coverage(now, self.cluster.clock().now());
        if is_cut_off && self.cache.connection.is_recovering(now) {
            return None;
        }
        if let Some(last) = self.last.as_ref().filter(|last| last.lost.is_none()) {
            let at = self.cluster.clock().now();
            since::carry_over(&last.statuses, &mut snapshot.statuses, at);
        }
        let known = self.last.as_ref().map(|last| last.statuses.as_slice());
        let settled = self
            .pending
            .settle(snapshot.statuses, known.unwrap_or_default(), now);
        snapshot.statuses = settled.statuses;
        let Some(last) = &self.last else {
            let is_whole = unread.is_empty() && !settled.is_incomplete;
            return is_whole.then_some(snapshot);
        };
        let kept = last.statuses.iter().filter(|old| unread.contains(&old.id));
        snapshot.statuses.extend(kept.cloned());
        snapshot.statuses.sort_by(|a, b| a.id.cmp(&b.id));
        Some(snapshot)
    }
}

async fn until(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => std::future::pending().await,
    }
}
