//! What can be said of a decision: the state, the flags, the reason in words.

use std::fmt;

use serde::Serialize;

use super::decide::{Decision, Notes, Rule, Verdict, Weights};
use super::group::Group;
use super::moves::write_weights;
use super::overrides::Pause;
use super::policy::{Failback, PolicyKind};
use super::readiness::Readiness;

/// A group's state: the first of these that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum State {
    Invalid,
    Paused,
    Unknown,
    Unavailable,
    OutOfSync,
    Waiting,
    Failover,
    Overridden,
    Active,
    Primary,
}

impl State {
    pub const ALL: [Self; 10] = [
        Self::Invalid,
        Self::Paused,
        Self::Unknown,
        Self::Unavailable,
        Self::OutOfSync,
        Self::Waiting,
        Self::Failover,
        Self::Overridden,
        Self::Active,
        Self::Primary,
    ];
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Invalid => "Invalid",
            Self::Paused => "Paused",
            Self::Unknown => "Unknown",
            Self::Unavailable => "Unavailable",
            Self::OutOfSync => "OutOfSync",
            Self::Waiting => "Waiting",
            Self::Failover => "Failover",
            Self::Overridden => "Overridden",
            Self::Active => "Active",
            Self::Primary => "Primary",
        })
    }
}

/// What else is true of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    /// An override is in force.
    pub overridden: bool,
    /// There is an override that says nothing any more.
    pub broken: bool,
    /// Traffic is, or is to go, where nobody can say that anything is ready.
    pub unverified: bool,
    /// `failback: manual` keeps traffic on a fallback.
    pub held: bool,
    /// The primary is known and not enough.
    pub short: bool,
    /// A ready backend carries nothing, or two ready ones carry.
    pub redundant: bool,
    /// Nobody runs the group. Not of a decision: who shows a group adds it.
    pub unattended: bool,
    /// Someone else puts weights back that this tool has set. Not of a decision either.
    pub contested: bool,
}

impl Flags {
    /// The names of all flags.
    pub const NAMES: [&'static str; 8] = [
        "overridden",
        "broken",
        "unverified",
        "held",
        "short",
        "redundant",
        "unattended",
        "contested",
    ];

    /// The names of the flags that are set.
    pub fn names(self) -> Vec<&'static str> {
        let Self {
            overridden,
            broken,
            unverified,
            held,
            short,
            redundant,
            unattended,
            contested,
        } = self;
        let set = [
            overridden, broken, unverified, held, short, redundant, unattended, contested,
        ];
        Self::NAMES
            .into_iter()
            .zip(set)
            .filter_map(|(name, set)| set.then_some(name))
            .collect()
    }
}

pub(crate) fn state(
    group: &Group,
    readiness: &[Readiness],
    verdict: &Verdict,
    notes: &Notes,
) -> State {
    let unknown = |i: usize| readiness[i].is_unknown();
    let ready = |i: usize| readiness[i].is_ready();
    let everyone = 0..group.backends.len();
    let served = everyone.clone().any(|i| group.carries(i) && ready(i));
    let primary_unknown = readiness[group.primary]
        .meets(group.threshold(group.primary))
        .is_none();
    if primary_unknown || (!served && everyone.clone().any(unknown)) {
        State::Unknown
    } else if !everyone.clone().any(ready) {
        State::Unavailable
    } else if verdict.weights != Weights::Hold || notes.end_override.is_some() || notes.end_pause {
        State::OutOfSync
    } else if verdict.waiting {
        State::Waiting
    } else if !group.carries(group.primary) {
        State::Failover
    } else if group.overridden {
        State::Overridden
    } else if group.policy_kind() == PolicyKind::ActiveActive {
        State::Active
    } else {
        State::Primary
    }
}

pub(crate) fn flags(group: &Group, readiness: &[Readiness], verdict: &Verdict) -> Flags {
    let everyone = 0..group.backends.len();
    let ready = everyone.clone().filter(|&i| readiness[i].is_ready());
    let (carrying, idle): (Vec<usize>, Vec<usize>) = ready.partition(|&i| group.carries(i));
    let on_trial = group.placed_unverified()
        && everyone
            .clone()
            .any(|i| group.carries(i) && readiness[i].is_unknown());
    let manual = group.policy.failback == Failback::Manual && !group.overridden;
    Flags {
        overridden: group.overridden,
        broken: false,
        unverified: verdict.unverified || on_trial,
        held: manual && verdict.rule == Rule::StayAway && verdict.leaves_away(group.primary),
        short: readiness[group.primary].meets(group.threshold(group.primary)) == Some(false),
        redundant: !idle.is_empty() || carrying.len() > 1,
        unattended: false,
        contested: false,
    }
}

pub(crate) fn reason(group: &Group, readiness: &[Readiness], verdict: &Verdict) -> String {
    let primary = standing(group, readiness, group.primary);
    match verdict.rule {
        Rule::Paused => String::new(),
        Rule::NobodyReady => "no backend has a ready endpoint".to_owned(),
        Rule::PrimaryUnknown => match turned(group, readiness, verdict) {
            Some(fallback) => format!("{fallback}, and {primary}"),
            None => primary,
        },
        Rule::AtHome => at_home(group, readiness, verdict, primary),
        Rule::StayAway if verdict.waiting => format!("{primary}; failback-delay is running"),
        Rule::StayAway if verdict.leaves_away(group.primary) => {
            format!("{primary}; failback is manual")
        }
        Rule::StayAway => format!("{primary}, and no fallback that carries traffic is ready"),
        Rule::ComeHome => primary,
        Rule::FailoverDelayed => format!("{primary}; failover-delay is running"),
        Rule::FailOver if verdict.waiting => {
            format!("{primary}; failback-delay is running for a preferred fallback")
        }
        Rule::FailOver if group.carries(group.primary) => primary,
        Rule::FailOver => turned(group, readiness, verdict).unwrap_or(primary),
        Rule::FallbackUnknown => format!("{primary}, and the fallback's readiness is unknown"),
        Rule::PrimaryShort => format!("{primary}, but no fallback is ready"),
        Rule::Blind => format!("{primary}, and the fallbacks' readiness is unknown"),
    }
}

/// The primary is enough and carries: why anything is to change all the same.
fn at_home(group: &Group, readiness: &[Readiness], verdict: &Verdict, primary: String) -> String {
    match &verdict.weights {
        Weights::Set(_) if group.policy_kind() != PolicyKind::ActiveActive => {
            format!("{primary}, and is to carry the traffic alone")
        }
        Weights::Set(_) => turned(group, readiness, verdict).unwrap_or(primary),
        Weights::Hold => primary,
    }
}

/// How the first fallback stands whose traffic comes or goes: that is why, where the primary's does not.
fn turned(group: &Group, readiness: &[Readiness], verdict: &Verdict) -> Option<String> {
    let Weights::Set(weights) = &verdict.weights else {
        return None;
    };
    let turns = |&i: &usize| {
        i != group.primary && group.carries(i) != weights.get(i).is_some_and(|&w| w > 0)
    };
    let everyone = 0..group.backends.len();
    let lost = everyone
        .clone()
        .filter(turns)
        .find(|&i| readiness[i].is_dead());
    lost.or_else(|| everyone.clone().find(turns))
        .map(|i| standing(group, readiness, i))
}

/// What the object says, and what it should say.
pub(crate) fn out_of_sync(group: &Group, decision: &Decision) -> String {
    let mut parts = vec![decision.reason.clone()];
    if let Weights::Set(weights) = &decision.weights {
        let (are, should) = (
            write_weights(group, &group.weights()),
            write_weights(group, weights),
        );
        parts.push(if group.uneven {
            format!("the rules differ in their weights: all should have {should}")
        } else {
            format!("weights {are} should be {should}")
        });
    }
    if let Some(home) = &decision.notes.end_override {
        parts.push(format!(
            "the override is over: annotation override should go, primary-service be {home}"
        ));
    }
    if decision.notes.end_pause {
        parts.push("the pause is over: annotation paused should go".to_owned());
    }
    parts.join("; ")
}

/// Who paused a group, and why.
pub(crate) fn pause(pause: &Pause) -> String {
    let by = if pause.by.is_empty() {
        "someone"
    } else {
        &pause.by
    };
    let why = pause
        .reason
        .as_ref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    let until = pause
        .until
        .map(|until| format!(" until {until:.0}"))
        .unwrap_or_default();
    format!("paused by {by}{until}{why}")
}

/// How one backend stands, in words.
fn standing(group: &Group, readiness: &[Readiness], index: usize) -> String {
    let name = group.backend_name(index);
    match &readiness[index] {
        Readiness::Unknown { why } => format!("the readiness of {name} is unknown: {why}"),
        Readiness::Missing => format!("Service {name} does not exist"),
        Readiness::Mirrored {
            ready: 0,
            total,
            side,
        } => {
            format!("{name} has no ready endpoints ({})", side.words(0, *total))
        }
        Readiness::Known { ready: 0, total } => {
            format!("{name} has no ready endpoints (0 of {total})")
        }
        Readiness::Known { ready, total } | Readiness::Mirrored { ready, total, .. } => {
            let threshold = group.threshold(index);
            if let (None, Some(why)) = (
                readiness[index].meets(threshold),
                readiness[index].why_unknown(),
            ) {
                return format!(
                    "whether {name} has enough endpoints is unknown: of its known members {ready} of {total} are \
                     ready; {why}"
                );
            }
            let needed = threshold.needed(*total);
            let short = if *ready < needed {
                format!(", {needed} needed")
            } else {
                String::new()
            };
            format!("{name} has {ready} of {total} endpoints ready{short}")
        }
    }
}
