//! One simulated client: what it calls, and what it has counted so far.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::counters::Counters;
use super::exposition;
use super::plan::{Plan, Target};

/// The requests of one client. Its server and the simulator share it.
#[derive(Debug, Clone)]
pub struct SimulatedClient(Arc<Mutex<Requests>>);

#[derive(Debug)]
struct Requests {
    /// In Unix seconds.
    started: f64,
    counted_until: Instant,
    rps: f64,
    calls: Vec<(Target, Plan, Counters)>,
}

impl SimulatedClient {
    pub fn new(started: f64, targets: &[Target]) -> Self {
        let calls = targets
            .iter()
            .map(|target| (target.clone(), Plan::default(), Counters::default()));
        Self(Arc::new(Mutex::new(Requests {
            started,
            counted_until: Instant::now(),
            rps: 0.0,
            calls: calls.collect(),
        })))
    }

    /// Sends by these plans from now on.
    pub fn follow(&self, rps: f64, plans: &BTreeMap<&Target, Plan>) {
        let mut requests = self.0.lock();
        requests.count();
        requests.rps = rps;
        for (target, plan, _) in &mut requests.calls {
            if let Some(new) = plans.get(target) {
                plan.clone_from(new);
            }
        }
    }

    /// Returns the metrics of its proxy.
    pub fn metrics(&self) -> String {
        let mut requests = self.0.lock();
        requests.count();
        let calls = requests.calls.iter();
        let calls: Vec<_> = calls
            .map(|(target, _, counters)| (target, counters))
            .collect();
        exposition::write(requests.started, &calls)
    }
}

impl Requests {
    /// Counts the requests until now.
    fn count(&mut self) {
        let now = Instant::now();
        let seconds = (now - self.counted_until).as_secs_f64();
        self.counted_until = now;
        for (_, plan, counters) in &mut self.calls {
            counters.advance(plan, self.rps, seconds);
        }
    }
}
