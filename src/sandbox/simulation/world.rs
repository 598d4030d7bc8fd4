//! The objects of all clusters, and the plans that proxies make of them. No I/O.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use kube::api::DynamicObject;

use super::plan::{Answers, Plan, PlannedBackend, Pool, RouteName, Target, Via};
use crate::model::{Carrier, ServiceRef};
use crate::resource::linkerd::{CLUSTER_NAME, LOCAL_DISCOVERY, REMOTE_DISCOVERY, REMOTE_SERVICE};
use crate::resource::{KINDS, Record};
use crate::sandbox::control_plane::group_kinds;
use crate::sandbox::host::state::{Networks, TrafficSettings};
use crate::sandbox::mirror::known::Known;

const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The objects of one namespace in one cluster that decide where requests go.
#[derive(Default)]
pub struct Objects {
    pub services: Known<Service>,
    pub slices: Known<EndpointSlice>,
    /// In the order of [`KINDS`].
    pub groups: [Known<DynamicObject>; 4],
}

/// A cluster, and its objects by namespace.
pub struct ClusterView<'a> {
    pub name: &'a str,
    pub objects: &'a BTreeMap<String, Objects>,
}

/// All clusters, and the settings of the simulation.
pub struct World<'a> {
    pub clusters: Vec<ClusterView<'a>>,
    pub networks: &'a Networks,
}

impl Objects {
    fn has_listed(&self) -> bool {
        let groups = self.groups.iter().all(|known| known.listed);
        groups && self.services.listed && self.slices.listed
    }

    fn service(&self, service: &ServiceRef) -> Option<&Service> {
        let key = (service.namespace.clone(), service.name.clone());
        self.services.get(&key)
    }

    fn ready(&self, service: &ServiceRef) -> u32 {
        let slices = self.slices.iter().filter(|(key, slice)| {
            let labels = slice.labels();
            key.0 == service.namespace && labels.get(SERVICE_NAME) == Some(&service.name)
        });
        let endpoints = slices.flat_map(|(_, slice)| slice.endpoints.iter());
        let ready = endpoints.filter(|endpoint| {
            let conditions = endpoint.conditions.as_ref();
            conditions.and_then(|conditions| conditions.ready) != Some(false)
        });
        u32::try_from(ready.count()).unwrap_or(u32::MAX)
    }

    /// Returns the group that decides about a target's requests: a TrafficSplit takes precedence,
    /// and of several routes the oldest one.
    fn group_of(&self, target: &Target) -> Option<Record> {
        let mut records: Vec<Record> = Vec::new();
        for (kind, known) in KINDS.iter().zip(&self.groups) {
            let objects = known.iter().map(|(_, object)| object);
            let read = objects.filter_map(|object| group_kinds::read(*kind, object).ok());
            records.extend(read.filter(|record| is_in_effect(record, target)));
        }
        let age = |record: &Record| (record.routing.is_some(), record.meta.creation_timestamp);
        records.into_iter().min_by_key(age)
    }
}

/// Whether a group decides about a target's requests.
fn is_in_effect(record: &Record, target: &Target) -> bool {
    let takes_port = record.ports.is_empty() || record.ports.contains(&target.port);
    record.meta.namespace == target.service.namespace
        && record.apex == target.service.name
        && takes_port
        && record.unaccepted.is_none()
        && record.group.is_ok()
}

impl World<'_> {
    /// Returns how a proxy in the cluster with this index divides requests.
    pub fn plan(&self, here: usize, target: &Target) -> Plan {
        let objects = self.objects(here, &target.service.namespace);
        let record = objects.and_then(|objects| objects.group_of(target));
        let plan = record.and_then(|record| self.plan_of(here, target, &record));
        plan.unwrap_or_else(|| {
            let service = &target.service;
            let pool = self
                .pool(here, service)
                .unwrap_or(Pool::Endpoints(Vec::new()));
            Plan {
                via: Via::Service,
                backends: vec![PlannedBackend {
                    service: service.clone(),
                    port: target.port,
                    weight: 1,
                    pool,
                }],
            }
        })
    }

    /// Returns none if all weights are 0: of a TrafficSplit, the proxy ignores such weights.
    fn plan_of(&self, here: usize, target: &Target, record: &Record) -> Option<Plan> {
        let group = record.group.as_ref().ok()?;
        let is_route = group.carrier == Carrier::Route;
        let is_only = group.backends.len() == 1;
        let mut backends = Vec::new();
        for backend in &group.backends {
            let pool = self.pool(here, &backend.service);
            let missing = if is_route {
                Pool::Missing
            } else {
                Pool::Endpoints(Vec::new())
            };
            backends.push(PlannedBackend {
                service: backend.service.clone(),
                port: backend.ports.first().copied().unwrap_or(target.port),
                // The weight of a rule's only backend means nothing.
                weight: if is_route && is_only {
                    1
                } else {
                    backend.weight_on_object
                },
                pool: pool.unwrap_or(missing),
            });
        }
        if backends.iter().all(|backend| backend.weight == 0) {
            return None;
        }
        let info = record.kind.info();
        let via = if is_route {
            Via::Route(RouteName {
                group: info.group(),
                kind: info.kind,
                namespace: record.meta.namespace.clone(),
                name: record.meta.name.clone(),
            })
        } else {
            Via::Profile
        };
        Some(Plan { via, backends })
    }

    /// Returns the ready endpoints of a Service; none if it does not exist.
    fn pool(&self, here: usize, service: &ServiceRef) -> Option<Pool> {
        let object = self.objects(here, &service.namespace)?.service(service)?;
        let (labels, annotations) = (object.labels(), object.annotations());
        let elsewhere = |name: &str| ServiceRef::new(service.namespace.as_str(), name);
        let endpoints = if let Some(cluster) = labels.get(REMOTE_DISCOVERY) {
            let name = labels.get(REMOTE_SERVICE).unwrap_or(&service.name);
            let there = self.index(cluster);
            let remote = there.map(|there| self.answers(here, there, there, &elsewhere(name)));
            remote.into_iter().collect()
        } else if let Some(cluster) = labels.get(CLUSTER_NAME) {
            // Its endpoint is the other cluster's gateway.
            let there = self.index(cluster).unwrap_or(here);
            vec![self.answers(here, here, there, service)]
        } else if annotations.contains_key(REMOTE_DISCOVERY)
            || annotations.contains_key(LOCAL_DISCOVERY)
        {
            let local = annotations
                .get(LOCAL_DISCOVERY)
                .map(|name| (here, name.as_str()));
            let remote = annotations.get(REMOTE_DISCOVERY).map_or("", String::as_str);
            let remote = remote.split(',').filter_map(|member| {
                let (name, cluster) = member.split_once('@')?;
                Some((self.index(cluster)?, name))
            });
            let members = local.into_iter().chain(remote);
            members
                .map(|(there, name)| self.answers(here, there, there, &elsewhere(name)))
                .collect()
        } else {
            vec![self.answers(here, here, here, service)]
        };
        let ready = endpoints.into_iter().filter(|some| some.endpoints > 0);
        Some(Pool::Endpoints(ready.collect()))
    }

    /// Returns the endpoints of a Service in the cluster `listed`, whose requests the pods of the
    /// cluster `answering` answer.
    fn answers(
        &self,
        here: usize,
        listed: usize,
        answering: usize,
        service: &ServiceRef,
    ) -> Answers {
        let settings = self.settings(answering);
        let objects = self.objects(listed, &service.namespace);
        Answers {
            endpoints: objects.map_or(0, |objects| objects.ready(service)),
            success: settings.success(),
            latency_ms: settings.latency_ms(here == answering),
        }
    }

    /// Whether everything in a namespace is known.
    pub fn has_listed(&self, namespace: &str) -> bool {
        let mut clusters = self.clusters.iter();
        clusters.all(|view| view.objects.get(namespace).is_some_and(Objects::has_listed))
    }

    fn objects(&self, cluster: usize, namespace: &str) -> Option<&Objects> {
        self.clusters.get(cluster)?.objects.get(namespace)
    }

    fn index(&self, cluster: &str) -> Option<usize> {
        self.clusters.iter().position(|view| view.name == cluster)
    }

    fn settings(&self, cluster: usize) -> TrafficSettings {
        let name = self.clusters.get(cluster).map_or("", |view| view.name);
        self.networks
            .get(name)
            .map_or_else(TrafficSettings::default, |network| network.traffic)
    }
}

#[cfg(test)]
mod tests;
