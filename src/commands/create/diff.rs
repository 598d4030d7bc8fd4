//! Compares an existing object with the group that `create` would make.

use super::context::{kubectl, place};
use crate::cluster::Cluster;
use crate::model::{Group, Invalid};
use crate::problem::Problem;
use crate::resource::annotations::{CONTROLLED_BY, POLICY_KEYS};
use crate::resource::retries::{RETRY_LIMIT, RetryConditions};
use crate::resource::{NewGroup, Record, policy};
use crate::text::{clean, word};
use crate::view::command_line::command_on;
use crate::view::manifest::full_name;

/// Checks that the existing object matches the requested group. Ignores weights, so that a job can
/// run again during a failover or a force.
///
/// # Errors
/// If they differ. The error shows every difference.
pub fn agree(cluster: &Cluster, record: &Record, asked: &NewGroup) -> Result<(), Problem> {
    let kind = record.kind.info();
    let (name, place) = (full_name(kind, &asked.name), place(cluster, asked));
    let kubectl = kubectl(cluster, asked);
    if record.meta.deletion_timestamp.is_some() {
        let problem = Problem::new(format!("{name} in {place} is being deleted"));
        return Err(problem.next(format!(
            "wait until it is gone, then try again: {kubectl} wait --for=delete {name}"
        )));
    }
    let differences = differences(record, asked);
    if differences.is_empty() {
        return Ok(());
    }
    let problem = Problem::new(format!(
        "{name} in {place} already exists with different settings"
    ));
    Err(problem
        .next_all(differences)
        .next("nothing was changed")
        .next_all(how_to_change(cluster, record, asked))
        .next_all(
            needs_edit(record, asked).then(|| format!("to change the rest: {kubectl} edit {name}")),
        ))
}

fn how_to_change(cluster: &Cluster, record: &Record, asked: &NewGroup) -> Option<String> {
    let place = cluster.reach.for_plugin(&asked.namespace);
    if !record.is_controlled() {
        let name = word(&format!("{}/{}", record.kind.info().name, asked.name));
        return Some(format!(
            "to turn it into a group as it is: kubectl failover create --adopt {name} {place}"
        ));
    }
    let flags = flags(record, asked).join(" ");
    let set = command_on("set", &record.id(), &format!("{flags} {place}"));
    (!flags.is_empty()).then(|| format!("to change it: {set}"))
}

/// Whether `set` cannot change all that differs.
fn needs_edit(record: &Record, asked: &NewGroup) -> bool {
    let Ok(group) = &record.group else {
        return true;
    };
    let is_new = |name: &String| group.position(name).is_none();
    let primary_goes = group.home_name() != asked.primary && is_new(&asked.primary);
    let old_primary_goes = !asked.backends.iter().any(|it| it == group.home_name());
    group.apex != asked.apex
        || record.meta.labels.get(CONTROLLED_BY) != Some(&asked.controlled_by)
        || asked.port.is_some_and(|port| record.ports != [port])
        || primary_goes
        || old_primary_goes
}

/// Returns the flags of `set` that change the policy, the primary and the fallbacks as requested.
fn flags(record: &Record, asked: &NewGroup) -> Vec<String> {
    let Ok(group) = &record.group else {
        return Vec::new();
    };
    let flag = |(key, _, asked): (&str, Option<&str>, Option<&str>)| match asked {
        Some(asked) => format!("--{key} {}", word(asked)),
        None => format!("--unset {key}"),
    };
    let may_be_primary =
        group.home_name() != asked.primary && group.position(&asked.primary).is_some();
    let primary = may_be_primary.then(|| format!("--primary {}", word(&asked.primary)));
    let policy = policy_differences(record, group, asked).into_iter();
    let mut flags: Vec<String> = policy.map(flag).chain(primary).collect();
    let added = asked.backends.iter().map(String::as_str);
    flags.extend(fallbacks(
        "add",
        added.filter(|name| group.position(name).is_none()),
    ));
    // `set` does not remove the primary.
    let has_to_go = |name: &&str| {
        *name != group.home_name() && !asked.backends.iter().any(|asked| asked == name)
    };
    let removed = group.backend_names().into_iter().filter(has_to_go);
    flags.extend(fallbacks("remove", removed));
    if retry_differences(record, asked).next().is_some() {
        let value = |key: &str| asked.linkerds.get(key).cloned().flatten();
        let conditions = record.kind.info().retry_key.and_then(value);
        let conditions = conditions.unwrap_or_else(|| RetryConditions::Unsent.to_string());
        let limit = value(RETRY_LIMIT).map(|limit| format!("--retry-limit {limit}"));
        flags.push(format!("--retries={}", word(&conditions)));
        flags.extend(limit);
    }
    flags
}

fn fallbacks<'a>(verb: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names = names.map(word).collect::<Vec<_>>().join(",");
    (!names.is_empty()).then(|| format!("--{verb}-fallback {names}"))
}

/// Returns a line for each difference: the current and the requested value.
fn differences(record: &Record, asked: &NewGroup) -> Vec<String> {
    let group = match &record.group {
        Ok(group) => group,
        Err(Invalid { reason, mend, .. }) => {
            return vec![clean(&format!(
                "not a valid group: {reason}; to fix it, {mend}"
            ))];
        }
    };
    let backends = group.backend_names();
    let label = record.meta.labels.get(CONTROLLED_BY);
    let differing =
        |what, is: &str, asked: &str| (is != asked).then(|| difference(what, is, asked));
    let lines = [
        differing("service", &group.apex, &asked.apex),
        (!same_backends(&backends, asked))
            .then(|| difference("backends", &backends.join(", "), &asked.backends.join(", "))),
        differing("primary", group.home_name(), &asked.primary),
        differing(
            "controlled-by",
            label.unwrap_or("(no label)"),
            &asked.controlled_by,
        ),
        asked
            .port
            .filter(|port| record.ports != [*port])
            .map(|asked| difference("port", &ports(&record.ports), &asked.to_string())),
    ];
    let policy = policy_differences(record, group, asked).into_iter();
    let policy = policy.map(|(key, is, asked)| {
        difference(key, is.unwrap_or("(not set)"), asked.unwrap_or("(not set)"))
    });
    let retries = retry_differences(record, asked);
    let retries = retries.map(|(key, is, asked)| difference(key, is.unwrap_or("(not set)"), asked));
    let lines = lines.into_iter().flatten().chain(policy);
    lines.chain(retries).collect()
}

/// Returns the requested annotations of Linkerd's that differ, with the current and the requested
/// value. Those that were not requested do not matter.
fn retry_differences<'a>(
    record: &'a Record,
    asked: &'a NewGroup,
) -> impl Iterator<Item = (&'static str, Option<&'a str>, &'a str)> {
    asked.linkerds.iter().filter_map(|(key, asked)| {
        let (is, asked) = (record.meta.annotations.linkerds(key), asked.as_deref());
        (is != asked).then(|| (*key, is, asked.unwrap_or("(not set)")))
    })
}

/// Returns the keys whose values differ, with the current and the requested value. Another spelling
/// of a value is not a difference, and neither is an explicit default.
fn policy_differences<'a>(
    record: &'a Record,
    group: &Group,
    asked: &'a NewGroup,
) -> Vec<(&'static str, Option<&'a str>, Option<&'a str>)> {
    let setting = |key| asked.settings.get(key).map(String::as_str);
    let wanted = policy::read(setting, &group.backend_names());
    let differing = POLICY_KEYS.into_iter().filter_map(|key| {
        let (is, asked) = (record.meta.annotations.get(key), setting(key));
        let same = match &wanted {
            Ok(wanted) => policy::agree(key, wanted, &group.policy),
            // Shares of backends that the group does not have.
            Err(_) => is == asked,
        };
        (!same).then_some((key, is, asked))
    });
    differing.collect()
}

fn ports(ports: &[u16]) -> String {
    if ports.is_empty() {
        return "all".to_owned();
    }
    ports
        .iter()
        .map(u16::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

fn difference(what: &str, is: &str, asked: &str) -> String {
    clean(&format!("{what}: {is} → {asked}"))
}

/// The order of the list does not matter.
fn same_backends(backends: &[&str], asked: &NewGroup) -> bool {
    let mut asked: Vec<&str> = asked.backends.iter().map(String::as_str).collect();
    let mut backends = backends.to_vec();
    asked.sort_unstable();
    backends.sort_unstable();
    backends == asked
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::resource::{Kind as _, TrafficSplit};

    fn asked() -> NewGroup {
        NewGroup {
            port: None,
            weights: Vec::new(),
            settings: [].into(),
            linkerds: [].into(),
            namespace: "ns".into(),
            name: "web-failover".into(),
            apex: "web".into(),
            controlled_by: "linkerd-failover".into(),
            primary: "web".into(),
            backends: vec!["web".into(), "web-a".into(), "web-b".into()],
        }
    }

    /// Returns the differences after `change` is merged into the requested object.
    fn lines(change: &Value) -> Vec<String> {
        differences(&record(change), &asked())
    }

    fn record(change: &Value) -> Record {
        let mut object = TrafficSplit.manifest(&asked());
        merge(&mut object, change);
        let raw = serde_json::value::to_raw_value(&object).unwrap();
        TrafficSplit.read(&raw).unwrap()
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
        let backends: Vec<Value> = names
            .iter()
            .map(|name| json!({ "service": name, "weight": "3" }))
            .collect();
        json!({ "spec": { "backends": backends } })
    }

    #[test]
    fn weights_and_the_order_of_fallbacks_are_not_differences() {
        for change in [
            json!({}),
            backends(&["web", "web-a", "web-b"]),
            backends(&["web-b", "web", "web-a"]),
        ] {
            assert_eq!(lines(&change), Vec::<String>::new());
        }
    }

    #[test]
    fn a_policy_that_was_not_requested_is_a_difference() {
        let ordered = annotated(json!({ "failover.linkerd.io/policy": "ordered" }));
        assert_eq!(lines(&ordered), ["policy: ordered → (not set)"]);
        assert_eq!(flags(&record(&ordered), &asked()), ["--unset policy"]);
        let delayed = NewGroup {
            settings: [("failover-delay", "5s".to_owned())].into(),
            ..asked()
        };
        assert_eq!(
            flags(&record(&json!({})), &delayed),
            ["--failover-delay 5s"]
        );
        let usual = annotated(json!({ "failover.linkerd.io/policy": "spread" }));
        assert_eq!(lines(&usual), Vec::<String>::new());
    }

    #[test]
    fn set_adds_and_removes_fallbacks_and_the_rest_is_edited() {
        let other = record(&backends(&["web", "web-a", "web-c"]));
        assert_eq!(
            flags(&other, &asked()),
            ["--add-fallback web-b", "--remove-fallback web-c"]
        );
        assert!(!needs_edit(&other, &asked()));
        let mut change = backends(&["web-c", "web", "web-a", "web-b"]);
        let primary = annotated(json!({ "failover.linkerd.io/primary-service": "web-c" }));
        merge(&mut change, &primary);
        assert_eq!(flags(&record(&change), &asked()), ["--primary web"]);
        // `set` refuses to remove web-c, which is the primary until then.
        assert!(needs_edit(&record(&change), &asked()));
        let relabeled = json!({ "metadata": { "labels": { CONTROLLED_BY: "me" } } });
        assert!(needs_edit(&record(&relabeled), &asked()));
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
    fn every_difference_has_a_line() {
        let mut change = annotated(json!({ "failover.linkerd.io/primary-service": "web-c" }));
        merge(&mut change, &backends(&["web-c", "web-a"]));
        merge(
            &mut change,
            &json!({ "metadata": { "labels": { CONTROLLED_BY: "me" } } }),
        );
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
    fn an_object_that_is_not_a_group_differs() {
        let seen = lines(&annotated(
            json!({ "failover.linkerd.io/primary-service": "gone" }),
        ));
        assert!(
            seen.len() == 1 && seen[0].contains("not a valid group"),
            "{seen:?}"
        );
    }
}
