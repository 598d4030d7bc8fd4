//! From what is known of a group to a decision, and from the decision to a write.

use std::time::Duration;

use super::engine::{Effect, Engine, Moment};
use super::feed::FRESH;
use super::feeds::Reading;
use super::leases::Permit;
use super::tracked::{Cause, Pending, Phase};
use crate::model::moves::write_weights;
use crate::model::notice::Notice;
use crate::model::{Decision, Group, GroupId, Invalid, LastMove, Readiness, ServiceRef, Weights, decide};
use crate::resource::Change;
use crate::resource::annotations::{CONTROLLED_BY, LAST_MOVE};

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
        tracked.stopwatches.observe(group, &readiness, moment.now);
        let decision = decide(group, &readiness, &tracked.stopwatches.read(moment.now));
        tracked.waiting = decision.look_again.is_some();
        if let Some(left) = decision.look_again {
            self.alarms.insert((moment.now + left, id.clone()));
        }
        self.act(id, cause, since, decision, &readiness, moment);
    }

    fn act(
        &mut self,
        id: &GroupId,
        cause: Cause,
        since: Duration,
        decision: Decision,
        readiness: &[Readiness],
        moment: Moment,
    ) {
        let Some(tracked) = self.groups.get_mut(id) else { return };
        let Ok(group) = &tracked.record.group else { return };
        let Weights::Set(weights) = decision.weights else {
            tracked.said = None;
            tracked.refused = false;
            return;
        };
        let known = |index: usize| readiness.get(index).is_some_and(|readiness| !readiness.is_unknown());
        let stale =
            cause != Cause::Readiness
                && tracked.verified.is_none_or(|at| moment.now.saturating_sub(at) > FRESH)
                && group.backends.iter().enumerate().any(|(index, backend)| {
                    known(index) && !self.feeds.is_fresh(&backend.service, moment.now)
                });
        if stale {
            tracked.phase = Phase::Verifying;
            let names = group.backends.iter().map(|backend| backend.service.name.clone()).collect();
            self.effects.push(Effect::Verify(id.clone(), names));
            return;
        }
        let last_move = LastMove {
            from: write_weights(group, &group.weights()),
            to: write_weights(group, &weights),
            at: moment.server,
            by: self.signature.clone(),
            why: decision.reason,
            unverified: decision.flags.unverified,
        };
        let pending = Pending {
            from: named(group, &group.weights()),
            to: named(group, &weights),
            last_move,
            since,
            version: tracked.record.meta.resource_version.clone(),
        };
        if self.dry_run {
            let apex = tracked.record.apex.clone();
            let transition = pending.into_transition(id, apex, moment.now);
            let words = format!("{:?} {}", transition.to, transition.why);
            if tracked.said.as_ref() != Some(&words) {
                tracked.said = Some(words);
                self.say(Notice::WouldMove(transition));
            }
            return;
        }
        let Permit::Granted { until } = self.leases.permit(id, moment.now) else { return };
        let Ok(note) = serde_json::to_string(&pending.last_move) else { return };
        let change = Change { weights: Some(weights), annotations: [(LAST_MOVE, Some(note))].into() };
        let record = Box::new(tracked.record.clone());
        tracked.phase = Phase::Writing(pending);
        self.effects.push(Effect::Write(id.clone(), record, change, until));
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
