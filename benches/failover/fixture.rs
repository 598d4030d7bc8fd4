//! Groups and the endpoints of their services, without pods.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Method;
use kube::Client;
use serde_json::{Value, json};

use super::requests::{JSON, JSON_PATCH, MERGE_PATCH, at_once, get, send};

/// The number of concurrent writes during the setup.
const WRITERS: usize = 32;
const AWAY: [u64; 2] = [0, 1];
const HOME: [u64; 2] = [1, 0];
const LAST_MOVE: &str = "/metadata/annotations/failover.linkerd.io~1last-move";
const AVOID: &str = "/metadata/annotations/failover.linkerd.io~1avoid";

/// The groups of one namespace, each with a primary and a fallback.
#[derive(Clone)]
pub struct Fixture {
    pub client: Client,
    pub namespace: String,
    pub groups: usize,
    /// The number of endpoints of each service.
    pub endpoints: usize,
    /// The UIDs of the services: as in a real cluster, each owns its slices.
    pub uids: Arc<Mutex<HashMap<String, Value>>>,
}

/// Returns the name of a group, its apex and its primary.
pub fn name(group: usize) -> String {
    format!("g{group:05}")
}

pub fn splits(namespace: &str) -> String {
    format!("/apis/split.smi-spec.io/v1alpha2/namespaces/{namespace}/trafficsplits")
}

pub fn slices(namespace: &str) -> String {
    format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices")
}

/// What moves a group's weights.
#[derive(Debug, Clone, Copy)]
pub enum Move {
    Away,
    Home,
    /// Away, with an entry of an evacuation.
    Evacuate,
    /// Home, without it.
    Return,
}

impl Move {
    const ALL: [Self; 4] = [Self::Away, Self::Home, Self::Evacuate, Self::Return];

    pub fn name(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Home => "home",
            Self::Evacuate => "evacuate",
            Self::Return => "return",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|it| it.name() == name)
    }

    pub fn is_away(self) -> bool {
        matches!(self, Self::Away | Self::Evacuate)
    }
}

/// Returns a patch that moves a group's weights, as large as the plugin's.
pub fn patch(how: Move) -> Vec<u8> {
    let weights = if how.is_away() { AWAY } else { HOME };
    let note = json!({
        "from": "g00000=1,g00000-east=0", "to": "g00000=0,g00000-east=1", "at": "2026-01-01T00:00:00.000Z",
        "by": "system:serviceaccount:bench:operator on host", "why": "primary g00000 has no ready endpoints",
    });
    let mut patch = vec![
        json!({"op": "add", "path": "/spec/backends/0/weight", "value": weights[0]}),
        json!({"op": "add", "path": "/spec/backends/1/weight", "value": weights[1]}),
        json!({"op": "add", "path": LAST_MOVE, "value": note.to_string()}),
    ];
    match how {
        Move::Away | Move::Home => {}
        Move::Evacuate => {
            let entry = json!([{
                "backends": ["g00000"], "id": "bench", "at": "2026-01-01T00:00:00.000Z",
                "by": "system:serviceaccount:bench:operator on host", "cluster": "west",
            }]);
            patch.push(json!({"op": "add", "path": AVOID, "value": entry.to_string()}));
        }
        Move::Return => patch.push(json!({"op": "remove", "path": AVOID})),
    }
    Value::from(patch).to_string().into_bytes()
}

pub async fn move_group(client: &Client, namespace: &str, group: &str, patch: Vec<u8>) {
    let path = format!("{}/{group}?fieldManager=baseline", splits(namespace));
    send(client, Method::PATCH, &path, JSON_PATCH, patch).await;
}

impl Fixture {
    /// Creates all objects.
    pub async fn create(client: &Client, namespace: &str, groups: usize, endpoints: usize) -> Self {
        let namespace = namespace.to_owned();
        let fixture = Self {
            client: client.clone(),
            namespace,
            groups,
            endpoints,
            uids: Arc::default(),
        };
        let object = json!({"metadata": {"name": fixture.namespace}});
        fixture.post("/api/v1/namespaces", object).await;
        let names = || (0..groups).map(name);
        fixture.services(names(), "primary").await;
        fixture
            .services(names().map(|name| format!("{name}-east")), "fallback")
            .await;
        let path = splits(&fixture.namespace);
        at_once(
            WRITERS,
            names().map(async |name| {
                fixture.post(&path, split(&name)).await;
            }),
        )
        .await;
        fixture
    }

    /// Adds services that are not backends.
    pub async fn add_others(&self, count: usize) {
        self.services((0..count).map(|other| format!("o{other:05}")), "other")
            .await;
    }

    /// Makes the fallbacks mirrors of the services of another cluster.
    pub async fn mirror_fallbacks(&self) {
        let patch = json!({"metadata": {
            "labels": {
                "mirror.linkerd.io/mirrored-service": "true",
                "mirror.linkerd.io/cluster-name": "east",
            },
            "annotations": {"mirror.linkerd.io/remote-svc-fq-name": "web.bench.svc.cluster.local"},
        }});
        let patch = patch.to_string().into_bytes();
        let patches = (0..self.groups).map(async |group| {
            let path = format!(
                "/api/v1/namespaces/{}/services/{}-east",
                self.namespace,
                name(group)
            );
            send(
                &self.client,
                Method::PATCH,
                &path,
                MERGE_PATCH,
                patch.clone(),
            )
            .await;
        });
        at_once(WRITERS, patches).await;
    }

    async fn services(&self, names: impl Iterator<Item = String> + Clone, role: &str) {
        let path = format!("/api/v1/namespaces/{}/services", self.namespace);
        at_once(
            WRITERS,
            names.clone().map(async |name| {
                let made: Value = serde_json::from_slice(&self.post(&path, service(&name)).await)
                    .expect("the answer is JSON");
                let mut uids = self.uids.lock().expect("nothing panics here");
                uids.insert(name, made["metadata"]["uid"].clone());
            }),
        )
        .await;
        self.write_slices(names, role).await;
    }

    async fn write_slices(&self, names: impl Iterator<Item = String>, role: &str) {
        let path = slices(&self.namespace);
        at_once(
            WRITERS,
            names.map(async |name| {
                self.post(&path, self.slice(&name, role)).await;
            }),
        )
        .await;
    }

    pub async fn post(&self, path: &str, object: Value) -> Bytes {
        send(
            &self.client,
            Method::POST,
            path,
            JSON,
            object.to_string().into_bytes(),
        )
        .await
    }

    fn slice(&self, service: &str, role: &str) -> Value {
        let uids = self.uids.lock().expect("nothing panics here");
        let owner =
            json!({"apiVersion": "v1", "kind": "Service", "name": service, "uid": uids[service]});
        json!({
            "metadata": {"name": service, "ownerReferences": [owner], "labels": {
                "kubernetes.io/service-name": service,
                "endpointslice.kubernetes.io/managed-by": "bench",
                "role": role,
            }},
            "addressType": "IPv4",
            "endpoints": self.endpoints(service, true),
            "ports": [{"name": "http", "port": 8080}],
        })
    }

    fn endpoints(&self, service: &str, ready: bool) -> Vec<Value> {
        let endpoint = |number: usize| {
            json!({
                "addresses": [format!("10.1.{}.{}", number / 250, number % 250 + 1)],
                "conditions": {"ready": ready, "serving": ready, "terminating": false},
                "nodeName": format!("node-{number}"),
                "targetRef": {"kind": "Pod", "namespace": self.namespace,
                    "name": format!("{service}-6f7c9c8d5b-{number:05}"),
                    "uid": format!("5a3f1d0c-8c4e-4b1e-9a64-0000{number:08}")},
            })
        };
        (0..self.endpoints).map(endpoint).collect()
    }

    /// Makes all endpoints of a service ready or not ready. The write has succeeded when this
    /// returns.
    pub async fn set_ready(&self, service: &str, ready: bool) {
        let path = format!("{}/{service}", slices(&self.namespace));
        let patch = json!({"endpoints": self.endpoints(service, ready)}).to_string();
        send(
            &self.client,
            Method::PATCH,
            &path,
            MERGE_PATCH,
            patch.into_bytes(),
        )
        .await;
    }

    /// Changes a slice without any effect on readiness.
    pub async fn stir(&self, service: &str, round: usize) {
        let path = format!("{}/{service}", slices(&self.namespace));
        let patch = json!({"metadata": {"annotations": {"round": round.to_string()}}}).to_string();
        send(
            &self.client,
            Method::PATCH,
            &path,
            MERGE_PATCH,
            patch.into_bytes(),
        )
        .await;
    }

    /// Deletes a slice and creates it again.
    pub async fn replace_slice(&self, service: &str, role: &str) {
        let path = format!("{}/{service}", slices(&self.namespace));
        send(&self.client, Method::DELETE, &path, JSON, Vec::new()).await;
        self.post(&slices(&self.namespace), self.slice(service, role))
            .await;
    }

    /// Deletes the slices of all primaries with one request.
    pub async fn delete_primaries(&self) {
        let path = format!("{}?labelSelector=role%3Dprimary", slices(&self.namespace));
        send(&self.client, Method::DELETE, &path, JSON, Vec::new()).await;
    }

    pub async fn restore_primaries(&self) {
        self.write_slices((0..self.groups).map(name), "primary")
            .await;
    }

    /// Moves the weights of these groups without the plugin.
    pub async fn move_by_hand(&self, groups: Range<usize>, how: Move, connections: usize) {
        let patch = patch(how);
        let moves = groups.map(|group| {
            let patch = patch.clone();
            async move { move_group(&self.client, &self.namespace, &name(group), patch).await }
        });
        at_once(connections, moves).await;
    }

    /// Returns the number of groups whose primaries have no traffic.
    pub async fn count_away(&self) -> usize {
        let list = get(&self.client, &splits(&self.namespace)).await;
        let items = list["items"].as_array().expect("a list has items");
        items
            .iter()
            .filter(|item| item["spec"]["backends"][0]["weight"] == 0)
            .count()
    }
}

pub fn service(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"clusterIP": "None", "ports": [{"name": "http", "port": 80}]}})
}

pub fn split(name: &str) -> Value {
    let backend = |service: String, weight: u64| json!({"service": service, "weight": weight});
    json!({
        "apiVersion": "split.smi-spec.io/v1alpha2",
        "kind": "TrafficSplit",
        "metadata": {
            "name": name,
            "labels": {"failover.linkerd.io/controlled-by": "linkerd-failover"},
            "annotations": {"failover.linkerd.io/primary-service": name},
        },
        "spec": {
            "service": name,
            "backends": [backend(name.to_owned(), HOME[0]), backend(format!("{name}-east"), HOME[1])],
        },
    })
}
