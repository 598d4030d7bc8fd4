//! From what is known of a group to a decision, and from the decision to a write.

use std::time::Duration;

use super::engine::{Effect, Engine, Moment};
use super::feed::FRESH;
use super::feeds::Reading;
use super::leases::Permit;
use super::tracked::{Cause, Pending, Phase};
use crate::model::notice::Notice;
use crate::model::{Decision, Group, GroupId, Invalid, Readiness, ServiceRef, State, Weights, decide};
use crate::resource::Change;
use crate::resource::annotations::CONTROLLED_BY;

impl Engine {
    /// Decides for one group, if that is possible now, and asks for what follows.
    pub(super) fn consider(&mut self, id: &GroupId, moment: Moment) {
        let rival = self.older_rival(id);
        let Some(tracked) = self.groups.get_mut(id) else { return };
        tracked.queued = false;
        if tracked.phase != Phase::Idle {
            // What is under way touches the group again when it ends.
            return;
        }
        let Some((cause, since)) = tracked.dirty else { return };
        let valid = match (&tracked.record.group, rival) {
            (Ok(_), Some(rival)) => Err(Invalid::claimed_twice(&tracked.record.apex, &rival, CONTROLLED_BY)),
            (Ok(group), None) => Ok(group),
            (Err(invalid), _) => Err(invalid.clone()),
        };
        let group = match valid {
            Ok(group) => group,
            Err(invalid) => {
                tracked.dirty = None;
                tracked.waiting = false;
                if tracked.said.as_deref() != Some(&invalid.reason) {
                    tracked.said = Some(invalid.reason.clone());
                    let Invalid { reason, mend } = invalid;
                    self.effects.push(Effect::Say(Notice::Invalid { group: id.clone(), reason, mend }));
                }
                return;
            }
        };
        let mut readiness = Vec::with_capacity(group.backends.len());
        for backend in &group.backends {
            match self.feeds.read(&backend.service, moment.now) {
                Reading::Ready(known) => readiness.push(known),
                // The list, or the end of patience with it, touches the group again.
                Reading::NotYet => return,
            }
        }
        tracked.dirty = None;
        for backend in &group.backends {
            if self.feeds.must_ask(&backend.service, moment.now) {
                self.effects.push(Effect::LookUp(backend.service.clone()));
            }
        }
        tracked.stopwatches.observe(&group.at(moment.server, &readiness), &readiness, moment.now);
        let decision = decide(group, &readiness, &tracked.stopwatches.read(moment.now), moment.server);
        tracked.waiting = decision.waiting;
        let stuck = matches!(decision.state, State::Unavailable | State::Unknown);
        if std::mem::replace(&mut tracked.stuck, stuck) != stuck {
            let (group, state, reason) = (id.clone(), decision.state, decision.reason.clone());
            self.effects.push(Effect::Say(if stuck {
                Notice::Stuck { group, state, reason }
            } else {
                Notice::Unstuck { group, reason }
            }));
        }
        if let Some(left) = decision.look_again {
            self.alarms.insert((moment.now + left, id.clone()));
        }
        self.act(id, cause, since, &decision, &readiness, moment);
    }

    fn act(
        &mut self,
        id: &GroupId,
        cause: Cause,
        since: Duration,
        decision: &Decision,
        readiness: &[Readiness],
        moment: Moment,
    ) {
        let Some(tracked) = self.groups.get_mut(id) else { return };
        let Ok(group) = &tracked.record.group else { return };
        if !decision.asks_for_change() {
            tracked.said = None;
            tracked.refused = false;
            return;
        }
        if decision.weights != Weights::Hold && cause != Cause::Readiness {
            let just_read = tracked.verified.is_some_and(|at| moment.now.saturating_sub(at) <= FRESH);
            if !just_read && self.feeds.is_stale(group, readiness, moment.now) {
                tracked.phase = Phase::Verifying;
                let names = group.backends.iter().map(|backend| backend.service.name.clone()).collect();
                self.effects.push(Effect::Verify(id.clone(), names));
                return;
            }
        }
        let Ok(change) = Change::of(group, decision, &self.signature, moment.server) else { return };
        let weights = change.weights.clone().unwrap_or_else(|| group.weights());
        let pending = Pending {
            from: named(group, &group.weights()),
            to: named(group, &weights),
            last_move: change.last_move.clone(),
            notes: decision.notes.clone(),
            since,
            version: tracked.record.meta.resource_version.clone(),
        };
        if self.dry_run {
            self.rehearse(id, &pending, moment.now);
            return;
        }
        let Permit::Granted { until } = self.leases.permit(id, moment.now) else { return };
        let record = Box::new(tracked.record.clone());
        tracked.phase = Phase::Writing(pending);
        self.effects.push(Effect::Write(id.clone(), record, change, until));
    }

    /// Says once what a write would do.
    fn rehearse(&mut self, id: &GroupId, pending: &Pending, now: Duration) {
        let Some(tracked) = self.groups.get_mut(id) else { return };
        let Some(transition) = pending.transition(id, &tracked.record.apex, now) else { return };
        let words = format!("{:?} {}", transition.to, transition.why);
        if tracked.said.as_ref() != Some(&words) {
            tracked.said = Some(words);
            self.say(Notice::WouldMove(transition));
        }
    }

    /// An older group on the same apex, if there is one.
    fn older_rival(&self, id: &GroupId) -> Option<GroupId> {
        let tracked = self.groups.get(id)?;
        let apex = ServiceRef::new(&id.namespace, &tracked.record.apex);
        let own = tracked.record.age();
        let rivals = self.register.sharing(&apex).iter().filter_map(|rival| self.groups.get(rival));
        let older = rivals.filter(|rival| rival.record.group.is_ok() && rival.record.age() < own);
        older.map(|rival| rival.record.id()).min()
    }
}

fn named(group: &Group, weights: &[u64]) -> Vec<(String, u64)> {
    let names = group.backends.iter().map(|backend| backend.service.name.clone());
    names.zip(weights.iter().copied()).collect()
}
