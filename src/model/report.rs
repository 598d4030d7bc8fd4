//! Describes a decision: its state, its flags and its reason in words.

use super::avoid::AvoidEntry;
use super::decision::{AnnotationChanges, Decision, Rule, Verdict, Weights};
use super::group::Group;
use super::mirror_side::MirrorSide;
use super::moves::{LastMove, carriers};
use super::overrides::Pause;
use super::policy::PolicyKind;
use super::readiness::Readiness;
use super::situation::{Candidate, Situation};
use super::state::{Flags, State};
use super::unknown::WhyUnknown;

pub(crate) fn state(
    situation: &Situation,
    verdict: &Verdict,
    writes_weights: bool,
    notes: &AnnotationChanges,
) -> State {
    let group = situation.group;
    let is_served = situation.any(|backend| backend.carries() && backend.is_ready());
    let is_unknown = situation.primary_is_enough().is_none()
        || (!is_served && situation.any(Candidate::is_unknown));
    if is_unknown {
        State::Unknown
    } else if !situation.any(Candidate::is_ready) {
        State::Unavailable
    } else if writes_weights || notes.ends_order() {
        State::OutOfSync
    } else if verdict.waiting {
        State::Waiting
    } else if !situation.primary.carries() {
        State::Failover
    } else if group.overridden {
        State::Overridden
    } else if group.policy_kind() == PolicyKind::ActiveActive {
        State::Active
    } else {
        State::Primary
    }
}

pub(crate) fn flags(situation: &Situation, verdict: &Verdict) -> Flags {
    let group = situation.group;
    let ready = situation.select(Candidate::is_ready);
    let carrying = ready.iter().filter(|backend| backend.carries()).count();
    let serves_unknown = situation.any(|backend| backend.carries() && backend.is_unknown());
    Flags {
        overridden: group.overridden,
        broken: false,
        unverified: verdict.unverified || (group.placed_unverified() && serves_unknown),
        held: group.stays_away()
            && verdict.rule == Rule::FailbackHeld
            && verdict.leaves_away(group.primary),
        avoiding: group.is_avoiding(),
        short: situation.primary_meets_threshold() == Some(false),
        redundant: carrying < ready.len() || carrying > 1,
        standby: group.has_standby(),
        unattended: false,
        contested: false,
        exposed: false,
    }
}

/// Returns how many endpoints of a backend are ready, if the readers of the object may know it.
pub(crate) fn home_ready(situation: &Situation, home: usize) -> Option<u32> {
    let backend = situation.backends.get(home)?;
    let (ready, _) = backend.readiness.counts()?;
    (!is_elsewhere(situation.group, *backend)).then_some(ready)
}

/// Puts what the proxies make of the object's weights before a reason, if they do not take them.
pub(crate) fn with_trouble(group: &Group, reason: String) -> String {
    match group.trouble_with_weights() {
        Some(trouble) => format!("{trouble}; {reason}"),
        None => reason,
    }
}

/// How much a reason says about failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// For the operator: what a credential plugin or an API server said.
    Full,
    /// For the object and its Events, which others read: only words of this program.
    Brief,
}

impl Detail {
    fn of(self, why: &WhyUnknown) -> String {
        match self {
            Self::Full => why.to_string(),
            Self::Brief => why.brief(),
        }
    }
}

/// Returns the reason for a decision in words.
pub(crate) fn reason(situation: &Situation, verdict: &Verdict, detail: Detail) -> String {
    let mut reason = readiness_reason(situation, verdict, detail);
    if let Some(resting) = resting_order(situation, verdict) {
        reason = format!("{reason}; {resting}");
    }
    with_trouble(situation.group, reason)
}

/// Says that a backend has traffic although it is to be avoided.
fn resting_order(situation: &Situation, verdict: &Verdict) -> Option<String> {
    let group = situation.group;
    let gets_traffic = |backend: &Candidate| match &verdict.weights {
        Weights::Set(weights) => weights.get(backend.index).is_some_and(|weight| *weight > 0),
        Weights::Hold => backend.carries(),
    };
    let mut entries = situation.backends.iter().filter_map(|backend| {
        let name = group.backend_name(backend.index);
        let entry = group.avoid.entry_for(name)?;
        gets_traffic(backend).then(|| entry.evacuates(name))
    });
    let evacuated = entries.next()?;
    Some(format!(
        "{evacuated}, but no other backend can take its traffic"
    ))
}

fn readiness_reason(situation: &Situation, verdict: &Verdict, detail: Detail) -> String {
    let group = situation.group;
    let primary = describe(group, situation.primary, detail);
    match verdict.rule {
        Rule::Paused => String::new(),
        Rule::NoneReady => "no backend has a ready endpoint".to_owned(),
        Rule::PrimaryUnknown => match changed_fallback(situation, verdict, detail) {
            Some(fallback) => format!("{fallback}, and {primary}"),
            None => primary,
        },
        Rule::OnPrimary => on_primary(situation, verdict, primary, detail),
        Rule::FailbackHeld if verdict.waiting => match &verdict.too_few {
            Some(_) if is_elsewhere(group, situation.primary) => {
                format!(
                    "{} has too few ready endpoints to fail back",
                    group.primary_name()
                )
            }
            Some(too_few) => too_few.words(group.primary_name()),
            None => format!("{primary}; failback-delay is running"),
        },
        Rule::FailbackHeld if verdict.leaves_away(group.primary) => {
            format!("{primary}; failback is manual")
        }
        Rule::FailbackHeld => format!("{primary}, and no fallback that carries traffic is ready"),
        Rule::FailBack => returning(situation, primary),
        Rule::FailoverDelayed => format!("{primary}; failover-delay is running"),
        Rule::FailOver if verdict.waiting => {
            format!("{primary}; failback-delay is running for a preferred fallback")
        }
        Rule::FailOver if situation.primary.carries() => primary,
        Rule::FailOver => changed_fallback(situation, verdict, detail).unwrap_or(primary),
        Rule::FallbackUnknown => format!("{primary}, and the fallback's readiness is unknown"),
        Rule::PrimaryShort => format!("{primary}, but no fallback is ready"),
        Rule::Unverified => format!("{primary}, and the fallbacks' readiness is unknown"),
    }
}

/// Says why weights change although the primary is enough and carries traffic.
fn on_primary(situation: &Situation, verdict: &Verdict, primary: String, detail: Detail) -> String {
    match &verdict.weights {
        Weights::Set(_) if situation.group.policy_kind() != PolicyKind::ActiveActive => {
            format!(
                "with policy {} {} gets all traffic while it is ready",
                situation.group.policy_kind().name(),
                situation.group.primary_name()
            )
        }
        Weights::Set(_) => changed_fallback(situation, verdict, detail)
            .unwrap_or_else(|| "the shares of policy active-active have changed".to_owned()),
        Weights::Hold => primary,
    }
}

/// Says why traffic returns to the primary: it has recovered, if traffic left it because it was
/// short.
fn returning(situation: &Situation, primary: String) -> String {
    let group = situation.group;
    let name = group.primary_name();
    let has_left = |last: &&LastMove| last.home.is_none() && carriers(&last.from).contains(&name);
    if group.returns_at_once {
        return primary;
    }
    let is_avoided = group.avoid.entry_for(name).is_some();
    if is_avoided || group.fitting_move().filter(has_left).is_none() {
        return format!("{name} is the primary, and is ready");
    }
    match primary.strip_prefix(&format!("{name} has ")) {
        Some(counts) => format!("{name} has recovered ({counts})"),
        None => format!("{name} has recovered"),
    }
}

/// Describes the first fallback that gains or loses traffic, a dead one first: it is the reason if
/// the primary's traffic does not change.
fn changed_fallback(situation: &Situation, verdict: &Verdict, detail: Detail) -> Option<String> {
    let Weights::Set(weights) = &verdict.weights else {
        return None;
    };
    let gets_traffic = |index: usize| weights.get(index).is_some_and(|weight| *weight > 0);
    let changed: Vec<Candidate> = situation
        .fallbacks()
        .filter(|fallback| fallback.carries() != gets_traffic(fallback.index))
        .collect();
    let dead = changed.iter().find(|fallback| fallback.is_dead());
    let fallback = *dead.or(changed.first())?;
    let name = situation.group.backend_name(fallback.index);
    let policy = situation.group.policy_kind();
    let of_policy = match policy {
        _ if !fallback.is_ready() => None,
        PolicyKind::ActiveActive => Some(format!("{name} is ready, and has a share")),
        _ if fallback.carries() => Some(format!("{name} has no share")),
        _ => None,
    };
    Some(match of_policy {
        Some(words) => format!("with policy {} {words}", policy.name()),
        None => describe(situation.group, fallback, detail),
    })
}

/// Returns what the object has and what it should have.
pub(crate) fn out_of_sync(group: &Group, decision: &Decision) -> String {
    let mut parts = vec![decision.reason.clone()];
    if let Some(written) = &decision.written {
        let wanted = group.write_weights(written);
        parts.push(if group.uneven {
            format!("the rules have different weights: all should have {wanted}")
        } else {
            let present = group.write_weights(&group.weights_on_object());
            format!("weights {present} should be {wanted}")
        });
    }
    if let Some(home) = &decision.notes.end_override {
        parts.push(format!(
            "the override has expired: it should be removed, and primary-service set to {home}"
        ));
    }
    let ended = decision.notes.avoid.iter().flat_map(|change| &change.ended);
    parts.extend(ended.filter_map(AvoidEntry::expired_words));
    if decision.notes.end_pause {
        parts.push("the pause has expired: it should be removed".to_owned());
    }
    parts.join("; ")
}

/// Returns who paused a group, until when and why.
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

/// Whether the endpoints are in another namespace than the group, in this cluster or in a mirrored
/// one.
fn is_elsewhere(group: &Group, backend: Candidate) -> bool {
    let service = group.backends.get(backend.index).map(|it| &it.service);
    let remote = backend.readiness.side().and_then(MirrorSide::remote);
    let mut places = service
        .into_iter()
        .chain(remote.map(|remote| &remote.service));
    places.any(|service| service.namespace != group.id.namespace)
}

/// Describes the readiness of one backend, as a clause. The clause is written to the group's object,
/// so it has no endpoint counts of a namespace that the readers of the object may not read.
fn describe(group: &Group, backend: Candidate, detail: Detail) -> String {
    let name = group.backend_name(backend.index);
    let entry = group.avoid.entry_for(name).filter(|_| backend.avoided);
    if let Some(entry) = entry {
        return entry.evacuates(name);
    }
    if is_elsewhere(group, backend)
        && let Some(is_enough) = backend.readiness.meets(group.threshold(backend.index))
        && *backend.readiness != Readiness::Missing
    {
        return match (is_enough, backend.is_ready()) {
            (true, _) => format!("{name} is ready"),
            (false, true) => format!("{name} has too few ready endpoints"),
            (false, false) => format!("{name} has no ready endpoints"),
        };
    }
    match backend.readiness {
        Readiness::Unknown { why } => {
            format!("the readiness of {name} is unknown: {}", detail.of(why))
        }
        Readiness::Missing => format!("Service {name} does not exist"),
        Readiness::NoPort { total, .. } => {
            let why = backend.readiness.without_port().unwrap_or_default();
            format!("{name} has no ready endpoints (0 of {total}: {why})")
        }
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
            let threshold = group.threshold(backend.index);
            let unknown_member = backend.readiness.why_unknown();
            if let (None, Some(why)) = (backend.readiness.meets(threshold), unknown_member) {
                if is_elsewhere(group, backend) {
                    return format!("whether {name} has enough endpoints is unknown");
                }
                return format!(
                    "whether {name} has enough endpoints is unknown: {ready} of {total} endpoints of its known \
                     members are ready; {}",
                    detail.of(why)
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use crate::model::{Group, PolicyKind, Readiness, Timers, decide, fixtures};

    fn group(kind: PolicyKind, weights: [u64; 2]) -> Group {
        let [web, east] = weights;
        let mut group = fixtures::group(fixtures::id("ns", "web"), &[("web", web), ("east", east)]);
        group.policy.kind = kind;
        group
    }

    fn reason(group: &Group) -> String {
        let ready = Readiness::Known { ready: 1, total: 1 };
        let readiness = [ready.clone(), ready];
        decide(group, &readiness, &Timers::none(), Timestamp::UNIX_EPOCH).reason
    }

    #[test]
    fn the_reason_of_a_move_that_the_policy_causes_is_the_policy() {
        assert_eq!(
            reason(&group(PolicyKind::Spread, [1, 1])),
            "with policy spread web gets all traffic while it is ready"
        );
        assert_eq!(
            reason(&group(PolicyKind::ActiveActive, [1, 0])),
            "with policy active-active east is ready, and has a share"
        );
        let mut shares = group(PolicyKind::ActiveActive, [1, 1]);
        shares.policy.shares = vec![1, 2];
        assert_eq!(
            reason(&shares),
            "the shares of policy active-active have changed"
        );
    }

    #[test]
    fn only_a_primary_that_traffic_left_has_recovered() {
        let mut away = group(PolicyKind::Spread, [0, 1]);
        assert_eq!(reason(&away), "web is the primary, and is ready");
        let moved = serde_json::json!({"from": "web=1,east=0", "to": "web=0,east=1",
            "at": "2026-11-26T03:00:00Z", "by": "me", "why": "web has no ready endpoints"});
        away.last_move = serde_json::from_value(moved).unwrap();
        assert_eq!(reason(&away), "web has recovered (1 of 1 endpoints ready)");
    }
}
