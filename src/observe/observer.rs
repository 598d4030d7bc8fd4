//! Follows groups for `status --watch` and `--for`: an event loop over watches that returns
//! snapshots.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::connection::Lost;
use super::status_cache::{Coverage, StatusCache, UnknownName};
use crate::cluster::api::groups;
use crate::cluster::api::lease;
use crate::cluster::api::lease::Lease;
use crate::cluster::listwatch::watch_event::Event;
use crate::cluster::queries::kind_status::KindStatus;
use crate::cluster::queries::runners;
use crate::cluster::{Clusters, RequestError};
use crate::error;
use crate::model::Status;
use crate::readiness::scope::SliceWatchId;
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

/// The statuses of the groups at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Sorted by the groups' names.
    pub statuses: Vec<Status>,
    /// Names that no group has.
    pub absent: Vec<UnknownName>,
    /// The connection is lost. The statuses are those from before the loss.
    pub lost: Option<Lost>,
}

enum ObserverInput {
    Event(FollowedEvent),
    Leases(Event<Lease>),
    Upstream(Option<Upstream>),
}

impl From<FollowedEvent> for ObserverInput {
    fn from(event: FollowedEvent) -> Self {
        Self::Event(event)
    }
}

/// What the first snapshot waits for, besides the groups.
#[derive(Debug, PartialEq, Eq, Hash)]
enum InitialSync {
    Leases,
    Upstream,
}

/// Follows groups until it is dropped.
#[derive(Debug)]
pub struct Observer {
    cluster: Clusters,
    cache: StatusCache,
    watches: WatchSet<ObserverInput>,
    inputs: mpsc::Sender<ObserverInput>,
    received: mpsc::Receiver<ObserverInput>,
    pending: HashSet<InitialSync>,
    kinds: KindStatus,
    ticks: Interval,
    started: Instant,
    /// The next snapshot may differ from the last one.
    dirty: bool,
    last: Option<Snapshot>,
}

impl Observer {
    pub fn start(cluster: &Clusters, scope: ObserveScope) -> Self {
        let (inputs, received) = mpsc::channel(OBSERVER_QUEUE);
        let mut ticks = tokio::time::interval(OBSERVE_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let ObserveScope {
            namespace,
            selector,
            names,
        } = scope;
        let mut observer = Self {
            cluster: cluster.clone(),
            cache: StatusCache::of(names, selector, cluster.remotes().asked()),
            watches: WatchSet::new(cluster, inputs.clone()),
            inputs,
            received,
            pending: HashSet::from([InitialSync::Leases, InitialSync::Upstream]),
            kinds: KindStatus::default(),
            ticks,
            started: Instant::now(),
            dirty: false,
            last: None,
        };
        for kind in KINDS {
            // Without the selector, since a rival may lack the labels. The cache applies it.
            let source = groups::collection(*kind, namespace.as_deref(), None);
            observer.watches.follow_groups(*kind, source);
        }
        observer.watches.follow(
            lease::collection(namespace.as_deref()),
            ObserverInput::Leases,
        );
        observer.look_for_upstream();
        observer
    }

    /// Returns the first snapshot, then the next one that differs. Cancel safe.
    ///
    /// # Errors
    /// If the cluster cannot be reached or read at the start.
    pub async fn next(&mut self) -> anyhow::Result<Snapshot> {
        loop {
            tokio::select! {
                Some(input) = self.received.recv() => self.handle(input)?,
                _ = self.ticks.tick() => self.dirty = true,
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

    /// Returns the time since a moment in a [`Lost`].
    pub fn since(&self, then: Duration) -> Duration {
        self.now().saturating_sub(then)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn look_for_upstream(&mut self) {
        let (cluster, inbox) = (self.cluster.local.clone(), self.inputs.clone());
        self.watches.spawn(async move {
            let _ = inbox
                .send(ObserverInput::Upstream(
                    runners::seen_upstream(&cluster).await,
                ))
                .await;
        });
    }

    fn handle(&mut self, input: ObserverInput) -> anyhow::Result<()> {
        let now = self.now();
        match input {
            ObserverInput::Event(event) => return self.handle_event(event, now),
            ObserverInput::Leases(event) => {
                self.pending.remove(&InitialSync::Leases);
                self.dirty = true;
                self.cache.leases(event, self.cluster.clock().now());
            }
            ObserverInput::Upstream(runs) => {
                self.pending.remove(&InitialSync::Upstream);
                self.dirty = true;
                self.cache.runners.upstream = runs;
            }
        }
        Ok(())
    }

    fn handle_event(&mut self, event: FollowedEvent, now: Duration) -> anyhow::Result<()> {
        match event {
            FollowedEvent::Groups(kind, event) => {
                self.kind_event(kind, &event)?;
                self.dirty = true;
                self.cache.groups(kind.info().name, *event, now);
            }
            FollowedEvent::Slices(id, event) => {
                let (matters, stop) = self.cache.slices(id, event, now);
                self.dirty |= matters;
                self.stop(stop);
            }
            FollowedEvent::Services(id, event) => {
                self.dirty |= self.cache.services(id, event, now);
            }
            FollowedEvent::NoAccess(id, why) => self.dirty |= self.cache.no_access(id, why),
        }
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
        if self.kinds.any_pending() || !self.pending.is_empty() {
            return None;
        }
        let now = self.now();
        let lost = self.cache.connection.lost(now);
        let snapshot = if lost.is_some() {
            Snapshot {
                lost,
                ..self.last.clone().unwrap_or_default()
            }
        } else {
            let coverage = self.cache.coverage(now, self.cluster.clock().now());
            if coverage.is_cut_off && self.cache.connection.is_recovering(now) {
                return None;
            }
            self.snapshot(coverage)?
        };
        (self.last.as_ref() != Some(&snapshot)).then(|| self.last.insert(snapshot).clone())
    }

    /// Returns a snapshot. A group whose backends are being read keeps its last status. The first
    /// snapshot waits for all backends.
    fn snapshot(&self, coverage: Coverage) -> Option<Snapshot> {
        let Coverage {
            mut statuses,
            absent,
            unread,
            ..
        } = coverage;
        match &self.last {
            None if !unread.is_empty() => return None,
            None => {}
            Some(last) => {
                statuses.extend(
                    last.statuses
                        .iter()
                        .filter(|old| unread.contains(&old.id))
                        .cloned(),
                );
            }
        }
        statuses.sort_by(|a, b| a.id.cmp(&b.id));
        Some(Snapshot {
            statuses,
            absent,
            lost: None,
        })
    }
}
