//! The decisions on a group, and what follows from the last one: whether it is Down, waits or owes a
//! write.

use std::time::Duration;

use super::{Assessment, Dirty, GroupState, LastWrite, LostTraffic, MoveCause, Phase};
use crate::model::due::WRITE_GRACE;
use crate::model::transition::After;
use crate::model::{Decider, Decision, Flags, Readiness, Rule, State, decide};
use crate::watch::engine::contention::RevertDelay;
use crate::watch::engine::effect::Moment;

impl GroupState {
    /// Returns the decision for its object. Updates the timers of its backends in every phase: a
    /// timer that missed a change would end too early. None: the object is not a valid group.
    pub fn decide(&mut self, readiness: &[Readiness], moment: Moment) -> Option<Decision> {
        let group = self.record.group.as_ref().ok()?;
        let decider = Decider::new(group, readiness, moment.server);
        self.stopwatches
            .observe(decider.effective(), readiness, moment.now);
        let mut decision = decider.decide(&self.stopwatches.read(moment.now));
        if decision.home_ready.is_some() {
            // A primary that is drained has fewer and fewer.
            let peak = self.stopwatches.recent_peak(group.home_index());
            decision.home_ready = decision.home_ready.max(peak);
        }
        Some(decision)
    }

    /// Returns how long the primary has been as it is, if a decision moves traffic off it or back.
    pub fn time_before_move(
        &self,
        decision: &Decision,
        readiness: &[Readiness],
        moment: Moment,
    ) -> Option<After> {
        let group = self
            .record
            .group
            .as_ref()
            .ok()?
            .at(moment.server, readiness);
        let (carries, is_down) = (group.carries(group.primary), decision.flags.short);
        let (timers, policy) = (self.stopwatches.read(moment.now), &group.policy);
        let delay = match decision.rule {
            Rule::FailOver | Rule::Unverified if carries && is_down => policy.failover_delay,
            Rule::FailBack if !carries => policy.failback_delay,
            _ => return None,
        };
        Some(After {
            is_down,
            lasted: timers.spent(group.primary)?,
            saw_begin: self.stopwatches.saw_begin(group.primary),
            delay,
        })
    }

    /// Returns the decision for a hypothetical readiness.
    pub fn decide_for(&self, readiness: &[Readiness], moment: Moment) -> Option<Decision> {
        let group = self.record.group.as_ref().ok()?;
        let timers = self.stopwatches.read(moment.now);
        Some(decide(group, readiness, &timers, moment.server))
    }

    /// Records a decision. `writer_at`: the time, if it is for this engine to write the group.
    /// Returns the previous state.
    pub fn decided(
        &mut self,
        decision: &Decision,
        readiness: &[Readiness],
        writer_at: Option<Duration>,
    ) -> Option<State> {
        self.dirty = None;
        let is_lost = decision.down_unless_moved && decision.is_out_of_sync();
        self.lost = writer_at.filter(|_| is_lost).map(|now| LostTraffic {
            since: self.lost.as_ref().map_or(now, |lost| lost.since),
            reason: decision.reason.clone(),
        });
        let is_down = self.down_at().is_some_and(|at| writer_at >= Some(at));
        let unread = readiness
            .iter()
            .filter_map(Readiness::why_unknown)
            .find(|why| !why.is_by_design());
        let assessment = Assessment {
            state: if is_down { State::Down } else { decision.state },
            waiting: decision.waiting && decision.look_again.is_some(),
            flags: decision.flags,
            unread: unread.map(ToString::to_string),
        };
        Some(self.assessment.replace(assessment)?.state)
    }

    /// Returns when it is Down, unless its weights are written before.
    pub fn down_at(&self) -> Option<Duration> {
        self.lost.as_ref().map(|lost| lost.since + WRITE_GRACE)
    }

    /// Records that its weights were not written in time. Returns the previous state and the reason
    /// for the move, if that has just become so.
    pub fn fall_down(&mut self, now: Duration) -> Option<(State, String)> {
        let is_due = self.down_at().is_some_and(|at| at <= now);
        let lost = self.lost.as_ref().filter(|_| is_due)?;
        let last = self.assessment.as_mut()?;
        let before = std::mem::replace(&mut last.state, State::Down);
        (before != State::Down).then(|| (before, lost.reason.clone()))
    }

    /// Records that its traffic is left alone: it is not a valid group, or the upstream controller
    /// manages it. Returns the previous state.
    pub fn leave_alone(&mut self, state: Option<State>) -> Option<State> {
        self.dirty = None;
        self.owed_since = None;
        self.lost = None;
        let assessment = state.map(|state| Assessment {
            state,
            waiting: false,
            flags: Flags::default(),
            unread: None,
        });
        Some(std::mem::replace(&mut self.assessment, assessment)?.state)
    }

    /// Records that the move waits for lists of EndpointSlices.
    pub fn revalidate(&mut self, cause: MoveCause, since: Duration) {
        self.phase = Phase::Revalidating;
        self.dirty = Some(Dirty {
            cause,
            since,
            queued: false,
        });
    }

    /// Records the decision to hold the weights. `served`: a backend with traffic is ready.
    pub fn hold(&mut self, served: bool) {
        if let Ok(group) = &self.record.group {
            self.reverts.agreed(group, served);
        }
    }

    /// Records that its object is in sync.
    pub fn in_sync(&mut self) {
        if self.last_write == LastWrite::Refused {
            self.last_write = LastWrite::Failed;
        }
        self.conflicts = 0;
        self.owed_since = None;
        self.backoff.reset();
        self.reported.clear();
    }

    /// Records that its object has to change, for a cause from `since`. Returns since when a change
    /// is owed.
    pub fn owe(&mut self, since: Duration) -> Duration {
        *self.owed_since.get_or_insert(since)
    }

    /// Returns the delay of the write, if it answers another writer's revert. `dead`: some
    /// traffic goes to dead backends.
    pub fn revert_delay(
        &mut self,
        weights: &[u64],
        dead: bool,
        now: Duration,
    ) -> Option<RevertDelay> {
        let group = self.record.group.as_ref().ok()?;
        self.reverts.delay(group, weights, dead, now)
    }

    /// Only time keeps its traffic from moving.
    pub fn wait(&mut self) {
        if let Some(last) = &mut self.assessment {
            last.waiting = true;
        }
    }
}
