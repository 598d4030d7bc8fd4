//! What one client's proxy counts: a fluid model, in which requests are divided exactly by weight.
//! No I/O and no clock.

use std::collections::BTreeMap;

use super::plan::{Answers, Plan, PlannedBackend, Pool, Via};
use crate::model::ServiceRef;

/// How long a request waits for an endpoint. After that the proxy fails all requests to the
/// backend at once, and prefers other backends, until an endpoint is ready.
const FAILFAST_TIMEOUT: f64 = 3.0;
/// The upper bounds of the buckets that the proxy counts latencies in, in milliseconds.
pub const LATENCY_BOUNDS: [f64; 25] = [
    1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 100.0, 200.0, 300.0, 400.0, 500.0, 1e3,
    2e3, 3e3, 4e3, 5e3, 1e4, 2e4, 3e4, 4e4, 5e4,
];
/// Latencies lie evenly between these multiples of the configured one.
const LATENCY_SPREAD: [f64; 2] = [0.8, 1.2];

/// The requests of one client to one Service. They are fractions here; metrics show whole ones.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    pub statuses: BTreeMap<(Via, ServiceRef), Statuses>,
    pub balancers: BTreeMap<ServiceRef, Balancer>,
}

/// How requests ended.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Statuses {
    pub success: f64,
    pub failure: f64,
    /// No endpoint was ready in time.
    pub refused: f64,
    /// Answered with 500 by the proxy, since the backend does not exist.
    pub injected: f64,
}

/// The queue before the endpoints of a backend.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Balancer {
    pub port: u16,
    pub endpoints: u32,
    /// Requests go to it.
    pub is_used: bool,
    /// All requests that came to it.
    pub queued: f64,
    /// The requests that wait for an endpoint.
    pub waiting: f64,
    /// Seconds since the first of them came.
    waited: f64,
    /// No request waited with success since the endpoints are gone.
    is_failing: bool,
    /// Answers within each of [`LATENCY_BOUNDS`].
    pub latency: [f64; LATENCY_BOUNDS.len()],
    pub latency_sum: f64,
    via: Via,
}

impl Counters {
    /// Counts the requests of some seconds.
    pub fn advance(&mut self, plan: &Plan, rps: f64, seconds: f64) {
        self.follow(plan);
        let mut left = seconds;
        while left > 0.0 {
            let step = self.until_failfast().min(left);
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
            let balancer = self.balancers.entry(backend.service.clone()).or_default();
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

    /// Returns the seconds until the next backend fails fast.
    fn until_failfast(&self) -> f64 {
        let waits = self.balancers.values().filter(|balancer| {
            let can_wait = balancer.is_used && balancer.endpoints == 0 && !balancer.is_failing;
            can_wait || balancer.waiting > 0.0
        });
        let left = waits.map(|balancer| FAILFAST_TIMEOUT - balancer.waited);
        left.fold(f64::INFINITY, f64::min)
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
        #[allow(clippy::cast_precision_loss, reason = "a weight is below 2^53")]
        let weight = |backend: &PlannedBackend| backend.weight as f64;
        let all: f64 = chosen.iter().map(|backend| weight(backend)).sum();
        for backend in chosen {
            let requests = requests * weight(backend) / all;
            match &backend.pool {
                Pool::Missing => self.statuses(&plan.via, &backend.service).injected += requests,
                Pool::Endpoints(pool) => self.queue(plan, backend, pool, requests),
            }
        }
    }

    fn queue(&mut self, plan: &Plan, backend: &PlannedBackend, pool: &[Answers], requests: f64) {
        let balancer = self.balancers.entry(backend.service.clone()).or_default();
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
            statuses.success += requests * some.success;
            statuses.failure += requests * (1.0 - some.success);
            let balancer = self.balancers.entry(backend.service.clone()).or_default();
            for (bucket, bound) in balancer.latency.iter_mut().zip(LATENCY_BOUNDS) {
                *bucket += requests * within(bound, some.latency_ms);
            }
            balancer.latency_sum += requests * some.latency_ms;
        }
    }

    /// Lets requests wait. Those that waited too long are refused.
    fn wait(&mut self, seconds: f64) {
        let mut refused = Vec::new();
        for (service, balancer) in &mut self.balancers {
            if balancer.waiting <= 0.0 {
                continue;
            }
            balancer.waited += seconds;
            if balancer.waited >= FAILFAST_TIMEOUT {
                let requests = std::mem::take(&mut balancer.waiting);
                balancer.waited = 0.0;
                balancer.is_failing = true;
                refused.push((balancer.via.clone(), service.clone(), requests));
            }
        }
        for (via, service, requests) in refused {
            self.statuses(&via, &service).refused += requests;
        }
    }

    fn statuses(&mut self, via: &Via, service: &ServiceRef) -> &mut Statuses {
        let key = (via.clone(), service.clone());
        self.statuses.entry(key).or_default()
    }

    /// Returns the answers of a backend, through whichever object they were asked for.
    pub fn answers(&self, service: &ServiceRef) -> Statuses {
        let of_service = self.statuses.iter().filter(|((_, of), _)| of == service);
        of_service.fold(Statuses::default(), |sum, (_, some)| sum.plus(*some))
    }
}

impl Statuses {
    pub fn plus(self, other: Self) -> Self {
        Self {
            success: self.success + other.success,
            failure: self.failure + other.failure,
            refused: self.refused + other.refused,
            injected: self.injected + other.injected,
        }
    }
}

/// Returns the share of the latencies that lie within a bound.
fn within(bound: f64, latency_ms: f64) -> f64 {
    let [low, high] = LATENCY_SPREAD;
    ((bound / latency_ms - low) / (high - low)).clamp(0.0, 1.0)
}
