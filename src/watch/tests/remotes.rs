//! What other clusters say of the services behind mirrors, and what their silence means.

use super::*;
use crate::model::{Member, Mirror, RemoteService, WhyUnknown};

fn east(name: &str) -> RemoteService {
    RemoteService { cluster: "east".into(), service: ServiceRef::new("ns", name) }
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
type Started = (FeedId, Option<String>);

impl Bench {
    fn started_where(&mut self) -> Vec<Started> {
        self.settle();
        self.take(|effect| match effect {
            Effect::StartFeed(id, scope) => Some((*id, scope.cluster.clone())),
            _ => None,
        })
    }

    /// A group with web-east for its fallback: here all is listed, and of the remote nothing yet. Gives its feed.
    fn with_mirror(service: Service, here: &[(&str, u32)]) -> (Self, FeedId) {
        let mut bench = Self::asking(&["east"], &[("web", 1), ("web-east", 0)]);
        let [(ours, None)] = bench.started_where()[..] else { panic!("{:?}", bench.effects) };
        bench.engine.mirrors(ours, Event::Listed(vec![service]), bench.now);
        let slices = here.iter().map(|(service, ready)| slice(service, *ready)).collect();
        bench.engine.slices(ours, Event::Listed(slices), bench.now);
        bench.pass(1);
        let started = bench.started_where();
        let theirs = started.iter().find(|(_, cluster)| cluster.is_some()).expect("a feed of the remote").0;
        (bench, theirs)
    }

    fn list_there(&mut self, feed: FeedId, services: &[(&str, u32)]) {
        let slices = services.iter().map(|(service, ready)| slice(service, *ready)).collect();
        self.engine.slices(feed, Event::Listed(slices), self.now);
        self.settle();
    }

    /// The feeds of our cluster are alive while time passes.
    fn pass_alive(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.engine.slices(FeedId(1), Event::Alive, self.now);
            self.pass(1);
        }
    }
}

#[test]
fn without_remotes_nothing_more_is_watched() {
    let mut bench = Bench::new(&[("web", 1), ("web-east", 0)]);
    let feed = bench.started()[0];
    bench.engine.mirrors(feed, Event::Listed(vec![flat(), gateway()]), bench.now);
    bench.list(feed, &[("web", 1)]);
    bench.pass(1);
    assert!(bench.started().is_empty() && bench.engine.is_at_rest());
}

#[test]
fn traffic_goes_to_a_remote_service_that_has_endpoints_and_leaves_it_when_they_go() {
    let (mut bench, theirs) = Bench::with_mirror(flat(), &[("web", 0)]);
    assert!(bench.writes().is_empty() && !bench.engine.is_at_rest(), "the remote's list is on its way");
    bench.list_there(theirs, &[("origin", 2)]);
    assert_eq!(bench.writes()[0].0, [0, 1]);

    let (mut bench, theirs) = Bench::with_mirror(flat(), &[("web", 0)]);
    bench.list_there(theirs, &[("origin", 0)]);
    assert!(bench.writes().is_empty() && bench.engine.is_at_rest(), "nobody is ready: hold");
    bench.tell(theirs, "origin", 1);
    assert_eq!(bench.writes()[0].0, [0, 1]);
}

#[test]
fn a_gateway_without_its_remote_is_no_fallback() {
    let (mut bench, theirs) = Bench::with_mirror(gateway(), &[("web", 0), ("web-east", 1)]);
    bench.list_there(theirs, &[("origin", 0)]);
    assert!(bench.writes().is_empty() && bench.engine.is_at_rest());
    bench.tell(theirs, "origin", 1);
    assert_eq!(bench.writes()[0].0, [0, 1]);

    let (mut bench, theirs) = Bench::with_mirror(gateway(), &[("web", 0), ("web-east", 0)]);
    bench.list_there(theirs, &[("origin", 1)]);
    assert!(bench.writes().is_empty() && bench.engine.is_at_rest());
    bench.tell(FeedId(1), "web-east", 1);
    assert_eq!(bench.writes()[0].0, [0, 1]);
}

#[test]
fn a_gateway_that_is_down_does_not_wait_for_its_remote() {
    let (bench, _) = Bench::with_mirror(gateway(), &[("web", 1), ("web-east", 0)]);
    assert!(bench.engine.is_at_rest());
}

#[test]
fn a_remote_that_cannot_be_reached_is_unknown_after_ten_seconds_at_the_start() {
    let (mut bench, _) = Bench::with_mirror(flat(), &[("web", 1)]);
    bench.pass_alive(9);
    assert!(!bench.engine.is_at_rest());
    bench.pass_alive(2);
    assert!(bench.writes().is_empty() && bench.engine.is_at_rest());
}

#[test]
fn a_remote_that_falls_silent_moves_nothing_and_is_well_again_without_more() {
    let mut bench = {
        let (mut bench, theirs) = Bench::with_mirror(flat(), &[("web", 0)]);
        bench.list_there(theirs, &[("origin", 1)]);
        assert_eq!(bench.writes().len(), 1);
        let away = group(2, &[("web", 0), ("web-east", 1)], None);
        bench.answer(Ok(away));
        bench.settle();
        bench
    };
    bench.pass_alive(60);
    assert!(bench.writes().is_empty(), "unknown is not dead");
    bench.list_there(FeedId(2), &[("origin", 1)]);
    bench.tell(FeedId(1), "web", 1);
    assert_eq!(bench.writes()[0].0, [1, 0]);
}

#[test]
fn access_that_fails_is_waited_for_as_a_list_is_and_a_remote_that_is_none_is_not() {
    let (mut bench, theirs) = Bench::with_mirror(flat(), &[("web", 0)]);
    bench.engine.no_access(theirs, WhyUnknown::NoAccess("no credentials yet".into()), bench.now);
    bench.settle();
    assert!(bench.writes().is_empty() && !bench.engine.is_at_rest());
    bench.pass_alive(12);
    assert_eq!(bench.writes()[0].0, [0, 1], "unverified: nothing is lost by trying");
    assert_eq!(bench.stuck(), [""; 0], "the move says it");

    let (mut bench, theirs) = Bench::with_mirror(flat(), &[("web", 1)]);
    bench.engine.no_access(theirs, WhyUnknown::no_remote("east"), bench.now);
    bench.settle();
    assert!(bench.engine.is_at_rest());
    // A gateway goes by itself where there turns out to be no remote.
    let (mut bench, theirs) = Bench::with_mirror(gateway(), &[("web", 0), ("web-east", 1)]);
    bench.engine.no_access(theirs, WhyUnknown::no_remote("east"), bench.now);
    bench.settle();
    assert_eq!(bench.writes()[0].0, [0, 1]);
}

#[test]
fn a_stale_remote_is_listed_again_and_holds_nothing_up_where_that_fails() {
    for answer in [Ok(vec![slice("origin", 1)]), Err(lost())] {
        let (mut bench, theirs) = Bench::with_mirror(flat(), &[("web", 1)]);
        bench.list_there(theirs, &[("origin", 1)]);
        bench.pass_alive(15);
        bench.edit(group(2, &[("web", 0), ("web-east", 1)], None));
        let places = bench.take(|effect| match effect {
            Effect::Verify(_, places) => Some(places.clone()),
            _ => None,
        });
        let [places] = &places[..] else { panic!("{:?}", bench.effects) };
        assert_eq!(places.iter().map(|place| place.cluster.as_deref()).collect::<Vec<_>>(), [Some("east")]);
        let lists = places.iter().map(|place| (place.clone(), answer.clone())).collect();
        bench.engine.verified(&id(), lists, bench.now);
        bench.settle();
        assert_eq!(bench.writes()[0].0, [1, 0]);
    }
}

#[test]
fn a_federation_counts_what_is_here_and_there() {
    let members = vec![Member::Here(ServiceRef::new("ns", "origin")), Member::There(east("origin"))];
    let (mut bench, theirs) = {
        let service = mirror("web-east", Mirror::Federated(members.clone()));
        Bench::with_mirror(service, &[("web", 0)])
    };
    bench.list_there(theirs, &[("origin", 0)]);
    assert!(bench.writes().is_empty() && !bench.engine.is_at_rest(), "the member here is not listed yet");
    let ours = FeedId(theirs.0 - 1);
    let service = mirror("web-east", Mirror::Federated(members));
    bench.engine.mirrors(ours, Event::Listed(vec![service]), bench.now);
    bench.list_there(ours, &[("web", 0), ("origin", 0)]);
    bench.pass(1);
    assert!(bench.writes().is_empty() && bench.engine.is_at_rest(), "all members are dead");
    bench.tell(ours, "origin", 1);
    assert_eq!(bench.writes()[0].0, [0, 1]);
}
