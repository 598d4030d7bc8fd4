//! Arbitrary input from a cluster or a user is read without a panic, and valid input keeps its
//! meaning.

use std::time::Duration;

use jiff::Timestamp;
use json_patch::PatchOperation;
use kubectl_failover::internals::endpoint_counts::NeededPort;
use kubectl_failover::internals::endpoint_slices::Slice;
use kubectl_failover::internals::services::Service;
use kubectl_failover::internals::slice_index::SliceIndex;
use kubectl_failover::internals::{ConnectOptions, kubeconfig, lease};
use kubectl_failover::model::readiness::AddressFamily;
use kubectl_failover::model::{Override, Pause, Readiness, Stopwatches, Timers, Weights, decide};
use kubectl_failover::resource::{Change, KINDS, Kind, Record, patch};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::object::{DEAD, READY, change_json};

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z0-9,=:%/. -]{0,12}".prop_map(Value::from),
        "[0-9]{1,20}[smh]".prop_map(Value::from),
        Just(json!("svc-1")),
    ]
}

fn anything() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,8}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// Replacements of some values.
type Hits = Vec<(Index, Value)>;

fn hits() -> impl Strategy<Value = Hits> {
    prop::collection::vec((any::<Index>(), anything()), 0..4)
}

fn distorted(mut object: Value, hits: Hits) -> Value {
    for (place, value) in hits {
        let mut places = Vec::new();
        collect(&object, String::new(), &mut places);
        let place = place.get(&places).clone();
        *object.pointer_mut(&place).unwrap() = value;
    }
    object
}

fn collect(value: &Value, path: String, places: &mut Vec<String>) {
    let mut below = |key: String, value: &Value| {
        let key = key.replace('~', "~0").replace('/', "~1");
        collect(value, format!("{path}/{key}"), places);
    };
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(i, item)| below(i.to_string(), item)),
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, field)| below(key.clone(), field)),
        _ => {}
    }
    places.push(path);
}

fn metadata() -> Value {
    let order =
        json!({"to": "svc-1", "home": "svc-0", "by": "me", "until": "2030-01-01T00:00:00Z"});
    let last = json!({"from": "svc-0=1", "to": "svc-1=1", "at": "2020-01-01T00:00:00Z", "by": "me", "why": "so"});
    let values = [
        ("primary-service", "svc-1".to_owned()),
        ("policy", "ordered".to_owned()),
        ("weights", "svc-0=1,svc-1=2".to_owned()),
        ("min-ready", "50%".to_owned()),
        ("failover-delay", "1m30s".to_owned()),
        ("failback-delay", "1h".to_owned()),
        ("failback", "manual".to_owned()),
        ("override", order.to_string()),
        (
            "paused",
            json!({"by": "me", "until": "2020-01-01T00:00:00Z"}).to_string(),
        ),
        ("last-move", last.to_string()),
        (
            "last-return",
            json!({"id": "W2", "by": "me", "at": "2020-01-01T00:00:00Z"}).to_string(),
        ),
        ("held", "2020-01-01T00:00:00Z".to_owned()),
    ];
    let annotations: serde_json::Map<String, Value> = values
        .into_iter()
        .map(|(key, value)| (format!("failover.linkerd.io/{key}"), json!(value)))
        .collect();
    json!({
        "name": "web", "namespace": "ns", "uid": "1", "resourceVersion": "1", "annotations": annotations,
        "creationTimestamp": "2020-01-01T00:00:00Z",
        "labels": {"failover.linkerd.io/controlled-by": "x"},
        "managedFields": [{"manager": "me", "operation": "Update", "time": "2020-01-01T00:00:00Z",
            "fieldsV1": {"f:spec": {"f:backends": {}, "f:rules": {}}}}],
    })
}

fn split() -> Value {
    let backend = |i: u64| json!({"service": format!("svc-{i}"), "weight": i});
    let backends: Vec<Value> = (0..3).map(backend).collect();
    json!({"metadata": metadata(), "spec": {"service": "svc-0", "backends": backends}})
}

fn route() -> Value {
    let backend = |i: u64| json!({"group": "", "kind": "Service", "name": format!("svc-{i}"), "namespace": "ns", "port": 80, "weight": i});
    let backends: Vec<Value> = (0..3).map(backend).collect();
    let parent = json!({"group": "core", "kind": "Service", "name": "svc-0", "port": 80});
    json!({
        "metadata": metadata(),
        "spec": {"parentRefs": [parent], "rules": [
            {"name": "main", "backendRefs": backends, "filters": [], "timeouts": {"request": "1s"}},
            {"backendRefs": backends},
        ]},
        "status": {"parents": [{"parentRef": parent, "conditions": [{"type": "Accepted", "status": "True"}]}]},
    })
}

fn read(kind: &'static dyn Kind, object: &Value) -> Option<Record> {
    kind.read(&to_raw_value(object).unwrap()).ok()
}

fn has_place_for(object: &Value, operation: &PatchOperation) -> bool {
    let (parent, _) = operation.path().as_str().rsplit_once('/').unwrap();
    object.pointer(parent).is_some_and(Value::is_object)
}

/// Decides on a valid group and applies the patch. The object then has the decided weights, and a
/// second decision holds.
fn check(kind: &'static dyn Kind, mut object: Value, readiness: &[Readiness]) {
    let now = Timestamp::UNIX_EPOCH;
    let Some(record) = read(kind, &object) else {
        return;
    };
    let _ = (
        record.events(),
        record.is_contested(),
        record.meta.gitops_owner(),
        record.claim(),
    );
    let Ok(group) = &record.group else { return };
    let readiness: Vec<Readiness> = readiness
        .iter()
        .cycle()
        .take(group.backends.len())
        .cloned()
        .collect();
    let mut stopwatches = Stopwatches::default();
    stopwatches.observe(&group.at(now, &readiness), &readiness, Duration::ZERO);
    let timers: Timers = stopwatches.read(Duration::from_secs(60));
    let decision = decide(group, &readiness, &timers, now);
    let change = Change::of(group, &decision, "me", now).unwrap();
    let operations = patch(&record, &change);
    if !operations
        .iter()
        .all(|operation| has_place_for(&object, operation))
    {
        // Lists in the place of objects: no API server accepts them.
        return;
    }
    change_json(&mut object, &operations);
    let after = read(kind, &object).unwrap().group.unwrap();
    if let Weights::Set(weights) = &decision.weights {
        assert_eq!(&after.weights(), weights, "{object:#}");
    }
    let again = decide(&after, &readiness, &timers, now);
    assert_eq!(again.weights, Weights::Hold, "{decision:#?}\n{object:#}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn splits(hits in hits(), ready in prop::collection::vec(any::<bool>(), 3)) {
        let readiness: Vec<Readiness> = ready.iter().map(|ready| if *ready { READY } else { DEAD }).collect();
        check(KINDS[0], distorted(split(), hits), &readiness);
    }

    #[test]
    fn routes(kind in 1..KINDS.len(), hits in hits(), ready in prop::collection::vec(any::<bool>(), 3)) {
        let readiness: Vec<Readiness> = ready.iter().map(|ready| if *ready { READY } else { DEAD }).collect();
        check(KINDS[kind], distorted(route(), hits), &readiness);
    }

    #[test]
    fn objects_that_are_anything(object in anything()) {
        for kind in KINDS {
            check(*kind, object.clone(), &[READY, DEAD]);
        }
        let raw = to_raw_value(&object).unwrap();
        let _ = (Slice::decode(&raw).is_ok(), Service::decode(&raw).is_ok());
    }

    #[test]
    fn slices(hits in hits()) {
        let endpoint = |address: &str| json!({"addresses": [address], "conditions": {"ready": true, "terminating": false}});
        let slice = json!({
            "metadata": {"name": "a", "namespace": "ns", "resourceVersion": "1",
                "labels": {"kubernetes.io/service-name": "svc-0"}},
            "addressType": "IPv4",
            "endpoints": [endpoint("10.0.0.1"), endpoint("10.0.0.2"), endpoint("10.0.0.3")],
            "ports": [{"name": "http", "port": 8080}],
        });
        let is_whole = hits.is_empty();
        if let Ok(slice) = Slice::decode(&to_raw_value(&distorted(slice, hits)).unwrap()) {
            let mut index = SliceIndex::default();
            index.apply(&slice);
            let counts = index.counts(&slice.service, &NeededPort::Any).unwrap();
            prop_assert!(counts.ready <= counts.total && counts.total <= 4);
            let is_v4 = slice.endpoints.family == AddressFamily::V4;
            prop_assert!(!is_whole || (is_v4 && counts.ready == 3));
            index.delete(&slice);
            prop_assert_eq!(index.counts(&slice.service, &NeededPort::Any), None);
        }
    }

    #[test]
    fn services_and_leases(hits in hits()) {
        let service = json!({
            "metadata": {"name": "web-east", "namespace": "ns", "resourceVersion": "1",
                "labels": {"mirror.linkerd.io/mirrored-service": "true"},
                "annotations": {"mirror.linkerd.io/remote-svc-fq-name": "web.ns.svc.cluster.local"}},
            "spec": {"ports": [{"port": 80, "name": "http"}]},
        });
        let _ = Service::decode(&to_raw_value(&distorted(service, hits.clone())).unwrap()).is_ok();
        let lease = json!({
            "metadata": {"name": "kubectl-failover", "namespace": "ns", "resourceVersion": "1"},
            "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15, "leaseTransitions": 1,
                "acquireTime": "2020-01-01T00:00:00.000000Z", "renewTime": "2020-01-01T00:00:00.000000Z"},
        });
        if let Ok(lease) = serde_json::from_value::<lease::Lease>(distorted(lease, hits)) {
            let taken = lease.held_by("you", &lease::LeaseScope::default(), Timestamp::UNIX_EPOCH);
            prop_assert_eq!(taken.spec.holder(Timestamp::UNIX_EPOCH), Some("you"));
            let _ = lease.spec.holder(Timestamp::MAX);
            prop_assert_eq!(serde_json::from_value::<lease::Lease>(json!(taken)).unwrap(), taken);
        }
    }

    #[test]
    fn orders(text in any::<String>(), hits in hits()) {
        let order = json!({"to": "svc-1", "home": "svc-0", "by": "me", "until": "2030-01-01T00:00:00Z",
            "at": "2020-01-01T00:00:00Z", "reason": "so"});
        for text in [text, distorted(order, hits).to_string()] {
            if let Ok(order) = serde_json::from_str::<Override>(&text) {
                prop_assert_eq!(serde_json::from_value::<Override>(json!(order)).unwrap(), order);
            }
            if let Ok(pause) = serde_json::from_str::<Pause>(&text) {
                prop_assert_eq!(serde_json::from_value::<Pause>(json!(pause)).unwrap(), pause);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Reading a kubeconfig does not run the programs that it names.
    #[test]
    fn kubeconfigs(hits in hits(), text in any::<String>()) {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "west",
            "clusters": [{"name": "c", "cluster": {"server": "https://203.0.113.1:6443", "proxy-url": "http://p:1",
                "certificate-authority-data": "QQ==", "tls-server-name": "x", "insecure-skip-tls-verify": true}}],
            "users": [{"name": "u", "user": {"token": "t", "client-certificate-data": "QQ==", "as": "me",
                "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "true", "args": ["a"],
                    "env": [{"name": "A", "value": "B"}], "interactiveMode": "Never"}}}],
            "contexts": [{"name": "west", "context": {"cluster": "c", "user": "u", "namespace": "ns"}}],
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for text in [distorted(config, hits).to_string(), text] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            let options = ConnectOptions { kubeconfig: Some(file.path().to_owned()), ..ConnectOptions::default() };
            let _ = runtime.block_on(kubeconfig::resolve(&options)).is_ok();
        }
    }
}
