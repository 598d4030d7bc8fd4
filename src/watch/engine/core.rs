//! The engine's state, its queue and its turn, which decides on groups and returns effects.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::effect::{Effect, Moment};
use super::group_state::{GroupState, MoveCause};
use super::index::GroupIndex;
use super::leases::Leases;
use super::other_leases::OtherLeases;
use super::outsiders::Outsiders;
use super::rate_limit::MoveLimiter;
use super::relist_queue::RelistQueue;
use super::requeue::RequeueTimers;
use super::state_counts::StateCounts;
use super::write_rights::WriteRights;
use crate::model::notice::Notice;
use crate::model::{GroupId, MaxMoves, State};
use crate::readiness::cache::{ReadinessCache, WatchChanges};
use crate::resource::{LabelSelector, Record, Upstream};

/// Watches are planned at most this often (debounce), since groups arrive in bursts.
const PLAN_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub struct Engine {
    /// Boxed: a hash table has room for up to twice as many entries as it holds.
    pub(super) groups: HashMap<GroupId, Box<GroupState>>,
    /// Groups that the selector leaves out. They can be rivals of those in `groups`.
    pub(super) outsiders: Outsiders,
    pub(super) index: GroupIndex,
    pub(super) cache: ReadinessCache,
    pub(super) relists: RelistQueue,
    /// Dirty groups, in the order in which they became dirty.
    pub(super) queue: Vec<GroupId>,
    /// Groups whose facts may have changed, for the metrics.
    pub(super) touched: Vec<GroupId>,
    /// Groups that others have reverted, until nobody has for a while.
    pub(super) contested: BTreeMap<GroupId, Duration>,
    pub(super) requeue: RequeueTimers,
    /// The set of services has changed, so the watches have to be planned again.
    pub(super) replan: bool,
    planned_at: Option<Duration>,
    pub(super) leases: Leases,
    pub(super) others: OtherLeases,
    pub(super) rights: WriteRights,
    /// The signature of moves in `last-move`.
    pub(super) signature: String,
    pub(super) options: EngineOptions,
    /// Linkerd's own failover controller, if it runs.
    pub(super) upstream: Vec<Upstream>,
    pub(super) limiter: MoveLimiter,
    pub(super) counts: StateCounts,
    /// The last time that is known on both clocks.
    last_moment: Option<Moment>,
    last_request: u64,
    pub(super) effects: Vec<Effect>,
}

#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// The groups to run.
    pub selector: LabelSelector,
    /// Write nothing.
    pub dry_run: bool,
    pub max_moves: Option<MaxMoves>,
    /// Manage the upstream controller's groups too, if both would make the same decisions.
    pub alongside_upstream: bool,
}

impl Engine {
    pub fn new(signature: String, options: EngineOptions, cache: ReadinessCache) -> Self {
        Self {
            limiter: MoveLimiter::new(options.max_moves),
            cache,
            signature,
            options,
            ..Self::default()
        }
    }

    /// Returns the number of groups in each state and of exposed groups, if one has changed since
    /// the last call.
    pub fn changed_counts(&mut self) -> Option<(&BTreeMap<State, usize>, usize)> {
        self.counts.take_changed()
    }

    /// Returns the number of groups that wait for the rate limit.
    pub fn rate_limited(&self) -> usize {
        self.limiter.waiting()
    }

    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// Returns whether every group has been decided on, no request is in flight, and no delay is
    /// running.
    pub fn is_settled(&self) -> bool {
        !self.replan
            && (self.options.dry_run || self.leases.are_settled() && self.others.are_settled())
            && self.groups.values().all(|group| group.is_settled())
    }

    /// Returns the groups whose weights may be wrong, with the reasons.
    pub fn unsettled(&self) -> Vec<(GroupId, &'static str)> {
        self.sorted(GroupState::why_unsettled)
    }

    /// Returns the groups that are Unknown because a backend's readiness cannot be read, with the
    /// reasons.
    pub fn unread(&self) -> Vec<(GroupId, String)> {
        self.sorted(|group| group.unread().cloned())
    }

    /// Returns the groups that are invalid, with the reasons.
    pub fn invalid(&self) -> Vec<(GroupId, String)> {
        let mut invalid: Vec<_> = self
            .groups
            .iter()
            .filter_map(|(id, group)| {
                Some((id.clone(), self.why_invalid(id, group.record())?.reason))
            })
            .collect();
        invalid.sort();
        invalid
    }

    fn sorted<T: Ord>(&self, fact: impl Fn(&GroupState) -> Option<T>) -> Vec<(GroupId, T)> {
        let facts = self.groups.iter();
        let mut facts: Vec<_> = facts
            .filter_map(|(id, group)| Some((id.clone(), fact(group)?)))
            .collect();
        facts.sort();
        facts
    }

    /// Returns the number of groups whose writes were refused.
    pub fn refused(&self) -> usize {
        self.groups
            .values()
            .filter(|group| group.is_refused())
            .count()
    }

    /// Returns the namespace and the holder of a Lease that another `watch` certainly still renews.
    pub fn other_holder(&self) -> Option<(&str, &str)> {
        self.leases.other_holder()
    }

    /// Returns a group that another `watch` with a selector certainly runs, and its holder.
    pub fn left_to(&self) -> Option<(&GroupId, &str)> {
        self.others.left_to()
    }

    /// Returns the clusters whose services the backends mirror, once they are known.
    pub fn mirrored(&self, now: Duration) -> Option<Vec<&str>> {
        if self.replan {
            None
        } else {
            self.cache.mirrored_clusters(now)
        }
    }

    /// Returns when the next turn is due if no event arrives before.
    pub fn next_turn(&self) -> Option<Duration> {
        let plan = self.replan.then(|| self.next_plan());
        plan.into_iter().chain(self.requeue.next()).min()
    }

    fn next_plan(&self) -> Duration {
        self.planned_at
            .map_or(Duration::ZERO, |planned| planned + PLAN_INTERVAL)
    }

    /// Decides on all groups that are dirty or due, and returns the effects to carry out.
    pub fn turn(&mut self, moment: Moment) -> Vec<Effect> {
        self.last_moment = Some(moment);
        self.wake(moment.now);
        self.plan(moment.now);
        let queue = std::mem::take(&mut self.queue);
        queue.iter().for_each(|id| self.reconcile(id, moment));
        self.touched.extend(queue);
        if let Some((MaxMoves { most, within }, waiting)) = self.limiter.report(moment.now) {
            self.report(Notice::RateLimited {
                most,
                within,
                waiting,
            });
        }
        self.effects.extend(
            self.relists
                .start(moment.now)
                .into_iter()
                .map(Effect::Relist),
        );
        std::mem::take(&mut self.effects)
    }

    /// Checks for watches that went silent or recovered. Called every second.
    pub fn tick(&mut self, now: Duration) {
        self.stop_waiting_for_other_leases(now);
        let is_over = |_: &GroupId, until: &mut Duration| *until <= now;
        let over = self.contested.extract_if(.., is_over);
        self.touched.extend(over.map(|(id, _)| id));
        let revision = self.cache.revision();
        for affected in self.cache.health_changes(now) {
            self.mark_affected_dirty(&affected, MoveCause::Timer, now);
        }
        self.replan |= self.cache.revision() != revision;
    }

    /// Handles that the machine was suspended: discards everything known before, and restarts every
    /// delay.
    pub fn resumed(&mut self, now: Duration) {
        self.effects
            .extend(self.cache.clear().into_iter().map(Effect::StopWatch));
        self.relists = RelistQueue::default();
        self.replan = true;
        self.planned_at = None;
        self.others = OtherLeases::unlisted(now);
        self.effects.push(Effect::Restart(self.leases.lose()));
        self.report(Notice::Suspended);
        self.groups.values_mut().for_each(|group| group.restart());
        self.mark_all_dirty(now);
    }

    pub(super) fn mark_all_dirty(&mut self, now: Duration) {
        for id in self.groups.keys().cloned().collect::<Vec<_>>() {
            self.mark_dirty(&id, MoveCause::Timer, now);
        }
    }

    /// Marks the groups dirty whose timers have fired.
    fn wake(&mut self, now: Duration) {
        while let Some(id) = self.requeue.pop_due(now) {
            let Some(group) = self.groups.get_mut(&id) else {
                continue;
            };
            if let Some(retry) = group.timer_fired(now) {
                self.requeue.set(&id, retry);
            }
            if let Some((before, reason)) = group.fall_down(now) {
                self.counts.change(Some(before), Some(State::Down));
                let notice = group.reported().down(&id, reason);
                self.effects.push(Effect::Report(notice));
            }
            self.mark_dirty(&id, MoveCause::Timer, now);
        }
    }

    /// Plans the watches and the Leases that the groups need.
    fn plan(&mut self, now: Duration) {
        if !self.replan || now < self.next_plan() {
            return;
        }
        self.replan = false;
        self.planned_at = Some(now);
        let WatchChanges { start, stop } = self.cache.plan(self.index.services(), now);
        let start = start
            .into_iter()
            .map(|(id, scope)| Effect::StartWatch(id, scope));
        self.effects.extend(start);
        self.effects.extend(stop.into_iter().map(Effect::StopWatch));
        let mut namespaces = self.groups.keys().map(|id| &id.namespace);
        let first = namespaces.next();
        self.limiter
            .share(namespaces.any(|other| Some(other) != first));
        if !self.options.dry_run {
            let writable = self.groups.keys().filter(|id| !self.rights.are_denied(id));
            let namespaces = writable.map(|id| id.namespace.clone()).collect();
            let (acquire, release) = self.leases.plan(&namespaces);
            self.effects
                .extend(acquire.into_iter().map(Effect::AcquireLease));
            self.effects
                .extend(release.into_iter().map(Effect::ReleaseLease));
        }
    }

    /// Returns the API server's time; none before the first turn.
    pub(super) fn server_time(&self, now: Duration) -> Option<Timestamp> {
        let last = self.last_moment?;
        let since = now.saturating_sub(last.now);
        last.server.checked_add(since).ok()
    }

    /// Returns the object of a group.
    pub fn record(&self, id: &GroupId) -> Option<&Record> {
        self.groups.get(id).map(|group| group.record())
    }

    /// Returns whether this `watch` reports what happens to a group: it runs the group, and writes.
    pub fn reports_on(&self, id: &GroupId) -> bool {
        let is_left = |group: &GroupState| group.state().is_none();
        !self.options.dry_run
            && !self.leases.stands_by(&id.namespace)
            && !self.groups.get(id).is_some_and(|group| is_left(group))
    }

    pub(super) fn next_request(&mut self) -> u64 {
        self.last_request += 1;
        self.last_request
    }

    pub(super) fn report(&mut self, notice: Notice) {
        self.effects.push(Effect::Report(notice));
    }
}
