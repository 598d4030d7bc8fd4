//! What ails the pods and Deployments that a Service selects: only the fields that show it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::types::Object;
use crate::cluster::listwatch::collection::Collection;
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::transport::api_resource::{DEPLOYMENTS, PODS, SERVICES};
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::model::ServiceRef;
use crate::resource::bounded::Bounded;

/// More objects of a namespace are not read: the hint is not worth it.
const MAX_SELECTED_PODS: usize = 500;
const MAX_DEPLOYMENTS: usize = 500;
/// The most containers, and conditions, of a pod that are read.
const MAX_PARTS: usize = 50;

/// The labels that a Service selects its pods by.
pub type PodSelector = BTreeMap<String, String>;

/// A pod, and whether it is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodHealth {
    pub name: String,
    pub is_ready: bool,
    /// Since when it is ready, or not.
    pub since: Option<Timestamp>,
    /// What keeps it from being ready, as kubectl's column STATUS shows it.
    pub trouble: String,
    pub is_terminating: bool,
}

/// A Deployment, and how many pods it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentHealth {
    pub name: String,
    pub wanted: u32,
    /// Why it cannot create pods, such as an exceeded quota.
    pub failure: Option<String>,
    labels: PodSelector,
}

impl DeploymentHealth {
    /// Whether its pods have these labels.
    pub fn is_selected_by(&self, selector: &PodSelector) -> bool {
        let mut wanted = selector.iter();
        wanted.all(|(key, value)| self.labels.get(key) == Some(value))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ServiceSpec {
    selector: PodSelector,
}

#[derive(Deserialize)]
struct PodObject {
    metadata: PodMeta,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodMeta {
    name: String,
    deletion_timestamp: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodStatus {
    phase: String,
    reason: String,
    conditions: Bounded<Condition, MAX_PARTS>,
    init_container_statuses: Bounded<ContainerStatus, MAX_PARTS>,
    container_statuses: Bounded<ContainerStatus, MAX_PARTS>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    last_transition_time: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainerStatus {
    ready: bool,
    state: ContainerState,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainerState {
    waiting: Option<StateReason>,
    terminated: Option<StateReason>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StateReason {
    reason: String,
}

impl ContainerState {
    fn trouble(&self) -> Option<&str> {
        let reason = self.waiting.as_ref().or(self.terminated.as_ref())?;
        Some(reason.reason.as_str()).filter(|reason| !reason.is_empty())
    }
}

impl PodStatus {
    fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|it| it.kind == kind)
    }

    /// Follows kubectl's `printPod`.
    fn trouble(&self) -> String {
        if let Some(scheduled) = self.condition("PodScheduled")
            && scheduled.status == "False"
        {
            return format!("not scheduled: {}", scheduled.message);
        }
        let mut starting = self.init_container_statuses.iter();
        let initial = starting.find_map(|it| it.state.trouble().filter(|it| *it != "Completed"));
        if let Some(initial) = initial {
            return format!("Init:{initial}");
        }
        let mut containers = self.container_statuses.iter().filter(|it| !it.ready);
        if let Some(trouble) = containers.find_map(|it| it.state.trouble()) {
            return trouble.to_owned();
        }
        match (self.reason.as_str(), self.phase.as_str()) {
            ("", "Running") => "running, but not ready".to_owned(),
            ("", phase) => phase.to_owned(),
            (reason, _) => reason.to_owned(),
        }
    }
}

/// Returns the selector of a Service; empty if it selects no pods, None if it does not exist.
pub async fn selector(
    cluster: &Cluster,
    service: &ServiceRef,
) -> RequestResult<Option<PodSelector>> {
    let decode = |raw: &RawValue| serde_json::from_str::<Object<ServiceSpec>>(raw.get());
    let ServiceRef { namespace, name } = service;
    let found = cluster.find(SERVICES, namespace, name, decode).await?;
    Ok(found.map(|service| service.spec.selector))
}

/// Lists the pods that a Service selects.
pub async fn pods(
    cluster: &Cluster,
    namespace: &str,
    selector: &PodSelector,
) -> RequestResult<Vec<PodHealth>> {
    let mut pods = Collection::<PodObject>::all(PODS, Some(namespace));
    pods.selection.labels = labels(selector);
    let objects = list_objects(cluster, &pods.with_at_most(MAX_SELECTED_PODS)).await?;
    let health = |PodObject { metadata, status }: PodObject| {
        let ready = status.condition("Ready");
        PodHealth {
            name: metadata.name,
            is_ready: ready.is_some_and(|ready| ready.status == "True"),
            since: ready.and_then(|ready| ready.last_transition_time),
            trouble: status.trouble(),
            is_terminating: metadata.deletion_timestamp.is_some(),
        }
    };
    Ok(objects.into_iter().map(health).collect())
}

/// Returns a selector as kubectl takes it, such as `app=web`.
pub fn labels(selector: &PodSelector) -> String {
    let pairs = selector.iter();
    let pairs: Vec<String> = pairs.map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DeploymentSpec {
    replicas: Option<u32>,
    template: PodTemplate,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodTemplate {
    metadata: TemplateMeta,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TemplateMeta {
    labels: PodSelector,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DeploymentStatus {
    conditions: Bounded<Condition, MAX_PARTS>,
}

/// Lists the Deployments of a namespace.
pub async fn deployments(
    cluster: &Cluster,
    namespace: &str,
) -> RequestResult<Vec<DeploymentHealth>> {
    type DeploymentObject = Object<DeploymentSpec, DeploymentStatus>;
    let deployments = Collection::<DeploymentObject>::all(DEPLOYMENTS, Some(namespace));
    let objects = list_objects(cluster, &deployments.with_at_most(MAX_DEPLOYMENTS)).await?;
    let health = |object: DeploymentObject| {
        let mut conditions = object.status.conditions.iter();
        let failure = conditions.find(|it| it.kind == "ReplicaFailure" && it.status == "True");
        DeploymentHealth {
            name: object.metadata.name,
            wanted: object.spec.replicas.unwrap_or(1),
            failure: failure.map(|failure| failure.message.clone()),
            labels: object.spec.template.metadata.labels,
        }
    };
    Ok(objects.into_iter().map(health).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trouble(status: serde_json::Value) -> String {
        serde_json::from_value::<PodStatus>(status)
            .unwrap()
            .trouble()
    }

    #[test]
    fn the_trouble_of_a_pod_is_what_kubectl_shows() {
        let waiting =
            |reason: &str| json!({"ready": false, "state": {"waiting": {"reason": reason}}});
        let ready = json!({"ready": true, "state": {"running": {}}});
        let crashing =
            json!({"phase": "Running", "containerStatuses": [ready, waiting("CrashLoopBackOff")]});
        assert_eq!(trouble(crashing), "CrashLoopBackOff");
        let starting = json!({"phase": "Pending", "initContainerStatuses": [waiting("ImagePullBackOff")],
            "containerStatuses": [waiting("PodInitializing")]});
        assert_eq!(trouble(starting), "Init:ImagePullBackOff");
        let full = json!({"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"});
        let unscheduled = json!({"phase": "Pending", "conditions": [full]});
        assert_eq!(
            trouble(unscheduled),
            "not scheduled: 0/3 nodes are available"
        );
        let unready = json!({"phase": "Running", "containerStatuses": [{"ready": false, "state": {"running": {}}}]});
        assert_eq!(trouble(unready), "running, but not ready");
        assert_eq!(
            trouble(json!({"phase": "Failed", "reason": "Evicted"})),
            "Evicted"
        );
    }
}
