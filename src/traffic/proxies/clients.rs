//! The pods that are clients, and which of them are asked.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{ProxySource, ProxySourceOptions};
use crate::cluster::api::pods::Pod;
use crate::model::ServiceRef;
use crate::traffic::clients::Workload;
use crate::traffic::window::{Client, PodName};

/// Why there are no clients although some were named.
#[derive(Debug)]
pub enum Unmatched {
    /// The clients' namespace has no pods.
    Namespace,
    /// No pod has the labels. The workloads are those that were named with them.
    Labels { labels: String, workloads: String },
    /// None of its pods runs.
    NotRunning { workload: String },
}

impl ProxySource {
    /// Returns the workloads that were named and have no pods.
    pub fn without_pods(&self) -> Vec<&Workload> {
        self.options.selection.without_pods(&self.pods)
    }

    /// Whether the clients are not all pods of their namespaces.
    pub(in crate::traffic) fn are_named(&self) -> bool {
        !self.options.selection.is_all()
    }

    /// Returns why none of the pods that were named is there, or none runs.
    pub fn unmatched(&self) -> Option<Unmatched> {
        let ProxySourceOptions {
            namespace,
            selection,
            ..
        } = &self.options;
        if namespace.is_none() && !self.are_named() {
            return None;
        }
        let pods = self.pods.iter();
        let here = pods.filter(|pod| self.namespaces.contains(&pod.namespace));
        let here: Vec<&Pod> = here.collect();
        if here.is_empty() {
            return Some(Unmatched::Namespace);
        }
        let names = selection.workloads.iter().map(ToString::to_string);
        if !here.iter().any(|pod| selection.has(pod)) {
            return Some(Unmatched::Labels {
                labels: selection.labels.to_string(),
                workloads: names.collect::<Vec<_>>().join(" and "),
            });
        }
        let runs = |workload: &&Workload| {
            let mut pods = here.iter();
            pods.any(|pod| pod.is_running && workload.has(pod))
        };
        let mut workloads = selection.workloads.iter();
        let stopped = workloads.find(|workload| !runs(workload))?;
        Some(Unmatched::NotRunning {
            workload: stopped.to_string(),
        })
    }

    /// The namespaces in which the clients are looked for.
    pub fn namespaces(&self) -> &BTreeSet<String> {
        &self.namespaces
    }

    /// Returns how many pods are asked, and how many there are.
    pub fn coverage(&self) -> (usize, usize) {
        (self.asked.len(), self.candidates().len())
    }

    pub(in crate::traffic) fn meshed(&self, backend: &ServiceRef) -> Option<(usize, usize)> {
        let selector = self.selectors.get(backend)?;
        let is_client_namespace = self.namespaces.contains(&backend.namespace);
        let selected = self.pods_of(backend, selector);
        let (meshed, all) = selected.fold((0, 0), |(meshed, all), pod| {
            (meshed + usize::from(pod.is_meshed), all + 1)
        });
        // Without pods in another namespace, it is not known whether they may be listed.
        (is_client_namespace || all > 0).then_some((meshed, all))
    }

    /// The running pods of a backend.
    fn pods_of(
        &self,
        backend: &ServiceRef,
        selector: &BTreeMap<String, String>,
    ) -> impl Iterator<Item = &Pod> {
        let pods = self.pods.iter();
        let pods = pods.filter(|pod| pod.is_running && pod.namespace == backend.namespace);
        pods.filter(|pod| pod.is_selected(selector))
    }

    /// Returns the backends that each pod belongs to.
    pub(super) fn by_pod(&self) -> HashMap<ServiceRef, Vec<ServiceRef>> {
        let mut by_pod = HashMap::<ServiceRef, Vec<ServiceRef>>::new();
        for (backend, selector) in &self.selectors {
            for pod in self.pods_of(backend, selector) {
                let pod = ServiceRef::new(pod.namespace.as_str(), pod.name.as_str());
                by_pod.entry(pod).or_default().push(backend.clone());
            }
        }
        by_pod
    }

    /// Returns the clients, if they are not all pods of the namespaces.
    pub(in crate::traffic) fn selected(&self) -> Option<BTreeSet<PodName>> {
        self.are_named().then(|| self.candidates())
    }

    /// Returns how many of the pods have no proxy.
    pub(in crate::traffic) fn unmeshed(&self) -> usize {
        let selected = self.pods.iter().filter(|pod| self.is_client(pod));
        selected.filter(|pod| !pod.is_meshed).count()
    }

    fn is_client(&self, pod: &Pod) -> bool {
        pod.is_running
            && self.namespaces.contains(&pod.namespace)
            && self.options.selection.has(pod)
    }

    pub(super) fn candidates(&self) -> BTreeSet<PodName> {
        let pods = self.pods.iter();
        let pods = pods.filter(|pod| pod.is_meshed && self.is_client(pod));
        let names = pods.map(|pod| PodName {
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
        });
        names.collect()
    }

    /// Chooses the pods to ask at random, of each namespace as many. Those that were asked before
    /// stay, if they are there.
    pub(super) fn choose(&mut self) {
        let by_pod = self.by_pod();
        self.groups.set_pods(by_pod);
        let candidates = self.candidates();
        self.asked.retain(|pod, _| candidates.contains(pod));
        let mut others: Vec<PodName> = candidates.into_iter().collect();
        others.retain(|pod| !self.asked.contains_key(pod));
        fastrand::shuffle(&mut others);
        // The first pods of all namespaces come before their second ones.
        let mut before = BTreeMap::<String, usize>::new();
        for pod in self.asked.keys() {
            *before.entry(pod.namespace.clone()).or_default() += 1;
        }
        let turn = |pod: PodName| {
            let place = before.entry(pod.namespace.clone()).or_default();
            *place += 1;
            (*place, pod)
        };
        let mut others: Vec<(usize, PodName)> = others.into_iter().map(turn).collect();
        others.sort_by_key(|(turn, _)| *turn);
        let room = self.options.max_pods.saturating_sub(self.asked.len());
        let chosen = others.into_iter().take(room);
        let chosen = chosen.map(|(_, pod)| (pod, Client::default()));
        self.asked.extend(chosen);
    }
}
