//! Reconciles one group: from what is known of it to a decision, and from the decision to a write.

use std::time::Duration;

use super::contention::RevertDelay;
use super::core::Engine;
use super::effect::{Effect, Moment, Write};
use super::group_state::{GroupState, NextStep};
use super::leases::LeasePermit;
use super::pending::PendingWrite;
use crate::model::notice::Notice;
use crate::model::rivals::oldest_rival;
use crate::model::{
    Decision, Group, GroupId, Invalid, Readiness, ServiceRef, State, Weights, WhyUnknown,
};
use crate::readiness::lookup::Lookup;
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::{Change, Record};

impl Engine {
    /// Decides on one dirty group, if that is possible now, and asks for what follows.
    pub(super) fn reconcile(&mut self, id: &GroupId, moment: Moment) {
        let Some((cause, since)) = self.groups.get_mut(id).and_then(|group| group.dequeue()) else {
            return;
        };
        if let Some(invalid) = self.why_invalid(id) {
            return self.set_aside(id, invalid);
        }
        let Some((readiness, all_known)) = self.look_up(id, moment.now) else {
            return;
        };
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        let Some(decision) = group.decide(&readiness, moment) else {
            return;
        };
        match group.next_step() {
            NextStep::Wait => return,
            NextStep::ReadObject => return self.read_object(id, None),
            NextStep::Decide => self.report_warnings(id),
        }
        if !all_known {
            // The first list, or its time limit, marks the group dirty again.
            return;
        }
        if self.leave_to_upstream(id, &readiness) {
            return;
        }
        self.decided(id, &decision, &readiness, moment);
        if let Some(decision) = self.confirmed(id, cause, decision, &readiness, moment) {
            self.act(id, since, &decision, &readiness, moment);
        } else if let Some(group) = self.groups.get_mut(id) {
            group.revalidate(cause, since);
        }
        self.look_up_services(id, moment.now);
    }

    /// Why the object is not a valid group, or not the one that manages its apex.
    fn why_invalid(&self, id: &GroupId) -> Option<Invalid> {
        let record = self.groups.get(id)?.record();
        if let Err(invalid) = &record.group {
            return Some(invalid.clone());
        }
        let (rival, port) = self.older_rival(id)?;
        Some(Invalid::claimed_twice(
            &record.apex,
            &rival,
            port,
            CONTROLLED_BY,
        ))
    }

    /// The readiness of the group's backends, and whether all that it rests on has been listed.
    fn look_up(&self, id: &GroupId, now: Duration) -> Option<(Vec<Readiness>, bool)> {
        let group = self.groups.get(id)?.record().group.as_ref().ok()?;
        let mut all_known = true;
        let mut known = |lookup| match lookup {
            Lookup::Ready(known) => known,
            Lookup::NotYet => {
                all_known = false;
                Readiness::Unknown {
                    why: WhyUnknown::NotListed,
                }
            }
        };
        let services = group.backends.iter().map(|backend| &backend.service);
        let readiness = services
            .map(|service| known(self.cache.lookup(service, now)))
            .collect();
        Some((readiness, all_known))
    }

    fn report_warnings(&mut self, id: &GroupId) {
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        let warnings = group.new_warnings().into_iter();
        let notice = |warning| {
            Effect::Report(Notice::Warning {
                group: id.clone(),
                warning,
            })
        };
        self.effects.extend(warnings.map(notice));
    }

    fn set_aside(&mut self, id: &GroupId, invalid: Invalid) {
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        group.reset_timers();
        match group.next_step() {
            NextStep::Wait => return,
            NextStep::ReadObject => return self.read_object(id, None),
            NextStep::Decide => {}
        }
        let Invalid { reason, mend, .. } = invalid;
        if self.leave_alone(id, Some(State::Invalid), &reason) {
            self.report(Notice::Invalid {
                group: id.clone(),
                reason,
                mend,
            });
        }
    }

    fn leave_to_upstream(&mut self, id: &GroupId, readiness: &[Readiness]) -> bool {
        let record = self.groups.get(id).map(|group| group.record());
        let Some(why) = record.and_then(|record| self.why_left_to_upstream(record, readiness))
        else {
            return false;
        };
        if self.leave_alone(id, None, why) {
            self.report(Notice::LeftToUpstream {
                group: id.clone(),
                why,
            });
        }
        true
    }

    /// Does nothing about a group's traffic. Returns whether the reason has to be reported.
    fn leave_alone(&mut self, id: &GroupId, state: Option<State>, why: &str) -> bool {
        self.limiter.settled(id);
        let Some(group) = self.groups.get_mut(id) else {
            return false;
        };
        self.counts.change(group.leave_alone(state), state);
        group.reported().is_news(why)
    }

    fn decided(
        &mut self,
        id: &GroupId,
        decision: &Decision,
        readiness: &[Readiness],
        moment: Moment,
    ) {
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        let before = group.decided(decision, readiness);
        self.counts.change(before, Some(decision.state));
        let stuck = group.reported().stuck(id, decision, readiness);
        self.effects.extend(stuck.map(Effect::Report));
        if let Some(left) = decision.look_again {
            self.requeue.set(id, moment.now.saturating_add(left));
        }
    }

    /// Asks whether the Services of backends without slices exist: after the write, which does not wait for that.
    fn look_up_services(&mut self, id: &GroupId, now: Duration) {
        let Some(Ok(group)) = self.groups.get(id).map(|group| &group.record().group) else {
            return;
        };
        for backend in &group.backends {
            if self.cache.must_look_up(&backend.service, now) {
                self.effects
                    .push(Effect::LookUpService(backend.service.clone()));
            }
        }
    }

    /// Carries out a decision, as far as contention, the Lease and the rate limit permit.
    fn act(
        &mut self,
        id: &GroupId,
        since: Duration,
        decision: &Decision,
        readiness: &[Readiness],
        moment: Moment,
    ) {
        let Some(state) = self.groups.get_mut(id) else {
            return;
        };
        let Ok(group) = &state.record().group else {
            return;
        };
        let (served, dead) = traffic(group, readiness);
        if decision.weights == Weights::Hold {
            state.hold(served);
            self.limiter.settled(id);
        }
        if !decision.asks_for_change() {
            return state.in_sync();
        }
        let since = state.owe(since);
        if let Some(delay) = state.revert_delay(&decision.weights, dead, moment.now) {
            return self.wait_for_revert_delay(id, delay, moment.now);
        }
        if let Some((write, change)) = self.prepare(id, decision, since, moment) {
            if self.options.dry_run {
                self.rehearse(id, &write, moment.now);
            } else {
                self.write(id, write, change, moment.now);
            }
        }
    }

    fn wait_for_revert_delay(&mut self, id: &GroupId, delay: RevertDelay, now: Duration) {
        let Some(state) = self.wait_until(id, delay.until) else {
            return;
        };
        if delay.is_new {
            let by = state.record().last_editor().unwrap_or("someone").to_owned();
            let wait = delay.until.saturating_sub(now);
            self.report(Notice::Contested {
                group: id.clone(),
                by,
                wait,
            });
        }
    }

    fn prepare(
        &mut self,
        id: &GroupId,
        decision: &Decision,
        since: Duration,
        moment: Moment,
    ) -> Option<(PendingWrite, Change)> {
        let request = self.next_request();
        let record = self.groups.get(id)?.record();
        let group = record.group.as_ref().ok()?;
        let change = Change::of(group, decision, &self.signature, moment.server).ok()?;
        let write = PendingWrite::new(request, record, group, decision, &change, since, moment);
        Some((write, change))
    }

    fn write(&mut self, id: &GroupId, write: PendingWrite, change: Change, now: Duration) {
        let LeasePermit::Granted { until } = self.leases.permit(id, now) else {
            return;
        };
        if write.last_move.is_some()
            && let Err(until) = self.limiter.acquire(id, now)
        {
            self.wait_until(id, until);
            return;
        }
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        self.effects.push(Effect::Write(Box::new(Write {
            group: id.clone(),
            request: write.request,
            is_retry: group.has_failed(),
            record: group.record().clone(),
            change,
            until,
        })));
        group.write_started(write);
    }

    /// Only time keeps the group's traffic from moving: it is decided on again then.
    fn wait_until(&mut self, id: &GroupId, until: Duration) -> Option<&GroupState> {
        self.requeue.set(id, until);
        let group = self.groups.get_mut(id)?;
        group.wait();
        Some(group)
    }

    /// Reports once what a write would do (dry run).
    fn rehearse(&mut self, id: &GroupId, write: &PendingWrite, now: Duration) {
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        let Some(transition) = write.transition(id, &group.record().apex, now) else {
            return;
        };
        if group
            .reported()
            .is_news(&format!("{:?} {}", transition.to, transition.why))
        {
            self.report(Notice::WouldMove(transition));
        }
    }

    /// An older group on the same apex, and the port that it claims.
    fn older_rival(&self, id: &GroupId) -> Option<(GroupId, Option<u16>)> {
        let record = self.groups.get(id)?.record();
        let apex = ServiceRef::new(&id.namespace, &record.apex);
        let sharing = self.index.sharing(&apex).iter();
        let records = sharing.filter_map(|id| Some(self.groups.get(id)?.record()));
        let claims = records
            .filter(|rival| rival.group.is_ok())
            .map(Record::claim);
        let rival = oldest_rival(&record.claim(), claims)?;
        Some((rival.group(), rival.port))
    }
}

/// Whether a backend that carries traffic is ready, and whether all of them are dead.
fn traffic(group: &Group, readiness: &[Readiness]) -> (bool, bool) {
    let backends = group.backends.iter().zip(readiness);
    let carrying = backends
        .filter(|(backend, _)| backend.weight > 0)
        .map(|(_, known)| known);
    (
        carrying.clone().any(Readiness::is_ready),
        carrying.clone().all(Readiness::is_dead),
    )
}
