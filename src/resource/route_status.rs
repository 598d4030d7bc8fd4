//! Whether a route is in effect, by the conditions in its status.

use serde::Deserialize;

use super::routing::ParentRef;

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

/// Returns a line for each reason why the route, or a part of it, has no effect. The conditions are
/// those of <https://gateway-api.sigs.k8s.io/geps/gep-1364/>.
pub fn warnings(status: &RouteStatus) -> Vec<String> {
    let parents = status
        .parents
        .iter()
        .filter(|parent| parent.parent_ref.is_service());
    let conditions: Vec<&RouteCondition> = parents.flat_map(|parent| &parent.conditions).collect();
    let has_verdict = conditions
        .iter()
        .any(|condition| condition.kind == "Accepted");
    let not_accepted = "no controller has accepted the route yet, so it has no effect";
    let warning = |condition: &&RouteCondition| {
        let what = match (condition.kind.as_str(), condition.status.as_str()) {
            (_, "True") => return None,
            ("Accepted", _) => "the route is not accepted, so it has no effect",
            ("ResolvedRefs", _) => {
                "some backends of the route were not found, so traffic to them fails"
            }
            _ => return None,
        };
        let RouteCondition {
            reason, message, ..
        } = condition;
        let said = if message.is_empty() { reason } else { message };
        Some(if said.is_empty() {
            what.to_owned()
        } else {
            format!("{what} ({said})")
        })
    };
    let not_accepted = (!has_verdict).then(|| not_accepted.to_owned());
    not_accepted
        .into_iter()
        .chain(conditions.iter().filter_map(warning))
        .collect()
}
