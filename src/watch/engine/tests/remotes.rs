//! The readiness of mirrored services in other clusters.

use super::super::revalidate::REMOTE_GRACE;
use super::*;
use crate::model::{Member, Mirror, RemoteService, WhyUnknown};

fn east(name: &str) -> RemoteService {
    RemoteService {
        cluster: "east".into(),
        service: ServiceRef::new("ns", name),
    }
}

fn flat() -> Service {
    mirror("web-east", Mirror::RemoteDiscovery(east("origin")))
}

fn gateway() -> Service {
    mirror("web-east", Mirror::Gateway(east("origin")))
}

/// Returns the Services of the local cluster: the primary and this mirror.
fn here_is(mirror: Service) -> Vec<Service> {
    vec![service("web"), mirror]
}

/// The number of a watch, and its cluster.
type Started = (SliceWatchId, Option<String>);

impl Harness {
    fn started_where(&mut self) -> Vec<Started> {
        self.settle();
        self.take(|effect| match effect {
            Effect::StartWatch(id, scope) => Some((*id, scope.cluster.clone())),
            _ => None,
        })
    }

    /// Starts with the fallback web-east. Everything local is listed, and nothing remote. Returns
    /// the watch of the remote.
    fn with_mirror(service: Service, here: &[(&str, u32)]) -> (Self, SliceWatchId) {
        let mut harness = Self::asking(&["east"], &[("web", 1), ("web-east", 0)]);
        let [(ours, None)] = harness.started_where()[..] else {
            panic!("{:?}", harness.effects)
        };
        harness
            .engine
            .service_event(ours, Event::Listed(here_is(service)), harness.now);
        let slices = here
            .iter()
            .map(|(service, ready)| slice(service, *ready))
            .collect();
        harness
            .engine
            .slice_event(ours, Event::Listed(slices), harness.now);
        harness.pass(1);
        let started = harness.started_where();
        let theirs = started
            .iter()
            .find(|(_, cluster)| cluster.is_some())
            .expect("a watch of the remote")
            .0;
        (harness, theirs)
    }

    fn list_there(&mut self, watch: SliceWatchId, services: &[(&str, u32)]) {
        let slices = services
            .iter()
            .map(|(service, ready)| slice(service, *ready))
            .collect();
        self.engine
            .slice_event(watch, Event::Listed(slices), self.now);
        self.settle();
    }
}

#[test]
fn without_remotes_only_the_local_cluster_is_watched() {
    let mut harness = Harness::new(&[("web", 1), ("web-east", 0)]);
    let watch = harness.started()[0];
    harness
        .engine
        .service_event(watch, Event::Listed(vec![flat(), gateway()]), harness.now);
    harness.list(watch, &[("web", 1)]);
    harness.pass(1);
    assert!(harness.started().is_empty() && harness.engine.is_settled());
}

#[test]
fn traffic_goes_to_a_remote_service_that_has_endpoints_and_leaves_it_when_they_go() {
    let (mut harness, theirs) = Harness::with_mirror(flat(), &[("web", 0)]);
    assert!(
        harness.writes().is_empty() && !harness.engine.is_settled(),
        "the remote is not listed yet"
    );
    harness.list_there(theirs, &[("origin", 2)]);
    assert_eq!(harness.writes()[0].0, [0, 1]);

    let (mut harness, theirs) = Harness::with_mirror(flat(), &[("web", 0)]);
    harness.list_there(theirs, &[("origin", 0)]);
    assert!(
        harness.writes().is_empty() && harness.engine.is_settled(),
        "no backend is ready: hold"
    );
    harness.slice_changed(theirs, "origin", 1);
    assert_eq!(harness.writes()[0].0, [0, 1]);
}

#[test]
fn a_gateway_mirror_without_ready_remote_endpoints_is_dead() {
    let (mut harness, theirs) = Harness::with_mirror(gateway(), &[("web", 0), ("web-east", 1)]);
    harness.list_there(theirs, &[("origin", 0)]);
    assert!(harness.writes().is_empty() && harness.engine.is_settled());
    harness.slice_changed(theirs, "origin", 1);
    assert_eq!(harness.writes()[0].0, [0, 1]);

    let (mut harness, theirs) = Harness::with_mirror(gateway(), &[("web", 0), ("web-east", 0)]);
    harness.list_there(theirs, &[("origin", 1)]);
    assert!(harness.writes().is_empty() && harness.engine.is_settled());
    harness.slice_changed(SliceWatchId(1), "web-east", 1);
    assert_eq!(harness.writes()[0].0, [0, 1]);
}

#[test]
fn if_mirrors_are_unknown_local_endpoints_do_not_prove_a_backend_ready() {
    for error in [forbidden(), lost()] {
        let mut harness = Harness::asking(&["east"], &[("web", 1), ("web-east", 0)]);
        let ours = harness.started()[0];
        let slices = vec![slice("web", 0), slice("web-east", 1)];
        harness
            .engine
            .slice_event(ours, Event::Listed(slices), harness.now);
        harness
            .engine
            .service_event(ours, Event::Failed(error), harness.now);
        harness.pass(12);
        let (weights, note) = harness.writes().remove(0);
        assert!(weights == [0, 1] && note.contains("unverified"), "{note}");
    }
}

#[test]
fn a_mirror_whose_gateway_is_down_does_not_wait_for_its_remote() {
    let (harness, _) = Harness::with_mirror(gateway(), &[("web", 1), ("web-east", 0)]);
    assert!(harness.engine.is_settled());
}

#[test]
fn at_the_start_an_unreachable_remote_is_unknown_after_10_s() {
    let (mut harness, _) = Harness::with_mirror(flat(), &[("web", 1)]);
    harness.pass_alive(9);
    assert!(!harness.engine.is_settled());
    harness.pass_alive(2);
    assert!(harness.writes().is_empty() && harness.engine.is_settled());
}

#[test]
fn a_silent_remote_moves_nothing_and_recovers_by_itself() {
    let mut harness = {
        let (mut harness, theirs) = Harness::with_mirror(flat(), &[("web", 0)]);
        harness.list_there(theirs, &[("origin", 1)]);
        assert_eq!(harness.writes().len(), 1);
        let away = group(2, &[("web", 0), ("web-east", 1)], None);
        harness.answer(Ok(away));
        harness.settle();
        harness
    };
    harness.pass_alive(60);
    assert!(harness.writes().is_empty(), "unknown is not dead");
    harness.list_there(SliceWatchId(2), &[("origin", 1)]);
    harness.slice_changed(SliceWatchId(1), "web", 1);
    assert_eq!(harness.writes()[0].0, [1, 0]);
}

/// A changed slice says nothing about the backend that gets the traffic.
#[test]
fn a_slice_moves_no_traffic_to_a_silent_remote_before_it_is_listed_again() {
    for (endpoints, weights) in [(1, Some(vec![0, 1])), (0, None)] {
        let (mut harness, theirs) = Harness::with_mirror(flat(), &[("web", 1)]);
        harness.list_there(theirs, &[("origin", 1)]);
        harness.pass_alive(22);
        assert_eq!(harness.relist_count(), 0);
        harness.slice_changed(SliceWatchId(1), "web", 0);
        let places = harness.relists();
        assert_eq!(places.len(), 1, "{places:?}");
        assert_eq!(places[0].cluster.as_deref(), Some("east"));
        assert!(harness.writes().is_empty());
        let listed = Ok(vec![slice("origin", endpoints)]);
        harness.engine.relisted(&places[0], listed, harness.now);
        harness.settle();
        let writes: Vec<Vec<u64>> = harness
            .writes()
            .into_iter()
            .map(|(after, _)| after)
            .collect();
        assert_eq!(writes, Vec::from_iter(weights));
    }
}

/// Starts with the traffic on the primary, and with fallbacks in east and central, in this order.
/// All are ready. East is partitioned for 15 s.
fn partitioned_from_east(policy: &[(&str, &str)]) -> Harness {
    let backends = [("web", 1), ("web-east", 0), ("web-central", 0)];
    let cache = ReadinessCache::new(NamedRemotes::of(&["east", "central"]));
    let mut harness = Harness::of(EngineOptions::default(), cache).with_group(&backends);
    harness.edit(read(2, &backends, policy));
    let ours = harness.started()[0];
    let central = RemoteService {
        cluster: "central".into(),
        ..east("origin")
    };
    let mut services = here_is(flat());
    services.push(mirror("web-central", Mirror::RemoteDiscovery(central)));
    harness
        .engine
        .service_event(ours, Event::Listed(services), harness.now);
    let slices = Event::Listed(vec![slice("web", 1)]);
    harness.engine.slice_event(ours, slices, harness.now);
    harness.pass(1);
    let mut heard = vec![ours];
    for (watch, cluster) in harness.started_where() {
        harness.list_there(watch, &[("origin", 1)]);
        heard.extend((cluster.as_deref() == Some("central")).then_some(watch));
    }
    for _ in 0..15 {
        for watch in &heard {
            harness
                .engine
                .slice_event(*watch, Event::Alive, harness.now);
        }
        harness.pass(1);
    }
    assert!(harness.writes().is_empty() && harness.engine.is_settled());
    harness
}

#[test]
fn a_failover_goes_to_another_ready_fallback_if_a_silent_cluster_does_not_answer() {
    let ordered = [("policy", "ordered")];
    let spread = [("policy", "spread")];
    for (policy, weights_with_east) in [(&ordered[..], [0, 1, 0]), (&spread[..], [0, 1, 1])] {
        let dies = || {
            let mut harness = partitioned_from_east(policy);
            harness.slice_changed(SliceWatchId(1), "web", 0);
            assert!(harness.writes().is_empty(), "east is asked first");
            let places = harness.relists();
            assert_eq!(places.len(), 1, "{places:?}");
            assert_eq!(places[0].cluster.as_deref(), Some("east"));
            (harness, places)
        };
        let (mut hanging, _) = dies();
        hanging.now += REMOTE_GRACE;
        hanging.settle();
        assert_eq!(hanging.writes()[0].0, [0, 0, 1], "{policy:?}");

        let (mut failing, places) = dies();
        failing
            .engine
            .relisted(&places[0], Err(lost()), failing.now);
        failing.settle();
        assert_eq!(failing.writes()[0].0, [0, 0, 1], "{policy:?}");

        let (mut answering, places) = dies();
        let listed = Ok(vec![slice("origin", 1)]);
        answering.engine.relisted(&places[0], listed, answering.now);
        answering.settle();
        assert_eq!(answering.writes()[0].0, weights_with_east, "{policy:?}");
    }
}

/// The other backend has its traffic already, so the dead primary does not have to wait for it.
#[test]
fn traffic_leaves_a_dead_backend_without_a_list_of_those_that_carry_already() {
    let (mut harness, theirs) = Harness::with_mirror(flat(), &[("web", 1)]);
    harness.list_there(theirs, &[("origin", 1)]);
    let both = [("web", 1), ("web-east", 1)];
    harness.edit(read(2, &both, &[("policy", "active-active")]));
    harness.pass_alive(22);
    harness.relists();
    harness.slice_changed(SliceWatchId(1), "web", 0);
    assert_eq!(harness.relist_count(), 0);
    assert_eq!(harness.writes()[0].0, [0, 1]);
}

#[test]
fn a_failing_remote_is_waited_for_and_a_missing_one_is_not() {
    let (mut harness, theirs) = Harness::with_mirror(flat(), &[("web", 0)]);
    harness.engine.no_access(
        theirs,
        WhyUnknown::NoAccess("no credentials yet".into()),
        harness.now,
    );
    harness.settle();
    assert!(harness.writes().is_empty() && !harness.engine.is_settled());
    harness.pass_alive(12);
    assert_eq!(
        harness.writes()[0].0,
        [0, 1],
        "unverified: nothing is lost by trying"
    );
    assert_eq!(harness.stuck(), [""; 0], "the report of the move says it");

    let (mut harness, theirs) = Harness::with_mirror(flat(), &[("web", 1)]);
    harness
        .engine
        .no_access(theirs, WhyUnknown::no_remote("east"), harness.now);
    harness.settle();
    assert!(harness.engine.is_settled());
    // Without a remote, the readiness of the gateway alone counts.
    let (mut harness, theirs) = Harness::with_mirror(gateway(), &[("web", 0), ("web-east", 1)]);
    harness
        .engine
        .no_access(theirs, WhyUnknown::no_remote("east"), harness.now);
    harness.settle();
    assert_eq!(harness.writes()[0].0, [0, 1]);
}

/// Lets the primary of a group die. Its failover-delay ends after the remote has been silent for
/// long.
fn delayed_with_a_silent_remote() -> Harness {
    let (mut harness, theirs) = Harness::with_mirror(flat(), &[("web", 1)]);
    harness.list_there(theirs, &[("origin", 1)]);
    harness.edit(read(
        2,
        &[("web", 1), ("web-east", 0)],
        &[("failover-delay", "15s")],
    ));
    harness.slice_changed(SliceWatchId(1), "web", 0);
    harness.pass_alive(15);
    assert!(harness.writes().is_empty(), "the remote is listed first");
    harness
}

#[test]
fn a_stale_remote_is_listed_again_and_delays_nothing_if_that_fails() {
    for (answer, is_known) in [(Ok(vec![slice("origin", 1)]), true), (Err(lost()), false)] {
        let mut harness = delayed_with_a_silent_remote();
        let [place] = &harness.relists()[..] else {
            panic!("{:?}", harness.effects)
        };
        assert_eq!(place.cluster.as_deref(), Some("east"));
        harness.engine.relisted(place, answer, harness.now);
        harness.settle();
        let (weights, note) = harness.writes().remove(0);
        assert_eq!(
            (weights, note.contains("unverified")),
            (vec![0, 1], !is_known)
        );
    }
}

#[test]
fn a_list_that_is_older_than_a_watch_event_is_ignored() {
    let mut harness = delayed_with_a_silent_remote();
    let [place] = &harness.relists()[..] else {
        panic!("{:?}", harness.effects)
    };
    harness.pass_alive(1);
    harness.slice_changed(SliceWatchId(2), "origin", 2);
    assert_eq!(harness.writes()[0].0, [0, 1]);
    harness
        .engine
        .relisted(place, Ok(vec![slice("origin", 0)]), harness.now);
    harness.edit(group(3, &[("web", 0), ("web-east", 1)], None));
    assert!(harness.writes().is_empty() && harness.stuck().is_empty());
}

#[test]
fn unverified_traffic_fails_back_without_waiting_for_the_remote() {
    let away = &[("web", 0), ("web-east", 1)];
    let (mut harness, theirs) = Harness::with_mirror(flat(), &[("web", 1)]);
    harness.list_there(theirs, &[("origin", 1)]);
    harness.pass_alive(15);
    let note = r#"{"from":"web=1","to":"web-east=1","at":"2026-01-01T00:00:00Z","by":"me","why":"x","unverified":true}"#;
    harness.edit(group(2, away, Some(note)));
    assert_eq!(harness.writes()[0].0, [1, 0]);
}

#[test]
fn local_changes_are_decided_on_while_a_remote_is_listed() {
    let mut harness = delayed_with_a_silent_remote();
    harness.slice_changed(SliceWatchId(1), "web", 1);
    assert!(
        harness.writes().is_empty() && harness.engine.is_settled(),
        "the primary is ready again"
    );
}

#[test]
fn a_remote_does_not_delay_a_move_that_does_not_depend_on_it() {
    let (mut harness, theirs) = Harness::with_mirror(flat(), &[("web", 1)]);
    harness.list_there(theirs, &[("origin", 1)]);
    harness.pass_alive(15);
    harness.edit(group(2, &[("web", 0), ("web-east", 1)], None));
    assert_eq!(
        (harness.relists().len(), harness.writes()[0].0.clone()),
        (1, vec![1, 0])
    );
}

/// Starts 200 groups, each with a primary, a mirror of east and, optionally, a local fallback. All
/// primaries die. When the delays end, east has been silent for long.
fn many_that_wait_for_east(with_local: bool) -> Harness {
    const MANY: usize = 200;
    let names = |i: usize| {
        (
            format!("web-{i}"),
            format!("web-{i}-east"),
            format!("web-{i}-b"),
        )
    };
    let mut harness = Harness::asking(&["east"], &[("web", 1), ("web-east", 0)]);
    let groups = (0..MANY).map(|i| {
        let (web, east, local) = names(i);
        let mut backends = vec![(web.as_str(), 1), (east.as_str(), 0)];
        backends.extend(with_local.then_some((local.as_str(), 0)));
        let mut record = read(1, &backends, &[("failover-delay", "15s")]);
        record.meta.name.clone_from(&web);
        record.apex = web;
        record
    });
    let groups = groups.collect();
    harness
        .engine
        .group_event("trafficsplit", Event::Listed(groups), harness.now);
    harness.pass(1);
    let ours = harness.started_where().last().expect("a watch of ours").0;
    let origin = |i: usize| RemoteService {
        cluster: "east".into(),
        service: ServiceRef::new("ns", format!("origin-{i}")),
    };
    let services = (0..MANY).flat_map(|i| {
        let (web, east, local) = names(i);
        let mirror = mirror(&east, Mirror::RemoteDiscovery(origin(i)));
        [service(&web), mirror, service(&local)]
    });
    let services = Event::Listed(services.collect());
    harness.engine.service_event(ours, services, harness.now);
    let here = |ready| {
        let slices =
            (0..MANY).flat_map(move |i| [slice(&names(i).0, ready), slice(&names(i).2, 1)]);
        Event::Listed(slices.collect())
    };
    harness.engine.slice_event(ours, here(1), harness.now);
    harness.pass(1);
    let (theirs, _) = harness
        .started_where()
        .into_iter()
        .find(|(_, of)| of.is_some())
        .expect("a watch of east");
    let there = (0..MANY)
        .map(|i| slice(&origin(i).service.name, 1))
        .collect();
    harness
        .engine
        .slice_event(theirs, Event::Listed(there), harness.now);
    harness.settle();
    harness.engine.slice_event(ours, here(0), harness.now);
    harness.settle();
    for _ in 0..15 {
        harness.engine.slice_event(ours, Event::Alive, harness.now);
        harness.pass(1);
    }
    harness
}

#[test]
fn one_list_of_a_remote_serves_all_groups_and_its_failure_stops_none() {
    let mut harness = many_that_wait_for_east(false);
    assert!(harness.writes().is_empty());
    let [place] = &harness.relists()[..] else {
        panic!("{:?}", harness.effects)
    };
    harness.engine.relisted(place, Err(lost()), harness.now);
    harness.settle();
    let again = harness.relists();
    assert_eq!(
        (harness.writes().len(), place.names.len(), again),
        (200, 200, vec![])
    );
}

#[test]
fn a_remote_that_hangs_does_not_delay_a_failover_to_a_local_fallback() {
    let mut harness = many_that_wait_for_east(true);
    harness.now += REMOTE_GRACE;
    harness.settle();
    let writes = harness.writes();
    assert_eq!(writes.len(), 200);
    assert!(
        writes
            .iter()
            .all(|(weights, note)| *weights == [0, 0, 1] && !note.contains("unverified"))
    );
}

#[test]
fn a_federated_service_counts_local_and_remote_members() {
    let members = vec![
        Member::Local(ServiceRef::new("ns", "origin")),
        Member::Remote(east("origin")),
    ];
    let (mut harness, theirs) = {
        let service = mirror("web-east", Mirror::Federated(members.clone()));
        Harness::with_mirror(service, &[("web", 0)])
    };
    harness.list_there(theirs, &[("origin", 0)]);
    assert!(
        harness.writes().is_empty() && !harness.engine.is_settled(),
        "the member here is not listed yet"
    );
    let ours = SliceWatchId(theirs.0 - 1);
    let mut services = here_is(mirror("web-east", Mirror::Federated(members)));
    services.push(service("origin"));
    harness
        .engine
        .service_event(ours, Event::Listed(services), harness.now);
    harness.list_there(ours, &[("web", 0), ("origin", 0)]);
    harness.pass(1);
    assert!(
        harness.writes().is_empty() && harness.engine.is_settled(),
        "all members are dead"
    );
    harness.slice_changed(ours, "origin", 1);
    assert_eq!(harness.writes()[0].0, [0, 1]);
}

#[test]
fn mirrors_that_name_too_many_clusters_open_few_watches_and_delay_nobody() {
    let cache = ReadinessCache::new(NamedRemotes::with_links());
    let backends = [("web", 0), ("web-east", 0), ("fed-0", 1), ("fed-1", 0)];
    let mut harness = Harness::of(EngineOptions::default(), cache).with_group(&backends);
    let ours = harness.started()[0];
    let federation = |number: usize| {
        let member = |i: usize| {
            Member::Remote(RemoteService {
                cluster: format!("c{number}-{i}"),
                service: ServiceRef::new("ns", "web"),
            })
        };
        let members = (0..100).map(member).collect();
        mirror(&format!("fed-{number}"), Mirror::Federated(members))
    };
    let services = ["web", "web-east"].map(service).into_iter();
    let services = services.chain([federation(0), federation(1)]).collect();
    let engine = &mut harness.engine;
    engine.service_event(ours, Event::Listed(services), harness.now);
    let slices = vec![slice("web", 1), slice("web-east", 1)];
    engine.slice_event(ours, Event::Listed(slices), harness.now);
    harness.pass(1);
    assert_eq!(harness.started().len(), 100);
    for _ in 0..11 {
        harness.engine.slice_event(ours, Event::Alive, harness.now);
        harness.pass(1);
    }
    assert_eq!(harness.writes()[0].0, [1, 0, 0, 0]);
}
