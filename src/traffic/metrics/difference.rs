//! The requests between two scrapes of one proxy: differences per process and label set, added up
//! by backend.

use super::scrape::{Meaning, Scrape};
use crate::model::traffic::BackendTraffic;

/// The requests of one client between two scrapes.
#[derive(Debug, Default)]
pub struct ClientTraffic {
    /// One entry for each backend.
    pub backends: Vec<BackendTraffic>,
    /// Refused requests that belong to no backend.
    pub refused: f64,
    /// Whether it is another process than that of the first scrape.
    pub is_restarted: bool,
}

/// What only the sums over all series show.
#[derive(Debug, Default)]
struct Sums {
    /// By backend.
    queued: Vec<f64>,
    refused_route: f64,
    refused_profile: f64,
    broken: f64,
}

/// Returns the requests between two scrapes.
pub fn difference(before: &Scrape, after: &Scrape, seconds: f64, backends: usize) -> ClientTraffic {
    let is_restarted = before.started != after.started;
    let mut client = ClientTraffic {
        backends: vec![BackendTraffic::default(); backends],
        refused: 0.0,
        is_restarted,
    };
    let mut sums = Sums {
        queued: vec![0.0; backends],
        ..Sums::default()
    };
    let mut ready: Vec<Option<f64>> = vec![None; backends];
    for (key, (meaning, value)) in &after.series {
        // A new process, and a series that was dropped and is there again, count from 0.
        let earlier = before.series.get(key).map(|(_, earlier)| *earlier);
        let earlier = earlier.filter(|earlier| !is_restarted && earlier <= value);
        let value = if meaning.is_gauge() {
            *value
        } else {
            value - earlier.unwrap_or_default()
        };
        let mut add = |backend: usize, add: &dyn Fn(&mut BackendTraffic)| {
            if let Some(traffic) = client.backends.get_mut(backend) {
                add(traffic);
            }
        };
        match *meaning {
            Meaning::Responses {
                backend,
                success: true,
            } => add(backend, &|it| it.success += value),
            Meaning::Responses { backend, .. } => add(backend, &|it| it.failure += value),
            Meaning::Broken { backend } => {
                add(backend, &|it| it.failure += value);
                sums.broken += value;
            }
            Meaning::Latency { backend, bound } => {
                add(backend, &|it| it.latency.add(bound, value));
            }
            Meaning::Queued { backend } => {
                if let Some(queued) = sums.queued.get_mut(backend) {
                    *queued += value;
                }
            }
            Meaning::Direct { backend } => add(backend, &|it| it.direct += value),
            Meaning::RefusedBackend { backend } => add(backend, &|it| it.refused += value),
            Meaning::RefusedRoute => sums.refused_route += value,
            Meaning::RefusedProfile => sums.refused_profile += value,
            Meaning::Connections { backend } => add(backend, &|it| it.connections += value),
            Meaning::Waiting { backend } => add(backend, &|it| it.waiting += value),
            Meaning::Ready { backend } => {
                if let Some(ready) = ready.get_mut(backend) {
                    *ready = Some(ready.unwrap_or_default() + value);
                }
            }
        }
    }
    for (traffic, ready) in client.backends.iter_mut().zip(ready) {
        traffic.rps = traffic.responses() / seconds;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count"
        )]
        let ready = ready.map(|ready| ready as u64);
        traffic.ready = ready.map(|ready| (ready, ready));
    }
    client.refused = unattributed(&mut client.backends, &sums);
    client
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
