//! What one client's proxy counts. Requests are divided exactly by weight, and whole. No I/O and no
//! clock.

use std::collections::BTreeMap;

use super::plan::{Answers, Plan, PlannedBackend, Pool, Via};
use crate::model::ServiceRef;

/// How long a request waits for an endpoint. After that the proxy fails all requests to the
/// backend at once, and prefers other backends, until an endpoint is ready.
const FAILFAST_TIMEOUT: f64 = 3.0;
/// Sums of fractions may fall short by this much.
const ROUNDING: f64 = 1e-6;
/// The upper bounds of the buckets that the proxy counts latencies in, in milliseconds.
pub const LATENCY_BOUNDS: [f64; 25] = [
    1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 100.0, 200.0, 300.0, 400.0, 500.0, 1e3,
    2e3, 3e3, 4e3, 5e3, 1e4, 2e4, 3e4, 4e4, 5e4,
];
/// Latencies lie evenly between these multiples of the configured one.
const LATENCY_SPREAD: [f64; 2] = [0.8, 1.2];

/// The requests of one client to one Service.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    pub statuses: BTreeMap<(Via, ServiceRef), Statuses>,
    pub balancers: BTreeMap<ServiceRef, Balancer>,
    /// The part of a request that has not become a whole one.
    begun: f64,
    /// How many requests more than it got each backend should have, by its weight.
    owed: BTreeMap<ServiceRef, f64>,
}

/// How requests ended.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Statuses {
    answered: f64,
    /// Those of the answers that are failures, fractions included.
    failed: f64,
    /// No endpoint was ready in time.
    refused: f64,
    /// Answered with 500 by the proxy, since the backend does not exist.
    injected: f64,
}

/// The queue before the endpoints of a backend.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Balancer {
    pub port: u16,
    pub endpoints: u32,
    /// It has a weight.
    pub is_used: bool,
    /// All requests that came to it.
    pub queued: f64,
    /// The requests that wait for an endpoint.
    pub waiting: f64,
    /// Seconds since the first of them came.
    waited: f64,
    /// A request waited in vain since the endpoints are gone.
    is_failing: bool,
    /// Answers within each of [`LATENCY_BOUNDS`].
    latency: [f64; LATENCY_BOUNDS.len()],
    latency_sum: f64,
    via: Via,
}

impl Counters {
    /// Counts the requests of some seconds.
    pub fn advance(&mut self, plan: &Plan, rps: f64, seconds: f64) {
        self.follow(plan);
        let mut left = seconds;
        while left > 0.0 {
            let step = self.until_failfast(rps).clamp(ROUNDING, left.max(ROUNDING));
            self.send(plan, rps * step);
            self.wait(step);
            left -= step;
        }
    }

    /// Takes over the endpoints of the plan. Requests that wait for one are answered.
    fn follow(&mut self, plan: &Plan) {
        for balancer in self.balancers.values_mut() {
            balancer.is_used = false;
        }
        for backend in &plan.backends {
            let Pool::Endpoints(pool) = &backend.pool else {
                continue;
            };
            let balancer = self.balancer(&backend.service);
            balancer.port = backend.port;
            balancer.via = plan.via.clone();
            balancer.is_used = backend.weight > 0;
            balancer.endpoints = backend.pool.ready();
            if balancer.endpoints > 0 {
                balancer.is_failing = false;
                balancer.waited = 0.0;
                let waiting = std::mem::take(&mut balancer.waiting);
                self.answer(plan, backend, pool, waiting);
            }
        }
    }

    /// Returns the seconds until the next backend fails fast, or until a request may be the first
    /// one to wait.
    fn until_failfast(&self, rps: f64) -> f64 {
        let times = self.balancers.values().map(|balancer| {
            if balancer.waiting > 0.0 {
                FAILFAST_TIMEOUT - balancer.waited
            } else if balancer.is_used && balancer.endpoints == 0 && !balancer.is_failing {
                1.0 / rps
            } else {
                f64::INFINITY
            }
        });
        times.fold(f64::INFINITY, f64::min)
    }

    fn send(&mut self, plan: &Plan, requests: f64) {
        let used = || plan.backends.iter().filter(|backend| backend.weight > 0);
        let is_failing = |backend: &&PlannedBackend| {
            let balancer = self.balancers.get(&backend.service);
            balancer.is_some_and(|balancer| balancer.is_failing)
        };
        let mut chosen: Vec<&PlannedBackend> = used().filter(|it| !is_failing(it)).collect();
        if chosen.is_empty() {
            chosen = used().collect();
        }
        self.begun += requests;
        let whole = (self.begun + ROUNDING).floor();
        self.begun -= whole;
        let shares = self.divide(&chosen, whole);
        for (backend, requests) in chosen.into_iter().zip(shares) {
            match &backend.pool {
                _ if requests < 1.0 => {}
                Pool::Missing => self.statuses(&plan.via, &backend.service).injected += requests,
                Pool::Endpoints(pool) => self.queue(plan, backend, pool, requests),
            }
        }
    }

    /// Divides requests by weight. What a backend lacks to its share it gets later.
    fn divide(&mut self, backends: &[&PlannedBackend], requests: f64) -> Vec<f64> {
        #[allow(clippy::cast_precision_loss, reason = "a weight is below 2^53")]
        let weights: Vec<f64> = backends.iter().map(|it| it.weight as f64).collect();
        let all: f64 = weights.iter().sum();
        self.owed
            .retain(|service, _| backends.iter().any(|it| it.service == *service));
        let owed = backends.iter().zip(weights).map(|(backend, weight)| {
            let before = self.owed.get(&backend.service).copied();
            before.unwrap_or_default() + requests * weight / all
        });
        let mut owed: Vec<f64> = owed.collect();
        let mut shares = vec![0.0; owed.len()];
        let mut left = requests;
        while left >= 1.0 {
            let most = owed.iter().copied().enumerate();
            let Some((index, most)) = most.max_by(|(_, a), (_, b)| a.total_cmp(b)) else {
                break;
            };
            let given = most.floor().clamp(1.0, left);
            shares[index] += given;
            owed[index] -= given;
            left -= given;
        }
        let services = backends.iter().map(|backend| backend.service.clone());
        self.owed.extend(services.zip(owed));
        shares
    }

    fn queue(&mut self, plan: &Plan, backend: &PlannedBackend, pool: &[Answers], requests: f64) {
        let balancer = self.balancer(&backend.service);
        balancer.queued += requests;
        if balancer.endpoints > 0 {
            self.answer(plan, backend, pool, requests);
        } else if balancer.is_failing {
            self.statuses(&plan.via, &backend.service).refused += requests;
        } else {
            balancer.waiting += requests;
        }
    }

    fn answer(&mut self, plan: &Plan, backend: &PlannedBackend, pool: &[Answers], requests: f64) {
        let all = f64::from(backend.pool.ready());
        for some in pool {
            let requests = requests * f64::from(some.endpoints) / all;
            let statuses = self.statuses(&plan.via, &backend.service);
            statuses.answered += requests;
            statuses.failed += requests * (1.0 - some.success);
            let balancer = self.balancer(&backend.service);
            for (bucket, bound) in balancer.latency.iter_mut().zip(LATENCY_BOUNDS) {
                *bucket += requests * within(bound, some.latency_ms);
            }
            balancer.latency_sum += requests * some.latency_ms;
        }
    }

    /// Lets requests wait. Those that have waited too long are refused.
    fn wait(&mut self, seconds: f64) {
        let mut refused = Vec::new();
        for (service, balancer) in &mut self.balancers {
            if balancer.waiting <= 0.0 {
                continue;
            }
            balancer.waited += seconds;
            if balancer.waited >= FAILFAST_TIMEOUT - ROUNDING {
                balancer.waited = 0.0;
                balancer.is_failing = true;
                let requests = std::mem::take(&mut balancer.waiting);
                refused.push((balancer.via.clone(), service.clone(), requests));
            }
        }
        for (via, service, requests) in refused {
            self.statuses(&via, &service).refused += requests;
        }
    }

    fn balancer(&mut self, service: &ServiceRef) -> &mut Balancer {
        self.balancers.entry(service.clone()).or_default()
    }

    fn statuses(&mut self, via: &Via, service: &ServiceRef) -> &mut Statuses {
        let key = (via.clone(), service.clone());
        self.statuses.entry(key).or_default()
    }

    /// Returns how the requests to a backend ended, through whichever object they came.
    pub fn of_backend(&self, service: &ServiceRef) -> Statuses {
        let of_service = self.statuses.iter().filter(|((_, of), _)| of == service);
        of_service.fold(Statuses::default(), |sum, (_, some)| sum.plus(*some))
    }
}

impl Statuses {
    pub fn plus(self, other: Self) -> Self {
        Self {
            answered: self.answered + other.answered,
            failed: self.failed + other.failed,
            refused: self.refused + other.refused,
            injected: self.injected + other.injected,
        }
    }

    pub fn answered(self) -> f64 {
        whole(self.answered)
    }

    pub fn failures(self) -> f64 {
        whole(self.failed)
    }

    pub fn successes(self) -> f64 {
        self.answered() - self.failures()
    }

    pub fn refused(self) -> f64 {
        whole(self.refused)
    }

    pub fn injected(self) -> f64 {
        whole(self.injected)
    }
}

impl Balancer {
    /// Returns the answers within each of [`LATENCY_BOUNDS`].
    pub fn latency(&self) -> [f64; LATENCY_BOUNDS.len()] {
        self.latency.map(whole)
    }

    pub fn latency_sum(&self) -> f64 {
        whole(self.latency_sum)
    }

    /// Returns the open connections: one to each endpoint.
    pub fn connections(&self) -> u32 {
        if self.is_used { self.endpoints } else { 0 }
    }
}

/// Returns the share of the latencies that lie within a bound.
fn within(bound: f64, latency_ms: f64) -> f64 {
    let [low, high] = LATENCY_SPREAD;
    ((bound / latency_ms - low) / (high - low)).clamp(0.0, 1.0)
}

fn whole(count: f64) -> f64 {
    (count + ROUNDING).floor()
}

#[cfg(test)]
mod tests;
