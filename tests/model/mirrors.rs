//! The readiness of a mirror service once both sides have been read.

use kubectl_failover::model::{
    Member, MinReady, Mirror, Readiness, RemoteService, ServiceRef, WhyUnknown,
};
use proptest::prelude::*;

const UNKNOWN: Readiness = Readiness::Unknown {
    why: WhyUnknown::NotListed,
};

fn known(ready: u32, total: u32) -> Readiness {
    Readiness::Known { ready, total }
}

fn in_cluster(cluster: &str) -> RemoteService {
    RemoteService {
        cluster: cluster.into(),
        service: ServiceRef::new("ns", "web-svc"),
    }
}

fn no_remote() -> Readiness {
    Readiness::Unknown {
        why: WhyUnknown::no_remote("east"),
    }
}

fn gateway(local: Readiness, there: &Readiness) -> Readiness {
    Mirror::Gateway(in_cluster("east")).reading(local, |_| UNKNOWN, |_| there.clone())
}

fn flat(there: &Readiness) -> Readiness {
    Mirror::RemoteDiscovery(in_cluster("east")).reading(UNKNOWN, |_| UNKNOWN, |_| there.clone())
}

/// A federation of a service in this cluster and of others in remote ones.
fn federated(members: &[Readiness]) -> Readiness {
    let there = (1..members.len()).map(|i| Member::Remote(in_cluster(&i.to_string())));
    let here = Member::Local(ServiceRef::new("ns", "web-svc"));
    let mirror = Mirror::Federated(std::iter::once(here).chain(there).collect());
    mirror.reading(
        UNKNOWN,
        |_| members[0].clone(),
        |remote| members[remote.cluster.parse::<usize>().unwrap()].clone(),
    )
}

fn words(readiness: &Readiness) -> String {
    let (ready, total) = readiness.counts().expect("it is known");
    readiness
        .side()
        .expect("it is a mirror's")
        .words(ready, total)
}

#[test]
fn a_gateway_needs_both_sides() {
    let both = gateway(known(1, 1), &known(2, 3));
    assert_eq!(
        (both.counts(), both.side().unwrap().name()),
        (Some((2, 3)), "remote")
    );

    let no_gateway = gateway(known(0, 1), &known(2, 2));
    assert_eq!(
        (no_gateway.counts(), no_gateway.side().unwrap().name()),
        (Some((0, 2)), "gateway")
    );
    assert_eq!(words(&no_gateway), "the gateway of east is not ready");

    let empty = gateway(known(1, 1), &known(0, 2));
    assert_eq!(
        (empty.counts(), words(&empty)),
        (
            Some((0, 2)),
            "web-svc in east has 0 of 2 endpoints ready".into()
        )
    );

    let neither = gateway(known(0, 1), &known(0, 2));
    assert_eq!(
        (neither.counts(), neither.side().unwrap().name()),
        (Some((0, 2)), "both")
    );

    let emptied = gateway(known(0, 0), &known(0, 2));
    assert_eq!(
        (emptied.counts(), emptied.side().unwrap().name()),
        (Some((0, 2)), "remote")
    );
}

#[test]
fn an_unknown_remote_is_dead_only_if_the_gateway_is() {
    assert!(gateway(known(1, 1), &UNKNOWN).is_unknown());
    assert!(gateway(known(0, 1), &UNKNOWN).is_dead());
    assert!(gateway(UNKNOWN, &known(1, 1)).is_unknown());
    assert!(flat(&UNKNOWN).is_unknown());
}

#[test]
fn without_a_remote_the_gateway_counts_alone() {
    assert_eq!(gateway(known(1, 1), &no_remote()), known(1, 1));
    assert_eq!(gateway(known(0, 1), &no_remote()), known(0, 1));
    assert_eq!(
        gateway(Readiness::Missing, &known(1, 1)),
        Readiness::Missing
    );
    assert_eq!(flat(&no_remote()), no_remote());
}

#[test]
fn a_federation_is_the_sum_of_its_members() {
    let one_ready = federated(&[known(0, 2), known(1, 3), UNKNOWN]);
    assert_eq!(
        (one_ready.counts(), words(&one_ready)),
        (
            Some((1, 5)),
            "1 of 5 endpoints of its 3 members (2 of them known) are ready".into()
        )
    );
    assert_eq!(one_ready.why_unknown(), Some(&WhyUnknown::NotListed));
    assert_eq!(federated(&[known(0, 2), known(1, 3)]).why_unknown(), None);
    assert!(federated(&[known(0, 2), UNKNOWN]).is_unknown());
    assert!(federated(&[known(0, 2), known(0, 0)]).is_dead());
    assert!(
        Mirror::Federated(Vec::new())
            .reading(UNKNOWN, |_| UNKNOWN, |_| UNKNOWN)
            .is_unknown()
    );
}

#[test]
fn a_threshold_is_unknown_if_an_unknown_member_decides_it() {
    let partly = federated(&[known(2, 2), UNKNOWN]);
    assert_eq!(
        partly.meets(MinReady::Count(2)),
        Some(true),
        "the other member can only add"
    );
    assert_eq!(partly.meets(MinReady::Count(3)), None);
    assert_eq!(partly.meets(MinReady::Percent(50)), None);
    assert_eq!(
        federated(&[known(2, 2), known(0, 2)]).meets(MinReady::Count(3)),
        Some(false)
    );
}

fn any_min_ready() -> impl Strategy<Value = MinReady> {
    prop_oneof![
        (1u32..6).prop_map(MinReady::Count),
        (1u8..=100).prop_map(MinReady::Percent)
    ]
}

fn any_readiness() -> impl Strategy<Value = Readiness> {
    prop_oneof![
        3 => (0u32..3, 0u32..3).prop_map(|(ready, more)| known(ready, ready + more)),
        1 => Just(UNKNOWN),
        1 => Just(Readiness::Missing),
        1 => Just(no_remote()),
    ]
}

proptest! {
    #[test]
    fn a_gateway_is_ready_only_where_nothing_contradicts(local in any_readiness(), there in any_readiness()) {
        let reading = gateway(local.clone(), &there);
        prop_assert!(!reading.is_ready() || (local.is_ready() && !there.is_dead()), "{reading:?}");
        prop_assert!(!reading.is_dead() || local.is_dead() || there.is_dead(), "{reading:?}");
        prop_assert!(there != UNKNOWN || local.is_dead() || reading.is_unknown(), "{reading:?}");
    }

    #[test]
    fn a_federation_is_ready_where_one_member_is_and_dead_where_all_are(
        members in prop::collection::vec(any_readiness(), 1..5)
    ) {
        let reading = federated(&members);
        prop_assert_eq!(reading.is_ready(), members.iter().any(Readiness::is_ready));
        prop_assert_eq!(reading.is_dead(), members.iter().all(Readiness::is_dead));
    }

    #[test]
    fn members_that_turn_unknown_never_turn_enough_into_short_or_back(
        members in prop::collection::vec((any_readiness(), any::<bool>()), 1..5),
        min_ready in any_min_ready(),
    ) {
        let before: Vec<Readiness> = members.iter().map(|(readiness, _)| readiness.clone()).collect();
        let lost = |(readiness, gone): (Readiness, bool)| if gone { UNKNOWN } else { readiness };
        let after: Vec<Readiness> = members.into_iter().map(lost).collect();
        let meets = |members: &[Readiness]| federated(members).meets(min_ready);
        if let (Some(before), Some(after)) = (meets(&before), meets(&after)) {
            prop_assert_eq!(before, after);
        }
    }
}
