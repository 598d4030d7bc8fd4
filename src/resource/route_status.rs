//! Whether a route is in effect, by the conditions that Linkerd's policy controller writes to its
//! status. Other controllers may write conditions to the same route.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::linkerd::POLICY_CONTROLLER;
use super::parent_ref::ParentRef;

/// The `status` of a route.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct RouteStatus {
    parents: Vec<ParentStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ParentStatus {
    parent_ref: ParentRef,
    controller_name: String,
    conditions: Vec<RouteCondition>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RouteCondition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: String,
    message: String,
}

/// Returns a line for each reason why the route, or a part of it, has no effect.
pub fn warnings(status: &RouteStatus, ports: &[u16]) -> Vec<String> {
    let findings = findings(status, ports).into_iter();
    findings.map(|finding| finding.words).collect()
}

/// Returns why Linkerd has not accepted the route; none if it has.
pub fn unaccepted(status: &RouteStatus, ports: &[u16]) -> Option<String> {
    let mut findings = findings(status, ports).into_iter();
    let finding = findings.find(|finding| finding.is_about_acceptance)?;
    Some(finding.words)
}

/// A reason why the route, or a part of it, has no effect.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Finding {
    words: String,
    is_about_acceptance: bool,
}

/// `ports` are the ports of the route's parentRefs. The conditions are those of
/// <https://gateway-api.sigs.k8s.io/geps/gep-1364/>.
fn findings(status: &RouteStatus, ports: &[u16]) -> Vec<Finding> {
    let parents = || {
        status.parents.iter().filter(|parent| {
            parent.controller_name == POLICY_CONTROLLER && parent.parent_ref.is_service()
        })
    };
    // A route with one parentRef is in effect on all its ports or on none.
    let place = |port: Option<u16>| match port {
        Some(port) if ports.len() > 1 => format!(" on port {port}"),
        _ => String::new(),
    };
    let has_verdict = |port: Option<u16>| {
        parents()
            .filter(|parent| port.is_none() || parent.parent_ref.port == port)
            .flat_map(|parent| &parent.conditions)
            .any(|condition| condition.kind == "Accepted")
    };
    let each: Vec<Option<u16>> = match ports {
        [] | [_] => vec![None],
        several => several.iter().copied().map(Some).collect(),
    };
    let not_accepted = each
        .into_iter()
        .filter(|port| !has_verdict(*port))
        .map(|port| Finding {
            words: format!(
                "Linkerd has not accepted the route{} yet, so it has no effect{}",
                place(port),
                there(&place(port))
            ),
            is_about_acceptance: true,
        });
    let refused = parents().flat_map(|parent| {
        let place = place(parent.parent_ref.port);
        parent.conditions.iter().filter_map(move |condition| {
            Some(Finding {
                words: warning(condition, &place)?,
                is_about_acceptance: condition.kind == "Accepted",
            })
        })
    });
    let mut seen = BTreeSet::new();
    not_accepted
        .chain(refused)
        .filter(|finding| seen.insert(finding.clone()))
        .collect()
}

fn there(place: &str) -> &'static str {
    if place.is_empty() { "" } else { " there" }
}

fn warning(condition: &RouteCondition, place: &str) -> Option<String> {
    let what = match (condition.kind.as_str(), condition.status.as_str()) {
        (_, "True") => return None,
        ("Accepted", _) => format!(
            "the route is not accepted{place}, so it has no effect{}",
            there(place)
        ),
        ("ResolvedRefs", _) => {
            "some backends of the route were not found, so traffic to them fails".to_owned()
        }
        _ => return None,
    };
    let RouteCondition {
        reason, message, ..
    } = condition;
    let said = if message.is_empty() { reason } else { message };
    Some(if said.is_empty() {
        what
    } else {
        format!("{what} ({said})")
    })
}
