//! Findings about the clients' pods: those that were not counted, or not from the start.

use super::finding::{MAX_NAMED_PODS, TrafficFault, TrafficFinding};
use super::words::{are, count};
use crate::model::traffic::TrafficReport;

pub(super) fn unmeshed(report: &TrafficReport) -> Option<TrafficFinding> {
    let unmeshed = report.clients.unmeshed;
    // A namespace has pods that call nobody: without traffic, or if named, they may be the clients.
    let is_told = report.clients.are_named || report.total().responses() <= 0.0;
    (unmeshed > 0 && is_told).then(|| {
        TrafficFinding {
        fault: TrafficFault::Unmeshed,
        message: format!(
            "{} without Linkerd's proxy. The weights do not apply to the requests of such pods, and \
             nothing counts them.",
            are(unmeshed, "pod")
        ),
        next: Some(
            "inject the proxy: annotate the workload with linkerd.io/inject=enabled, and restart it"
                .to_owned(),
        ),
    }
    })
}

pub(super) fn silent(report: &TrafficReport) -> Option<TrafficFinding> {
    let silent = &report.clients.silent;
    let named = silent.iter().take(MAX_NAMED_PODS);
    let mut named: Vec<String> = named
        .map(|client| format!("{} ({})", client.pod, client.why))
        .collect();
    if silent.len() > MAX_NAMED_PODS {
        named.push(format!("{} more", silent.len() - MAX_NAMED_PODS));
    }
    (!silent.is_empty()).then(|| TrafficFinding {
        fault: TrafficFault::Silent,
        message: format!(
            "{} of {} did not answer: {}.",
            silent.len(),
            count(report.clients.asked, "pod"),
            named.join(", ")
        ),
        next: None,
    })
}

pub(super) fn restarted(report: &TrafficReport) -> Option<TrafficFinding> {
    let pods = &report.clients.restarted;
    let named: Vec<&str> = pods
        .iter()
        .take(MAX_NAMED_PODS)
        .map(String::as_str)
        .collect();
    (!pods.is_empty()).then(|| TrafficFinding {
        fault: TrafficFault::Restarted,
        message: format!(
            "The proxy of {} restarted ({}): its requests before that are not counted.",
            count(pods.len(), "pod"),
            named.join(", ")
        ),
        next: None,
    })
}
