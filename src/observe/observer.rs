//! Follows groups for `status --watch` and `--for`: an event loop over watches that returns snapshots.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::connection::Lost;
use super::status_cache::{Coverage, StatusCache, UnknownName};
use crate::cluster::api::groups;
use crate::cluster::api::lease;
use crate::cluster::api::lease::Lease;
use crate::cluster::api::services;
use crate::cluster::listwatch::watch_event::Event;
use crate::cluster::queries::kind_status::KindStatus;
use crate::cluster::queries::runners;
use crate::cluster::{Clusters, RequestError};
use crate::error;
use crate::model::{ServiceRef, Status};
use crate::readiness::scope::SliceWatchId;
use crate::readiness::watches::{FollowedEvent, WatchSet};
use crate::resource::{GroupName, KINDS, Kind, Record, Upstream};

/// How often what time alone changes is looked at: Leases and overrides end, watches fall silent.
const TICK: Duration = Duration::from_secs(1);
/// How many things that happened wait to be taken in before the watches are held back.
const INBOX: usize = 1024;
/// How many Services are looked up at once, and how long that may hold up what else is to be told.
const LOOKUPS: usize = 8;
const LOOKUP_LIMIT: Duration = Duration::from_secs(2);

/// Which groups to follow.
#[derive(Debug, Clone, Default)]
pub struct ObserveScope {
    /// None: all namespaces.
    pub namespace: Option<String>,
    /// A label selector that narrows the groups down.
    pub selector: Option<String>,
    /// None: all groups.
    pub names: Vec<GroupName>,
}

/// The groups as they stand at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Sorted by the groups' names.
    pub statuses: Vec<Status>,
    /// Names that no group has.
    pub absent: Vec<UnknownName>,
    /// The cluster is not heard: the statuses are those from before.
    pub lost: Option<Lost>,
}

enum ObserverInput {
    Told(FollowedEvent),
    Leases(Event<Lease>),
    Upstream(Option<Upstream>),
    LookedUp(ServiceRef, Option<bool>),
}

impl From<FollowedEvent> for ObserverInput {
    fn from(told: FollowedEvent) -> Self {
        Self::Told(told)
    }
}

/// What has to be known before there is anything to show.
#[derive(Debug, PartialEq, Eq, Hash)]
enum InitialSync {
    Leases,
    Upstream,
}

/// Follows groups until it is dropped.
#[derive(Debug)]
pub struct Observer {
    cluster: Clusters,
    picture: StatusCache,
    watches: WatchSet<ObserverInput>,
    lookups: Arc<Semaphore>,
    /// Services that are being looked up.
    asked: HashSet<ServiceRef>,
    inbox: mpsc::Sender<ObserverInput>,
    arrivals: mpsc::Receiver<ObserverInput>,
    awaited: HashSet<InitialSync>,
    kinds: KindStatus,
    ticks: Interval,
    started: Instant,
    /// Something may look different from what was shown.
    dirty: bool,
    shown: Option<Snapshot>,
}

impl Observer {
    pub fn start(cluster: &Clusters, scope: ObserveScope) -> Self {
        let (inbox, arrivals) = mpsc::channel(INBOX);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let ObserveScope {
            namespace,
            selector,
            names,
        } = scope;
        let mut observer = Self {
            cluster: cluster.clone(),
            picture: StatusCache::of(names, cluster.remotes().asked()),
            watches: WatchSet::new(cluster, inbox.clone()),
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
            asked: HashSet::new(),
            inbox,
            arrivals,
            awaited: HashSet::from([InitialSync::Leases, InitialSync::Upstream]),
            kinds: KindStatus::default(),
            ticks,
            started: Instant::now(),
            dirty: false,
            shown: None,
        };
        for kind in KINDS {
            let source = groups::collection(*kind, namespace.as_deref(), selector.as_deref());
            observer.watches.follow_groups(*kind, source);
        }
        observer.watches.follow(
            lease::collection(namespace.as_deref()),
            ObserverInput::Leases,
        );
        observer.look_for_upstream();
        observer
    }

    /// The groups as they stand, at first and whenever that has changed. May be dropped and called again.
    ///
    /// # Errors
    /// Where the cluster can't be reached or read at the start.
    pub async fn next(&mut self) -> anyhow::Result<Snapshot> {
        loop {
            let mut ask = true;
            tokio::select! {
                Some(input) = self.arrivals.recv() => ask = self.take_in(input)?,
                _ = self.ticks.tick() => self.dirty = true,
            }
            while let Ok(input) = self.arrivals.try_recv() {
                ask |= self.take_in(input)?;
            }
            self.rewire();
            if ask {
                self.look_up();
            }
            if std::mem::take(&mut self.dirty)
                && let Some(sight) = self.news()
            {
                return Ok(sight);
            }
        }
    }

    /// Why kinds are left out that may not be read.
    pub fn forbidden(&self) -> impl Iterator<Item = &RequestError> {
        self.kinds.forbidden().map(|(_, error)| error)
    }

    /// How long ago something was, of what a [`Lost`] says.
    pub fn since(&self, then: Duration) -> Duration {
        self.now().saturating_sub(then)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn look_for_upstream(&mut self) {
        let (cluster, inbox) = (self.cluster.local.clone(), self.inbox.clone());
        self.watches.spawn(async move {
            let _ = inbox
                .send(ObserverInput::Upstream(
                    runners::seen_upstream(&cluster).await,
                ))
                .await;
        });
    }

    /// Takes in what came; gives whether Services may have to be looked up for it.
    fn take_in(&mut self, input: ObserverInput) -> anyhow::Result<bool> {
        let now = self.now();
        match input {
            ObserverInput::Told(told) => return self.hear(told, now),
            ObserverInput::Leases(event) => {
                self.awaited.remove(&InitialSync::Leases);
                self.dirty = true;
                self.picture.leases(event, self.cluster.clock().now());
            }
            ObserverInput::Upstream(runs) => {
                self.awaited.remove(&InitialSync::Upstream);
                self.dirty = true;
                self.picture.runners.upstream = runs;
            }
            ObserverInput::LookedUp(service, found) => {
                self.asked.remove(&service);
                self.dirty = true;
                self.picture.looked_up(service, found, now);
            }
        }
        Ok(false)
    }

    fn hear(&mut self, told: FollowedEvent, now: Duration) -> anyhow::Result<bool> {
        match told {
            FollowedEvent::Groups(kind, event) => {
                self.kind_event(kind, &event)?;
                self.dirty = true;
                self.picture.groups(kind.info().name, *event, now);
                Ok(true)
            }
            FollowedEvent::Slices(id, event) => {
                let (matters, stop) = self.picture.slices(id, event, now);
                self.dirty |= matters;
                self.stop(stop);
                Ok(matters)
            }
            FollowedEvent::Mirrors(id, event) => {
                let matters = self.picture.mirrors(id, event);
                self.dirty |= matters;
                Ok(matters)
            }
            FollowedEvent::NoAccess(id, why) => {
                self.dirty |= self.picture.no_access(id, why);
                Ok(false)
            }
        }
    }

    /// Until the first list of a kind's groups has arrived, a failure ends the observer, unless it may pass.
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
            // A user who may list but not watch, or lost the right, would wait in vain.
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

    fn rewire(&mut self) {
        let rewiring = self.picture.rewire(self.now());
        for (id, scope) in rewiring.start {
            self.watches.start(id, &scope);
        }
        self.stop(rewiring.stop);
    }

    fn stop(&mut self, feeds: Vec<SliceWatchId>) {
        feeds.into_iter().for_each(|id| self.watches.stop(id));
    }

    fn look_up(&mut self) {
        for service in self.picture.unsure_services(self.now()) {
            self.asked.insert(service.clone());
            let (cluster, inbox) = (self.cluster.limited(LOOKUP_LIMIT), self.inbox.clone());
            let lookups = Arc::clone(&self.lookups);
            self.watches.spawn(async move {
                let _turn = lookups.acquire().await;
                let found = services::get(&cluster, &service)
                    .await
                    .ok()
                    .map(|found| found.is_some());
                let _ = inbox.send(ObserverInput::LookedUp(service, found)).await;
            });
        }
    }

    /// What is seen, if all of it is known and it is not what was shown last.
    fn news(&mut self) -> Option<Snapshot> {
        if self.kinds.any_pending() || !self.awaited.is_empty() || !self.asked.is_empty() {
            return None;
        }
        let now = self.now();
        let lost = self.picture.connection.lost(now);
        let sight = if lost.is_some() {
            Snapshot {
                lost,
                ..self.shown.clone().unwrap_or_default()
            }
        } else {
            let look = self.picture.look(now, self.cluster.clock().now());
            if look.is_cut_off && self.picture.connection.is_recovering(now) {
                return None;
            }
            self.sight(look)?
        };
        (self.shown.as_ref() != Some(&sight)).then(|| self.shown.insert(sight).clone())
    }

    /// A group whose backends are being read is shown as it was; at first, everything waits for that.
    fn sight(&self, look: Coverage) -> Option<Snapshot> {
        let Coverage {
            mut statuses,
            absent,
            unread,
            ..
        } = look;
        match &self.shown {
            None if !unread.is_empty() => return None,
            None => {}
            Some(shown) => {
                statuses.extend(
                    shown
                        .statuses
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
