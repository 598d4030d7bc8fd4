//! The rules: which weights and annotations a group should have, given the readiness of its
//! backends. docs/concepts.md lists them in words.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;

use super::decision::{AnnotationChanges, Decision, Rule, Verdict, Weights};
use super::down;
use super::group::Group;
use super::overrides::Pause;
use super::policy::PolicyKind;
use super::readiness::Readiness;
use super::report::{self, Detail};
use super::return_threshold::TooFewToReturn;
use super::situation::{Candidate, Situation};
use super::state::{Flags, State};
use super::timers::Timers;
use super::weights::Carrier;

/// Decides for one group. `readiness` has one entry for each backend; `now` is the API server's
/// time.
///
/// The same input always leads to the same decision. After that is applied, the next decision
/// changes nothing.
pub fn decide(group: &Group, readiness: &[Readiness], timers: &Timers, now: Timestamp) -> Decision {
    Decider::new(group, readiness, now).decide(timers)
}

/// A group at one moment, ready to be decided on. Timers are kept for the group that
/// [`Decider::effective`] returns.
#[derive(Debug)]
pub struct Decider<'a> {
    group: &'a Group,
    effective: Cow<'a, Group>,
    readiness: &'a [Readiness],
    now: Timestamp,
}

impl<'a> Decider<'a> {
    /// Takes the group as it is at `now`, the API server's time.
    pub fn new(group: &'a Group, readiness: &'a [Readiness], now: Timestamp) -> Self {
        Self {
            group,
            effective: group.at(now, readiness),
            readiness,
            now,
        }
    }

    /// Returns the group with its override in force, or as it is after the override has ended: see
    /// [`Group::at`].
    pub fn effective(&self) -> &Group {
        &self.effective
    }

    /// Decides.
    pub fn decide(&self, timers: &Timers) -> Decision {
        let situation = Situation::new(&self.effective, self.readiness);
        let pause = self.group.paused.as_ref();
        if let Some(pause) = pause.filter(|pause| !pause.is_over(self.now)) {
            return self.paused(&situation, pause);
        }
        let mut verdict = self.verdict(&situation, timers);
        if matches!(&verdict.weights, Weights::Set(weights) if self.group.has_weights(weights)) {
            verdict.weights = Weights::Hold;
        }
        let written = self.effective.to_write(&verdict.weights, self.readiness);
        let flags = self.flags(&situation, &verdict);
        let home = self.group.override_to_end(self.now).map(|(_, home)| home);
        let notes = AnnotationChanges {
            end_override: home.map(|home| self.group.backend_name(home).to_owned()),
            end_pause: pause.is_some(),
            avoid: self.group.avoid_to_end(self.now),
            held: (flags.held != self.group.held).then_some(flags.held),
        };
        let in_force = self.group.override_in_force(self.now);
        let ends = in_force
            .and_then(|order| order.until)
            .into_iter()
            .chain(self.effective.avoid.next_end());
        let next_end = ends.filter_map(|until| self.time_left(until)).min();
        Decision {
            rule: verdict.rule,
            unverified: verdict.unverified,
            home_ready: report::home_ready(&situation, self.group.home_index()),
            state: report::state(&situation, &verdict, written.is_some(), &notes),
            down_unless_moved: down::is_down_unless_moved(&situation),
            flags,
            reason: report::reason(&situation, &verdict, Detail::Full),
            recorded_reason: report::reason(&situation, &verdict, Detail::Brief),
            notes,
            waiting: verdict.waiting,
            look_again: verdict.look_again.into_iter().chain(next_end).min(),
            weights: verdict.weights,
            written,
        }
    }

    /// Applies the rules. A move to backends whose readiness is unknown may be what makes the order
    /// to avoid others stand, so the rules are then applied to its result, too.
    fn verdict(&self, situation: &Situation, timers: &Timers) -> Verdict {
        let mut verdict = Rules { situation, timers }.apply();
        if let Weights::Set(weights) = &verdict.weights
            && !self.effective.avoid.entries.is_empty()
        {
            let moved = self.effective.carrying(weights);
            let situation = &Situation::new(&moved, self.readiness);
            let next = Rules { situation, timers }.apply();
            if next.weights != Weights::Hold {
                verdict.weights = next.weights;
            }
        }
        verdict
    }

    /// Decides for a paused group: nothing is changed, not even an expired override.
    fn paused(&self, situation: &Situation, pause: &Pause) -> Decision {
        let verdict = Verdict::new(Rule::Paused, Weights::Hold);
        let reason = report::with_trouble(self.group, report::pause(pause));
        Decision {
            rule: Rule::Paused,
            weights: Weights::Hold,
            written: None,
            unverified: false,
            home_ready: None,
            state: State::Paused,
            down_unless_moved: false,
            flags: self.flags(situation, &verdict),
            recorded_reason: reason.clone(),
            reason,
            notes: AnnotationChanges::default(),
            waiting: false,
            look_again: pause.until.and_then(|until| self.time_left(until)),
        }
    }

    fn flags(&self, situation: &Situation, verdict: &Verdict) -> Flags {
        Flags {
            broken: self.group.broken_override().is_some() || self.group.avoid.broken.is_some(),
            ..report::flags(situation, verdict)
        }
    }

    fn time_left(&self, until: Timestamp) -> Option<Duration> {
        Duration::try_from(until.duration_since(self.now)).ok()
    }
}

struct Rules<'a> {
    situation: &'a Situation<'a>,
    timers: &'a Timers,
}

impl<'a> Rules<'a> {
    fn apply(&self) -> Verdict {
        self.keep_off_avoided(self.by_readiness())
    }

    /// Takes the traffic off backends that are avoided, unless no other backend has any.
    fn keep_off_avoided(&self, mut verdict: Verdict) -> Verdict {
        let weight = |backend: &Candidate| match &verdict.weights {
            Weights::Set(weights) => weights.get(backend.index).copied().unwrap_or_default(),
            Weights::Hold => backend.weight,
        };
        let (avoided, others): (Vec<&Candidate>, Vec<&Candidate>) = self
            .situation
            .backends
            .iter()
            .filter(|backend| weight(backend) > 0)
            .partition(|backend| backend.avoided);
        if !avoided.is_empty() && !others.is_empty() {
            let kept = |backend: &Candidate| if backend.avoided { 0 } else { weight(backend) };
            verdict.weights = Weights::Set(self.weights(kept));
        }
        verdict
    }

    fn by_readiness(&self) -> Verdict {
        if !self.situation.any(|backend| !backend.is_dead()) {
            return self.none_ready();
        }
        let Some(enough) = self.situation.primary_is_enough() else {
            return self.primary_unknown();
        };
        match (enough, self.situation.primary.carries()) {
            (true, true) => Verdict::set(Rule::OnPrimary, self.home_weights()),
            (true, false) => self.primary_is_back(),
            (false, _) => self.primary_not_enough(),
        }
    }

    fn none_ready(&self) -> Verdict {
        if self.situation.any(Candidate::carries) {
            self.hold(Rule::NoneReady)
        } else {
            Verdict::set(Rule::NoneReady, self.primary_only())
        }
    }

    fn primary_unknown(&self) -> Verdict {
        if self
            .situation
            .any(|backend| backend.carries() && !backend.is_dead())
        {
            return self.hold(Rule::PrimaryUnknown);
        }
        let ready = self.situation.select(Candidate::is_ready);
        if ready.is_empty() {
            Verdict::set(Rule::PrimaryUnknown, self.primary_only()).unverified()
        } else {
            Verdict::set(Rule::PrimaryUnknown, self.by_policy(&ready))
        }
    }

    /// The primary is enough and carries nothing.
    fn primary_is_back(&self) -> Verdict {
        let group = self.situation.group;
        let manual = group.stays_away();
        let left = self.timers.left(group.primary, group.failback_delay());
        let too_few = self.too_few_to_return();
        if !manual && left.is_none() && too_few.is_none() {
            return Verdict::set(Rule::FailBack, self.home_weights());
        }
        let unverified = group.placed_unverified();
        let is_served = self.situation.any(|backend| {
            backend.carries() && (backend.is_ready() || (backend.is_unknown() && !unverified))
        });
        if !is_served {
            return Verdict::set(Rule::FailbackHeld, self.home_weights());
        }
        let hold = self.hold(Rule::FailbackHeld);
        if manual {
            hold
        } else {
            hold.waiting(left).too_few(too_few)
        }
    }

    /// An override has one ready endpoint as its threshold, and an operator decides alone.
    fn too_few_to_return(&self) -> Option<TooFewToReturn> {
        let (group, primary) = (self.situation.group, self.situation.primary);
        if group.overridden || group.returns_at_once {
            return None;
        }
        group.too_few_to_return(primary.index, primary.readiness, self.timers)
    }

    fn primary_not_enough(&self) -> Verdict {
        let group = self.situation.group;
        let primary = self.situation.primary;
        let left = self.timers.left(group.primary, group.policy.failover_delay);
        // An order does not wait.
        if primary.carries() && left.is_some() && !primary.avoided {
            return self.hold(Rule::FailoverDelayed).waiting(left);
        }
        let mut fallbacks = self.situation.fallbacks();
        if fallbacks.any(|fallback| fallback.is_ready()) {
            return self.fail_over();
        }
        let mut fallbacks = self.situation.fallbacks();
        if !primary.carries()
            && fallbacks.any(|fallback| fallback.carries() && fallback.is_unknown())
        {
            return self.hold(Rule::FallbackUnknown);
        }
        if primary.is_ready() {
            return Verdict::set(Rule::PrimaryShort, self.primary_only());
        }
        self.try_unverified()
    }

    fn fail_over(&self) -> Verdict {
        let group = self.situation.group;
        let mut usable: Vec<Candidate> = self
            .situation
            .fallbacks()
            .filter(|fallback| fallback.is_ready() || (fallback.is_unknown() && fallback.carries()))
            .collect();
        let mut left = None;
        if group.policy_kind() == PolicyKind::Ordered {
            // A more preferred fallback that has recovered waits as a primary would.
            let serving = self
                .situation
                .fallbacks()
                .filter(|fallback| fallback.carries() && !fallback.is_dead())
                .map(|fallback| fallback.index)
                .max();
            let wait = |fallback: &Candidate| match serving {
                Some(last) if !fallback.carries() && fallback.index < last => {
                    self.timers.left(fallback.index, group.failback_delay())
                }
                _ => None,
            };
            left = usable.iter().filter_map(wait).min();
            usable.retain(|fallback| wait(fallback).is_none());
        }
        let weights = self.by_policy(&usable);
        let stays = group.has_weights(&weights);
        let verdict = Verdict::set(Rule::FailOver, weights);
        if stays {
            verdict.waiting(left)
        } else {
            verdict
        }
    }

    /// The primary is dead and the fallbacks are unknown: try the fallbacks, since nothing can be
    /// lost.
    fn try_unverified(&self) -> Verdict {
        let unknown: Vec<Candidate> = self
            .situation
            .fallbacks()
            .filter(Candidate::is_unknown)
            .collect();
        let carrying: Vec<Candidate> = unknown.iter().copied().filter(Candidate::carries).collect();
        let mut weights = self.by_policy(if carrying.is_empty() {
            &unknown
        } else {
            &carrying
        });
        let primary = self.situation.primary;
        if self.situation.group.carrier == Carrier::Route
            && primary.carries()
            && let Some(weight) = weights.get_mut(primary.index)
        {
            // The proxy skips backends of a route that have no endpoints, so the primary can stay.
            *weight = 1;
        }
        Verdict::set(Rule::Unverified, weights).unverified()
    }

    fn home_weights(&self) -> Vec<u64> {
        if self.situation.group.policy_kind() != PolicyKind::ActiveActive {
            return self.primary_only();
        }
        let primary = self.situation.primary.index;
        self.by_policy(&self.situation.select(|backend| {
            backend.index == primary
                || backend.is_ready()
                || (backend.is_unknown() && backend.carries())
        }))
    }

    /// Shares the traffic among the candidates. Under an override, home gets some only if it is the
    /// only candidate or the target.
    fn by_policy(&self, candidates: &[Candidate]) -> Vec<u64> {
        let group = self.situation.group;
        let home = group.home.filter(|home| *home != group.primary);
        let mut chosen: Vec<usize> = candidates
            .iter()
            .map(|candidate| candidate.index)
            .filter(|index| Some(*index) != home)
            .collect();
        if chosen.is_empty() {
            chosen = candidates.iter().map(|candidate| candidate.index).collect();
        }
        match chosen.first() {
            Some(&first) if group.policy_kind() == PolicyKind::Ordered => self.only(first),
            _ => self.weights(|backend| {
                if chosen.contains(&backend.index) {
                    group.share(backend.index)
                } else {
                    0
                }
            }),
        }
    }

    /// Keeps the weights, but dead fallbacks lose theirs while a carrying backend is ready. If all
    /// weights of one rule of a route are 0, all rules of the route get the kept weights.
    fn hold(&self, rule: Rule) -> Verdict {
        let primary = self.situation.primary.index;
        let is_served = self
            .situation
            .any(|backend| backend.carries() && backend.is_ready());
        let kept = self.weights(|backend| {
            if is_served && backend.index != primary && backend.is_dead() {
                0
            } else {
                backend.weight
            }
        });
        let group = self.situation.group;
        if kept == group.weights() && !group.has_empty_rule {
            Verdict::new(rule, Weights::Hold)
        } else {
            Verdict::set(rule, kept)
        }
    }

    fn primary_only(&self) -> Vec<u64> {
        self.only(self.situation.primary.index)
    }

    fn only(&self, index: usize) -> Vec<u64> {
        self.weights(|backend| u64::from(backend.index == index))
    }

    /// Returns a weight for each backend, scaled down to what the proxies take.
    fn weights(&self, weight: impl Fn(&Candidate<'a>) -> u64) -> Vec<u64> {
        let weights = self.situation.backends.iter().map(weight).collect();
        self.situation.group.carrier.scale_down(weights)
    }
}
