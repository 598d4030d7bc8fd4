//! What a route's status says of its being in effect.

use serde::Deserialize;

use super::route::ParentRef;

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

/// A line for each reason why the route has no effect, or a part of it none.
pub fn complaints(status: &RouteStatus) -> Vec<String> {
    let parents = status
        .parents
        .iter()
        .filter(|parent| parent.parent_ref.is_service());
    let conditions: Vec<&RouteCondition> = parents.flat_map(|parent| &parent.conditions).collect();
    let is_judged = conditions
        .iter()
        .any(|condition| condition.kind == "Accepted");
    let unjudged = "no controller has accepted the route yet: until one does, it has no effect";
    let complaint = |condition: &&RouteCondition| {
        let what = match (condition.kind.as_str(), condition.status.as_str()) {
            (_, "True") => return None,
            ("Accepted", _) => "the route is not accepted, so it has no effect",
            ("ResolvedRefs", _) => {
                "not all backends of the route are found: traffic to those fails"
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
    let unjudged = (!is_judged).then(|| unjudged.to_owned());
    unjudged
        .into_iter()
        .chain(conditions.iter().filter_map(complaint))
        .collect()
}
