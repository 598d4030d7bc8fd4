//! What the rules decide for one group.

use std::time::Duration;

use super::avoid::AvoidChange;
use super::return_threshold::TooFewToReturn;
use super::state::{Flags, State};

/// The rules of a decision, in the order in which they are tried. Rule 0 stands for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// No rule is tried, since the group is paused.
    Paused = 0,
    /// No backend is ready or unknown: hold.
    NoneReady = 1,
    /// The primary's readiness is unknown: hold while a carrying backend is ready or unknown.
    PrimaryUnknown,
    /// The primary is enough and carries traffic: home weights.
    OnPrimary,
    /// The primary is enough and carries nothing, but `failback` or its delay keeps traffic away.
    FailbackHeld,
    /// The primary is enough and carries nothing: home weights.
    FailBack,
    /// The primary is not enough and carries traffic while `failover-delay` runs: hold.
    FailoverDelayed,
    /// The primary is not enough and a fallback is ready: share by policy.
    FailOver,
    /// The primary carries nothing and a carrying fallback is unknown: hold.
    FallbackUnknown,
    /// The primary is not enough but has a ready endpoint, and no fallback is ready: primary only.
    PrimaryShort,
    /// The primary is dead and the fallbacks are unknown: try the fallbacks, since nothing can be
    /// lost.
    Unverified,
}

/// Where the traffic goes, without backends that only stand by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weights {
    /// Leave the traffic where it is.
    Hold,
    /// Send it by these weights, one for each backend.
    Set(Vec<u64>),
}

/// What to do with one group, and how to describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The rule that applied.
    pub rule: Rule,
    /// Where the traffic goes.
    pub weights: Weights,
    /// The weights to write to the object, those of standbys included. None leaves them as they
    /// are. With [`Weights::Hold`], only standbys change.
    pub written: Option<Vec<u64>>,
    /// It is unknown whether the backends of these weights are ready. The flag of the same name
    /// also describes traffic that has already moved.
    pub unverified: bool,
    /// The group's state, never [`State::Down`]: see `down_unless_moved`.
    pub state: State,
    /// All that carries traffic is dead, or Linkerd's proxies do not take the weights, while
    /// another backend is ready and none stands by. The group is Down unless somebody is about to
    /// move its traffic.
    pub down_unless_moved: bool,
    /// The group's flags.
    pub flags: Flags,
    /// The reason, as a clause without a full stop.
    pub reason: String,
    /// The same for the object and its Events, which others read: without the details of failures.
    pub recorded_reason: String,
    /// How many endpoints of the primary (under an override: of home) are ready. None if that is
    /// unknown, or not for the readers of the group's object. Recorded if traffic leaves it.
    pub home_ready: Option<u32>,
    /// The annotations to change.
    pub notes: AnnotationChanges,
    /// Only a delay, or `failback-ready`, keeps traffic from moving.
    pub waiting: bool,
    /// When a delay, an override or a pause ends, so that the decision may change by itself.
    pub look_again: Option<Duration>,
}

/// The annotations that a decision changes, besides `last-move`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnnotationChanges {
    /// Remove the override, and make the backend of this name the primary again.
    pub end_override: Option<String>,
    /// Remove the pause.
    pub end_pause: bool,
    /// Remove the entries of `avoid` that have expired.
    pub avoid: Option<AvoidChange>,
    /// Set (true) or remove (false) the annotation `held`: `failback: manual` keeps traffic away.
    pub held: Option<bool>,
}

impl Decision {
    /// Whether weights are to be written, or an order has expired and is to be removed.
    pub fn is_out_of_sync(&self) -> bool {
        self.written.is_some() || self.notes.ends_order()
    }

    /// Whether the object has to be written.
    pub fn asks_for_change(&self) -> bool {
        self.written.is_some() || self.notes != AnnotationChanges::default()
    }

    /// Returns why traffic moves, for either of the reasons.
    pub(crate) fn why_moved(&self, reason: &str) -> String {
        let expired = self.notes.avoid.iter().flat_map(|change| &change.ended);
        let mut expired: Vec<String> = expired
            .map(|entry| format!("the {} has expired", entry.as_noun()))
            .collect();
        if self.notes.end_override.is_some() {
            expired.insert(0, "the override has expired".to_owned());
        }
        expired.push(reason.to_owned());
        expired.join(", and ")
    }
}

impl AnnotationChanges {
    /// Whether an order has expired and is to be removed.
    pub fn ends_order(&self) -> bool {
        self.end_override.is_some() || self.end_pause || self.avoid.is_some()
    }
}

/// The outcome of the rules, before it is described.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub rule: Rule,
    pub weights: Weights,
    pub unverified: bool,
    /// Only a delay, or `failback-ready`, keeps traffic from moving.
    pub waiting: bool,
    pub look_again: Option<Duration>,
    /// `failback-ready` keeps traffic from returning.
    pub too_few: Option<TooFewToReturn>,
}

impl Verdict {
    pub fn set(rule: Rule, weights: Vec<u64>) -> Self {
        Self::new(rule, Weights::Set(weights))
    }

    pub fn new(rule: Rule, weights: Weights) -> Self {
        Self {
            rule,
            weights,
            unverified: false,
            waiting: false,
            look_again: None,
            too_few: None,
        }
    }

    /// Whether a primary that carries nothing still carries nothing afterwards.
    pub fn leaves_away(&self, primary: usize) -> bool {
        match &self.weights {
            Weights::Hold => true,
            Weights::Set(weights) => weights.get(primary) == Some(&0),
        }
    }

    pub fn unverified(self) -> Self {
        Self {
            unverified: true,
            ..self
        }
    }

    /// The primary has too few endpoints to get its traffic back.
    pub fn too_few(self, too_few: Option<TooFewToReturn>) -> Self {
        let Some(few) = &too_few else {
            return self;
        };
        Self {
            waiting: true,
            look_again: self.look_again.into_iter().chain(few.look_again).min(),
            too_few,
            ..self
        }
    }

    pub fn waiting(self, left: Option<Duration>) -> Self {
        Self {
            waiting: left.is_some(),
            look_again: left,
            ..self
        }
    }
}
