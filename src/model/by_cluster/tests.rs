//! Summaries of clusters by groups.

use jiff::Timestamp;

use super::*;
use crate::model::AvoidEntry;
use crate::model::fixtures::{group, id};
use crate::model::mirror_side::MirrorSide;
use crate::model::readiness::Readiness;
use crate::model::{RemoteService, Runner, ServiceRef, WeightsOrigin, WhyUnknown};

/// A group with these backends: name, weight and readiness.
fn status(name: &str, backends: &[(&str, u64, Readiness)]) -> Status {
    let each = backends.iter().map(|(name, weight, _)| (*name, *weight));
    let group = group(id("ns", name), &Vec::from_iter(each));
    let readiness: Vec<Readiness> = backends.iter().map(|it| it.2.clone()).collect();
    let origin = WeightsOrigin::Created(None);
    Status::of(
        &group,
        &readiness,
        origin,
        Runner::Unattended,
        Timestamp::UNIX_EPOCH,
    )
}

fn known(ready: u32) -> Readiness {
    Readiness::Known { ready, total: 1 }
}

fn in_east() -> Residence {
    Residence::Mirrored {
        cluster: "east".into(),
        has_gateway: true,
    }
}

fn placed<'a>(context: &'a str, status: &'a Status, residences: Vec<Residence>) -> PlacedGroup<'a> {
    PlacedGroup {
        context,
        server: context,
        own: context,
        status,
        residences,
    }
}

#[test]
fn a_cluster_carries_what_has_a_weight_there_and_could_carry_what_is_ready_there() {
    let home = status("home", &[("web", 1, known(1)), ("web-east", 0, known(1))]);
    let away = status("away", &[("web", 0, known(0)), ("web-east", 1, known(1))]);
    let dead = status("dead", &[("web", 1, known(1)), ("web-east", 0, known(0))]);
    let residences = || vec![Residence::Local, in_east()];
    let groups: Vec<PlacedGroup> = [&home, &away, &dead]
        .map(|status| placed("west", status, residences()))
        .into();
    let clusters = by_cluster([("west", "west")], &groups);
    let [east, west] = clusters.as_slice() else {
        panic!("{clusters:?}")
    };
    let counts = |it: &ClusterSummary| (it.groups.len(), it.carrying().count(), it.spare().count());
    assert_eq!((east.name, counts(east)), ("east", (3, 1, 1)));
    assert_eq!((west.name, counts(west)), ("west", (3, 2, 0)));
    assert_eq!(west.contexts, ["west"]);
    assert!(east.contexts.is_empty());
    let BackendCounts {
        ready,
        dead,
        unknown,
    } = east.backends;
    assert_eq!((ready, dead, unknown), (2, 1, 0));
    assert_eq!(
        east.gateways,
        BTreeMap::from([("west", GatewayState::Ready)])
    );
    assert!(west.gateways.is_empty());
}

#[test]
fn an_order_of_several_groups_is_one_evacuation_of_the_cluster_of_their_backends() {
    let at = |second| Some(Timestamp::from_second(second).unwrap());
    let evacuated = |name: &str, second| {
        let mut group = group(id("ns", name), &[("web", 1), ("web-east", 0)]);
        group.avoid.entries = vec![AvoidEntry {
            backends: vec!["web-east".into()],
            id: "CHG-77".into(),
            by: "ops@vm".into(),
            at: at(second),
            ..AvoidEntry::default()
        }];
        let origin = WeightsOrigin::Created(None);
        let readiness = [known(1), known(1)];
        let now = Timestamp::UNIX_EPOCH;
        Status::of(&group, &readiness, origin, Runner::Unattended, now)
    };
    let (one, other) = (evacuated("one", 20), evacuated("other", 10));
    let residences = || vec![Residence::Local, in_east()];
    let groups = [&one, &other].map(|status| placed("west", status, residences()));
    let clusters = by_cluster([("west", "west")], &groups);
    let expected = Evacuation {
        id: "CHG-77",
        by: "ops@vm",
        since: at(10),
        until: None,
        reason: None,
        groups: 2,
        has_expired: false,
        is_returning: false,
    };
    assert_eq!(clusters[0].evacuations, [expected]);
    assert!(clusters[1].evacuations.is_empty());
}

#[test]
fn a_federated_service_carries_in_each_cluster_but_is_ready_in_none() {
    let only = status(
        "fed",
        &[("web", 0, known(1)), ("web-federated", 1, known(3))],
    );
    let federated = Residence::Federated {
        has_local: true,
        clusters: BTreeSet::from(["east".to_owned()]),
    };
    let groups = [placed("west", &only, vec![Residence::Local, federated])];
    let clusters = by_cluster([("west", "west")], &groups);
    for cluster in &clusters {
        assert_eq!(cluster.carrying().count(), 1, "{cluster:?}");
        assert_eq!(cluster.spare().count(), 0, "{cluster:?}");
    }
    assert_eq!(clusters[0].backends.all(), 0);
    assert_eq!(clusters[0].groups[0].is_ready, None);
    assert_eq!(clusters[1].groups[0].is_ready, Some(true));
}

#[test]
fn a_group_of_two_contexts_of_one_server_counts_once() {
    let group = status("web", &[("web", 1, known(1)), ("web-east", 0, known(1))]);
    let residences = || vec![Residence::Local, in_east()];
    let groups = ["west", "reader"].map(|context| PlacedGroup {
        server: "https://1",
        own: "west",
        ..placed(context, &group, residences())
    });
    let clusters = by_cluster([("west", "west"), ("reader", "west")], &groups);
    assert_eq!(clusters.len(), 2);
    assert_eq!(clusters[1].groups.len(), 1);
    assert_eq!(clusters[1].contexts, ["west", "reader"]);
}

#[test]
fn a_gateway_is_down_if_a_mirror_says_so_and_none_is_ready() {
    let remote = RemoteService {
        cluster: "east".into(),
        service: ServiceRef::new("ns", "web"),
    };
    let down = Readiness::Mirrored {
        ready: 0,
        total: 1,
        side: MirrorSide::Gateway(remote),
    };
    let unknown = Readiness::Unknown {
        why: WhyUnknown::NotListed,
    };
    let state = |all: &[Readiness]| {
        let states = all.iter().map(GatewayState::of);
        states.reduce(GatewayState::and).unwrap()
    };
    assert_eq!(state(&[down.clone(), known(1)]), GatewayState::Ready);
    assert_eq!(state(&[unknown.clone(), down]), GatewayState::Down);
    assert_eq!(state(&[unknown, Readiness::Missing]), GatewayState::Unknown);
}
