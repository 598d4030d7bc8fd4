//! Groups in many namespaces.

use std::collections::BTreeSet;

use super::*;

fn in_namespace(number: usize) -> Record {
    let mut record = group(1, &[("web", 0), ("web-east", 1)], None);
    record.meta.namespace = format!("ns-{number:02}");
    let backends = record
        .group
        .iter_mut()
        .flat_map(|group| &mut group.backends);
    backends.for_each(|backend| backend.service.namespace = format!("ns-{number:02}"));
    record
}

impl Harness {
    fn leases_taken(&mut self) -> BTreeSet<String> {
        self.take(|effect| {
            if let Effect::AcquireLease(namespace) = effect {
                Some(namespace.clone())
            } else {
                None
            }
        })
        .into_iter()
        .collect()
    }
}

/// One watch of the whole cluster serves both before the Leases are planned.
#[test]
fn two_namespaces_that_appear_together_both_get_their_leases() {
    let mut harness = Harness::of(EngineOptions::default(), ReadinessCache::default());
    harness.engine.group_event(
        "trafficsplit",
        Event::Listed((0..60).map(in_namespace).collect()),
        harness.now,
    );
    harness.settle();
    let watch = harness.started()[0];
    let slices = (0..70).map(|number| {
        let service = ServiceRef::new(format!("ns-{number:02}"), "web");
        Slice {
            service,
            ..slice("web", 1)
        }
    });
    let services = (0..70).map(|number| Service {
        at: ServiceRef::new(format!("ns-{number:02}"), "web"),
        ..service("web")
    });
    harness
        .engine
        .service_event(watch, Event::Listed(services.collect()), harness.now);
    harness
        .engine
        .slice_event(watch, Event::Listed(slices.collect()), harness.now);
    harness.pass(1);
    assert_eq!(harness.leases_taken().len(), 60);

    for number in [60, 61] {
        harness.edit(in_namespace(number));
        harness.now += Duration::from_millis(10);
    }
    harness.pass(1);
    assert_eq!(
        harness.leases_taken(),
        ["ns-60".to_owned(), "ns-61".to_owned()].into()
    );
    harness.hold_lease("ns-61");
    harness.settle();
    assert_eq!(harness.writes().len(), 1);
}

/// Lists `web` of these namespaces, with one ready endpoint each.
fn list_namespaces(harness: &mut Harness, watch: SliceWatchId, numbers: std::ops::Range<usize>) {
    let at = |number: usize| ServiceRef::new(format!("ns-{number:02}"), "web");
    let services = numbers.clone().map(|number| Service {
        at: at(number),
        ..service("web")
    });
    let slices = numbers.map(|number| Slice {
        service: at(number),
        ..slice("web", 1)
    });
    let (services, slices) = (services.collect(), slices.collect());
    harness
        .engine
        .service_event(watch, Event::Listed(services), harness.now);
    harness
        .engine
        .slice_event(watch, Event::Listed(slices), harness.now);
}

/// One tenant can make the list of all namespaces large.
#[test]
fn while_the_list_of_all_namespaces_is_slow_each_namespace_is_watched() {
    let mut harness = Harness::of(EngineOptions::default(), ReadinessCache::default());
    let groups = (0..60).map(in_namespace).collect();
    harness
        .engine
        .group_event("trafficsplit", Event::Listed(groups), harness.now);
    harness.settle();
    let [whole] = harness.started()[..] else {
        panic!("{:?}", harness.effects)
    };
    harness.pass(3);
    harness
        .engine
        .slice_event(whole, Event::SlowList, harness.now);
    harness.pass(1);
    let started = harness.started();
    assert_eq!((started.len(), harness.stopped().len()), (60, 0));
    assert!(harness.engine.is_watched_by_namespace(whole));

    harness.hold_lease("ns-00");
    list_namespaces(&mut harness, started[0], 0..1);
    harness.pass(1);
    assert_eq!(harness.writes().len(), 1, "it waits for no other namespace");

    list_namespaces(&mut harness, whole, 0..60);
    harness.pass(2);
    assert_eq!(harness.stopped().len(), 60);
    assert!(!harness.engine.is_watched_by_namespace(whole));
}

#[test]
fn an_apex_that_too_many_groups_claim_belongs_to_none() {
    let mut harness = Harness::at_home();
    let rival = |number: usize| {
        let mut record = group(1, &[("web", 1), ("web-east", 0)], None);
        record.meta.name = format!("web-{number:05}");
        record
    };
    let invalid = |harness: &mut Harness| {
        harness.pass(1);
        let notices = harness.take(|effect| match effect {
            Effect::Report(Notice::Invalid { reason, .. }) => Some(reason.clone()),
            _ => None,
        });
        let too_many = notices
            .iter()
            .filter(|reason| reason.contains("more than 100 groups"));
        too_many.count()
    };
    for number in 0..99 {
        harness.edit(rival(number));
    }
    assert_eq!(invalid(&mut harness), 0);
    harness.edit(rival(99));
    assert_eq!(invalid(&mut harness), 101);
    for number in 100..3000 {
        harness.edit(rival(number));
    }
    assert_eq!(invalid(&mut harness), 2900);
}
