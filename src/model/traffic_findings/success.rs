//! Findings about how requests end: those that fail or are refused.

use super::finding::{MIN_RESPONSES, TrafficFault, TrafficFinding};
use super::words::{percent, requests};
use crate::model::traffic::{TrafficReport, TrafficRow};

/// A backend with a lower success rate is reported.
const LOW_SUCCESS: f64 = 0.90;
/// A success rate this much lower than the primary's is reported.
const SUCCESS_DIFFERENCE: f64 = 0.02;

pub(super) fn refused(report: &TrafficReport, flags: &str) -> Option<TrafficFinding> {
    let refused = report.total().refused;
    let backends = report.rows.iter().filter(|row| row.traffic.refused > 0.0);
    let names: Vec<&str> = backends.map(|row| row.name.as_str()).collect();
    let whose = if names.is_empty() {
        String::new()
    } else {
        format!(" for {}", names.join(" and "))
    };
    // A backend without any weight that could answer.
    let idle = report.rows.iter().find(|row| {
        let has_ready = row.traffic.ready.is_some_and(|(fewest, _)| fewest > 0);
        row.weight == 0 && has_ready
    });
    let status = format!("see what is ready: kubectl failover status {flags}");
    let next = idle.map_or(status, |idle| {
        format!(
            "{} has ready endpoints and no weight; to move the traffic there: kubectl failover \
             force {} --to {} {flags}",
            idle.name,
            report.id.short_name(),
            idle.name
        )
    });
    (refused > 0.0).then(|| TrafficFinding {
        fault: TrafficFault::Refused,
        message: format!(
            "The proxies refused {}{whose}: no endpoint was ready in time. SUCCESS does not count \
             them.",
            requests(refused)
        ),
        next: Some(next),
    })
}

pub(super) fn failing(row: &TrafficRow) -> Option<TrafficFinding> {
    let rate = row.traffic.success_rate()?;
    if row.traffic.responses() < MIN_RESPONSES || rate >= LOW_SUCCESS {
        return None;
    }
    let ready = match row.traffic.ready {
        Some((fewest, _)) if fewest > 0 => " although it has ready endpoints",
        _ => "",
    };
    Some(TrafficFinding {
        fault: TrafficFault::Failing,
        message: format!(
            "{} answers only {} of its requests with success{ready}.",
            row.name,
            percent(rate)
        ),
        next: Some(format!(
            "readiness does not show this: look at the logs of {}, or force traffic to another \
             backend",
            row.name
        )),
    })
}

pub(super) fn worse_than_primary(report: &TrafficReport) -> Vec<TrafficFinding> {
    let enough = |row: &&TrafficRow| row.traffic.responses() >= MIN_RESPONSES;
    let primary = report.primary.and_then(|primary| report.rows.get(primary));
    let Some(primary) = primary.filter(enough) else {
        return Vec::new();
    };
    let Some(normal) = primary.traffic.success_rate() else {
        return Vec::new();
    };
    let worse = report.rows.iter().filter(enough).filter_map(|row| {
        let rate = row.traffic.success_rate()?;
        // A lower rate is a finding of its own.
        (rate >= LOW_SUCCESS && normal - rate > SUCCESS_DIFFERENCE).then(|| TrafficFinding {
            fault: TrafficFault::WorseThanPrimary,
            message: format!(
                "{} fails more often than {}: {} of its responses are a success, and {} of {1}'s.",
                row.name,
                primary.name,
                percent(rate),
                percent(normal)
            ),
            next: Some(format!("look at the logs of {}", row.name)),
        })
    });
    worse.collect()
}

/// Compares the backends that have the traffic with those that had it before it moved. Those that had
/// it then may get no requests any more.
pub(super) fn worse_than_before(report: &TrafficReport, flags: &str) -> Option<TrafficFinding> {
    let before = report.before.as_ref()?;
    let normal = before.success / before.responses;
    if before.responses < MIN_RESPONSES {
        return None;
    }
    let is_new = |row: &&TrafficRow| row.weight > 0 && !before.backends.contains(&row.name);
    let mut rows = report.rows.iter().filter(is_new);
    let (row, rate) = rows.find_map(|row| {
        let rate = row.traffic.success_rate()?;
        let is_worse = row.traffic.responses() >= MIN_RESPONSES
            && rate >= LOW_SUCCESS
            && normal - rate > SUCCESS_DIFFERENCE;
        is_worse.then_some((row, rate))
    })?;
    Some(TrafficFinding {
        fault: TrafficFault::WorseThanBefore,
        message: format!(
            "{} answers {} with success. Before the traffic moved, {} answered {}.",
            row.name,
            percent(rate),
            before.backends.join(" and "),
            percent(normal)
        ),
        next: Some(format!(
            "look at the logs of {}; to move the traffic back: kubectl failover failback {} {flags}",
            row.name,
            report.id.short_name()
        )),
    })
}
