//! Changes to the list of backends of a group's object: each rule of a route, or the one list of a
//! TrafficSplit, gets or loses the same backends.

use json_patch::jsonptr::{Pointer, PointerBuf};
use json_patch::{AddOperation, PatchOperation, RemoveOperation};
use serde_json::{Value, json};

use super::record::Record;
use crate::model::{Carrier, Group, ServiceRef};

/// The operations that change the list of backends, and the names of those afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackendListChange {
    pub(super) operations: Vec<PatchOperation>,
    pub(super) names: Vec<String>,
}

impl BackendListChange {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Sets the weights, too. `after`: the object as it is with the new list of backends.
    pub fn set_weights(&mut self, after: &Record, weights: &[u64]) {
        for (paths, weight) in after.weight_paths.iter().zip(weights) {
            let set = paths.iter().map(|path| {
                let (path, value) = (path.clone(), json!(weight));
                PatchOperation::Add(AddOperation { path, value })
            });
            self.operations.extend(set);
        }
    }
}

/// Returns the change that removes backends, by their indexes, and adds others without traffic.
/// `object` is the whole object of the record. None if the object is not as the record says.
pub fn change_backends(
    record: &Record,
    object: &Value,
    added: &[ServiceRef],
    removed: &[usize],
) -> Option<BackendListChange> {
    let group = record.group.as_ref().ok()?;
    let mut operations = Vec::new();
    for place in lists(record)? {
        let mut indexes = removed.iter().map(|index| {
            let path = record.weight_paths.get(*index)?.iter();
            path.filter_map(|path| entry_of(path))
                .find(|entry| entry.list == place.list)
        });
        let mut gone: Vec<usize> = indexes
            .by_ref()
            .map(|entry| Some(entry?.index))
            .collect::<Option<_>>()?;
        // The later ones first, since each removal moves those after it.
        gone.sort_unstable_by(|a, b| b.cmp(a));
        for index in gone {
            let path = join(&place.list, &index.to_string());
            operations.push(PatchOperation::Remove(RemoveOperation { path }));
        }
        let primary = place.list.as_ptr().resolve(object).ok()?.get(place.index)?;
        for service in added {
            operations.push(PatchOperation::Add(AddOperation {
                path: join(&place.list, "-"),
                value: entry(record, service, primary),
            }));
        }
    }
    let kept = names_without(group, removed);
    let new = added.iter().map(|service| name_in(group, service));
    Some(BackendListChange {
        operations,
        names: kept.chain(new).collect(),
    })
}

/// A backend's place in a list.
struct ListEntry {
    list: PointerBuf,
    index: usize,
}

/// The primary's entry in each list.
fn lists(record: &Record) -> Option<Vec<ListEntry>> {
    let group = record.group.as_ref().ok()?;
    let paths = record.weight_paths.get(group.primary)?;
    paths.iter().map(|path| entry_of(path)).collect()
}

/// Parts the path of a weight: `/spec/backends/1/weight`.
fn entry_of(path: &Pointer) -> Option<ListEntry> {
    let entry = path.parent()?;
    let index = entry.back()?.decoded().parse().ok()?;
    Some(ListEntry {
        list: entry.parent()?.to_buf(),
        index,
    })
}

fn join(list: &PointerBuf, token: &str) -> PointerBuf {
    let mut path = list.clone();
    path.push_back(token);
    path
}

/// A new backend. That of a route gets the port of the primary in the same rule.
fn entry(record: &Record, service: &ServiceRef, primary: &Value) -> Value {
    match record.kind.info().carrier {
        Carrier::Split => json!({ "service": service.name, "weight": 0 }),
        Carrier::Route => {
            let mut entry =
                json!({ "name": service.name, "namespace": service.namespace, "weight": 0 });
            if let Some(port) = primary.get("port") {
                entry["port"] = port.clone();
            }
            entry
        }
    }
}

fn names_without<'a>(
    group: &'a Group,
    removed: &'a [usize],
) -> impl Iterator<Item = String> + use<'a> {
    let backends = group.backends.iter().enumerate();
    let kept = backends.filter(|(index, _)| !removed.contains(index));
    kept.map(|(_, backend)| backend.name.clone())
}

fn name_in(group: &Group, service: &ServiceRef) -> String {
    super::NewGroup::backend_name(&group.id.namespace, &service.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;

    use super::*;
    use crate::resource::{Change, KINDS, patch, patched};

    fn read(kind: &str, object: &Value) -> Record {
        let kind = KINDS.iter().find(|it| it.info().name == kind).unwrap();
        kind.read(&to_raw_value(object).unwrap()).unwrap()
    }

    fn after(kind: &str, object: &Value, added: &[&str], removed: &[usize]) -> Value {
        let record = read(kind, object);
        let added: Vec<ServiceRef> = added
            .iter()
            .map(|name| match name.split_once('/') {
                Some((namespace, name)) => ServiceRef::new(namespace, name),
                None => ServiceRef::new("ns", *name),
            })
            .collect();
        let backends = change_backends(&record, object, &added, removed).unwrap();
        let change = Change {
            backends,
            ..Change::default()
        };
        let after = patched(object, &patch(&record, &change)).unwrap();
        assert_eq!(change.missing_in(&read(kind, &after)), None);
        assert_eq!(change.missing_in(&record), Some("the backends"));
        after
    }

    #[test]
    fn a_split_gets_and_loses_backends() {
        let metadata = json!({"name": "web", "namespace": "ns", "resourceVersion": "1"});
        let object = json!({"metadata": metadata, "spec": {"service": "web", "backends": [
            {"service": "web", "weight": 1},
            {"service": "web-east", "weight": 0},
            {"service": "web-north", "weight": 0},
        ]}});
        let after = after("trafficsplit", &object, &["web-south"], &[1, 2]);
        let expected = json!([
            {"service": "web", "weight": 1}, {"service": "web-south", "weight": 0},
        ]);
        assert_eq!(after["spec"]["backends"], expected);
    }

    #[test]
    fn each_rule_of_a_route_that_fails_over_gets_the_backend_with_its_own_port() {
        let metadata = json!({"name": "web", "namespace": "ns", "resourceVersion": "1"});
        let to = |name: &str, port: u16, weight: u64| json!({"name": name, "port": port, "weight": weight});
        let object = json!({"metadata": metadata, "spec": {
            "parentRefs": [{"group": "core", "kind": "Service", "name": "web"}],
            "rules": [
                {"backendRefs": [to("web-east", 80, 0), to("web", 80, 1)]},
                {"backendRefs": [to("canary", 80, 1)]},
                {"backendRefs": [to("web", 81, 1), to("web-east", 81, 0)]},
            ],
        }});
        let mut object = object;
        object["metadata"]["annotations"] = json!({"failover.linkerd.io/primary-service": "web"});
        let after = after("httproute", &object, &["far/web-north"], &[0]);
        let new =
            |port: u16| json!({"name": "web-north", "namespace": "far", "port": port, "weight": 0});
        let rules = &after["spec"]["rules"];
        assert_eq!(rules[0]["backendRefs"], json!([to("web", 80, 1), new(80)]));
        assert_eq!(rules[1], object["spec"]["rules"][1]);
        assert_eq!(rules[2]["backendRefs"], json!([to("web", 81, 1), new(81)]));
    }
}
