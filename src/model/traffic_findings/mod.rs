//! What is wrong with the traffic of a group, in words, and what to do about it.

mod finding;
mod pods;
mod routing;
mod success;
mod words;

#[cfg(test)]
mod tests;

pub use finding::{TrafficFault, TrafficFinding};
pub use routing::follows_weights;
pub use words::{are, count, seconds};

use pods::{restarted, silent, unmeshed};
use routing::{direct_calls, no_traffic, no_traffic_to_any, not_accepted, not_by_weight};
use success::{failing, refused, worse_than_before, worse_than_primary};

use super::ids::GroupId;
use super::traffic::TrafficReport;

/// Returns the findings, the most important ones first. `flags` are those of suggested commands.
pub fn findings(report: &TrafficReport, flags: &str) -> Vec<TrafficFinding> {
    let findings = [
        not_accepted(report, flags),
        no_traffic(report),
        refused(report, flags),
        not_by_weight(report, flags),
        direct_calls(report),
    ];
    let mut findings: Vec<TrafficFinding> = findings.into_iter().flatten().collect();
    findings.extend(report.rows.iter().filter_map(failing));
    findings.extend(worse_than_primary(report));
    findings.extend(worse_than_before(report, flags));
    findings.extend(
        [unmeshed(report), silent(report), restarted(report)]
            .into_iter()
            .flatten(),
    );
    findings
}

/// A finding, and the groups that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedFinding<'a> {
    /// Empty: it does not depend on the group, or there is only one.
    pub groups: Vec<&'a GroupId>,
    /// The finding.
    pub finding: TrafficFinding,
}

/// Returns the findings of several groups. What is found in more than one of them is there once.
/// `flags` returns the flags of suggested commands for a namespace.
pub fn findings_of_all(
    reports: &[TrafficReport],
    flags: impl Fn(&str) -> String,
) -> Vec<SharedFinding<'_>> {
    let mut all: Vec<SharedFinding<'_>> = Vec::new();
    for report in reports {
        for finding in findings(report, &flags(&report.id.namespace)) {
            // The pods are the same for all groups.
            let is_of_pods = matches!(
                finding.fault,
                TrafficFault::Unmeshed | TrafficFault::Silent | TrafficFault::Restarted
            );
            let has_group = reports.len() > 1 && !is_of_pods;
            let same = all.iter_mut().find(|known| {
                let fault = known.finding.fault;
                fault == finding.fault
                    && (fault == TrafficFault::NoTraffic || known.finding == finding)
            });
            match same {
                Some(known) if has_group => {
                    if finding.fault == TrafficFault::NoTraffic {
                        known.finding = no_traffic_to_any(report);
                    }
                    known.groups.push(&report.id);
                }
                Some(_) => {}
                None => all.push(SharedFinding {
                    groups: has_group.then_some(&report.id).into_iter().collect(),
                    finding,
                }),
            }
        }
    }
    all
}
