//! From what is known of a group to a decision, and from the decision to a write.

use std::time::Duration;

use super::contention::Answer;
use super::core::{Effect, Engine, Moment, Write};
use super::group_state::{Pending, Phase};
use super::leases::LeasePermit;
use super::rate_limit::Go;
use crate::model::notice::Notice;
use crate::model::rivals::oldest_rival;
use crate::model::{
    Decider, Decision, Group, GroupId, Invalid, Readiness, ServiceRef, State, Stopwatches, Weights,
    WhyUnknown,
};
use crate::readiness::lookup::Lookup;
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::{Change, Record};
use crate::watch::driver::upstream_probe;

impl Engine {
    /// Decides for one group, if that is possible now, and asks for what follows.
    pub(crate) fn consider(&mut self, id: &GroupId, moment: Moment) {
        let rival = self.older_rival(id);
        let Some(tracked) = self.groups.get_mut(id) else {
            return;
        };
        tracked.queued = false;
        let Some((cause, since)) = tracked.dirty else {
            return;
        };
        let valid = match (&tracked.record.group, rival) {
            (Ok(_), Some((rival, port))) => Err(Invalid::claimed_twice(
                &tracked.record.apex,
                &rival,
                port,
                CONTROLLED_BY,
            )),
            (Ok(group), None) => Ok(group),
            (Err(invalid), _) => Err(invalid.clone()),
        };
        let group = match valid {
            Ok(group) => group,
            Err(invalid) => return self.set_aside(id, invalid),
        };
        let mut all_known = true;
        let readings = group
            .backends
            .iter()
            .map(|backend| self.feeds.lookup(&backend.service, moment.now));
        let readiness: Vec<Readiness> = readings
            .map(|reading| match reading {
                Lookup::Ready(known) => known,
                Lookup::NotYet => {
                    all_known = false;
                    Readiness::Unknown {
                        why: WhyUnknown::NotListed,
                    }
                }
            })
            .collect();
        // Whatever is under way: a timer that missed a change would end too early.
        let decider = Decider::new(group, &readiness, moment.server);
        tracked
            .stopwatches
            .observe(decider.effective(), &readiness, moment.now);
        if !tracked.may_be_decided_on() {
            return;
        }
        tracked.phase = Phase::Idle;
        if tracked.suspect {
            return self.ask_again(id, None);
        }
        if tracked.warned != tracked.record.warnings {
            let warnings = tracked.record.warnings.clone();
            let before = std::mem::replace(&mut tracked.warned, warnings.clone());
            let new = warnings
                .into_iter()
                .filter(|warning| !before.contains(warning));
            self.effects.extend(new.map(|warning| {
                Effect::Say(Notice::Warning {
                    group: id.clone(),
                    warning,
                })
            }));
        }
        if !all_known {
            // The list, or the end of patience with it, touches the group again.
            return;
        }
        tracked.dirty = None;
        if let Some(why) = upstream_probe::has_it(&self.settings, &tracked.record, &readiness) {
            self.brake.settled(id);
            tracked.owed_since = None;
            self.census.change(&mut tracked.counted, None);
            if tracked.said.as_deref() != Some(why) {
                tracked.said = Some(why.to_owned());
                self.effects.push(Effect::Say(Notice::LeftToUpstream {
                    group: id.clone(),
                    why,
                }));
            }
            return;
        }
        let decision = decider.decide(&tracked.stopwatches.read(moment.now));
        tracked.waiting = decision.waiting;
        self.census
            .change(&mut tracked.counted, Some(decision.state));
        let unread = readiness
            .iter()
            .filter_map(Readiness::why_unknown)
            .find(|why| !why.is_by_design());
        tracked.unread = unread.map(ToString::to_string);
        self.effects.extend(
            tracked
                .news_of_being_stuck(id, &decision, &readiness)
                .map(Effect::Say),
        );
        if let Some(left) = decision.look_again {
            self.alarms.set(id, moment.now.saturating_add(left));
        }
        if let Some(decision) = self.confirmed(id, cause, decision, &readiness, moment) {
            self.act(id, since, &decision, &readiness, moment);
        } else if let Some(tracked) = self.groups.get_mut(id) {
            // What is under way touches the group again.
            tracked.phase = Phase::Verifying;
            tracked.dirty = Some((cause, since));
        }
        self.ask_for_services(id, moment.now);
    }

    /// Leaves alone what is no group.
    fn set_aside(&mut self, id: &GroupId, invalid: Invalid) {
        let Some(tracked) = self.groups.get_mut(id) else {
            return;
        };
        tracked.stopwatches = Stopwatches::default();
        if !tracked.may_be_decided_on() {
            return;
        }
        tracked.phase = Phase::Idle;
        if tracked.suspect {
            return self.ask_again(id, None);
        }
        tracked.dirty = None;
        tracked.waiting = false;
        tracked.owed_since = None;
        self.brake.settled(id);
        self.census
            .change(&mut tracked.counted, Some(State::Invalid));
        if tracked.said.as_deref() != Some(&invalid.reason) {
            tracked.said = Some(invalid.reason.clone());
            let Invalid { reason, mend, .. } = invalid;
            self.say(Notice::Invalid {
                group: id.clone(),
                reason,
                mend,
            });
        }
    }

    /// Asks whether backends without slices exist: after the write, which is not to wait for that.
    fn ask_for_services(&mut self, id: &GroupId, now: Duration) {
        let Some(Ok(group)) = self.groups.get(id).map(|tracked| &tracked.record.group) else {
            return;
        };
        for backend in &group.backends {
            if self.feeds.must_look_up(&backend.service, now) {
                self.effects.push(Effect::LookUp(backend.service.clone()));
            }
        }
    }

    fn act(
        &mut self,
        id: &GroupId,
        since: Duration,
        decision: &Decision,
        readiness: &[Readiness],
        moment: Moment,
    ) {
        let Some(tracked) = self.groups.get_mut(id) else {
            return;
        };
        let Ok(group) = &tracked.record.group else {
            return;
        };
        let mut carrying = group
            .backends
            .iter()
            .zip(readiness)
            .filter(|(backend, _)| backend.weight > 0);
        if decision.weights == Weights::Hold {
            tracked
                .fight
                .agreed(group, carrying.any(|(_, readiness)| readiness.is_ready()));
            self.brake.settled(id);
        }
        if !decision.asks_for_change() {
            tracked.said = None;
            tracked.refused = false;
            tracked.conflicts = 0;
            tracked.owed_since = None;
            tracked.backoff.reset();
            return;
        }
        let since = *tracked.owed_since.get_or_insert(since);
        if let Weights::Set(weights) = &decision.weights {
            let dead = carrying.all(|(_, readiness)| readiness.is_dead());
            let answer = tracked.fight.answer(group, weights, dead, moment.now);
            if let Answer::Later { at, is_news } = answer {
                tracked.waiting = true;
                self.alarms.set(id, at);
                if is_news {
                    let by = tracked.record.last_editor().unwrap_or("someone").to_owned();
                    let wait = at.saturating_sub(moment.now);
                    self.say(Notice::Contested {
                        group: id.clone(),
                        by,
                        wait,
                    });
                }
                return;
            }
        }
        let Ok(change) = Change::of(group, decision, &self.signature, moment.server) else {
            return;
        };
        let weights = change.weights.clone().unwrap_or_else(|| group.weights());
        self.last_number += 1;
        let number = self.last_number;
        let pending = Pending {
            number,
            from: named(group, &group.weights()),
            to: named(group, &weights),
            last_move: change.last_move.clone(),
            notes: decision.notes.clone(),
            at: moment.server,
            since,
            version: tracked.record.meta.resource_version.clone(),
        };
        if self.settings.dry_run {
            self.rehearse(id, &pending, moment.now);
            return;
        }
        let LeasePermit::Granted { until } = self.leases.permit(id, moment.now) else {
            return;
        };
        if pending.last_move.is_some()
            && let Go::Later { at } = self.brake.start(id, moment.now)
        {
            tracked.waiting = true;
            self.alarms.set(id, at);
            return;
        }
        let write = Write {
            group: id.clone(),
            number,
            is_retry: tracked.failed,
            record: tracked.record.clone(),
            change,
            until,
        };
        tracked.phase = Phase::Writing(pending);
        self.effects.push(Effect::Write(Box::new(write)));
    }

    /// Says once what a write would do.
    fn rehearse(&mut self, id: &GroupId, pending: &Pending, now: Duration) {
        let Some(tracked) = self.groups.get_mut(id) else {
            return;
        };
        let Some(transition) = pending.transition(id, &tracked.record.apex, now) else {
            return;
        };
        let words = format!("{:?} {}", transition.to, transition.why);
        if tracked.said.as_ref() != Some(&words) {
            tracked.said = Some(words);
            self.say(Notice::WouldMove(transition));
        }
    }

    /// Returns an older group on the same apex, and the port that it claims.
    fn older_rival(&self, id: &GroupId) -> Option<(GroupId, Option<u16>)> {
        let record = &self.groups.get(id)?.record;
        let sharing = self
            .register
            .sharing(&ServiceRef::new(&id.namespace, &record.apex));
        let claims = sharing
            .iter()
            .filter_map(|id| Some(&self.groups.get(id)?.record))
            .filter(|rival| rival.group.is_ok())
            .map(Record::claim);
        let rival = oldest_rival(&record.claim(), claims)?;
        Some((rival.group(), rival.port))
    }
}

fn named(group: &Group, weights: &[u64]) -> Vec<(String, u64)> {
    let names = group.backends.iter().map(|backend| backend.name.clone());
    names.zip(weights.iter().copied()).collect()
}
