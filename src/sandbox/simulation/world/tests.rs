//! Which objects decide where requests go.

use std::fmt::Debug;

use kube::runtime::watcher::Event;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::sandbox::host::state::Network;

const NAMESPACE: &str = "emojivoto";

/// Two clusters whose objects have all been listed.
struct Clusters {
    west: BTreeMap<String, Objects>,
    east: BTreeMap<String, Objects>,
    networks: Networks,
}

fn known<K: DeserializeOwned + ResourceExt + Debug>(objects: Vec<Value>) -> Known<K> {
    let mut known = Known::default();
    known.observe(Event::Init);
    for object in objects {
        let object = serde_json::from_value(object).expect("the object is well-formed");
        known.observe(Event::InitApply(object));
    }
    known.observe(Event::InitDone);
    known
}

/// A namespace with these objects; of groups, each with the place of its kind.
fn namespace(services: Vec<Value>, slices: Vec<Value>, groups: Vec<(usize, Value)>) -> Objects {
    let of_kind = |kind: usize| {
        let groups = groups.iter().filter(|(of, _)| *of == kind);
        known(groups.map(|(_, group)| group.clone()).collect())
    };
    Objects {
        services: known(services),
        slices: known(slices),
        groups: [0, 1, 2, 3].map(of_kind),
    }
}

fn service(name: &str, labels: Value, annotations: Value) -> Value {
    json!({"metadata": {
        "name": name, "namespace": NAMESPACE, "labels": labels, "annotations": annotations,
    }})
}

fn slice(service: &str, ready: &[bool]) -> Value {
    let endpoints = ready
        .iter()
        .map(|ready| json!({"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}));
    json!({
        "metadata": {
            "name": service, "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "endpoints": endpoints.collect::<Vec<_>>(),
    })
}

fn split(weights: [u32; 2]) -> (usize, Value) {
    let object = json!({
        "apiVersion": "split.smi-spec.io/v1alpha2",
        "kind": "TrafficSplit",
        "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {"service": "web-svc", "backends": [
            {"service": "web-svc", "weight": weights[0]},
            {"service": "web-svc-east", "weight": weights[1]},
        ]},
    });
    (0, object)
}

fn route(name: &str, created: &str, accepted: &str, backends: &[(&str, u32)]) -> (usize, Value) {
    let backends = backends.iter().map(|(name, weight)| {
        json!({"name": name, "namespace": NAMESPACE, "port": 8080, "weight": weight})
    });
    let parent = json!({"group": "core", "kind": "Service", "name": "web-svc", "port": 80});
    let object = json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": NAMESPACE, "creationTimestamp": created},
        "spec": {"parentRefs": [parent], "rules": [{"backendRefs": backends.collect::<Vec<_>>()}]},
        "status": {"parents": [{
            "parentRef": parent,
            "controllerName": "linkerd.io/policy-controller",
            "conditions": [{"type": "Accepted", "status": accepted}],
        }]},
    });
    (1, object)
}

/// web-svc in both clusters with one ready endpoint, and its mirror in west.
fn clusters(mirror_ready: bool, groups: Vec<(usize, Value)>) -> Clusters {
    let labels = json!({
        "mirror.linkerd.io/mirrored-service": "true",
        "mirror.linkerd.io/cluster-name": "east",
    });
    let services = vec![
        service("web-svc", json!({}), json!({})),
        service("web-svc-east", labels, json!({})),
    ];
    let slices = vec![
        slice("web-svc", &[true, false]),
        slice("web-svc-east", &[mirror_ready]),
    ];
    Clusters::of(namespace(services, slices, groups))
}

impl Clusters {
    fn of(west: Objects) -> Self {
        let there = namespace(
            vec![service("web-svc", json!({}), json!({}))],
            vec![slice("web-svc", &[true, true])],
            Vec::new(),
        );
        Self {
            west: BTreeMap::from([(NAMESPACE.to_owned(), west)]),
            east: BTreeMap::from([(NAMESPACE.to_owned(), there)]),
            networks: Networks::new(),
        }
    }

    fn plan(&self) -> Plan {
        let view = |name, objects| ClusterView { name, objects };
        let world = World {
            clusters: vec![view("west", &self.west), view("east", &self.east)],
            networks: &self.networks,
        };
        let target = Target {
            service: ServiceRef::new(NAMESPACE, "web-svc"),
            port: 80,
        };
        world.plan(0, &target)
    }

    /// What the object is, and each backend with its weight and its ready endpoints.
    fn planned(&self) -> String {
        let Plan { via, backends } = self.plan();
        let via = match via {
            Via::Service => "service".to_owned(),
            Via::Profile => "profile".to_owned(),
            Via::Route(route) => format!("{} {}", route.kind, route.name),
        };
        let backends = backends.iter().map(|backend| {
            let PlannedBackend {
                service,
                port,
                weight,
                pool,
            } = backend;
            let ready = match pool {
                Pool::Missing => "missing".to_owned(),
                Pool::Endpoints(_) => pool.ready().to_string(),
            };
            format!(", {}:{port}={weight} ({ready})", service.name)
        });
        via + &backends.collect::<String>()
    }
}

#[test]
fn without_a_group_the_service_answers() {
    assert_eq!(
        clusters(true, vec![]).planned(),
        "service, web-svc:80=1 (1)"
    );
}

#[test]
fn a_split_with_weights_takes_precedence_over_routes() {
    let weighted = |weights| {
        let web = route("web", "2026-01-01T00:00:00Z", "True", &[("web-svc", 1)]);
        clusters(true, vec![split(weights), web]).planned()
    };
    assert_eq!(
        weighted([1, 2]),
        "profile, web-svc:80=1 (1), web-svc-east:80=2 (1)"
    );
}

#[test]
fn a_split_without_weights_is_ignored() {
    assert_eq!(
        clusters(true, vec![split([0, 0])]).planned(),
        "service, web-svc:80=1 (1)"
    );
}

#[test]
fn the_oldest_accepted_route_counts() {
    let backends = [("web-svc", 3), ("web-svc-east", 0)];
    let refused = route("old", "2026-01-01T00:00:00Z", "False", &backends);
    let second = route("second", "2026-01-02T00:00:00Z", "True", &backends);
    let third = route("third", "2026-01-03T00:00:00Z", "True", &backends);
    assert_eq!(
        clusters(true, vec![third, second, refused]).planned(),
        "HTTPRoute second, web-svc:8080=3 (1), web-svc-east:8080=0 (1)"
    );
}

#[test]
fn a_mirror_is_as_ready_as_its_gateway_and_answers_as_its_cluster_does() {
    let dead = clusters(false, vec![split([0, 1])]);
    assert_eq!(
        dead.planned(),
        "profile, web-svc:80=0 (1), web-svc-east:80=1 (0)"
    );
    let mut clusters = clusters(true, vec![split([0, 1])]);
    let answers = |clusters: &Clusters, place: usize| match &clusters.plan().backends[place].pool {
        Pool::Endpoints(pool) => (pool[0].success, pool[0].latency_ms),
        Pool::Missing => panic!("it is missing"),
    };
    assert_eq!(answers(&clusters, 0), (1.0, 5.0));
    assert_eq!(answers(&clusters, 1), (1.0, 25.0), "in another cluster");
    let traffic = TrafficSettings {
        success: Some(93.0),
        latency_ms: Some(40.0),
        rps: None,
    };
    let network = Network {
        traffic,
        ..Network::default()
    };
    clusters.networks.insert("east".to_owned(), network);
    assert_eq!(answers(&clusters, 0), (1.0, 5.0));
    assert_eq!(answers(&clusters, 1), (0.93, 40.0));
}

#[test]
fn without_a_gateway_the_other_clusters_endpoints_count() {
    let flat = json!({
        "mirror.linkerd.io/cluster-name": "east",
        "multicluster.linkerd.io/remote-discovery": "east",
        "multicluster.linkerd.io/remote-service": "web-svc",
    });
    let federated = json!({
        "multicluster.linkerd.io/remote-discovery": "web-svc@east",
        "multicluster.linkerd.io/local-discovery": "web-svc",
    });
    for (labels, annotations, ready) in [(flat, json!({}), 2), (json!({}), federated, 3)] {
        let services = vec![
            service("web-svc", json!({}), json!({})),
            service("web-svc-east", labels, annotations),
        ];
        let slices = vec![slice("web-svc", &[true])];
        let clusters = Clusters::of(namespace(services, slices, vec![split([0, 1])]));
        assert_eq!(
            clusters.planned(),
            format!("profile, web-svc:80=0 (1), web-svc-east:80=1 ({ready})")
        );
    }
}

#[test]
fn a_backend_without_a_service_has_no_endpoints_or_fails_at_once_on_a_route() {
    let services = || vec![service("web-svc", json!({}), json!({}))];
    let with = |group| Clusters::of(namespace(services(), vec![], vec![group])).planned();
    assert_eq!(
        with(split([1, 1])),
        "profile, web-svc:80=1 (0), web-svc-east:80=1 (0)"
    );
    let backends = [("web-svc", 1), ("web-svc-east", 1)];
    assert_eq!(
        with(route("web", "2026-01-01T00:00:00Z", "True", &backends)),
        "HTTPRoute web, web-svc:8080=1 (0), web-svc-east:8080=1 (missing)"
    );
}
