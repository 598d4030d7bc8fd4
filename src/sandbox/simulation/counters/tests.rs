//! How requests are divided, wait and fail.

use proptest::prelude::*;

use super::*;
use crate::model::histogram::Histogram;

const HERE: &str = "web-svc";
const THERE: &str = "web-svc-east";

fn service(name: &str) -> ServiceRef {
    ServiceRef::new("emojivoto", name)
}

/// Endpoints that answer all requests in 5 ms.
fn endpoints(endpoints: u32) -> Pool {
    let some = Answers {
        endpoints,
        success: 1.0,
        latency_ms: 5.0,
    };
    Pool::Endpoints(Vec::from_iter((endpoints > 0).then_some(some)))
}

fn plan(backends: [(&str, u64, Pool); 2]) -> Plan {
    let backends = backends.map(|(name, weight, pool)| PlannedBackend {
        service: service(name),
        port: 80,
        weight,
        pool,
    });
    Plan {
        via: Via::Profile,
        backends: backends.into(),
    }
}

/// Answered, refused and waiting requests of a backend.
fn of(counters: &Counters, name: &str) -> [f64; 3] {
    let statuses = counters.of_backend(&service(name));
    let waiting = counters.balancers.get(&service(name));
    [
        statuses.answered(),
        statuses.refused(),
        waiting.map_or(0.0, |balancer| balancer.waiting),
    ]
}

#[test]
fn requests_are_divided_by_weight() {
    let mut counters = Counters::default();
    let plan = plan([(HERE, 1, endpoints(1)), (THERE, 3, endpoints(1))]);
    for _ in 0..40 {
        counters.advance(&plan, 2.0, 0.1);
    }
    assert_eq!(of(&counters, HERE), [2.0, 0.0, 0.0]);
    assert_eq!(of(&counters, THERE), [6.0, 0.0, 0.0]);
}

#[test]
fn a_backend_without_weight_gets_nothing_even_if_no_other_is_ready() {
    let mut counters = Counters::default();
    let plan = plan([(HERE, 1, endpoints(0)), (THERE, 0, endpoints(1))]);
    counters.advance(&plan, 2.0, 2.0);
    assert_eq!(of(&counters, HERE), [0.0, 0.0, 4.0], "they wait first");
    counters.advance(&plan, 2.0, 18.0);
    assert_eq!(of(&counters, HERE), [0.0, 40.0, 0.0]);
    assert_eq!(of(&counters, THERE), [0.0, 0.0, 0.0]);
}

#[test]
fn a_standby_takes_over_after_three_seconds_and_hands_back_at_once() {
    let mut counters = Counters::default();
    let with = |ready| {
        plan([
            (HERE, 1_000_000, endpoints(ready)),
            (THERE, 1, endpoints(1)),
        ])
    };
    counters.advance(&with(1), 10.0, 10.0);
    assert_eq!(of(&counters, HERE), [100.0, 0.0, 0.0]);
    counters.advance(&with(0), 10.0, 10.0);
    let [answered, refused, waiting] = of(&counters, HERE);
    assert_eq!([answered, waiting], [100.0, 0.0]);
    assert!((29.0..=33.0).contains(&refused), "{refused}");
    assert_eq!(of(&counters, THERE), [100.0 - refused, 0.0, 0.0]);
    counters.advance(&with(1), 10.0, 10.0);
    assert_eq!(of(&counters, HERE), [200.0, refused, 0.0]);
}

#[test]
fn requests_that_wait_are_answered_if_an_endpoint_is_ready_in_time() {
    let mut counters = Counters::default();
    let with = |ready| plan([(HERE, 1, endpoints(ready)), (THERE, 0, endpoints(1))]);
    counters.advance(&with(0), 2.0, 2.5);
    counters.advance(&with(1), 2.0, 0.5);
    assert_eq!(of(&counters, HERE), [6.0, 0.0, 0.0]);
}

#[test]
fn requests_that_wait_when_the_traffic_moves_are_refused() {
    let mut counters = Counters::default();
    counters.advance(
        &plan([(HERE, 1, endpoints(0)), (THERE, 0, endpoints(1))]),
        10.0,
        0.2,
    );
    counters.advance(
        &plan([(HERE, 0, endpoints(0)), (THERE, 1, endpoints(1))]),
        10.0,
        9.8,
    );
    assert_eq!(of(&counters, HERE), [0.0, 2.0, 0.0]);
    assert_eq!(of(&counters, THERE), [98.0, 0.0, 0.0]);
}

#[test]
fn the_proxy_answers_for_a_backend_that_does_not_exist() {
    let mut counters = Counters::default();
    let plan = plan([(HERE, 1, endpoints(1)), (THERE, 1, Pool::Missing)]);
    counters.advance(&plan, 2.0, 10.0);
    let injected = counters.of_backend(&service(THERE)).injected();
    assert_eq!((of(&counters, HERE), injected), ([10.0, 0.0, 0.0], 10.0));
}

#[test]
fn faults_show_in_the_success_rate_and_the_latency() {
    let mut counters = Counters::default();
    let slow = Pool::Endpoints(vec![Answers {
        endpoints: 2,
        success: 0.93,
        latency_ms: 25.0,
    }]);
    let plan = plan([(HERE, 0, endpoints(0)), (THERE, 1, slow)]);
    counters.advance(&plan, 2.0, 100.0);
    let statuses = counters.of_backend(&service(THERE));
    assert_eq!([statuses.successes(), statuses.failures()], [186.0, 14.0]);
    let balancer = &counters.balancers[&service(THERE)];
    assert_eq!(balancer.connections(), 2);
    let mut histogram = Histogram::default();
    for (bound, count) in LATENCY_BOUNDS.into_iter().zip(balancer.latency()) {
        histogram.add(bound, count);
    }
    histogram.add(f64::INFINITY, statuses.answered());
    let quantiles = [0.5, 0.95, 0.99].map(|share| histogram.quantile(share).unwrap().round());
    assert_eq!(quantiles, [25.0, 30.0, 30.0], "as in Linkerd's story");
}

proptest! {
    /// Every request is counted once, whatever happens and however often the metrics are read.
    #[test]
    fn no_request_is_lost(
        steps in proptest::collection::vec((0_u64..3, 0_u32..2, 0_u64..3, 0_u32..2, 0.0..5.0_f64), 1..20),
        rps in 0.0..20.0_f64,
        parts in 1_u32..5,
    ) {
        let mut counters = Counters::default();
        let mut seconds = 0.0;
        for (here, here_ready, there, there_ready, time) in steps {
            if here + there == 0 {
                continue;
            }
            seconds += time;
            let plan = plan([
                (HERE, here, endpoints(here_ready)),
                (THERE, there, endpoints(there_ready)),
            ]);
            for _ in 0..parts {
                counters.advance(&plan, rps, time / f64::from(parts));
            }
        }
        let all: f64 = [HERE, THERE].iter().flat_map(|name| of(&counters, name)).sum();
        let queued: f64 = counters.balancers.values().map(|balancer| balancer.queued).sum();
        prop_assert_eq!(all, queued);
        prop_assert!((all - (rps * seconds)).abs() <= 1.001, "{} of {}", all, rps * seconds);
    }
}
