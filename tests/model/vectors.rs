//! `tests/fixtures/decide.jsonl` was made by the executable reference of the rules: a state a line, with its answer.

use std::time::Duration;

use kubectl_failover::model::{
    Backend, Carrier, Failback, Group, GroupId, LastMove, MinReady, Policy, PolicyKind, Readiness,
    ServiceRef, State, Timers, Weights, WhyUnknown, decide,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    group: Given,
    expect: Expected,
}

#[derive(Deserialize)]
struct Given {
    backends: Vec<Option<(u32, u32)>>,
    weights: Vec<u64>,
    primary: usize,
    policy: String,
    shares: Vec<u64>,
    min_ready: serde_json::Value,
    failover_delay: String,
    failback_delay: String,
    failback: String,
    home: Option<usize>,
    unverified: bool,
    kind: String,
}

#[derive(Deserialize)]
struct Expected {
    rule: String,
    weights: serde_json::Value,
    unverified: bool,
    waiting: bool,
}

const SPENT: Duration = Duration::from_secs(60);

/// A delay that, after `SPENT`, is what the vector says has become of it.
fn delay(fate: &str) -> Duration {
    match fate {
        "none" => Duration::ZERO,
        "running" => SPENT * 2,
        "elapsed" => SPENT,
        other => panic!("no such fate of a delay: {other}"),
    }
}

fn group(given: &Given) -> Group {
    let service = |index: usize| ServiceRef::new("ns", format!("svc-{index}"));
    let backends = given.weights.iter().enumerate();
    let id = GroupId { namespace: "ns".into(), kind: "trafficsplit", name: "svc-failover".into() };
    let carrier = if given.kind == "route" { Carrier::Route } else { Carrier::Split };
    let backends = backends.map(|(index, &weight)| Backend::new("ns", service(index), weight)).collect();
    let mut group = Group {
        overridden: given.home.is_some(),
        home: given.home,
        policy: Policy {
            kind: match given.policy.as_str() {
                "spread" => PolicyKind::Spread,
                "ordered" => PolicyKind::Ordered,
                "active-active" => PolicyKind::ActiveActive,
                other => panic!("no such policy: {other}"),
            },
            min_ready: match &given.min_ready {
                serde_json::Value::String(percent) => {
                    MinReady::Percent(percent.trim_end_matches('%').parse().unwrap())
                }
                count => MinReady::Count(count.as_u64().unwrap().try_into().unwrap()),
            },
            failover_delay: delay(&given.failover_delay),
            failback_delay: delay(&given.failback_delay),
            failback: if given.failback == "manual" { Failback::Manual } else { Failback::Auto },
            ..Policy::of(given.weights.len())
        },
        ..Group::ordinary(id, carrier, "svc-0".into(), backends, given.primary)
    };
    if !given.shares.is_empty() {
        group.policy.shares.clone_from(&given.shares);
    }
    if given.unverified && given.weights.iter().any(|&weight| weight > 0) {
        group.last_move = Some(LastMove {
            from: String::new(),
            to: kubectl_failover::model::moves::write_weights(&group, &given.weights),
            at: jiff::Timestamp::UNIX_EPOCH,
            by: "reference".into(),
            why: "tried".into(),
            unverified: true,
        });
    }
    group
}

fn readiness(given: &Given) -> Vec<Readiness> {
    let known = |counts: &Option<(u32, u32)>| match *counts {
        Some((ready, total)) => Readiness::Known { ready, total },
        None => Readiness::Unknown { why: WhyUnknown::NotListed },
    };
    given.backends.iter().map(known).collect()
}

#[test]
fn every_vector_of_the_reference_agrees() {
    let text = include_str!("../fixtures/decide.jsonl");
    let mut seen = 0;
    for line in text.lines() {
        let vector: Vector = serde_json::from_str(line).unwrap();
        let group = group(&vector.group);
        let timers = Timers(vec![Some(SPENT); group.backends.len()]);
        let decision = decide(&group, &readiness(&vector.group), &timers, jiff::Timestamp::UNIX_EPOCH);

        assert_eq!((decision.rule as u8).to_string(), vector.expect.rule, "rule of {line}");
        let expected: Weights = match &vector.expect.weights {
            serde_json::Value::String(_) => Weights::Hold,
            weights => Weights::Set(serde_json::from_value(weights.clone()).unwrap()),
        };
        assert_eq!(decision.weights, expected, "weights of {line}");
        if vector.expect.unverified {
            assert!(decision.flags.unverified, "unverified in {line}");
        }
        if decision.state == State::Waiting {
            assert!(vector.expect.waiting, "waiting in {line}");
        }
        assert_eq!(decision.waiting, vector.expect.waiting, "waiting in {line}");
        assert_eq!(decision.look_again.is_some(), vector.expect.waiting, "when to look again in {line}");
        seen += 1;
    }
    assert!(seen > 500, "the fixture has {seen} vectors");
}
