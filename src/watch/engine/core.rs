//! The loop's memory and its next steps. It is told what happens and when; what it asks for is done elsewhere.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::group_state::{GroupState, MoveCause, Phase};
use super::index::GroupIndex;
use super::leases::Leases;
use super::rate_limit::MoveLimiter;
use super::requeue::RequeueTimers;
use super::revalidate::Revalidations;
use super::state_counts::StateCounts;
use crate::cluster::remotes::remote_clusters::NamedRemotes;
use crate::model::notice::{Notice, Transition};
use crate::model::{GroupId, MaxMoves, ServiceRef, State, Stopwatches};
use crate::readiness::cache::{ReadinessCache, WatchChanges};
use crate::readiness::mirror_index::RemoteNamespace;
use crate::readiness::scope::{SliceScope, SliceWatchId};
use crate::resource::{Change, Record, Upstream};

/// Plans of watches are not made more often than this.
const PLAN_PAUSE: Duration = Duration::from_millis(100);

/// The moment of an input: monotonic since the loop's start, and by the API server's clock.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub now: Duration,
    pub server: Timestamp,
}

/// What is to be done outside.
#[derive(Debug)]
pub enum Effect {
    StartFeed(SliceWatchId, SliceScope),
    StopFeed(SliceWatchId),
    /// Read one Service.
    LookUp(ServiceRef),
    /// List the slices of these services.
    Verify(RemoteNamespace),
    Write(Box<Write>),
    TakeLease(String),
    /// Begin every watch of groups and every keeping of a Lease anew.
    StartOver(Vec<String>),
    GiveLeaseBack(String),
    /// Read the group's object again; its answer is to have this number.
    Reread(GroupId, u64, Box<Record>),
    /// Traffic has been moved: tell, and write an Event on the object.
    Moved(Box<Record>, Transition),
    Say(Notice),
}

/// A write that is asked for.
#[derive(Debug)]
pub struct Write {
    pub group: GroupId,
    /// Its answer is to have it.
    pub number: u64,
    /// The last one failed.
    pub is_retry: bool,
    pub record: Record,
    pub change: Change,
    /// It is to start only if it can end before then.
    pub until: Option<Duration>,
}

#[derive(Debug)]
pub struct Engine {
    /// Boxed: a table has room for up to twice as many as it holds.
    pub(crate) groups: HashMap<GroupId, Box<GroupState>>,
    pub(crate) register: GroupIndex,
    pub(crate) feeds: ReadinessCache,
    pub(crate) checks: Revalidations,
    /// Groups that are to be looked at, in the order in which they were touched.
    pub(crate) queue: Vec<GroupId>,
    pub(crate) alarms: RequeueTimers,
    /// The set of services has changed, and the watches are to be planned again.
    pub(crate) replan: bool,
    planned: Option<Duration>,
    pub(crate) leases: Leases,
    pub(crate) signature: String,
    pub(crate) settings: EngineSettings,
    pub(crate) brake: MoveLimiter,
    pub(crate) census: StateCounts,
    /// Of the requests whose answers have numbers.
    pub(crate) last_number: u64,
    pub(crate) effects: Vec<Effect>,
}

/// How the loop is to go about its work.
#[derive(Debug, Clone, Default)]
pub struct EngineSettings {
    /// Write nothing.
    pub dry_run: bool,
    pub max_moves: Option<MaxMoves>,
    /// Linkerd's own controller, where it runs.
    pub upstream: Option<Upstream>,
    /// Run beside it the groups on which both come to the same answer.
    pub alongside_upstream: bool,
    /// The other clusters that may be asked.
    pub asked: NamedRemotes,
}

impl Engine {
    pub fn new(signature: String, settings: EngineSettings) -> Self {
        Self {
            brake: MoveLimiter::new(settings.max_moves),
            census: StateCounts::default(),
            groups: HashMap::new(),
            register: GroupIndex::default(),
            feeds: ReadinessCache::new(settings.asked.clone()),
            checks: Revalidations::default(),
            queue: Vec::new(),
            alarms: RequeueTimers::default(),
            replan: false,
            planned: None,
            leases: Leases::default(),
            signature,
            settings,
            last_number: 0,
            effects: Vec::new(),
        }
    }

    /// How many groups are in which state, unless that was told before.
    pub fn census(&mut self) -> Option<&BTreeMap<State, usize>> {
        self.census.news()
    }

    /// How many groups wait for the brake.
    pub fn braked(&self) -> usize {
        self.brake.waiting()
    }

    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// Whether nothing is under way, nothing waits for a delay, and every group has been decided on.
    pub fn is_at_rest(&self) -> bool {
        let rests = |tracked: &GroupState| {
            tracked.refused
                || (tracked.dirty.is_none() && !tracked.waiting && tracked.phase == Phase::Idle)
        };
        !self.replan
            && (self.settings.dry_run || self.leases.are_settled())
            && self.groups.values().all(|tracked| rests(tracked))
    }

    /// The groups that are not where they belong, as far as that is known, and why.
    pub fn unsettled(&self) -> Vec<(GroupId, &'static str)> {
        let why = |tracked: &GroupState| match &tracked.phase {
            _ if tracked.refused => Some("its write was refused"),
            Phase::Verifying => Some("what it needs is not known yet"),
            Phase::Idle if tracked.waiting => Some("its move has to wait"),
            Phase::Idle if tracked.dirty.is_none() => None,
            Phase::Idle => Some("what it needs is not known yet"),
            _ => Some("its write has not succeeded yet"),
        };
        let mut groups: Vec<_> = self
            .groups
            .iter()
            .filter_map(|(id, tracked)| Some((id.clone(), why(tracked)?)))
            .collect();
        groups.sort();
        groups
    }

    /// Another loop that certainly runs groups which this one is to run: the namespace, and who.
    pub fn other_holder(&self) -> Option<(&str, &str)> {
        self.leases.other_holder()
    }

    /// Groups that Linkerd's own controller runs too.
    pub fn run_by_upstream(&self) -> Vec<GroupId> {
        let Some(upstream) = &self.settings.upstream else {
            return Vec::new();
        };
        let covered = self
            .groups
            .iter()
            .filter(|(_, tracked)| upstream.covers(&tracked.record));
        let mut groups: Vec<GroupId> = covered.map(|(id, _)| id.clone()).collect();
        groups.sort();
        groups
    }

    /// Groups whose writes were refused.
    pub fn refused(&self) -> usize {
        self.groups
            .values()
            .filter(|tracked| tracked.refused)
            .count()
    }

    /// Groups of which it is not known how they stand since a backend can't be read, and why.
    pub fn unread(&self) -> Vec<(GroupId, String)> {
        let unknown = self
            .groups
            .iter()
            .filter(|(_, tracked)| tracked.counted == Some(State::Unknown));
        let mut groups: Vec<_> = unknown
            .filter_map(|(id, tracked)| Some((id.clone(), tracked.unread.clone()?)))
            .collect();
        groups.sort();
        groups
    }

    /// The clusters that the mirrors among the backends stand for, once that is known.
    pub fn mirrored(&self, now: Duration) -> Option<Vec<&str>> {
        if self.replan {
            None
        } else {
            self.feeds.mirrored_clusters(now)
        }
    }

    /// When to call [`Engine::tick`], if nothing else happens before.
    pub fn next_alarm(&self) -> Option<Duration> {
        let plan = self.replan.then(|| {
            self.planned
                .map_or(Duration::ZERO, |planned| planned + PLAN_PAUSE)
        });
        plan.into_iter().chain(self.alarms.next()).min()
    }

    /// Decides what is due and hands out what is to be done.
    pub fn settle(&mut self, moment: Moment) -> Vec<Effect> {
        self.ring(moment.now);
        self.plan(moment.now);
        for id in std::mem::take(&mut self.queue) {
            self.consider(&id, moment);
        }
        if let Some((MaxMoves { most, within }, waiting)) = self.brake.news(moment.now) {
            self.say(Notice::Braked {
                most,
                within,
                waiting,
            });
        }
        self.effects.extend(
            self.checks
                .start(moment.now)
                .into_iter()
                .map(Effect::Verify),
        );
        std::mem::take(&mut self.effects)
    }

    /// Looks for feeds that have gone quiet, or have come back, and for what has to be asked again.
    pub fn tick(&mut self, now: Duration) {
        let revision = self.feeds.revision();
        for touched in self.feeds.health_changes(now) {
            self.touch_all(&touched, MoveCause::Timer, now);
        }
        self.replan |= self.feeds.revision() != revision;
        self.effects
            .extend(self.feeds.lookups_due(now).into_iter().map(Effect::LookUp));
    }

    /// Takes in that the machine has slept: nothing that was known before counts, and no delay has run.
    pub fn slept(&mut self, now: Duration) {
        self.effects
            .extend(self.feeds.clear().into_iter().map(Effect::StopFeed));
        self.checks = Revalidations::default();
        self.replan = true;
        self.planned = None;
        self.effects.push(Effect::StartOver(self.leases.lose()));
        self.effects.push(Effect::Say(Notice::Slept));
        let ids: Vec<GroupId> = self.groups.keys().cloned().collect();
        for id in ids {
            if let Some(tracked) = self.groups.get_mut(&id) {
                tracked.stopwatches = Stopwatches::default();
                tracked.owed_since = None;
            }
            self.touch(&id, MoveCause::Timer, now);
        }
    }

    /// Takes in whether Linkerd's own controller runs.
    pub fn upstream(&mut self, upstream: Option<Upstream>, now: Duration) {
        if self.settings.upstream == upstream {
            return;
        }
        self.settings.upstream = upstream;
        let ids: Vec<GroupId> = self.groups.keys().cloned().collect();
        ids.iter()
            .for_each(|id| self.touch(id, MoveCause::Timer, now));
    }

    /// Wakes the groups whose time has come.
    fn ring(&mut self, now: Duration) {
        while let Some(id) = self.alarms.ring(now) {
            let Some(tracked) = self.groups.get_mut(&id) else {
                continue;
            };
            match tracked.phase {
                Phase::Waiting(until) if until > now => self.alarms.set(&id, until),
                Phase::Waiting(_) => tracked.phase = Phase::Idle,
                _ => {}
            }
            self.touch(&id, MoveCause::Timer, now);
        }
    }

    fn plan(&mut self, now: Duration) {
        if !self.replan
            || self
                .planned
                .is_some_and(|planned| now < planned + PLAN_PAUSE)
        {
            return;
        }
        self.replan = false;
        self.planned = Some(now);
        let WatchChanges { start, stop } = self.feeds.plan(self.register.services(), now);
        self.effects.extend(
            start
                .into_iter()
                .map(|(id, scope)| Effect::StartFeed(id, scope)),
        );
        self.effects.extend(stop.into_iter().map(Effect::StopFeed));
        if !self.settings.dry_run {
            let namespaces = self.groups.keys().map(|id| id.namespace.clone()).collect();
            let (take, give_back) = self.leases.plan(&namespaces);
            self.effects.extend(take.into_iter().map(Effect::TakeLease));
            self.effects
                .extend(give_back.into_iter().map(Effect::GiveLeaseBack));
        }
    }

    pub(crate) fn say(&mut self, notice: Notice) {
        self.effects.push(Effect::Say(notice));
    }
}
