//! Mirrors that name many namespaces of another cluster.

use super::*;
use crate::model::{Mirror, RemoteService};
use crate::readiness::scope::Affected;

const MAX_REMOTE_NAMESPACES: usize = 50;

/// A tenant's mirrors name 60 namespaces, sorted before that of another tenant's mirror.
#[test]
fn a_cluster_that_forbids_cluster_wide_lists_gets_a_bounded_number_of_watches() {
    let origin = |namespace: &str| {
        Mirror::RemoteDiscovery(RemoteService {
            cluster: "east".into(),
            service: ServiceRef::new(namespace, "web"),
        })
    };
    let names: Vec<String> = (0..60).map(|number| format!("m-{number}")).collect();
    let backends: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let mut harness = Harness::asking(&["east"], &backends);
    let mut other = group(1, &[("web", 1), ("web-east", 0)], None);
    other.meta.namespace = "other".into();
    let theirs = other.group.iter_mut().flat_map(|group| &mut group.backends);
    theirs.for_each(|backend| backend.service.namespace = "other".into());
    harness.edit(other);
    harness.pass(1);

    let mut services: Vec<Service> = names
        .iter()
        .map(|name| mirror(name, origin(&format!("a-{name}"))))
        .collect();
    services.push(Service {
        at: ServiceRef::new("other", "web-east"),
        ..mirror("web-east", origin("their-namespace"))
    });
    for watch in harness.started() {
        let (services, now) = (Event::Listed(services.clone()), harness.now);
        harness.engine.service_event(watch, services, now);
        harness
            .engine
            .slice_event(watch, Event::Listed(Vec::new()), now);
    }
    harness.pass(1);
    let [whole] = harness.started()[..] else {
        panic!("{:?}", harness.effects)
    };
    harness
        .engine
        .slice_event(whole, Event::Failed(forbidden()), harness.now);
    harness.pass(1);
    let started = harness.take(|effect| match effect {
        Effect::StartWatch(_, scope) => scope.namespace.clone(),
        _ => None,
    });
    assert_eq!(started.len(), MAX_REMOTE_NAMESPACES);
    assert!(
        started.contains(&"their-namespace".to_owned()),
        "{started:?}"
    );
    harness.pass(2);
    let unknown = ServiceRef::new("ns", "m-9");
    let readiness = harness.engine.cache.lookup(&unknown, &[], harness.now);
    let why = format!("{readiness:?}");
    assert!(why.contains("TooManyNamespaces"), "{why}");

    // The right is back.
    assert!(harness.stopped().is_empty(), "it is tried again");
    let slices = vec![Slice {
        service: ServiceRef::new("a-m-9", "web"),
        ..slice("web", 1)
    }];
    harness
        .engine
        .slice_event(whole, Event::Listed(slices), harness.now);
    harness.pass(1);
    assert_eq!(harness.stopped().len(), MAX_REMOTE_NAMESPACES);
    let readiness = harness.engine.cache.lookup(&unknown, &[], harness.now);
    assert!(readiness.or_unknown().is_ready());
    let changed = harness.engine.cache.health_changes(harness.now);
    let affects = |affected: &Affected| match affected {
        Affected::Services(services) => services.contains(&unknown),
        _ => false,
    };
    assert!(changed.iter().any(affects), "{changed:?}");
}
