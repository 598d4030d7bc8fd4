//! Findings about where requests go: whether the weights have an effect, and whether the traffic
//! follows them.

use super::finding::{MAX_NAMED_PODS, MIN_RESPONSES, TrafficFault, TrafficFinding};
use super::words::{count, percent, requests, seconds};
use crate::model::traffic::{TrafficReport, TrafficRow};

/// A share may differ this much from the one that the weights ask for.
const SHARE_TOLERANCE: f64 = 0.05;
/// Chance alone makes larger differences than this many standard deviations very rarely.
const MAX_DEVIATIONS: f64 = 4.0;

/// Without effect, a route has no weights that traffic could follow.
pub(super) fn not_accepted(report: &TrafficReport, flags: &str) -> Option<TrafficFinding> {
    let why = report.unaccepted.as_ref()?;
    let mut letters = why.chars();
    let first = letters.next()?.to_uppercase();
    Some(TrafficFinding {
        fault: TrafficFault::NotAccepted,
        message: format!("{first}{}.", letters.as_str()),
        next: Some(format!(
            "see whether Linkerd's policy controller runs: kubectl failover check {flags}"
        )),
    })
}

pub(super) fn no_traffic(report: &TrafficReport) -> Option<TrafficFinding> {
    let total = report.total();
    let answered = report.clients.answered();
    if answered > 0 && report.unaccepted.is_some() {
        return None;
    }
    if total.responses() > 0.0 || total.refused > 0.0 || total.waiting > 0.0 {
        return None;
    }
    let apex = &report.apex;
    let message = if report.clients.asked == 0 {
        "There are no meshed client pods to ask, so no requests could be counted.".to_owned()
    } else if answered == 0 {
        "No client pod answered, so no requests could be counted.".to_owned()
    } else {
        format!(
            "No requests to {apex} within {} from {}.",
            seconds(report.seconds),
            count(answered, "client pod")
        )
    };
    Some(TrafficFinding {
        fault: TrafficFault::NoTraffic,
        message,
        next: Some(format!(
            "name the clients with --from deploy/NAME, and their namespace with --from-namespace; \
             only meshed pods that call {apex} are counted"
        )),
    })
}

/// What [`no_traffic`] finds in more than one group.
pub(super) fn no_traffic_to_any(report: &TrafficReport) -> TrafficFinding {
    let answered = report.clients.answered();
    TrafficFinding {
        fault: TrafficFault::NoTraffic,
        message: format!(
            "no requests within {} from {}.",
            seconds(report.seconds),
            count(answered, "client pod")
        ),
        next: Some(
            "name the clients with --from deploy/NAME, and their namespace with --from-namespace; \
             only meshed pods are counted"
                .to_owned(),
        ),
    }
}

/// Whether the traffic goes where the weights send it, as far as the requests show it.
pub fn follows_weights(report: &TrafficReport) -> bool {
    not_by_weight(report, "").is_none()
}

/// Compares the shares with those that the weights ask for. A backend that has no endpoints for the
/// proxies, and requests that were sent to a backend itself, do not count.
pub(super) fn not_by_weight(report: &TrafficReport, flags: &str) -> Option<TrafficFinding> {
    if report.has_moved || report.unaccepted.is_some() {
        return None;
    }
    let can_serve = |row: &&TrafficRow| row.traffic.ready.is_none_or(|(_, most)| most > 0);
    let all = report.routed();
    #[allow(clippy::cast_precision_loss, reason = "weights are small")]
    let weight = |row: &TrafficRow| row.weight as f64;
    let weights: f64 = report.rows.iter().filter(can_serve).map(weight).sum();
    if all < MIN_RESPONSES || weights <= 0.0 {
        return None;
    }
    let differs = |row: &&TrafficRow| {
        let wanted = if can_serve(row) {
            weight(row) / weights
        } else {
            0.0
        };
        let chance = MAX_DEVIATIONS * (wanted * (1.0 - wanted) / all).sqrt();
        (row.routed() / all - wanted).abs() > chance.max(SHARE_TOLERANCE)
    };
    let row = report.rows.iter().filter(can_serve).find(differs)?;
    let mut message = format!(
        "Traffic does not follow the weights: {} has {} of the weight and {} of the traffic.",
        row.name,
        percent(weight(row) / weights),
        percent(row.routed() / all)
    );
    for conflict in &report.conflicts {
        message += &format!(" {conflict}.");
    }
    let older = report.clients.older_than_group;
    if older > 0 {
        message += &format!(
            " {} started before {}.",
            count(older, "client pod"),
            report.id.short_name()
        );
    }
    let mut next = match report.conflicts.as_slice() {
        [] => format!(
            "look for a ServiceProfile or another route that takes precedence: kubectl failover \
             check {flags}"
        ),
        _ => format!(
            "keep one of the objects that route {}; to see them: kubectl failover status {0} \
             {flags}",
            report.apex
        ),
    };
    if older > 0 {
        next += "; restart the client pods that are older";
    }
    Some(TrafficFinding {
        fault: TrafficFault::NotByWeight,
        message,
        next: Some(next),
    })
}

pub(super) fn direct_calls(report: &TrafficReport) -> Option<TrafficFinding> {
    let apex = &report.apex;
    let called = |row: &&TrafficRow| row.name != *apex && row.traffic.direct > 0.0;
    let row = report.rows.iter().find(called);
    let direct = row.map(|row| (row.traffic.direct, format!("{} itself", row.name)));
    let row = report.rows.iter().find(|row| row.traffic.to_pods > 0.0);
    let to_pods = row.map(|row| {
        (
            row.traffic.to_pods,
            format!("pods of {} by their own addresses or names", row.name),
        )
    });
    let (count, whom) = direct.or(to_pods)?;
    Some(TrafficFinding {
        fault: TrafficFault::DirectCalls,
        message: format!(
            "{} sent {} to {whom}, not to {apex}: the weights do not apply to them, and SHARE does \
             not count them.",
            direct_callers(report),
            requests(count)
        ),
        next: Some(format!("have these clients call {apex}")),
    })
}

/// Names the clients that call a backend itself.
pub(super) fn direct_callers(report: &TrafficReport) -> String {
    let callers = &report.clients.direct_callers;
    let named = callers.iter().take(MAX_NAMED_PODS).cloned();
    let mut named: Vec<String> = named.collect();
    match callers.len().saturating_sub(MAX_NAMED_PODS) {
        0 => {}
        more => named.push(format!("{more} more")),
    }
    match named.as_slice() {
        [] => "Clients".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
