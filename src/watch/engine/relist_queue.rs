//! The queue of repeated lists of EndpointSlices. Groups that need the same list share it. Each
//! cluster has its own limit, so that one that does not respond does not delay the others.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::readiness::scope::RelistRequest;

/// The number of lists of one cluster in flight.
const MAX_LISTS_PER_CLUSTER: usize = 8;

#[derive(Debug, Default)]
pub struct RelistQueue {
    /// None: the cluster that the groups are in.
    clusters: HashMap<Option<String>, Lists>,
}

/// The lists of one cluster, by namespace.
#[derive(Debug, Default)]
struct Lists {
    /// The services that are being listed, and since when.
    running: BTreeMap<String, (BTreeSet<String>, Duration)>,
    waiting: BTreeMap<String, BTreeSet<String>>,
}

impl RelistQueue {
    /// Queues a list of services of one namespace, unless a list of them is in flight.
    pub fn add(&mut self, place: RelistRequest) {
        let RelistRequest {
            cluster,
            namespace,
            mut names,
        } = place;
        let Lists { running, waiting } = self.clusters.entry(cluster).or_default();
        if let Some((listed, _)) = running.get(&namespace) {
            names.retain(|name| !listed.contains(name));
        }
        if !names.is_empty() {
            waiting.entry(namespace).or_default().append(&mut names);
        }
    }

    /// Returns the lists to start now.
    pub fn start(&mut self, now: Duration) -> Vec<RelistRequest> {
        let mut started = Vec::new();
        for (cluster, Lists { running, waiting }) in &mut self.clusters {
            let room = MAX_LISTS_PER_CLUSTER.saturating_sub(running.len());
            let idle = waiting
                .keys()
                .filter(|namespace| !running.contains_key(*namespace));
            for namespace in idle.take(room).cloned().collect::<Vec<_>>() {
                let names = waiting.remove(&namespace).unwrap_or_default();
                running.insert(namespace.clone(), (names.clone(), now));
                started.push(RelistRequest {
                    cluster: cluster.clone(),
                    namespace,
                    names,
                });
            }
        }
        started
    }

    /// Records that a list has ended. Returns when it was started.
    pub fn end(&mut self, place: &RelistRequest) -> Option<Duration> {
        let lists = self.clusters.get_mut(&place.cluster)?;
        lists
            .running
            .remove(&place.namespace)
            .map(|(_, since)| since)
    }

    /// Removes and returns the lists of a cluster that have not started.
    pub fn give_up(&mut self, cluster: Option<&String>) -> Vec<RelistRequest> {
        let lists = self.clusters.get_mut(&cluster.cloned());
        let waiting = lists
            .map(|lists| std::mem::take(&mut lists.waiting))
            .unwrap_or_default();
        let place = |(namespace, names)| RelistRequest {
            cluster: cluster.cloned(),
            namespace,
            names,
        };
        waiting.into_iter().map(place).collect()
    }

    /// Returns when the oldest list in flight of a cluster was started.
    pub fn since(&self, cluster: Option<&String>) -> Option<Duration> {
        let running = &self.clusters.get(&cluster.cloned())?.running;
        running.values().map(|(_, since)| *since).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn place(cluster: Option<&str>, namespace: &str, names: &[&str]) -> RelistRequest {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        RelistRequest {
            cluster: cluster.map(str::to_owned),
            namespace: namespace.to_owned(),
            names,
        }
    }

    #[test]
    fn services_added_during_a_list_are_listed_together_after_it() {
        let mut relists = RelistQueue::default();
        let first = place(Some("east"), "ns", &["a"]);
        relists.add(first.clone());
        assert_eq!(relists.start(NOW), std::slice::from_ref(&first));
        for names in [["a", "b"], ["b", "c"]] {
            relists.add(place(Some("east"), "ns", &names));
        }
        assert_eq!(relists.start(NOW), []);
        assert_eq!(relists.end(&first), Some(NOW));
        assert_eq!(relists.start(NOW), [place(Some("east"), "ns", &["b", "c"])]);
    }

    #[test]
    fn each_cluster_has_its_own_limit() {
        let mut relists = RelistQueue::default();
        for i in 0..20 {
            relists.add(place(Some("east"), &format!("ns-{i}"), &["a"]));
        }
        assert_eq!(relists.start(NOW).len(), MAX_LISTS_PER_CLUSTER);
        relists.add(place(Some("north"), "ns", &["a"]));
        relists.add(place(None, "ns", &["a"]));
        assert_eq!(relists.start(NOW).len(), 2);
        assert_eq!(
            relists.give_up(Some(&"east".to_owned())).len(),
            20 - MAX_LISTS_PER_CLUSTER
        );
        relists.end(&place(Some("east"), "ns-0", &["a"]));
        assert_eq!(relists.start(NOW), []);
    }
}
