//! The requests between two scrapes of one proxy: differences per process and label set, added up
//! by group and backend.

use std::collections::BTreeMap;

use super::scrape::{Meaning, Scrape, ScrapedGroups};
use crate::model::traffic::BackendTraffic;

/// The requests of one client between two scrapes.
#[derive(Debug, Default)]
pub struct ClientTraffic {
    /// The groups that the client knows, by their place.
    pub groups: BTreeMap<usize, GroupTraffic>,
    /// Whether it is another process than that of the first scrape.
    pub is_restarted: bool,
}

/// The requests of one client to one group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupTraffic {
    /// One entry for each backend.
    pub backends: Vec<BackendTraffic>,
    /// Refused requests that belong to no backend.
    pub refused: f64,
}

/// What only the sums over all series of a group show.
#[derive(Debug, Default)]
struct Sums {
    /// By backend.
    traffic: Vec<BackendTraffic>,
    queued: Vec<f64>,
    ready: Vec<Option<f64>>,
    refused_route: f64,
    refused_profile: f64,
    broken: f64,
}

/// Returns the requests between two scrapes.
pub fn difference(
    before: &Scrape,
    after: &Scrape,
    seconds: f64,
    groups: &ScrapedGroups,
) -> ClientTraffic {
    let is_restarted = before.started != after.started;
    let mut sums: BTreeMap<usize, Sums> = BTreeMap::new();
    for (key, (meaning, value)) in &after.series {
        // A new process, and a series that was dropped and is there again, count from 0.
        let earlier = before.series.get(key).map(|(_, earlier)| *earlier);
        let earlier = earlier.filter(|earlier| !is_restarted && earlier <= value);
        let value = if meaning.is_gauge() {
            *value
        } else {
            value - earlier.unwrap_or_default()
        };
        let (group, _) = *key;
        let sums = sums.entry(group);
        sums.or_insert_with(|| Sums::of(groups.backends(group)))
            .add(*meaning, value);
    }
    let groups = sums
        .into_iter()
        .map(|(group, sums)| (group, sums.traffic(seconds)));
    ClientTraffic {
        groups: groups.collect(),
        is_restarted,
    }
}

impl Sums {
    fn of(backends: usize) -> Self {
        Self {
            traffic: vec![BackendTraffic::default(); backends],
            queued: vec![0.0; backends],
            ready: vec![None; backends],
            ..Self::default()
        }
    }

    fn add(&mut self, meaning: Meaning, value: f64) {
        let mut add = |backend: usize, add: &dyn Fn(&mut BackendTraffic)| {
            if let Some(traffic) = self.traffic.get_mut(backend) {
                add(traffic);
            }
        };
        match meaning {
            Meaning::Responses {
                backend,
                success: true,
            } => add(backend, &|it| it.success += value),
            Meaning::Responses { backend, .. } => add(backend, &|it| it.failure += value),
            Meaning::Broken { backend } => {
                add(backend, &|it| it.failure += value);
                self.broken += value;
            }
            Meaning::Latency { backend, bound } => {
                add(backend, &|it| it.latency.add(bound, value));
            }
            Meaning::Queued { backend } => {
                if let Some(queued) = self.queued.get_mut(backend) {
                    *queued += value;
                }
            }
            Meaning::Direct { backend } => add(backend, &|it| it.direct += value),
            Meaning::ToPod { backend } => add(backend, &|it| it.to_pods += value),
            Meaning::RefusedBackend { backend } => add(backend, &|it| it.refused += value),
            Meaning::RefusedRoute => self.refused_route += value,
            Meaning::RefusedProfile => self.refused_profile += value,
            Meaning::Connections { backend } => add(backend, &|it| it.connections += value),
            Meaning::Waiting { backend } => add(backend, &|it| it.waiting += value),
            Meaning::Ready { backend } => {
                if let Some(ready) = self.ready.get_mut(backend) {
                    *ready = Some(ready.unwrap_or_default() + value);
                }
            }
        }
    }

    fn traffic(mut self, seconds: f64) -> GroupTraffic {
        for (traffic, ready) in self.traffic.iter_mut().zip(&self.ready) {
            traffic.rps = traffic.responses() / seconds;
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count"
            )]
            let ready = ready.map(|ready| ready as u64);
            traffic.ready = ready.map(|ready| (ready, ready));
        }
        let mut backends = std::mem::take(&mut self.traffic);
        GroupTraffic {
            refused: unattributed(&mut backends, &self),
            backends,
        }
    }
}

/// Gives the refused requests of a ServiceProfile, which has no numbers by backend, to the backends
/// whose queues got more requests than they answered. Returns the refused requests that belong to
/// no backend.
fn unattributed(backends: &mut [BackendTraffic], sums: &Sums) -> f64 {
    let known: f64 = backends.iter().map(|traffic| traffic.refused).sum();
    let by_route = (sums.refused_route - known).max(0.0);
    let mut by_profile = (sums.refused_profile - sums.broken).max(0.0);
    for (traffic, queued) in backends.iter_mut().zip(&sums.queued) {
        let missing = (queued - traffic.responses()).clamp(0.0, by_profile);
        traffic.refused += missing;
        by_profile -= missing;
    }
    by_route + by_profile
}
