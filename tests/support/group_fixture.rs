//! Many groups in one namespace, and the weights that they should have.

use std::collections::HashMap;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kubectl_failover::model::{Readiness, Timers, Weights, decide};
use kubectl_failover::resource::{Kind as _, Record, TrafficSplit};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::support::{Side, endpoint};

/// The number of groups in tests of faults.
pub const GROUPS: usize = 200;
/// How long it may take on a busy machine until every group has the right weights.
pub const SETTLE_LIMIT: Duration = Duration::from_secs(90);
const MIN_POLL: Duration = Duration::from_millis(100);
const MAX_POLL: Duration = Duration::from_secs(1);
const CONCURRENCY: usize = 16;
const PRIMARY: &str = "test/role=primary";

/// Groups `g0`, `g1` and so on, each with a primary of the same name and one fallback. Their Services
/// are headless and have no selector.
#[derive(Clone)]
pub struct GroupFixture {
    pub side: Side,
    pub names: Vec<String>,
}

impl GroupFixture {
    /// Creates the groups: all endpoints are ready, and all traffic goes to the primaries.
    pub async fn build(side: &Side, groups: usize) -> Self {
        let names = (0..groups).map(|number| format!("g{number}")).collect();
        let fixture = Self {
            side: side.clone(),
            names,
        };
        for_each(&fixture.names, async |name: &String| {
            for (service, role) in [(name, "primary"), (&fallback_of(name), "fallback")] {
                fixture.create_service(service).await;
                fixture.create_slice(service, role).await;
            }
            side.traffic_split(name, name, &[(name, 1), (&fallback_of(name), 0)])
                .await;
        })
        .await;
        fixture
    }

    async fn create_service(&self, name: &str) {
        let spec = json!({"clusterIP": "None", "ports": [{"name": "http", "port": 80}]});
        let service = json!({"metadata": {"name": name}, "spec": spec});
        self.side.create::<Service>(service).await;
    }

    async fn create_slice(&self, service: &str, role: &str) {
        let slice = json!({
            "metadata": {"name": service, "labels": {
                "kubernetes.io/service-name": service,
                "endpointslice.kubernetes.io/managed-by": "test",
                "test/role": role,
            }},
            "addressType": "IPv4",
            "endpoints": [endpoint("10.0.0.1", true, false)],
            "ports": [{"name": "http", "port": 8080}],
        });
        let slice: EndpointSlice = serde_json::from_value(slice).unwrap();
        self.side
            .api()
            .create(&PostParams::default(), &slice)
            .await
            .unwrap();
    }

    /// Makes a service ready or not ready.
    pub async fn set(&self, service: &str, ready: bool) {
        let patch = Patch::Merge(json!({"endpoints": [endpoint("10.0.0.1", ready, false)]}));
        self.side
            .api::<EndpointSlice>()
            .patch(service, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// Adds a second endpoint and removes it again, as a rollout does.
    pub async fn roll_out(&self, service: &str) {
        let one = endpoint("10.0.0.1", true, false);
        for endpoints in [
            json!([one, endpoint("10.0.0.2", true, false)]),
            json!([one]),
        ] {
            let patch = Patch::Merge(json!({"endpoints": endpoints}));
            self.side
                .api::<EndpointSlice>()
                .patch(service, &PatchParams::default(), &patch)
                .await
                .unwrap();
        }
    }

    /// Deletes the slices of all primaries with one request.
    pub async fn lose_all_primaries(&self) {
        let slices = self.side.api::<EndpointSlice>();
        let primaries = ListParams::default().labels(PRIMARY);
        slices
            .delete_collection(&DeleteParams::default(), &primaries)
            .await
            .unwrap();
    }

    /// Creates the slices again that [`GroupFixture::lose_all_primaries`] has deleted.
    pub async fn restore_all_primaries(&self) {
        for_each(&self.names, async |name: &String| {
            self.create_slice(name, "primary").await
        })
        .await;
    }

    /// The groups as the cluster has them.
    pub async fn records(&self) -> Vec<Record> {
        let splits = self
            .side
            .traffic_splits()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items;
        splits
            .iter()
            .map(|split| TrafficSplit.read(&to_raw_value(split).unwrap()).unwrap())
            .collect()
    }

    /// The number of groups whose traffic goes to their fallbacks.
    pub async fn away(&self) -> usize {
        let is_away = |record: &Record| {
            record
                .group
                .as_ref()
                .is_ok_and(|group| !group.carries(group.primary))
        };
        self.records()
            .await
            .iter()
            .filter(|record| is_away(record))
            .count()
    }

    /// The sum of the generations of all groups: 1 for each group, and 1 for each write of weights
    /// since.
    pub async fn generations(&self) -> i64 {
        let splits = self
            .side
            .traffic_splits()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items;
        splits
            .iter()
            .filter_map(|split| split.metadata.generation)
            .sum()
    }

    /// The groups whose weights differ from the decision for the current endpoints.
    pub async fn wrong(&self) -> Vec<String> {
        let slices = self
            .side
            .api::<EndpointSlice>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items;
        let known: HashMap<String, Readiness> = slices.iter().map(readiness).collect();
        let records = self.records().await;
        records
            .iter()
            .filter(|record| record.is_controlled())
            .filter_map(|record| mistake(record, &known))
            .collect()
    }

    /// Waits until every group has the weights that are decided for the current endpoints.
    pub async fn until_right(&self, limit: Duration) {
        self.until(limit, "every group is right", async || {
            let wrong = self.wrong().await;
            if wrong.is_empty() {
                Ok(())
            } else {
                Err(first_of(&wrong))
            }
        })
        .await;
    }

    /// Waits for a condition that is expensive to check, so most of the time is left to the others.
    pub async fn until(
        &self,
        limit: Duration,
        what: &str,
        condition: impl AsyncFn() -> Result<(), String>,
    ) {
        let start = Instant::now();
        loop {
            let check = Instant::now();
            let Err(seen) = condition().await else {
                return;
            };
            assert!(
                start.elapsed() < limit,
                "waited {limit:?} until {what}; seen last: {seen}"
            );
            let rest = (check.elapsed() * 2).clamp(MIN_POLL, MAX_POLL);
            tokio::time::sleep(rest).await;
        }
    }
}

pub fn fallback_of(name: &str) -> String {
    format!("{name}-east")
}

/// Runs `act` for every item, several at a time.
pub async fn for_each<T>(items: &[T], act: impl AsyncFn(&T)) {
    let acts = items.iter().map(|item| act(item));
    stream::iter(acts)
        .buffer_unordered(CONCURRENCY)
        .collect::<()>()
        .await;
}

/// The number of faulty items, and the first few of them.
pub fn first_of<T: Debug>(wrong: &[T]) -> String {
    format!(
        "{} of them: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(5)]
    )
}

fn readiness(slice: &EndpointSlice) -> (String, Readiness) {
    let service = slice.metadata.labels.as_ref().unwrap()["kubernetes.io/service-name"].clone();
    let is_ready =
        |conditions: &Value| conditions["ready"] != false && conditions["terminating"] != true;
    let endpoints = slice
        .endpoints
        .iter()
        .map(|endpoint| json!(endpoint.conditions));
    let ready = endpoints.filter(is_ready).count() as u32;
    (
        service,
        Readiness::Known {
            ready,
            total: slice.endpoints.len() as u32,
        },
    )
}

fn mistake(record: &Record, known: &HashMap<String, Readiness>) -> Option<String> {
    let group = record.group.as_ref().ok()?;
    let none = Readiness::Known { ready: 0, total: 0 };
    let of = |name: &String| known.get(name).unwrap_or(&none).clone();
    let readiness: Vec<Readiness> = group
        .backends
        .iter()
        .map(|backend| of(&backend.service.name))
        .collect();
    let decision = decide(group, &readiness, &Timers::none(), Timestamp::now());
    let is_right = decision.weights == Weights::Hold;
    (!is_right).then(|| {
        format!(
            "{}: {:?}, not {:?}",
            record.meta.name,
            group.weights(),
            decision.weights
        )
    })
}
