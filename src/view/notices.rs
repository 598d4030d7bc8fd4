//! The notices of `watch`, as lines of text or JSON.

use std::time::Duration;

use jiff::SignedDuration;
use serde::Serialize;

use super::formats;
use super::formats::API_VERSION;
use crate::model::event::carrying;
use crate::model::fold::{groups_named, name_some};
use crate::model::notice::{ObjectFate, exposure, recovery};
use crate::model::transition::After;
use crate::model::{EventKind, GroupEvent, GroupId, Notice, Transition};
use crate::resource::FIELD_MANAGER;
use crate::text::clean;

/// A transition in JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransitionLine<'a> {
    api_version: &'static str,
    kind: &'static str,
    event: EventKind,
    time: String,
    context: &'a str,
    namespace: &'a str,
    /// Kind of the object, such as `trafficsplit`.
    object: &'a str,
    name: &'a str,
    apex: &'a str,
    from: Vec<BackendWeight<'a>>,
    to: Vec<BackendWeight<'a>>,
    why: &'a str,
    unverified: bool,
    dry_run: bool,
    took_ms: f64,
    /// How long the primary had been down before traffic left it, or ready before it returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    down_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready_ms: Option<f64>,
    /// `failover-delay` or `failback-delay`.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<f64>,
}

/// Another event of a group in JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventLine<'a> {
    api_version: &'static str,
    kind: &'static str,
    event: EventKind,
    warning: bool,
    time: String,
    context: &'a str,
    namespace: &'a str,
    /// Kind of the object, such as `trafficsplit`.
    object: &'a str,
    name: &'a str,
    /// None if it is not known.
    apex: Option<&'a str>,
    /// The weights, such as `web-svc=1,web-svc-east=0`, if the event is about traffic.
    from: Option<&'a str>,
    to: Option<&'a str>,
    by: &'a str,
    why: &'a str,
    unverified: bool,
}

#[derive(Serialize)]
struct BackendWeight<'a> {
    backend: &'a str,
    weight: u64,
}

/// One line of JSON for a move, or for one that a dry run would make. None for other notices.
///
/// # Errors
/// If the line cannot be serialised.
pub fn move_line(notice: &Notice, context: &str) -> serde_json::Result<Option<String>> {
    let (transition, dry_run) = match notice {
        Notice::Moved(transition) => (transition, false),
        Notice::WouldMove(transition) => (transition, true),
        _ => return Ok(None),
    };
    let is_known = |after: &After, is_down| after.is_down == is_down && after.saw_begin;
    let after = |is_down| transition.after.filter(|after| is_known(after, is_down));
    let line = TransitionLine {
        api_version: API_VERSION,
        kind: "Transition",
        event: EventKind::Moved,
        time: format!("{:.3}", transition.at),
        context,
        namespace: &transition.group.namespace,
        object: transition.group.kind,
        name: &transition.group.name,
        apex: &transition.apex,
        from: shares(&transition.from),
        to: shares(&transition.to),
        why: &transition.why,
        unverified: transition.unverified,
        dry_run,
        took_ms: millis(transition.took),
        down_ms: after(true).map(|after| millis(after.lasted)),
        ready_ms: after(false).map(|after| millis(after.lasted)),
        delay_ms: transition.after.map(|after| millis(after.delay)),
    };
    formats::json_line(&line).map(Some)
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// One line of JSON for another event of a group.
///
/// # Errors
/// If the line cannot be serialised.
pub fn event_line(event: &GroupEvent, context: &str) -> serde_json::Result<String> {
    formats::json_line(&EventLine {
        api_version: API_VERSION,
        kind: "GroupEvent",
        event: event.kind,
        warning: event.kind.is_warning(),
        time: format!("{:.3}", event.at),
        context,
        namespace: &event.group.namespace,
        object: event.group.kind,
        name: &event.group.name,
        apex: event.apex.as_deref(),
        from: event.from.as_deref(),
        to: event.to.as_deref(),
        by: &event.by,
        why: &event.why,
        unverified: event.unverified,
    })
}

fn shares(weights: &[(String, u64)]) -> Vec<BackendWeight<'_>> {
    weights
        .iter()
        .map(|(backend, weight)| BackendWeight {
            backend,
            weight: *weight,
        })
        .collect()
}

/// One line of text.
pub fn text_line(notice: &Notice) -> String {
    clean(&match notice {
        Notice::Started { groups: 0 } => "watching; there are no groups yet".to_owned(),
        Notice::Started { groups: 1 } => "watching 1 group".to_owned(),
        Notice::Started { groups } => format!("watching {groups} groups"),
        Notice::Moved(transition) => {
            format!("{}{}", moved(transition), transition.timing())
        }
        Notice::WouldMove(transition) => format!("{} (dry run)", moved(transition)),
        Notice::Observed(event) => observed(event),
        Notice::OrderExpired { group, what, .. } => {
            format!("{group}: the {what} has expired and was removed")
        }
        Notice::Stuck {
            group,
            state,
            reason,
            ..
        } => {
            format!("{group}: {state}: {reason}; its traffic stays where it is")
        }
        Notice::Unstuck {
            group,
            was,
            state,
            reason,
        } => {
            format!("{group}: {}; state {state}: {reason}", recovery(*was))
        }
        Notice::Exposed { group, primary } => format!("{group}: {}", exposure(primary)),
        Notice::Covered { group } => format!("{group}: a fallback is ready again"),
        Notice::Gone {
            group,
            active,
            fate,
        } => gone(group, active, fate.as_ref()),
        Notice::BackendsChanged {
            group,
            by,
            removed,
            added,
        } => {
            let part = |what: &str, names: &[String]| {
                let list = names.join(", ");
                (!names.is_empty()).then(|| format!("{what} {list}"))
            };
            let parts: Vec<String> = [part("removed", removed), part("added", added)]
                .into_iter()
                .flatten()
                .collect();
            format!("{group}: {by} {} as backends", parts.join(" and "))
        }
        Notice::KindRemoved { crd } => format!(
            "{crd} is no longer served by the cluster; was the CustomResourceDefinition deleted? \
             Its objects are not watched"
        ),
        Notice::KindServed { crd, groups: 1 } => format!("{crd} is served again (1 group so far)"),
        Notice::KindServed { crd, groups } => {
            format!("{crd} is served again ({groups} groups so far)")
        }
        Notice::Batch(notices) => aggregated(notices),
        Notice::Invalid {
            group,
            reason,
            mend,
        } => {
            format!("{group} is invalid, its traffic is left alone: {reason}; to fix it, {mend}")
        }
        Notice::Warning { group, warning } => format!("{group}: warning: {warning}"),
        Notice::WriteFailed { group, error, next } => {
            format!("{group} was not moved: {error}; {next}")
        }
        Notice::CannotPatch { namespace, crd } => format!(
            "{namespace}: cannot patch {crd}: this watch does not run these groups, and holds no \
             Lease for them; the right to grant: patch on {crd}"
        ),
        Notice::Contested { group, by, wait } => {
            format!(
                "{group}: weights were reverted by {by}; restoring them in {}",
                spell(*wait)
            )
        }
        Notice::RateLimited {
            most,
            within,
            waiting,
        } => format!(
            "MORE MOVES ARE DUE THAN --max-moves ALLOWS: {waiting} waiting; continuing with at \
             most {most} in {}. Has that much really changed? Press Ctrl-C to stop",
            spell(*within)
        ),
        Notice::ManagedByUpstream { group, why } => {
            format!("{group} is left to linkerd-failover: {why}")
        }
        Notice::UpstreamUnknown => "can't tell whether linkerd-failover is installed (it may undo \
             failovers). Grant list on namespaces and deployments.apps cluster-wide"
            .to_owned(),
        Notice::UpstreamNotReady => {
            "linkerd-failover is installed, but none of its pods is ready: \
             its groups fail over here until one is"
                .to_owned()
        }
        Notice::Suspended => "this machine was suspended, or its clock was set; reading \
             everything again before anything moves"
            .to_owned(),
        Notice::Standby {
            namespace,
            holder,
            late: Some(left),
        } => {
            format!(
                "{namespace}: {holder} has stopped renewing the Lease; taking over in {} unless it \
                 does",
                spell(*left + Duration::from_millis(999))
            )
        }
        Notice::Standby {
            namespace,
            holder,
            late: None,
        } => {
            format!("{namespace}: another watch ({holder}) holds the Lease; standing by")
        }
        Notice::LeftToSelector {
            namespace,
            holder,
            selector,
        } => {
            format!("{namespace}: another watch ({holder}) runs the groups with labels {selector}")
        }
        Notice::LeaseFailing { namespace, why } => {
            format!(
                "{namespace}: cannot read or renew the Lease: {why}; nothing is written without it"
            )
        }
        Notice::LeaseRenewed { namespace } => format!("{namespace}: the Lease is renewed again"),
        Notice::LeaseAcquired { namespace } => {
            format!("{namespace}: acquired the Lease; failover is active")
        }
        Notice::NoLease {
            namespace,
            why,
            is_forbidden,
        } => {
            let mend = if *is_forbidden {
                ", or grant get, create and update on leases.coordination.k8s.io"
            } else {
                " until the API server accepts leases.coordination.k8s.io from this user in time"
            };
            format!(
                "{namespace}: running without a Lease ({why}). Do not run a second watch \
                 here{mend}"
            )
        }
        Notice::ReadFailed { what, error } => format!("cannot read {what}: {error}; retrying"),
        Notice::ReadRecovered { what } => format!("{what} can be read again"),
    })
}

/// The traffic of a route or a TrafficSplit without the label stays where it is.
fn gone(group: &GroupId, active: &[String], fate: Option<&ObjectFate>) -> String {
    let what = match fate {
        None => "was deleted, or lost its label".to_owned(),
        Some(ObjectFate::Deleted) => "was deleted".to_owned(),
        Some(ObjectFate::Unlabelled { by: Some(by) }) => {
            format!("lost its label (last edited by {by})")
        }
        Some(ObjectFate::Unlabelled { by: None }) => "lost its label".to_owned(),
    };
    let verb = match fate {
        Some(ObjectFate::Unlabelled { .. }) => "stays",
        _ => "was",
    };
    if active.is_empty() {
        return format!("{group} {what}");
    }
    format!(
        "{group} {what}; its traffic {verb} on {}",
        active.join(", ")
    )
}

/// One line for notices with the same cause.
fn aggregated(notices: &[Notice]) -> String {
    let ids: Vec<&GroupId> = notices.iter().filter_map(Notice::group).collect();
    let groups = groups_named(&ids);
    match notices.first() {
        Some(Notice::Stuck { state, reason, .. }) => {
            format!("{groups} are {state}: {reason}; their traffic stays where it is")
        }
        Some(Notice::Exposed { .. }) => format!("{groups}: no fallback is ready"),
        Some(Notice::Covered { .. }) => format!("{groups}: a fallback is ready again"),
        Some(Notice::Unstuck { was, .. }) => format!("{groups}: {}", recovery(*was)),
        Some(Notice::Gone { .. }) => format!("{groups} were deleted, or lost their label"),
        Some(Notice::ReadFailed { error, .. }) => {
            format!("cannot read {}: {error}; retrying", reads(notices))
        }
        Some(Notice::ReadRecovered { .. }) => format!("{} can be read again", reads(notices)),
        Some(notice) => format!(
            "{}, and {} more like it",
            text_line(notice),
            notices.len() - 1
        ),
        None => String::new(),
    }
}

fn reads(notices: &[Notice]) -> String {
    let what = |notice: &Notice| match notice {
        Notice::ReadFailed { what, .. } | Notice::ReadRecovered { what } => Some(what.clone()),
        _ => None,
    };
    name_some(notices.iter().filter_map(what))
}

fn spell(duration: Duration) -> String {
    let whole = SignedDuration::from_secs(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX));
    format!("{whole:#}")
}

fn moved(transition: &Transition) -> String {
    let Transition {
        group,
        why,
        unverified,
        ..
    } = transition;
    let trial = if *unverified { " (unverified)" } else { "" };
    let (from, to) = (transition.was_active(), transition.active());
    format!("{group}: {from} -> {to}{trial}: {why}")
}

/// What somebody else did to a group.
fn observed(event: &GroupEvent) -> String {
    let GroupEvent {
        kind,
        group,
        from,
        to,
        by,
        why,
        ..
    } = event;
    let moved = match (from, to) {
        (Some(from), Some(to)) if event.moves() => {
            format!(" {} -> {}", carrying(from), carrying(to))
        }
        _ => String::new(),
    };
    let by = match by.as_str() {
        "" => String::new(),
        // The object does not name the user.
        FIELD_MANAGER => format!(" with {by}"),
        by => format!(" by {by}"),
    };
    // Without a move, the object does not name who ran `return`.
    if *kind == EventKind::Returned && moved.is_empty() {
        return format!("{group}: {why}");
    }
    format!(
        "{group}: {kind}{by}:{moved}{} {why}",
        if moved.is_empty() { "" } else { ":" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{GroupId, State};

    fn group(number: usize) -> GroupId {
        GroupId {
            namespace: "big".into(),
            kind: "trafficsplit",
            name: format!("g{number}"),
        }
    }

    fn unstuck(number: usize, was: State) -> Notice {
        let reason = format!("g{number} has no ready endpoints (0 of 1)");
        Notice::Unstuck {
            group: group(number),
            was,
            state: State::Failover,
            reason,
        }
    }

    #[test]
    fn a_group_on_its_fallback_is_not_reported_ready_when_only_its_readiness_is_known_again() {
        let reason = "state Failover: g0 has no ready endpoints (0 of 1)";
        let line = text_line(&unstuck(0, State::Unknown));
        assert_eq!(line, format!("big/g0: readiness is known again; {reason}"));
        let line = text_line(&unstuck(0, State::Unavailable));
        assert_eq!(line, format!("big/g0: a backend is ready again; {reason}"));
    }

    #[test]
    fn reads_that_fail_together_are_one_line() {
        let failed = |number: usize| {
            let (what, error) = (
                format!("kind{number}"),
                format!("GET /kind{number}: connection refused"),
            );
            Notice::ReadFailed { what, error }
        };
        let line = text_line(&Notice::Batch((0..6).map(failed).collect()));
        let expected =
            "cannot read kind0, kind1, kind2 and 3 more: GET /kind0: connection refused; retrying";
        assert_eq!(line, expected);
        let again = |number: usize| Notice::ReadRecovered {
            what: format!("kind{number}"),
        };
        let line = text_line(&Notice::Batch((0..3).map(again).collect()));
        assert_eq!(line, "kind0, kind1, kind2 can be read again");
    }

    #[test]
    fn many_groups_with_one_cause_are_one_line() {
        let stuck = |number| Notice::Stuck {
            group: group(number),
            state: State::Unknown,
            reason: format!("g{number}: its EndpointSlices cannot be read: no answer"),
            cause: None,
        };
        let line = text_line(&Notice::Batch((0..600).map(stuck).collect()));
        assert_eq!(
            line,
            "600 groups in big (g0, g1, g2 and 597 more) are Unknown: g0: its EndpointSlices cannot \
             be read: no answer; their traffic stays where it is"
        );
        let free = (0..600)
            .map(|number| unstuck(number, State::Unknown))
            .collect();
        let line = text_line(&Notice::Batch(free));
        assert_eq!(
            line,
            "600 groups in big (g0, g1, g2 and 597 more): readiness is known again"
        );
        let line = text_line(&Notice::Batch(
            (0..7)
                .map(|number| Notice::Gone {
                    group: group(number),
                    active: Vec::new(),
                    fate: None,
                })
                .collect(),
        ));
        let fate = |fate| Notice::Gone {
            group: group(1),
            active: vec!["web-east".to_owned()],
            fate,
        };
        let by = Some("kubectl-client-side-apply".to_owned());
        let words = [
            fate(None),
            fate(Some(ObjectFate::Deleted)),
            fate(Some(ObjectFate::Unlabelled { by })),
        ]
        .map(|notice| text_line(&notice));
        assert_eq!(
            words,
            [
                "big/g1 was deleted, or lost its label; its traffic was on web-east",
                "big/g1 was deleted; its traffic was on web-east",
                "big/g1 lost its label (last edited by kubectl-client-side-apply); its traffic \
                 stays on web-east",
            ]
        );
        assert_eq!(
            line,
            "7 groups in big (g0, g1, g2 and 4 more) were deleted, or lost their label"
        );
    }
}
