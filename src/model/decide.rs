use std::time::Duration;

use jiff::Timestamp;

use super::group::{Carrier, Group};
use super::overrides::Pause;
use super::policy::{Failback, PolicyKind};
use super::readiness::Readiness;
use super::report;
use super::report::{Flags, State};
use super::timers::Timers;

/// The rules of a decision, in the order in which they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// None is tried: the loop is to leave the group alone.
    Paused = 0,
    NobodyReady = 1,
    PrimaryUnknown,
    AtHome,
    StayAway,
    ComeHome,
    FailoverDelayed,
    FailOver,
    FallbackUnknown,
    PrimaryShort,
    Blind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weights {
    /// Leave them as they are.
    Hold,
    Set(Vec<u64>),
}

/// What is to be done with one group, and what can be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub rule: Rule,
    pub weights: Weights,
    /// The weights go where nobody knows that anything is ready. The flag of that name also speaks of where the
    /// traffic is now.
    pub unverified: bool,
    pub state: State,
    pub flags: Flags,
    /// Why, in words, without a full stop.
    pub reason: String,
    /// Notes on the object that are no longer true, or not there yet.
    pub notes: Notes,
    /// Only a delay keeps traffic from moving.
    pub waiting: bool,
    /// When the answer may be another though nothing has changed: a delay, an override or a pause is over then.
    pub look_again: Option<Duration>,
}

/// What is to change among the notes on a group's object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// The override is over: the backend of this name is the primary again.
    pub end_override: Option<String>,
    pub end_pause: bool,
    /// `failback: manual` keeps traffic away from now on, or no longer does.
    pub held: Option<bool>,
}

impl Decision {
    /// Whether something is to be written.
    pub fn asks_for_change(&self) -> bool {
        self.weights != Weights::Hold || self.notes != Notes::default()
    }
}

/// Decides for one group. `readiness` has one entry for each backend; `now` is the API server's time.
///
/// The same input gives the same answer, and once applied the answer is to hold.
pub fn decide(group: &Group, readiness: &[Readiness], timers: &Timers, now: Timestamp) -> Decision {
    let pause = group.paused.as_ref();
    if let Some(pause) = pause.filter(|pause| !pause.is_over(now)) {
        return paused(group, readiness, pause, now);
    }
    let ending = group
        .override_to_end(now)
        .map(|(_, home)| group.backend_name(home).to_owned());
    let situated = group.at(now, readiness);
    let mut verdict = Situation {
        group: &situated,
        readiness,
        timers,
    }
    .judge();
    if matches!(&verdict.weights, Weights::Set(weights) if group.has_weights(weights)) {
        verdict.weights = Weights::Hold;
    }
    let flags = Flags {
        broken: group.broken_override().is_some(),
        ..report::flags(&situated, readiness, &verdict)
    };
    let notes = Notes {
        end_override: ending,
        end_pause: pause.is_some(),
        held: (flags.held != group.held).then_some(flags.held),
    };
    let ends = group
        .override_in_force(now)
        .and_then(|order| left_until(order.until?, now));
    Decision {
        rule: verdict.rule,
        unverified: verdict.unverified,
        state: report::state(&situated, readiness, &verdict, &notes),
        flags,
        reason: report::reason(&situated, readiness, &verdict),
        notes,
        waiting: verdict.waiting,
        look_again: verdict.look_again.into_iter().chain(ends).min(),
        weights: verdict.weights,
    }
}

/// Nothing is done while a pause lasts, and nothing ends.
fn paused(group: &Group, readiness: &[Readiness], pause: &Pause, now: Timestamp) -> Decision {
    let situated = group.at(now, readiness);
    let verdict = Situation {
        group: &situated,
        readiness,
        timers: &Timers::none(),
    }
    .hold(Rule::Paused);
    let verdict = Verdict {
        weights: Weights::Hold,
        ..verdict
    };
    Decision {
        rule: Rule::Paused,
        weights: Weights::Hold,
        unverified: false,
        state: State::Paused,
        flags: Flags {
            broken: group.broken_override().is_some(),
            ..report::flags(&situated, readiness, &verdict)
        },
        reason: report::pause(pause),
        notes: Notes::default(),
        waiting: false,
        look_again: pause.until.and_then(|until| left_until(until, now)),
    }
}

fn left_until(until: Timestamp, now: Timestamp) -> Option<Duration> {
    Duration::try_from(until.duration_since(now)).ok()
}

/// The bare outcome of the rules.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub rule: Rule,
    pub weights: Weights,
    pub unverified: bool,
    /// Only a delay keeps traffic from moving.
    pub waiting: bool,
    pub look_again: Option<Duration>,
}

impl Verdict {
    fn set(rule: Rule, weights: Vec<u64>) -> Self {
        Self {
            rule,
            weights: Weights::Set(weights),
            unverified: false,
            waiting: false,
            look_again: None,
        }
    }

    /// Whether a primary that carries nothing goes on carrying nothing.
    pub fn leaves_away(&self, primary: usize) -> bool {
        match &self.weights {
            Weights::Hold => true,
            Weights::Set(weights) => weights.get(primary) == Some(&0),
        }
    }

    fn unverified(self) -> Self {
        Self {
            unverified: true,
            ..self
        }
    }

    fn waiting(self, left: Option<Duration>) -> Self {
        Self {
            waiting: left.is_some(),
            look_again: left,
            ..self
        }
    }
}

struct Situation<'a> {
    group: &'a Group,
    readiness: &'a [Readiness],
    timers: &'a Timers,
}

impl Situation<'_> {
    fn judge(&self) -> Verdict {
        let primary = self.group.primary;
        if !self.everyone().any(|i| self.alive(i)) {
            return self.nobody_ready();
        }
        let Some(enough) = self.readiness[primary].meets(self.group.threshold(primary)) else {
            return self.primary_unknown();
        };
        match (enough, self.carries(primary)) {
            (true, true) => Verdict::set(Rule::AtHome, self.home_weights()),
            (true, false) => self.primary_is_back(),
            (false, _) => self.primary_not_enough(),
        }
    }

    fn nobody_ready(&self) -> Verdict {
        if self.everyone().any(|i| self.carries(i)) {
            self.hold(Rule::NobodyReady)
        } else {
            Verdict::set(Rule::NobodyReady, self.only(self.group.primary))
        }
    }

    fn primary_unknown(&self) -> Verdict {
        if self.everyone().any(|i| self.carries(i) && self.alive(i)) {
            return self.hold(Rule::PrimaryUnknown);
        }
        let candidates: Vec<usize> = self.everyone().filter(|&i| self.ready(i)).collect();
        if candidates.is_empty() {
            Verdict::set(Rule::PrimaryUnknown, self.only(self.group.primary)).unverified()
        } else {
            Verdict::set(Rule::PrimaryUnknown, self.by_policy(&candidates))
        }
    }

    /// The primary is enough and away.
    fn primary_is_back(&self) -> Verdict {
        let manual = self.group.policy.failback == Failback::Manual && !self.group.overridden;
        let left = self
            .timers
            .left(self.group.primary, self.group.policy.failback_delay);
        if !manual && left.is_none() {
            return Verdict::set(Rule::ComeHome, self.home_weights());
        }
        let blind = self.group.placed_unverified();
        let served = |i: usize| self.carries(i) && (self.ready(i) || (self.unknown(i) && !blind));
        if !self.everyone().any(served) {
            return Verdict::set(Rule::StayAway, self.home_weights());
        }
        let hold = self.hold(Rule::StayAway);
        if manual { hold } else { hold.waiting(left) }
    }

    fn primary_not_enough(&self) -> Verdict {
        let primary = self.group.primary;
        let left = self.timers.left(primary, self.group.policy.failover_delay);
        if self.carries(primary) && left.is_some() {
            return self.hold(Rule::FailoverDelayed).waiting(left);
        }
        if self.fallbacks().any(|i| self.ready(i)) {
            return self.fail_over();
        }
        if !self.carries(primary) && self.fallbacks().any(|i| self.carries(i) && self.unknown(i)) {
            return self.hold(Rule::FallbackUnknown);
        }
        if self.ready(primary) {
            return Verdict::set(Rule::PrimaryShort, self.only(primary));
        }
        self.try_blindly()
    }

    fn fail_over(&self) -> Verdict {
        let mut candidates: Vec<usize> = self
            .fallbacks()
            .filter(|&i| self.ready(i) || (self.unknown(i) && self.carries(i)))
            .collect();
        let mut left = None;
        if self.group.policy_kind() == PolicyKind::Ordered {
            // A more preferred fallback that has come back waits as a primary would.
            let serving = self
                .fallbacks()
                .filter(|&i| self.carries(i) && self.alive(i))
                .max();
            let delay = self.group.policy.failback_delay;
            let wait = |i: usize| match serving {
                Some(last) if !self.carries(i) && i < last => self.timers.left(i, delay),
                _ => None,
            };
            left = candidates.iter().filter_map(|&i| wait(i)).min();
            candidates.retain(|&i| wait(i).is_none());
        }
        let weights = self.by_policy(&candidates);
        let stays = self.group.has_weights(&weights);
        let verdict = Verdict::set(Rule::FailOver, weights);
        if stays {
            verdict.waiting(left)
        } else {
            verdict
        }
    }

    /// The primary is dead and nothing is known of the others: trying loses nothing.
    fn try_blindly(&self) -> Verdict {
        let primary = self.group.primary;
        let unknown: Vec<usize> = self.fallbacks().filter(|&i| self.unknown(i)).collect();
        let carrying: Vec<usize> = unknown
            .iter()
            .copied()
            .filter(|&i| self.carries(i))
            .collect();
        let mut weights = self.by_policy(if carrying.is_empty() {
            &unknown
        } else {
            &carrying
        });
        if self.group.carrier == Carrier::Route && self.carries(primary) {
            // The proxy skips a route's backends without endpoints, so the primary may stay in.
            weights[primary] = 1;
        }
        Verdict::set(Rule::Blind, weights).unverified()
    }

    fn home_weights(&self) -> Vec<u64> {
        let primary = self.group.primary;
        if self.group.policy_kind() != PolicyKind::ActiveActive {
            return self.only(primary);
        }
        let serves =
            |i: usize| i == primary || self.ready(i) || (self.unknown(i) && self.carries(i));
        self.by_policy(&self.everyone().filter(|&i| serves(i)).collect::<Vec<_>>())
    }

    fn by_policy(&self, candidates: &[usize]) -> Vec<u64> {
        let is_idle_home = |i: usize| Some(i) == self.group.home && i != self.group.primary;
        let mut chosen: Vec<usize> = candidates
            .iter()
            .copied()
            .filter(|&i| !is_idle_home(i))
            .collect();
        if chosen.is_empty() {
            chosen = candidates.to_vec();
        }
        match chosen.first() {
            Some(&first) if self.group.policy_kind() == PolicyKind::Ordered => self.only(first),
            _ => self
                .everyone()
                .map(|i| {
                    if chosen.contains(&i) {
                        self.group.share(i)
                    } else {
                        0
                    }
                })
                .collect(),
        }
    }

    /// The weights stay, but while a carrying backend is ready, dead fallbacks lose theirs. Where a rule of a route has
    /// none, all of its rules get what is kept.
    fn hold(&self, rule: Rule) -> Verdict {
        let weights = self.group.weights();
        let served = self.everyone().any(|i| self.carries(i) && self.ready(i));
        let loses = |i: usize| served && i != self.group.primary && self.dead(i);
        let kept: Vec<u64> = self
            .everyone()
            .map(|i| if loses(i) { 0 } else { weights[i] })
            .collect();
        let stays = kept == weights && !self.group.has_empty_rule;
        let weights = if stays {
            Weights::Hold
        } else {
            Weights::Set(kept)
        };
        Verdict {
            rule,
            weights,
            unverified: false,
            waiting: false,
            look_again: None,
        }
    }

    fn only(&self, index: usize) -> Vec<u64> {
        self.everyone().map(|i| u64::from(i == index)).collect()
    }

    fn everyone(&self) -> std::ops::Range<usize> {
        0..self.group.backends.len()
    }

    fn fallbacks(&self) -> impl Iterator<Item = usize> {
        let primary = self.group.primary;
        self.everyone().filter(move |&i| i != primary)
    }

    fn carries(&self, index: usize) -> bool {
        self.group.carries(index)
    }

    fn ready(&self, index: usize) -> bool {
        self.readiness[index].is_ready()
    }

    fn dead(&self, index: usize) -> bool {
        self.readiness[index].is_dead()
    }

    fn unknown(&self, index: usize) -> bool {
        self.readiness[index].is_unknown()
    }

    fn alive(&self, index: usize) -> bool {
        self.ready(index) || self.unknown(index)
    }
}
