//! Notices as lines of text.

use std::time::Duration;

use jiff::SignedDuration;

use crate::model::event::carrying;
use crate::model::fold::{groups_named, name_some};
use crate::model::notice::{ObjectFate, exposure, recovery};
use crate::model::{EventKind, GroupEvent, GroupId, Notice, Transition};
use crate::resource::FIELD_MANAGER;
use crate::text::clean;

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
