//! What other clusters say of the services behind mirrors, and what their silence means.

use super::*;
use crate::model::{Member, Mirror, RemoteService, WhyUnknown};

fn east(name: &str) -> RemoteService {
    RemoteService {
        cluster: "east".into(),
        service: ServiceRef::new("ns", name),
    }
}

fn mirror(name: &str, stands_for: Mirror) -> Service {
    Service {
        no_parent: None,
        at: ServiceRef::new("ns", name),
        version: "1".into(),
        ports: Vec::new(),
        is_mirror: true,
        mirrors: None,
        stands_for: Some(stands_for),
    }
}

fn flat() -> Service {
    mirror("web-east", Mirror::RemoteDiscovery(east("origin")))
}

fn gateway() -> Service {
    mirror("web-east", Mirror::Gateway(east("origin")))
}

/// What one feed covers, and its number.
type Started = (SliceWatchId, Option<String>);

impl Harness {
    fn started_where(&mut self) -> Vec<Started> {
        self.settle();
        self.take(|effect| match effect {
            Effect::StartFeed(id, scope) => Some((*id, scope.cluster.clone())),
            _ => None,
        })
    }

    /// A group with web-east for its fallback: here all is listed, and of the remote nothing yet. Gives its feed.
    fn with_mirror(service: Service, here: &[(&str, u32)]) -> (Self, SliceWatchId) {
        let mut bench = Self::asking(&["east"], &[("web", 1), ("web-east", 0)]);
        let [(ours, None)] = bench.started_where()[..] else {
            panic!("{:?}", bench.effects)
        };
        bench
            .engine
            .mirrors(ours, Event::Listed(vec![service]), bench.now);
        let slices = here
            .iter()
            .map(|(service, ready)| slice(service, *ready))
            .collect();
        bench.engine.slices(ours, Event::Listed(slices), bench.now);
        bench.pass(1);
        let started = bench.started_where();
        let theirs = started
            .iter()
            .find(|(_, cluster)| cluster.is_some())
            .expect("a feed of the remote")
            .0;
        (bench, theirs)
    }

    fn list_there(&mut self, feed: SliceWatchId, services: &[(&str, u32)]) {
        let slices = services
            .iter()
            .map(|(service, ready)| slice(service, *ready))
            .collect();
        self.engine.slices(feed, Event::Listed(slices), self.now);
        self.settle();
    }

    /// The feeds of our cluster are alive while time passes.
    fn pass_alive(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.engine.slices(SliceWatchId(1), Event::Alive, self.now);
            self.pass(1);
        }
    }
}

#[test]
fn without_remotes_nothing_more_is_watched() {
    let mut bench = Harness::new(&[("web", 1), ("web-east", 0)]);
    let feed = bench.started()[0];
    bench
        .engine
        .mirrors(feed, Event::Listed(vec![flat(), gateway()]), bench.now);
    bench.list(feed, &[("web", 1)]);
    bench.pass(1);
    assert!(bench.started().is_empty() && bench.engine.is_at_rest());
}

#[test]
fn traffic_goes_to_a_remote_service_that_has_endpoints_and_leaves_it_when_they_go() {
    let (mut bench, theirs) = Harness::with_mirror(flat(), &[("web", 0)]);
    assert!(
        bench.writes().is_empty() && !bench.engine.is_at_rest(),
        "the remote's list is on its way"
    );
    bench.list_there(theirs, &[("origin", 2)]);
    assert_eq!(bench.writes()[0].0, [0, 1]);

    let (mut bench, theirs) = Harness::with_mirror(flat(), &[("web", 0)]);
    bench.list_there(theirs, &[("origin", 0)]);
    assert!(
        bench.writes().is_empty() && bench.engine.is_at_rest(),
        "nobody is ready: hold"
    );
    bench.tell(theirs, "origin", 1);
    assert_eq!(bench.writes()[0].0, [0, 1]);
}

#[test]
fn a_gateway_without_its_remote_is_no_fallback() {
    let (mut bench, theirs) = Harness::with_mirror(gateway(), &[("web", 0), ("web-east", 1)]);
    bench.list_there(theirs, &[("origin", 0)]);
    assert!(bench.writes().is_empty() && bench.engine.is_at_rest());
    bench.tell(theirs, "origin", 1);
    assert_eq!(bench.writes()[0].0, [0, 1]);

    let (mut bench, theirs) = Harness::with_mirror(gateway(), &[("web", 0), ("web-east", 0)]);
    bench.list_there(theirs, &[("origin", 1)]);
    assert!(bench.writes().is_empty() && bench.engine.is_at_rest());
    bench.tell(SliceWatchId(1), "web-east", 1);
    assert_eq!(bench.writes()[0].0, [0, 1]);
}

#[test]
fn where_it_is_not_known_which_services_are_mirrors_local_endpoints_are_not_all() {
    for error in [forbidden(), lost()] {
        let mut bench = Harness::asking(&["east"], &[("web", 1), ("web-east", 0)]);
        let ours = bench.started()[0];
        let slices = vec![slice("web", 0), slice("web-east", 1)];
        bench.engine.slices(ours, Event::Listed(slices), bench.now);
        bench.engine.mirrors(ours, Event::Failed(error), bench.now);
        bench.pass(12);
        let (weights, note) = bench.writes().remove(0);
        assert!(weights == [0, 1] && note.contains("unverified"), "{note}");
    }
}

#[test]
fn a_gateway_that_is_down_does_not_wait_for_its_remote() {
    let (bench, _) = Harness::with_mirror(gateway(), &[("web", 1), ("web-east", 0)]);
    assert!(bench.engine.is_at_rest());
}

#[test]
fn a_remote_that_cannot_be_reached_is_unknown_after_ten_seconds_at_the_start() {
    let (mut bench, _) = Harness::with_mirror(flat(), &[("web", 1)]);
    bench.pass_alive(9);
    assert!(!bench.engine.is_at_rest());
    bench.pass_alive(2);
    assert!(bench.writes().is_empty() && bench.engine.is_at_rest());
}

#[test]
fn a_remote_that_falls_silent_moves_nothing_and_is_well_again_without_more() {
    let mut bench = {
        let (mut bench, theirs) = Harness::with_mirror(flat(), &[("web", 0)]);
        bench.list_there(theirs, &[("origin", 1)]);
        assert_eq!(bench.writes().len(), 1);
        let away = group(2, &[("web", 0), ("web-east", 1)], None);
        bench.answer(Ok(away));
        bench.settle();
        bench
    };
    bench.pass_alive(60);
    assert!(bench.writes().is_empty(), "unknown is not dead");
    bench.list_there(SliceWatchId(2), &[("origin", 1)]);
    bench.tell(SliceWatchId(1), "web", 1);
    assert_eq!(bench.writes()[0].0, [1, 0]);
}

#[test]
fn access_that_fails_is_waited_for_as_a_list_is_and_a_remote_that_is_none_is_not() {
    let (mut bench, theirs) = Harness::with_mirror(flat(), &[("web", 0)]);
    bench.engine.no_access(
        theirs,
        WhyUnknown::NoAccess("no credentials yet".into()),
        bench.now,
    );
    bench.settle();
    assert!(bench.writes().is_empty() && !bench.engine.is_at_rest());
    bench.pass_alive(12);
    assert_eq!(
        bench.writes()[0].0,
        [0, 1],
        "unverified: nothing is lost by trying"
    );
    assert_eq!(bench.stuck(), [""; 0], "the move says it");

    let (mut bench, theirs) = Harness::with_mirror(flat(), &[("web", 1)]);
    bench
        .engine
        .no_access(theirs, WhyUnknown::no_remote("east"), bench.now);
    bench.settle();
    assert!(bench.engine.is_at_rest());
    // A gateway goes by itself where there turns out to be no remote.
    let (mut bench, theirs) = Harness::with_mirror(gateway(), &[("web", 0), ("web-east", 1)]);
    bench
        .engine
        .no_access(theirs, WhyUnknown::no_remote("east"), bench.now);
    bench.settle();
    assert_eq!(bench.writes()[0].0, [0, 1]);
}

/// The primary of a group dies, and its failover-delay ends when the remote has been silent for long.
fn delayed_with_a_silent_remote() -> Harness {
    let (mut bench, theirs) = Harness::with_mirror(flat(), &[("web", 1)]);
    bench.list_there(theirs, &[("origin", 1)]);
    bench.edit(read(
        2,
        &[("web", 1), ("web-east", 0)],
        &[("failover-delay", "15s")],
    ));
    bench.tell(SliceWatchId(1), "web", 0);
    bench.pass_alive(15);
    assert!(bench.writes().is_empty(), "the remote is asked first");
    bench
}

#[test]
fn a_stale_remote_is_listed_again_and_holds_nothing_up_where_that_fails() {
    for (answer, is_known) in [(Ok(vec![slice("origin", 1)]), true), (Err(lost()), false)] {
        let mut bench = delayed_with_a_silent_remote();
        let [place] = &bench.listed_again()[..] else {
            panic!("{:?}", bench.effects)
        };
        assert_eq!(place.cluster.as_deref(), Some("east"));
        bench.engine.verified(place, answer, bench.now);
        bench.settle();
        let (weights, note) = bench.writes().remove(0);
        assert_eq!(
            (weights, note.contains("unverified")),
            (vec![0, 1], !is_known)
        );
    }
}

#[test]
fn a_list_that_is_older_than_what_the_watch_has_told_says_nothing() {
    let mut bench = delayed_with_a_silent_remote();
    let [place] = &bench.listed_again()[..] else {
        panic!("{:?}", bench.effects)
    };
    bench.pass_alive(1);
    bench.tell(SliceWatchId(2), "origin", 2);
    assert_eq!(bench.writes()[0].0, [0, 1]);
    bench
        .engine
        .verified(place, Ok(vec![slice("origin", 0)]), bench.now);
    bench.edit(group(3, &[("web", 0), ("web-east", 1)], None));
    assert!(bench.writes().is_empty() && bench.stuck().is_empty());
}

#[test]
fn traffic_that_was_put_on_a_remote_unverified_comes_home_without_its_word() {
    let away = &[("web", 0), ("web-east", 1)];
    let (mut bench, theirs) = Harness::with_mirror(flat(), &[("web", 1)]);
    bench.list_there(theirs, &[("origin", 1)]);
    bench.pass_alive(15);
    let note = r#"{"from":"web=1","to":"web-east=1","at":"2026-01-01T00:00:00Z","by":"me","why":"x","unverified":true}"#;
    bench.edit(group(2, away, Some(note)));
    assert_eq!(bench.writes()[0].0, [1, 0]);
}

#[test]
fn what_happens_here_is_decided_on_while_a_remote_is_asked() {
    let mut bench = delayed_with_a_silent_remote();
    bench.tell(SliceWatchId(1), "web", 1);
    assert!(
        bench.writes().is_empty() && bench.engine.is_at_rest(),
        "the primary is back"
    );
}

#[test]
fn what_a_remote_says_delays_no_move_that_does_not_turn_on_it() {
    let (mut bench, theirs) = Harness::with_mirror(flat(), &[("web", 1)]);
    bench.list_there(theirs, &[("origin", 1)]);
    bench.pass_alive(15);
    bench.edit(group(2, &[("web", 0), ("web-east", 1)], None));
    assert_eq!(
        (bench.listed_again().len(), bench.writes()[0].0.clone()),
        (1, vec![1, 0])
    );
}

/// Two hundred groups, each of a primary, a mirror of east and, if that is meant, a fallback here. All primaries die,
/// and when the delays are over east has been silent for long.
fn many_that_wait_for_east(with_local: bool) -> Harness {
    const MANY: usize = 200;
    let names = |i: usize| {
        (
            format!("web-{i}"),
            format!("web-{i}-east"),
            format!("web-{i}-b"),
        )
    };
    let mut bench = Harness::asking(&["east"], &[("web", 1), ("web-east", 0)]);
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
    bench
        .engine
        .groups("trafficsplit", Event::Listed(groups), bench.now);
    bench.pass(1);
    let ours = bench.started_where().last().expect("a feed of ours").0;
    let origin = |i: usize| RemoteService {
        cluster: "east".into(),
        service: ServiceRef::new("ns", format!("origin-{i}")),
    };
    let mirrors = (0..MANY)
        .map(|i| mirror(&names(i).1, Mirror::RemoteDiscovery(origin(i))))
        .collect();
    bench
        .engine
        .mirrors(ours, Event::Listed(mirrors), bench.now);
    let here = |ready| {
        let slices =
            (0..MANY).flat_map(move |i| [slice(&names(i).0, ready), slice(&names(i).2, 1)]);
        Event::Listed(slices.collect())
    };
    bench.engine.slices(ours, here(1), bench.now);
    bench.pass(1);
    let (theirs, _) = bench
        .started_where()
        .into_iter()
        .find(|(_, of)| of.is_some())
        .expect("a feed of east");
    let there = (0..MANY)
        .map(|i| slice(&origin(i).service.name, 1))
        .collect();
    bench.engine.slices(theirs, Event::Listed(there), bench.now);
    bench.settle();
    bench.engine.slices(ours, here(0), bench.now);
    bench.settle();
    for _ in 0..15 {
        bench.engine.slices(ours, Event::Alive, bench.now);
        bench.pass(1);
    }
    bench
}

#[test]
fn one_list_is_asked_of_a_remote_for_all_groups_and_when_it_fails_all_go_on() {
    let mut bench = many_that_wait_for_east(false);
    assert!(bench.writes().is_empty());
    let [place] = &bench.listed_again()[..] else {
        panic!("{:?}", bench.effects)
    };
    bench.engine.verified(place, Err(lost()), bench.now);
    bench.settle();
    let again = bench.listed_again();
    assert_eq!(
        (bench.writes().len(), place.names.len(), again),
        (200, 200, vec![])
    );
}

#[test]
fn a_remote_that_hangs_keeps_no_group_from_a_fallback_that_is_ready_here() {
    let mut bench = many_that_wait_for_east(true);
    bench.now += crate::watch::engine::revalidate::GRACE;
    bench.settle();
    let writes = bench.writes();
    assert_eq!(writes.len(), 200);
    assert!(
        writes
            .iter()
            .all(|(weights, note)| *weights == [0, 0, 1] && !note.contains("unverified"))
    );
}

#[test]
fn a_federation_counts_what_is_here_and_there() {
    let members = vec![
        Member::Here(ServiceRef::new("ns", "origin")),
        Member::There(east("origin")),
    ];
    let (mut bench, theirs) = {
        let service = mirror("web-east", Mirror::Federated(members.clone()));
        Harness::with_mirror(service, &[("web", 0)])
    };
    bench.list_there(theirs, &[("origin", 0)]);
    assert!(
        bench.writes().is_empty() && !bench.engine.is_at_rest(),
        "the member here is not listed yet"
    );
    let ours = SliceWatchId(theirs.0 - 1);
    let service = mirror("web-east", Mirror::Federated(members));
    bench
        .engine
        .mirrors(ours, Event::Listed(vec![service]), bench.now);
    bench.list_there(ours, &[("web", 0), ("origin", 0)]);
    bench.pass(1);
    assert!(
        bench.writes().is_empty() && bench.engine.is_at_rest(),
        "all members are dead"
    );
    bench.tell(ours, "origin", 1);
    assert_eq!(bench.writes()[0].0, [0, 1]);
}
