//! The numbers of a backend, rounded as `linkerd viz stat` does.

use crate::model::traffic::{BackendTraffic, TrafficReport, TrafficRow};

/// A cell without data.
pub(super) const NO_DATA: &str = "-";

pub(super) fn spans_namespaces(reports: &[TrafficReport]) -> bool {
    let mut namespaces = reports.iter().map(|report| &report.id.namespace);
    let first = namespaces.next();
    namespaces.any(|namespace| Some(namespace) != first)
}

pub(super) fn share(report: &TrafficReport, row: &TrafficRow) -> Option<String> {
    let share = report.share(row)?;
    Some(format!("{:.0}%", share * 100.0))
}

pub(super) fn success(traffic: &BackendTraffic) -> Option<String> {
    let rate = traffic.success_rate()?;
    Some(format!("{:.2}%", rate * 100.0))
}

pub(super) fn latency(traffic: &BackendTraffic, share: f64) -> Option<String> {
    let millis = traffic.latency.quantile(share)?;
    Some(format!("{:.0}ms", millis.round()))
}
