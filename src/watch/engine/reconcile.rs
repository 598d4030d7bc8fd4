//! Reconciles one group: makes a decision, and turns the decision into a write.

use std::time::Duration;

use super::contention::{REVERT_MEMORY, RevertDelay};
use super::core::Engine;
use super::effect::{Effect, Moment, Write};
use super::group_state::{GroupState, NextStep};
use super::leases::LeasePermit;
use super::pending::PendingWrite;
use crate::model::limits::MAX_GROUPS_OF_APEX;
use crate::model::notice::Notice;
use crate::model::rivals::oldest_rival;
use crate::model::{
    Backend, Decision, Group, GroupId, Invalid, Readiness, ServiceRef, State, WhyUnknown, unhandled,
};
use crate::readiness::lookup::ReadinessLookup;
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::{Change, Record};

/// The input of a decision on a group.
#[derive(Clone, Copy)]
pub(super) struct Observation<'a> {
    pub id: &'a GroupId,
    pub readiness: &'a [Readiness],
    pub moment: Moment,
}

impl Engine {
    /// Decides on one dirty group, if possible now, and requests the effects.
    pub(super) fn reconcile(&mut self, id: &GroupId, moment: Moment) {
        // Removed from the map meanwhile, since it changes together with the rest of the engine.
        if let Some(mut group) = self.groups.remove(id) {
            self.reconcile_group(id, &mut group, moment);
            self.groups.insert(id.clone(), group);
        }
    }

    fn reconcile_group(&mut self, id: &GroupId, group: &mut GroupState, moment: Moment) {
        let Some((cause, since)) = group.dequeue() else {
            return;
        };
        if let Some(invalid) = self.why_invalid(id, group.record()) {
            return self.set_aside(id, group, invalid);
        }
        let (readiness, all_known) = self.look_up(group.record(), moment.now);
        let observed = Observation {
            id,
            readiness: &readiness,
            moment,
        };
        let Some(decision) = group.decide(&readiness, moment) else {
            return;
        };
        if !self.may_proceed(group) {
            return;
        }
        let warnings = group.new_warnings().into_iter();
        let notice = |warning| Notice::Warning {
            group: id.clone(),
            warning,
        };
        self.effects
            .extend(warnings.map(notice).map(Effect::Report));
        if !all_known {
            // The first list, or its time limit, marks the group dirty again.
            return;
        }
        if !self.options.dry_run && !self.others.is_known {
            // The first list of the Leases, or its time limit, marks the group dirty again.
            return;
        }
        if let Some(left) = self.left_to_other(id, group.record(), moment.now) {
            self.requeue.set(id, left.until);
            return self.leave_alone(id, group, None, &left.why, left.notice);
        }
        if let Some(why) = self.why_left_to_upstream(group.record(), &readiness) {
            let notice = Notice::ManagedByUpstream {
                group: id.clone(),
                why,
            };
            return self.leave_alone(id, group, None, why, Some(notice));
        }
        self.decided(group, &decision, observed);
        match self.confirmed(group, cause, decision, observed) {
            Some(decision) => self.act(group, since, &decision, observed),
            None => group.revalidate(cause, since),
        }
    }

    /// Returns whether a group can be decided on now. If its object must be read first, requests
    /// the read.
    fn may_proceed(&mut self, group: &mut GroupState) -> bool {
        let next = group.next_step();
        if next == NextStep::ReadObject {
            let request = self.next_request();
            self.effects.push(group.start_read(request, None));
        }
        next == NextStep::Decide
    }

    /// Returns why the object is not a valid group, or does not manage its apex.
    pub(super) fn why_invalid(&self, id: &GroupId, record: &Record) -> Option<Invalid> {
        if let Err(invalid) = &record.group {
            return Some(invalid.clone());
        }
        let apex = ServiceRef::new(&id.namespace, &record.apex);
        let sharing = self.index.sharing(&apex);
        if sharing.len() > MAX_GROUPS_OF_APEX {
            return Some(Invalid::claimed_too_often(&record.apex));
        }
        let records = sharing
            .iter()
            .filter_map(|id| Some(self.groups.get(id)?.record()));
        let claims = records
            .filter(|rival| rival.group.is_ok())
            .map(Record::claim)
            .chain(self.outsiders.claims(&apex));
        let rival = oldest_rival(&record.claim(), claims)?;
        if record.takes_over_from(&rival.group()) {
            return Some(Invalid::taking_over(&rival.group()));
        }
        Some(Invalid::claimed_twice(
            &record.apex,
            &rival.group(),
            rival.ports,
            CONTROLLED_BY,
        ))
    }

    /// Returns the readiness of the group's backends, and whether everything that it depends on has
    /// been listed.
    pub(super) fn look_up(&self, record: &Record, now: Duration) -> (Vec<Readiness>, bool) {
        let mut all_known = true;
        let mut known = |lookup| match lookup {
            ReadinessLookup::Answer(known) => known,
            ReadinessLookup::Pending => {
                all_known = false;
                Readiness::Unknown {
                    why: WhyUnknown::NotListed,
                }
            }
        };
        let readiness = backends(record)
            .map(|it| known(self.cache.lookup(&it.service, &it.ports, now)))
            .collect();
        (readiness, all_known)
    }

    fn set_aside(&mut self, id: &GroupId, group: &mut GroupState, invalid: Invalid) {
        group.reset_timers();
        if self.may_proceed(group) {
            let Invalid {
                reason,
                mend,
                passes,
                ..
            } = invalid;
            let why = reason.clone();
            let notice = Notice::Invalid {
                group: id.clone(),
                reason,
                mend,
            };
            let (state, notice) = if passes {
                (None, None)
            } else {
                (Some(State::Invalid), Some(notice))
            };
            self.leave_alone(id, group, state, &why, notice);
        }
    }

    /// Leaves a group's traffic alone, and reports that once.
    fn leave_alone(
        &mut self,
        id: &GroupId,
        group: &mut GroupState,
        state: Option<State>,
        why: &str,
        notice: Option<Notice>,
    ) {
        self.limiter.settled(id);
        self.counts.change(group.leave_alone(state), state);
        let was_exposed = group.reported().is_exposed();
        self.counts.change_exposed(was_exposed, false);
        group.reported().forget_exposure();
        if group.reported().is_news(why)
            && let Some(notice) = notice
        {
            self.report(notice);
        }
    }

    fn decided(&mut self, group: &mut GroupState, decision: &Decision, observed: Observation<'_>) {
        let Observation {
            id,
            readiness,
            moment,
        } = observed;
        let is_writer = !self.options.dry_run && !self.leases.is_run_by_other(&id.namespace);
        let before = group.decided(decision, readiness, is_writer.then_some(moment.now));
        let state = group.state().unwrap_or(decision.state);
        self.counts.change(before, Some(state));
        self.report_outage(group, decision, state, observed);
        if let Some(left) = decision.look_again {
            self.requeue.set(id, moment.now.saturating_add(left));
        }
        if let Some(at) = group.down_at().filter(|at| *at > moment.now) {
            self.requeue.set(id, at);
        }
    }

    /// Reports that traffic is lost, or would be in the next outage, and the end of that.
    fn report_outage(
        &mut self,
        state: &mut GroupState,
        decision: &Decision,
        now_in: State,
        observed: Observation<'_>,
    ) {
        let Observation {
            id,
            readiness,
            moment,
        } = observed;
        let (reported, Ok(group)) = state.reported_with_group() else {
            return;
        };
        let outage = match now_in {
            State::Paused => unhandled::outage(group, readiness),
            _ => None,
        };
        let stuck = match outage {
            Some((lost, facts)) => reported.down_while_paused(id, lost, &facts),
            None => reported.stuck(id, decision, now_in, readiness),
        };
        let was_exposed = reported.is_exposed();
        let (exposure, look_again) = reported.exposure(group, readiness, moment.now);
        let is_exposed = reported.is_exposed();
        self.counts.change_exposed(was_exposed, is_exposed);
        let notices = stuck.into_iter().chain(exposure);
        self.effects.extend(notices.map(Effect::Report));
        if let Some(at) = look_again {
            self.requeue.set(id, at);
        }
    }

    /// Carries out a decision, as far as contention, the Lease and the rate limit permit.
    fn act(
        &mut self,
        state: &mut GroupState,
        since: Duration,
        decision: &Decision,
        observed: Observation<'_>,
    ) {
        let Observation {
            id,
            readiness,
            moment,
        } = observed;
        let Ok(group) = &state.record().group else {
            return;
        };
        let (served, dead) = traffic(group, readiness);
        if decision.written.is_none() {
            state.hold(served);
            self.limiter.settled(id);
        }
        if !decision.asks_for_change() {
            return state.in_sync();
        }
        let since = state.owe(since);
        if let Some(written) = &decision.written
            && let Some(delay) = state.revert_delay(written, dead, moment.now)
        {
            return self.wait_for_revert_delay(id, state, delay, moment.now);
        }
        let request = self.next_request();
        let prepared = PendingWrite::prepare(
            request,
            state.record(),
            decision,
            since,
            moment,
            &self.signature,
            state.time_before_move(decision, readiness, moment),
        );
        match prepared {
            Some((write, _)) if self.options.dry_run => self.rehearse(state, &write, observed),
            Some((write, change)) => self.write(id, state, write, change, moment.now),
            None => {}
        }
    }

    fn wait_for_revert_delay(
        &mut self,
        id: &GroupId,
        state: &mut GroupState,
        delay: RevertDelay,
        now: Duration,
    ) {
        self.wait_until(id, state, delay.until);
        if delay.is_new {
            let by = state.record().last_editor().unwrap_or("someone").to_owned();
            let wait = delay.until.saturating_sub(now);
            self.contested.insert(id.clone(), now + REVERT_MEMORY);
            self.report(Notice::Contested {
                group: id.clone(),
                by,
                wait,
            });
        }
    }

    fn write(
        &mut self,
        id: &GroupId,
        state: &mut GroupState,
        write: PendingWrite,
        change: Change,
        now: Duration,
    ) {
        if self.rights.are_denied(id) {
            self.requeue.set(id, state.refuse(now));
            return self.limiter.withdraw(id);
        }
        let LeasePermit::Granted { until } = self.leases.permit(id, now) else {
            return self.limiter.withdraw(id);
        };
        let moves = |weights: &Vec<u64>| !only_scales_down(state.record(), weights);
        if change.moves_to.as_ref().is_some_and(moves)
            && let Err(until) = self.limiter.acquire(id, now)
        {
            return self.wait_until(id, state, until);
        }
        self.effects.push(Effect::Write(Box::new(Write {
            group: id.clone(),
            request: write.request,
            is_retry: state.has_failed(),
            record: state.record().clone(),
            change,
            until,
        })));
        state.write_started(write);
    }

    /// Records that only time prevents a move, and sets the timer to decide again.
    fn wait_until(&mut self, id: &GroupId, state: &mut GroupState, until: Duration) {
        self.requeue.set(id, until);
        state.wait();
    }

    /// Reports once what a write would do (dry run).
    fn rehearse(
        &mut self,
        state: &mut GroupState,
        write: &PendingWrite,
        observed: Observation<'_>,
    ) {
        let transition = write.transition(observed.moment.now);
        if let Some(transition) = transition
            && state
                .reported()
                .is_news(&format!("{:?} {}", transition.to, transition.why))
        {
            self.report(Notice::WouldMove(transition));
        }
    }
}

/// Returns the services of the group's backends.
pub(super) fn backends(record: &Record) -> impl Iterator<Item = &Backend> {
    record.group.iter().flat_map(|group| &group.backends)
}

/// Whether the new weights send the traffic where the old ones were meant to send it.
pub(super) fn only_scales_down(record: &Record, weights: &[u64]) -> bool {
    record
        .group
        .as_ref()
        .is_ok_and(|group| group.is_scaled_down_by(weights))
}

/// Returns whether a backend with traffic is ready, and whether requests fail that need not, or all
/// of them.
fn traffic(group: &Group, readiness: &[Readiness]) -> (bool, bool) {
    let backends = group.backends.iter().zip(readiness);
    let carrying = backends
        .filter(|(backend, _)| backend.weight > 0)
        .map(|(_, known)| known);
    // Weights that the proxies do not take fail as dead backends do.
    let is_broken = group.trouble_with_weights().is_some();
    let has_ready = readiness.iter().any(Readiness::is_ready);
    let is_dead_beside_ready = has_ready && carrying.clone().any(Readiness::is_dead);
    (
        carrying.clone().any(Readiness::is_ready),
        is_broken || is_dead_beside_ready || carrying.clone().all(Readiness::is_dead),
    )
}
