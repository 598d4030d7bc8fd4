//! Fresh lists of slices, without which a move that no slice has caused is not made. Each is asked for once for all
//! groups that need it, and a few at once of each cluster: one that does not answer holds up nothing of another.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::core::{Engine, Moment};
use super::group_state::{MoveCause, Phase};
use crate::cluster::api::endpoint_slices::Slice;
use crate::cluster::{RequestError, RequestResult};
use crate::model::{Decision, GroupId, Readiness, Weights, decide};
use crate::readiness::mirror_index::RemoteNamespace;
use crate::readiness::scope::Affected;

/// How many lists of one cluster are under way at once.
const AT_ONCE: usize = 8;
/// How long a move waits for other clusters that it can do without.
pub const GRACE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub struct Revalidations {
    /// None: our cluster.
    clusters: HashMap<Option<String>, Lists>,
}

/// The lists of one cluster, by namespace.
#[derive(Debug, Default)]
struct Lists {
    /// What is being read, and since when.
    running: BTreeMap<String, (BTreeSet<String>, Duration)>,
    waiting: BTreeMap<String, BTreeSet<String>>,
}

impl Revalidations {
    /// Has a place listed, as far as that is not under way.
    fn want(&mut self, place: RemoteNamespace) {
        let RemoteNamespace {
            cluster,
            namespace,
            mut names,
        } = place;
        let Lists { running, waiting } = self.clusters.entry(cluster).or_default();
        if let Some((read, _)) = running.get(&namespace) {
            names.retain(|name| !read.contains(name));
        }
        if !names.is_empty() {
            waiting.entry(namespace).or_default().append(&mut names);
        }
    }

    /// The lists to ask for now.
    pub fn start(&mut self, now: Duration) -> Vec<RemoteNamespace> {
        let mut started = Vec::new();
        for (cluster, Lists { running, waiting }) in &mut self.clusters {
            let idle = waiting
                .keys()
                .filter(|namespace| !running.contains_key(*namespace));
            let room = AT_ONCE.saturating_sub(running.len());
            for namespace in idle.take(room).cloned().collect::<Vec<_>>() {
                let names = waiting.remove(&namespace).unwrap_or_default();
                running.insert(namespace.clone(), (names.clone(), now));
                started.push(RemoteNamespace {
                    cluster: cluster.clone(),
                    namespace,
                    names,
                });
            }
        }
        started
    }

    /// Takes in that a list has ended; gives when it was asked for.
    fn end(&mut self, place: &RemoteNamespace) -> Option<Duration> {
        let lists = self.clusters.get_mut(&place.cluster)?;
        lists
            .running
            .remove(&place.namespace)
            .map(|(_, since)| since)
    }

    /// Wants nothing more of a cluster, but for what is under way; gives what it would have been.
    fn give_up(&mut self, cluster: Option<&String>) -> Vec<RemoteNamespace> {
        let Some(lists) = self.clusters.get_mut(&cluster.cloned()) else {
            return Vec::new();
        };
        let place = |(namespace, names)| RemoteNamespace {
            cluster: cluster.cloned(),
            namespace,
            names,
        };
        std::mem::take(&mut lists.waiting)
            .into_iter()
            .map(place)
            .collect()
    }

    /// Since when a cluster owes an answer.
    fn since(&self, cluster: Option<&String>) -> Option<Duration> {
        self.clusters
            .get(&cluster.cloned())?
            .running
            .values()
            .map(|(_, since)| *since)
            .min()
    }
}

impl Engine {
    /// The decision that may be acted on; none while a list that it needs is on its way.
    pub(crate) fn confirmed(
        &mut self,
        id: &GroupId,
        cause: MoveCause,
        decision: Decision,
        readiness: &[Readiness],
        moment: Moment,
    ) -> Option<Decision> {
        if decision.weights == Weights::Hold || cause == MoveCause::Readiness {
            return Some(decision);
        }
        let tracked = self.groups.get_mut(id)?;
        let group = tracked.record.group.as_ref().ok()?;
        let services = group.backends.iter().map(|backend| &backend.service);
        let stale = self
            .feeds
            .stale(services.clone().zip(readiness), moment.now);
        if stale.is_empty() {
            return Some(decision);
        }
        let clusters: BTreeSet<Option<String>> =
            stale.iter().map(|place| place.cluster.clone()).collect();
        stale.into_iter().for_each(|place| self.checks.want(place));
        if clusters.contains(&None) {
            return None;
        }
        let heard: Vec<Readiness> = services
            .map(|service| self.feeds.lookup_fresh(service, moment.now))
            .collect();
        let without = decide(
            group,
            &heard,
            &tracked.stopwatches.read(moment.now),
            moment.server,
        );
        let Weights::Set(weights) = &without.weights else {
            return None;
        };
        if !weights
            .iter()
            .zip(&heard)
            .any(|(&weight, readiness)| weight > 0 && readiness.is_ready())
        {
            return None;
        }
        if without.weights == decision.weights {
            return Some(decision);
        }
        let since = clusters
            .iter()
            .filter_map(|cluster| self.checks.since(cluster.as_ref()))
            .min();
        let until = since.unwrap_or(moment.now) + GRACE;
        if moment.now < until {
            self.alarms.set(id, until);
            return None;
        }
        Some(without)
    }

    /// Takes in a fresh list of a place, or why there is none.
    pub fn verified(
        &mut self,
        place: &RemoteNamespace,
        listed: RequestResult<Vec<Slice>>,
        now: Duration,
    ) {
        let Some(asked) = self.checks.end(place) else {
            return;
        };
        match listed {
            Ok(slices) => {
                let changed = self.feeds.relisted(place, &slices, asked, now);
                self.touch_all(&changed, MoveCause::Readiness, now);
                self.touch_place(place, now);
            }
            Err(error) if place.cluster.is_none() => self.unconfirmed(place, &error, now),
            Err(error) => self.doubt(place, &error, now),
        }
    }

    /// Without a fresh list from our own cluster nothing moves.
    fn unconfirmed(&mut self, place: &RemoteNamespace, error: &RequestError, now: Duration) {
        for id in self.groups_of_place(place) {
            if self
                .groups
                .get(&id)
                .is_some_and(|tracked| tracked.phase == Phase::Verifying)
            {
                let next = "no move without a fresh list of its EndpointSlices; trying again";
                self.say_once(&id, error.to_string(), next);
                self.wait(&id, error.retry_after(), now);
            }
        }
    }

    /// What another cluster does not say holds nothing up: it is not known. One that gives no answer at all is not
    /// asked for anything else either.
    fn doubt(&mut self, place: &RemoteNamespace, error: &RequestError, now: Duration) {
        for touched in self.feeds.relist_failed(place, error, now) {
            self.touch_all(&touched, MoveCause::Timer, now);
        }
        self.touch_place(place, now);
        if error.code().is_none() {
            for place in self.checks.give_up(place.cluster.as_ref()) {
                self.touch_place(&place, now);
            }
        }
    }

    fn touch_place(&mut self, place: &RemoteNamespace, now: Duration) {
        for id in self.groups_of_place(place) {
            self.touch(&id, MoveCause::Timer, now);
        }
    }

    fn groups_of_place(&self, place: &RemoteNamespace) -> BTreeSet<GroupId> {
        let services = Affected::Services(place.services().collect());
        match self
            .feeds
            .affected_backends(place.cluster.as_deref(), services)
        {
            Affected::Services(services) => services
                .iter()
                .flat_map(|service| self.register.groups_of(service))
                .cloned()
                .collect(),
            Affected::Nothing | Affected::Scope(_) => BTreeSet::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn place(cluster: Option<&str>, namespace: &str, names: &[&str]) -> RemoteNamespace {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        RemoteNamespace {
            cluster: cluster.map(str::to_owned),
            namespace: namespace.to_owned(),
            names,
        }
    }

    #[test]
    fn what_is_wanted_while_a_list_is_under_way_is_listed_together_after_it() {
        let mut checks = Revalidations::default();
        let first = place(Some("east"), "ns", &["a"]);
        checks.want(first.clone());
        assert_eq!(checks.start(NOW), std::slice::from_ref(&first));
        for names in [["a", "b"], ["b", "c"]] {
            checks.want(place(Some("east"), "ns", &names));
        }
        assert_eq!(checks.start(NOW), []);
        assert_eq!(checks.end(&first), Some(NOW));
        assert_eq!(checks.start(NOW), [place(Some("east"), "ns", &["b", "c"])]);
    }

    #[test]
    fn each_cluster_has_its_own_turn() {
        let mut checks = Revalidations::default();
        for i in 0..20 {
            checks.want(place(Some("east"), &format!("ns-{i}"), &["a"]));
        }
        assert_eq!(checks.start(NOW).len(), AT_ONCE);
        checks.want(place(Some("north"), "ns", &["a"]));
        checks.want(place(None, "ns", &["a"]));
        assert_eq!(checks.start(NOW).len(), 2);
        assert_eq!(checks.give_up(Some(&"east".to_owned())).len(), 20 - AT_ONCE);
        checks.end(&place(Some("east"), "ns-0", &["a"]));
        assert_eq!(checks.start(NOW), []);
    }
}
