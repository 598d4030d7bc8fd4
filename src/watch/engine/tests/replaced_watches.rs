//! Scopes that change faster than their watches list.

use super::*;
use crate::model::{Mirror, RemoteService};
use crate::readiness::scope::SliceScope;

const STEP: Duration = Duration::from_millis(250);
/// How long the servers take to list.
const LIST_TIME: Duration = Duration::from_millis(600);

/// A watch that has not listed yet, and when it started.
type Listing = (SliceWatchId, SliceScope, Duration);

/// A group of a neighbor in the same namespace. Each round has another backend.
fn neighbor(round: u64) -> Record {
    let own = format!("own-{round}");
    let mut record = named(group(round + 1, &[("own", 1), (&own, 0)], None), "own");
    record.meta.uid = "2".into();
    record
}

fn origin(name: &str) -> Mirror {
    let service = ServiceRef::new("there", name);
    Mirror::RemoteDiscovery(RemoteService {
        cluster: "east".into(),
        service,
    })
}

impl Harness {
    /// Lets the neighbor replace a backend at every step. The watches that `lists` names list after
    /// [`LIST_TIME`] if they are not stopped before. Returns when the group was first written.
    fn first_write(
        &mut self,
        most: Duration,
        lists: impl Fn(&SliceScope) -> bool,
        slices: &[Slice],
        services: &[Service],
    ) -> Option<Duration> {
        let mut listing: Vec<Listing> = Vec::new();
        for round in 0.. {
            if self.now > most {
                break;
            }
            self.edit(neighbor(round));
            self.engine.tick(self.now);
            self.settle();
            let now = self.now;
            listing.extend(self.take(|effect| match effect {
                Effect::StartWatch(id, scope) => Some((*id, scope.clone(), now)),
                _ => None,
            }));
            let stopped = self.stopped();
            listing.retain(|(id, ..)| !stopped.contains(id));
            let (done, rest): (Vec<_>, _) = listing
                .drain(..)
                .partition(|(_, scope, at)| lists(scope) && *at + LIST_TIME <= now);
            listing = rest;
            assert!(listing.len() < 5, "{listing:?}");
            for (id, scope, _) in done {
                let covered = |at: &ServiceRef| scope.covers(scope.cluster.as_deref(), at);
                let slices = slices.iter().filter(|slice| covered(&slice.service));
                if scope.cluster.is_none() {
                    let services = Event::Listed(services.to_vec());
                    self.engine.service_event(id, services, now);
                }
                let slices = Event::Listed(slices.cloned().collect());
                self.engine.slice_event(id, slices, now);
            }
            self.settle();
            if !self.writes().is_empty() {
                return Some(now);
            }
            self.now += STEP;
        }
        None
    }
}

#[test]
fn a_neighbor_that_replaces_its_backends_does_not_keep_others_unlisted() {
    let mut harness = Harness::new(&[("web", 1), ("web-east", 0)]);
    let slices = [slice("web", 0), slice("web-east", 1)];
    let services = [service("web"), service("web-east")];
    let soon = Duration::from_secs(3);
    let written = harness.first_write(soon, |_| true, &slices, &services);
    assert!(written.is_some());
}

#[test]
fn a_service_that_is_never_listed_is_unknown_after_10_s_however_new_its_watch_is() {
    for lists_here in [false, true] {
        let backends = [("web", 0), ("web-east", 1), ("web-local", 0)];
        let mut harness = Harness::asking(&["east"], &backends);
        let slices = [slice("web", 1), slice("web-local", 0)];
        let mut services: Vec<Service> = (0..200)
            .map(|round| mirror(&format!("own-{round}"), origin(&round.to_string())))
            .collect();
        services.extend([
            service("web"),
            mirror("web-east", origin("web")),
            service("web-local"),
        ]);
        let here = |scope: &SliceScope| lists_here && scope.cluster.is_none();
        let late = Duration::from_secs(25);
        let written = harness.first_write(late, here, &slices, &services);
        if lists_here {
            let limit = Duration::from_secs(14);
            assert!(written.is_some_and(|at| at < limit), "{written:?}");
        } else {
            let unsettled = harness.engine.unsettled();
            assert!(
                unsettled.iter().all(|(group, _)| *group != id()),
                "{unsettled:?}"
            );
        }
    }
}

#[test]
fn a_neighbor_that_replaces_its_mirrors_does_not_keep_those_of_others_unlisted() {
    let backends = [("web", 1), ("web-east", 0)];
    let mut harness = Harness::asking(&["east"], &backends);
    let there = Slice {
        service: ServiceRef::new("there", "web"),
        ..slice("web", 1)
    };
    let slices = [slice("web", 0), there];
    let mut services: Vec<Service> = (0..200)
        .map(|round| mirror(&format!("own-{round}"), origin(&round.to_string())))
        .collect();
    services.extend([service("web"), mirror("web-east", origin("web"))]);
    let soon = Duration::from_secs(5);
    let written = harness.first_write(soon, |_| true, &slices, &services);
    assert!(written.is_some());
}
