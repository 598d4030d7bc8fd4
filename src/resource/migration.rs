//! Migrations: an object takes a group over from an object of another kind, with the same weights,
//! policy and orders.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use json_patch::jsonptr::PointerBuf;
use json_patch::{Patch, PatchOperation, RemoveOperation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::annotations::{CONTROLLED_BY, MIGRATED_FROM, PREFIX, PRIMARY_SERVICE};
use super::meta::Meta;
use super::new_group::NewGroup;
use super::patch::{add, patched, same_version};
use super::record::{Kind, Record};
use crate::model::{Backend, Carrier, Group, GroupId};

/// The prefixes of labels by which GitOps tools find their objects. They stay on the old object.
const GITOPS_LABELS: [&str; 5] = [
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/instance",
    "argocd.argoproj.io/",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
];

/// The annotation [`MIGRATED_FROM`]: the object that the group was, or is being, taken over from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigratedFrom {
    /// As [`KindInfo::name`](super::KindInfo::name).
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// The object's UID.
    pub uid: String,
    /// The value of its label `controlled-by`.
    pub label: String,
    /// User and host.
    pub by: String,
    /// The API server's time.
    pub at: Timestamp,
}

impl MigratedFrom {
    /// Returns the annotation of a successor of this object.
    pub fn of(record: &Record, by: &str, at: Timestamp) -> Self {
        let label = record.meta.labels.get(CONTROLLED_BY);
        Self {
            kind: record.kind.info().name.to_owned(),
            name: record.meta.name.clone(),
            uid: record.meta.uid.clone(),
            label: label.unwrap_or_default().to_owned(),
            by: by.to_owned(),
            at,
        }
    }
}

impl Meta {
    /// Returns the object that this one was migrated from; none if the annotation is missing or
    /// cannot be parsed.
    pub fn migrated_from(&self) -> Option<MigratedFrom> {
        serde_json::from_str(self.annotations.get(MIGRATED_FROM)?).ok()
    }
}

impl Record {
    /// Whether this object takes over from that group, by name.
    pub fn takes_over_from(&self, other: &GroupId) -> bool {
        let from = self.meta.migrated_from();
        from.is_some_and(|from| from.kind == other.kind && from.name == other.name)
    }

    /// Whether this object takes, or took, the group over from `other`.
    pub fn is_successor_of(&self, other: &Self) -> bool {
        let same_place = self.meta.namespace == other.meta.namespace;
        let from = self.meta.migrated_from();
        same_place && from.is_some_and(|from| !from.uid.is_empty() && from.uid == other.meta.uid)
    }
}

/// What the successor of an object has to look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Successor {
    apex: String,
    primary: String,
    /// Backends by their names in annotations, in order, and their weights.
    backends: Vec<(String, u64)>,
    /// With the prefix.
    annotations: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    controlled_by: String,
}

impl Successor {
    /// Returns the successor of an object; none if that is not a valid group. `carrier` is that of
    /// the successor.
    pub fn of(record: &Record, object: &Value, carrier: Carrier) -> Option<Self> {
        let group = record.group.as_ref().ok()?;
        let metadata = |field| strings(object.get("metadata")?.get(field)?);
        let mut annotations = metadata("annotations").unwrap_or_default();
        annotations.retain(|key, _| is_of_group(key));
        // The other kind may list the backends in another order.
        let primary = group.primary_name().to_owned();
        annotations
            .entry(format!("{PREFIX}{PRIMARY_SERVICE}"))
            .or_insert_with(|| primary.clone());
        let mut labels = metadata("labels").unwrap_or_default();
        let controlled_by = labels.remove(CONTROLLED_BY).unwrap_or_default();
        labels.retain(|key, _| !GITOPS_LABELS.iter().any(|prefix| key.starts_with(prefix)));
        let names = group.backends.iter().map(|backend| backend.name.clone());
        let weights = weights(group, carrier);
        Some(Self {
            apex: group.apex.clone(),
            primary,
            backends: names.zip(weights).collect(),
            annotations,
            labels,
            controlled_by,
        })
    }

    /// Returns the manifest of the successor. It has no label `controlled-by`, so it is not a group.
    pub fn manifest(
        &self,
        kind: &'static dyn Kind,
        (namespace, name): (&str, &str),
        port: Option<u16>,
        from: &MigratedFrom,
    ) -> Option<Value> {
        let group = NewGroup {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            apex: self.apex.clone(),
            controlled_by: String::new(),
            primary: self.primary.clone(),
            backends: self.backends.iter().map(|(name, _)| name.clone()).collect(),
            port,
            weights: Vec::new(),
            settings: BTreeMap::new(),
            linkerds: BTreeMap::new(),
        };
        let mut manifest = kind.manifest(&group);
        let mut annotations = self.annotations.clone();
        let note = serde_json::to_string(from).ok()?;
        annotations.insert(format!("{PREFIX}{MIGRATED_FROM}"), note);
        manifest["metadata"]["annotations"] = json!(annotations);
        manifest["metadata"]["labels"] = json!(self.labels);
        let raw = serde_json::value::to_raw_value(&manifest).ok()?;
        let weights = self.weight_operations(&kind.read(&raw).ok()?)?;
        patched(&manifest, &Patch(weights))
    }

    /// Whether an object has the backends of this successor.
    pub fn has_backends_of(&self, record: &Record) -> bool {
        let Ok(group) = &record.group else {
            return false;
        };
        let own: BTreeSet<&str> = self
            .backends
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        own == group.backend_names().into_iter().collect() && group.apex == self.apex
    }

    /// Returns the patch that makes an object this successor; none if it is that already. With
    /// `adopt` the object also gets the label that makes it a group.
    pub fn patch(&self, record: &Record, object: &Value, adopt: bool) -> Option<Patch> {
        let mut operations = vec![same_version(&record.meta)];
        let weights = self.weight_operations(record)?;
        let differs = |operation: &PatchOperation| match operation {
            PatchOperation::Add(add) => add.path.resolve(object).ok() != Some(&add.value),
            _ => true,
        };
        if weights.iter().any(differs) {
            operations.extend(weights);
        }
        let mut labels = self.labels.clone();
        if adopt {
            labels.insert(CONTROLLED_BY.to_owned(), self.controlled_by.clone());
        }
        operations.extend(map_operations(object, "labels", &labels, |_| false));
        operations.extend(map_operations(
            object,
            "annotations",
            &self.annotations,
            is_of_group,
        ));
        (operations.len() > 1).then_some(Patch(operations))
    }

    /// Returns the operations that set the weights; none if the object has other backends.
    fn weight_operations(&self, record: &Record) -> Option<Vec<PatchOperation>> {
        let group = record.group.as_ref().ok()?;
        let mut operations = Vec::new();
        for (backend, paths) in group.backends.iter().zip(&record.weight_paths) {
            let mut own = self.backends.iter();
            let (_, weight) = own.find(|(name, _)| *name == backend.name)?;
            operations.extend(paths.iter().map(|path| add(path.clone(), json!(weight))));
        }
        Some(operations)
    }
}

/// Whether an annotation describes the group, and so moves with it.
fn is_of_group(key: &str) -> bool {
    key.strip_prefix(PREFIX)
        .is_some_and(|key| key != MIGRATED_FROM)
}

/// Returns the weights for `carrier`: the same traffic, and the same backends stand by, with the
/// largest weights that the proxies take. A route must not have weights that are all 0.
fn weights(group: &Group, carrier: Carrier) -> Vec<u64> {
    let stands_by: Vec<bool> = group.backends.iter().map(Backend::is_standby).collect();
    if stands_by.contains(&true) {
        return carrier.with_standbys(&group.weights(), &stands_by);
    }
    let on_object = group.weights_on_object();
    if on_object.iter().all(|weight| *weight == 0) {
        let primary = |index| u64::from(index == group.primary);
        return (0..on_object.len()).map(primary).collect();
    }
    carrier.scale_down(on_object)
}

/// Returns the operations that bring these entries into a map of the metadata, and remove others of
/// which `is_ours`.
fn map_operations(
    object: &Value,
    field: &str,
    wanted: &BTreeMap<String, String>,
    is_ours: impl Fn(&str) -> bool,
) -> Vec<PatchOperation> {
    let present = object.get("metadata").and_then(|it| it.get(field));
    let Some(present) = present.and_then(strings) else {
        let all = (!wanted.is_empty()).then(|| add(pointer(&["metadata", field]), json!(wanted)));
        return all.into_iter().collect();
    };
    let path = |key: &str| pointer(&["metadata", field, key]);
    let set = wanted
        .iter()
        .filter(|(key, value)| present.get(*key) != Some(value))
        .map(|(key, value)| add(path(key), json!(value)));
    let gone = present
        .keys()
        .filter(|key| is_ours(key) && !wanted.contains_key(*key));
    let removed = gone.map(|key| PatchOperation::Remove(RemoveOperation { path: path(key) }));
    set.chain(removed).collect()
}

fn strings(map: &Value) -> Option<BTreeMap<String, String>> {
    serde_json::from_value(map.clone()).ok()
}

fn pointer(tokens: &[&str]) -> PointerBuf {
    PointerBuf::from_tokens(tokens.iter().copied())
}

/// Returns what a TrafficSplit cannot express of a route, in words.
pub fn lost_by_a_split(record: &Record, object: &Value) -> Vec<String> {
    let list = |field: &str| {
        let spec = object.get("spec");
        let list = spec.and_then(|spec| spec.get(field)?.as_array().cloned());
        list.unwrap_or_default()
    };
    let mut lost = Vec::new();
    if !list("hostnames").is_empty() {
        lost.push("its hostnames".to_owned());
    }
    let rules = list("rules");
    if rules.len() > 1 {
        lost.push(format!("its {} rules", rules.len()));
    }
    for rule in rules.iter().filter_map(Value::as_object) {
        let kept = ["name", "matches", "backendRefs"];
        let others = rule.keys().filter(|key| !kept.contains(&key.as_str()));
        lost.extend(others.map(|key| format!("the {key} of a rule")));
    }
    if record
        .routing
        .as_ref()
        .is_some_and(|routing| !routing.matches_everything())
    {
        lost.push("its matches".to_owned());
    }
    let foreign = record.backend_ports.iter().map(|(service, _)| service);
    let foreign = foreign.filter(|service| service.namespace != record.meta.namespace);
    lost.extend(foreign.map(|service| format!("its backend {service} of another namespace")));
    lost.sort();
    lost.dedup();
    lost
}

/// Returns a line for each annotation of Linkerd's on a route that has no effect on a TrafficSplit.
pub fn ignored_by_a_split(object: &Value) -> Vec<String> {
    const PREFIXES: [&str; 2] = ["retry.linkerd.io/", "timeout.linkerd.io/"];
    let annotations = object.get("metadata").and_then(|it| it.get("annotations"));
    let annotations = annotations.and_then(strings).unwrap_or_default();
    let is_policy = |key: &&String| PREFIXES.iter().any(|prefix| key.starts_with(prefix));
    let keys = annotations.keys().filter(is_policy);
    keys.map(|key| format!("the route's annotation {key} is lost: a TrafficSplit has none"))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::to_raw_value;

    use super::*;
    use crate::resource::{GRPC_ROUTE, HTTP_ROUTE, LINKERD_HTTP_ROUTE, TrafficSplit};

    fn read(kind: &'static dyn Kind, object: &Value) -> Record {
        kind.read(&to_raw_value(object).unwrap()).unwrap()
    }

    fn split(weights: &[Value], annotations: &Value) -> Value {
        let backends = weights.iter().enumerate();
        let backends = backends
            .map(|(index, weight)| json!({ "service": format!("web-{index}"), "weight": weight }));
        json!({
            "metadata": {
                "name": "web", "namespace": "ns", "uid": "1", "resourceVersion": "7",
                "labels": { CONTROLLED_BY: "me", "team": "a", "app.kubernetes.io/managed-by": "Helm" },
                "annotations": annotations,
            },
            "spec": { "service": "web", "backends": backends.collect::<Vec<_>>() },
        })
    }

    fn note(record: &Record) -> MigratedFrom {
        MigratedFrom::of(record, "me@here", Timestamp::UNIX_EPOCH)
    }

    /// The successor as the server stores it, on port 80.
    fn stored(
        kind: &'static dyn Kind,
        object: &Value,
        origin: &'static dyn Kind,
    ) -> (Record, Value) {
        let record = read(origin, object);
        let successor = Successor::of(&record, object, kind.info().carrier).unwrap();
        let port = (kind.info().carrier == Carrier::Route).then_some(80);
        let mut made = successor
            .manifest(kind, ("ns", "web"), port, &note(&record))
            .unwrap();
        made["metadata"]["resourceVersion"] = json!("9");
        made["metadata"]["uid"] = json!("2");
        (read(kind, &made), made)
    }

    fn raw_weights(record: &Record, object: &Value) -> Vec<u64> {
        let path = |paths: &Vec<PointerBuf>| paths[0].resolve(object).unwrap().as_u64().unwrap();
        record.weight_paths.iter().map(path).collect()
    }

    #[test]
    fn the_successor_has_labels_and_annotations_of_the_group_only() {
        let annotations = json!({
            "failover.linkerd.io/min-ready": "2",
            "failover.linkerd.io/standby": "on",
            "failover.linkerd.io/avoid": "[]",
            "failover.linkerd.io/migrated-from": "{}",
            "argocd.argoproj.io/tracking-id": "x",
        });
        let object = split(&[json!(1), json!(0)], &annotations);
        let (record, made) = stored(&HTTP_ROUTE, &object, &TrafficSplit);
        assert_eq!(made["metadata"]["labels"], json!({ "team": "a" }));
        let own = &made["metadata"]["annotations"];
        assert_eq!(own["failover.linkerd.io/min-ready"], "2");
        assert_eq!(own["failover.linkerd.io/standby"], "on");
        assert_eq!(own["failover.linkerd.io/avoid"], "[]");
        assert_eq!(own["failover.linkerd.io/primary-service"], "web-0");
        assert!(own["argocd.argoproj.io/tracking-id"].is_null());
        assert!(!record.is_controlled());
        let origin = read(&TrafficSplit, &object);
        assert!(record.is_successor_of(&origin) && record.takes_over_from(&origin.id()));
        assert_eq!(record.meta.migrated_from().unwrap().label, "me");
    }

    #[test]
    fn standbys_come_along() {
        let annotations = json!({ "failover.linkerd.io/standby": "on" });
        for (weights, expected) in [
            ([json!(429_495), json!(1)], [1_000_000, 1]),
            ([json!(429_495.0), json!("1")], [1_000_000, 1]),
            ([json!(1), json!(0)], [1, 0]),
        ] {
            let object = split(&weights, &annotations);
            let (record, made) = stored(&HTTP_ROUTE, &object, &TrafficSplit);
            assert_eq!(raw_weights(&record, &made), expected);
            assert_eq!(record.group.unwrap().has_standby(), expected[1] > 0);
        }
    }

    #[test]
    fn a_route_gets_no_weights_that_are_all_zero() {
        let object = split(&[json!(0), json!("0")], &json!({}));
        let (record, made) = stored(&HTTP_ROUTE, &object, &TrafficSplit);
        assert_eq!(raw_weights(&record, &made), [1, 0]);
    }

    #[test]
    fn what_a_split_cannot_express_is_named() {
        let object = split(&[json!(1), json!(0)], &json!({}));
        let (record, made) = stored(&HTTP_ROUTE, &object, &TrafficSplit);
        assert_eq!(lost_by_a_split(&record, &made), [] as [&str; 0]);
        let mut edited = made.clone();
        edited["spec"]["hostnames"] = json!(["a.example"]);
        edited["spec"]["rules"][0]["timeouts"] = json!({ "request": "1s" });
        edited["spec"]["rules"][0]["matches"] =
            json!([{ "path": { "type": "Exact", "value": "/a" } }]);
        edited["spec"]["rules"][0]["backendRefs"][1]["namespace"] = json!("other");
        let lost = lost_by_a_split(&read(&HTTP_ROUTE, &edited), &edited).join("; ");
        for part in ["hostnames", "timeouts", "matches", "other/web-1"] {
            assert!(lost.contains(part), "{lost}");
        }
        edited["metadata"]["annotations"]["retry.linkerd.io/http"] = json!("5xx");
        assert_eq!(ignored_by_a_split(&edited).len(), 1);
    }

    proptest! {
        /// Whatever the weights: the proxies take them on the new object, with the same carriers,
        /// and once it equals the old one there is nothing to write.
        #[test]
        fn the_new_object_follows_the_old_one(
            first in prop::collection::vec(prop_oneof![Just(0), 0..3u64, 1..2_000_000u64], 2..5),
            second in prop::collection::vec(prop_oneof![Just(0), 0..3u64, 1..2_000_000u64], 5),
            is_text in any::<bool>(),
            kind in 0..4usize,
        ) {
            let kinds: [&'static dyn Kind; 4] =
                [&HTTP_ROUTE, &GRPC_ROUTE, &LINKERD_HTTP_ROUTE, &TrafficSplit];
            let (kind, second) = (kinds[kind], &second[..first.len()]);
            let values = |weights: &[u64]| -> Vec<Value> {
                let text = |weight: &u64| if is_text { json!(weight.to_string()) } else { json!(weight) };
                weights.iter().map(text).collect()
            };
            let old = split(&values(&first), &json!({ "failover.linkerd.io/policy": "ordered" }));
            let (_, mut made) = stored(kind, &old, &TrafficSplit);
            let moved = split(&values(second), &json!({ "failover.linkerd.io/held": "now" }));
            for (object, weights) in [(&old, &first[..]), (&moved, second)] {
                let origin = read(&TrafficSplit, object);
                let successor = Successor::of(&origin, object, kind.info().carrier).unwrap();
                let record = read(kind, &made);
                prop_assert!(successor.has_backends_of(&record));
                if let Some(patch) = successor.patch(&record, &made, true) {
                    made = patched(&made, &patch).unwrap();
                }
                let record = read(kind, &made);
                prop_assert_eq!(successor.patch(&record, &made, true), None);
                let raw = raw_weights(&record, &made);
                prop_assert!(kind.info().carrier.takes(&raw), "{:?}", raw);
                prop_assert!(raw.iter().any(|weight| *weight > 0));
                if weights.iter().any(|weight| *weight > 0) {
                    let carry = |weights: &[u64]| -> Vec<bool> {
                        weights.iter().map(|weight| *weight > 0).collect()
                    };
                    prop_assert_eq!(carry(&raw), carry(weights));
                }
                prop_assert!(record.is_controlled());
            }
            let own = &made["metadata"]["annotations"];
            prop_assert_eq!(&own["failover.linkerd.io/held"], "now");
            prop_assert!(own["failover.linkerd.io/policy"].is_null());
            prop_assert!(own["failover.linkerd.io/migrated-from"].is_string());
        }
    }
}
