//! What is there already: an object of the same name, or another one for the same apex.

use crate::cluster::stream::list;
use crate::cluster::{Cluster, groups};
use crate::error::{Problem, explain};
use crate::model::{Invalid, Policy};
use crate::resource::annotations::{CONTROLLED_BY, POLICY_KEYS};
use crate::resource::{Kind, NewGroup, Record};
use crate::view::object::full_name;
use crate::view::text::clean;

/// All objects of a kind in a namespace.
///
/// # Errors
/// A [`Problem`] where they can't be listed; the cluster may not know the kind.
pub async fn read(
    cluster: &Cluster,
    kind: &'static dyn Kind,
    namespace: &str,
) -> Result<Vec<Record>, Problem> {
    match list(cluster, &groups::all(kind, namespace)).await {
        Ok((records, _)) => Ok(records),
        Err(error) if error.is_not_found() => Err(unknown_kind(cluster, kind)),
        Err(error) => Err(explain(cluster, &error)),
    }
}

fn unknown_kind(cluster: &Cluster, kind: &dyn Kind) -> Problem {
    let Cluster { context, server, .. } = cluster;
    let info = kind.info();
    Problem::new(format!("context {context} ({server}) does not know {} of {}", info.kind, info.api_version))
        .next(format!("install the CustomResourceDefinition {}", info.crd))
        .next("Linkerd's SMI extension has it: https://linkerd.io/2/tasks/linkerd-smi/")
        .next("to try things out first, the clusters of `kubectl failover sandbox up` have it too")
}

/// Whether the object that has the name is the one that is asked for. Weights don't count, so that a job may run
/// again while traffic is away, by failover or by force.
///
/// # Errors
/// A [`Problem`] that shows every difference.
pub fn agree(cluster: &Cluster, record: &Record, asked: &NewGroup) -> Result<(), Problem> {
    let kind = record.kind.info();
    let (name, place) = (full_name(kind, &asked.name), super::place(cluster, asked));
    let kubectl = super::kubectl(cluster, asked);
    if record.meta.deletion_timestamp.is_some() {
        return Err(Problem::new(format!("{name} in {place} is being deleted"))
            .next(format!("wait until it is gone, then try again: {kubectl} wait --for=delete {name}")));
    }
    let differences = differences(record, asked);
    if differences.is_empty() {
        return Ok(());
    }
    let problem = Problem::new(format!("{name} is there already in {place}, and is not what is asked for"));
    Err(differences
        .into_iter()
        .fold(problem, Problem::next)
        .next("nothing was changed")
        .next(format!("to keep it, call create with its values; to change it: {kubectl} edit {name}")))
}

/// A line for each difference, as it is and as it is asked for.
fn differences(record: &Record, asked: &NewGroup) -> Vec<String> {
    let group = match &record.group {
        Ok(group) => group,
        Err(Invalid { reason, mend }) => {
            return vec![clean(&format!("it is no valid group: {reason}; to mend it, {mend}"))];
        }
    };
    let backends: Vec<&str> = group.backends.iter().map(|backend| backend.service.name.as_str()).collect();
    let primary = group.home_name();
    let label = record.meta.labels.get(CONTROLLED_BY).map_or("(no label)", String::as_str);
    let differing = |what, is: &str, asked: &str| (is != asked).then(|| difference(what, is, asked));
    let lines = [
        differing("service", &group.apex, &asked.apex),
        (!same_backends(&backends, asked))
            .then(|| difference("backends", &backends.join(", "), &asked.backends.join(", "))),
        differing("primary", primary, &asked.primary),
        differing("controlled-by", label, &asked.controlled_by),
    ];
    let policies = POLICY_KEYS.iter().filter_map(|key| {
        let value = record.meta.annotations.get(key)?;
        (group.policy != Policy::of(group.backends.len())).then(|| difference(key, value, "(not set)"))
    });
    lines.into_iter().flatten().chain(policies).collect()
}

fn difference(what: &str, is: &str, asked: &str) -> String {
    clean(&format!("{what}: {is} → {asked}"))
}

/// A list in another order asks for the same thing.
fn same_backends(backends: &[&str], asked: &NewGroup) -> bool {
    let sorted = |mut names: Vec<String>| {
        names.sort_unstable();
        names
    };
    sorted(backends.iter().map(|name| (*name).to_owned()).collect()) == sorted(asked.backends.clone())
}

/// Whether the apex has no other object: of two groups for one apex, one would be ignored.
///
/// # Errors
/// A [`Problem`] that names the other object.
pub fn apex_is_free(cluster: &Cluster, records: &[Record], asked: &NewGroup) -> Result<(), Problem> {
    let Some(other) = records.iter().find(|record| record.apex == asked.apex) else { return Ok(()) };
    let kubectl = super::kubectl(cluster, asked);
    let (other_name, place) = (full_name(other.kind.info(), &other.meta.name), super::place(cluster, asked));
    let problem = Problem::new(format!("{other_name} in {place} has the service {} already", asked.apex))
        .next(format!("see what it does: {kubectl} get {other_name} -o yaml"));
    Err(if other.is_controlled() {
        problem.next("change that one, or delete it before making another")
    } else {
        let label = format!("{CONTROLLED_BY}={}", asked.controlled_by);
        problem.next(format!("to have it run as a group: {kubectl} label {other_name} {label}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::resource::TrafficSplit;

    fn asked() -> NewGroup {
        NewGroup {
            namespace: "ns".into(),
            name: "web-failover".into(),
            apex: "web".into(),
            controlled_by: "linkerd-failover".into(),
            primary: "web".into(),
            backends: vec!["web".into(), "web-a".into(), "web-b".into()],
        }
    }

    /// The lines for the object that is asked for, changed by a merge of `change`.
    fn lines(change: &Value) -> Vec<String> {
        let mut object = TrafficSplit.manifest(&asked());
        merge(&mut object, change);
        let raw = serde_json::value::to_raw_value(&object).unwrap();
        differences(&TrafficSplit.read(&raw).unwrap(), &asked())
    }

    fn merge(target: &mut Value, change: &Value) {
        match (target, change) {
            (Value::Object(target), Value::Object(change)) => {
                for (key, value) in change {
                    merge(target.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
            (target, change) => *target = change.clone(),
        }
    }

    fn annotated(annotations: Value) -> Value {
        json!({ "metadata": { "annotations": annotations } })
    }

    fn backends(names: &[&str]) -> Value {
        let backends: Vec<Value> =
            names.iter().map(|name| json!({ "service": name, "weight": "3" })).collect();
        json!({ "spec": { "backends": backends } })
    }

    #[test]
    fn weights_and_the_order_of_fallbacks_are_no_difference() {
        for change in [json!({}), backends(&["web", "web-a", "web-b"]), backends(&["web-b", "web", "web-a"])]
        {
            assert_eq!(lines(&change), Vec::<String>::new());
        }
    }

    #[test]
    fn a_policy_that_was_not_asked_for_is_a_difference() {
        let ordered = annotated(json!({ "failover.linkerd.io/policy": "ordered" }));
        assert_eq!(lines(&ordered), ["policy: ordered → (not set)"]);
        let usual = annotated(json!({ "failover.linkerd.io/policy": "spread" }));
        assert_eq!(lines(&usual), Vec::<String>::new());
    }

    #[test]
    fn under_an_override_home_is_the_primary() {
        let forced = |to: &str, primary: &str| {
            annotated(json!({
                "failover.linkerd.io/primary-service": primary,
                "failover.linkerd.io/override": json!({ "to": to, "home": "web", "by": "x" }).to_string(),
            }))
        };
        assert_eq!(lines(&forced("web-a", "web-a")), Vec::<String>::new());
        assert_eq!(lines(&forced("web-b", "web-a")), ["primary: web-a → web"]);
    }

    #[test]
    fn every_difference_has_its_line() {
        let mut change = annotated(json!({ "failover.linkerd.io/primary-service": "web-c" }));
        merge(&mut change, &backends(&["web-c", "web-a"]));
        merge(&mut change, &json!({ "metadata": { "labels": { CONTROLLED_BY: "me" } } }));
        merge(&mut change, &json!({ "spec": { "service": "other" } }));
        let expected = [
            "service: other → web",
            "backends: web-c, web-a → web, web-a, web-b",
            "primary: web-c → web",
            "controlled-by: me → linkerd-failover",
        ];
        assert_eq!(lines(&change), expected);
    }

    #[test]
    fn an_object_that_is_no_group_differs() {
        let seen = lines(&annotated(json!({ "failover.linkerd.io/primary-service": "gone" })));
        assert!(seen.len() == 1 && seen[0].contains("no valid group"), "{seen:?}");
    }
}
