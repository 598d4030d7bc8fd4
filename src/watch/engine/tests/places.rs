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
            if let Effect::TakeLease(namespace) = effect {
                Some(namespace.clone())
            } else {
                None
            }
        })
        .into_iter()
        .collect()
    }
}

/// One watch of the whole cluster answers for them before the Leases are planned.
#[test]
fn two_namespaces_that_come_within_a_moment_both_get_their_leases() {
    let engine = Engine::new("me@here".into(), EngineSettings::default());
    let mut bench = Harness {
        engine,
        now: Duration::ZERO,
        effects: Vec::new(),
        number: 0,
    };
    bench.engine.groups(
        "trafficsplit",
        Event::Listed((0..60).map(in_namespace).collect()),
        bench.now,
    );
    bench.settle();
    let feed = bench.started()[0];
    let slices = (0..70).map(|number| {
        let service = ServiceRef::new(format!("ns-{number:02}"), "web");
        Slice {
            service,
            ..slice("web", 1)
        }
    });
    bench
        .engine
        .mirrors(feed, Event::Listed(Vec::new()), bench.now);
    bench
        .engine
        .slices(feed, Event::Listed(slices.collect()), bench.now);
    bench.pass(1);
    assert_eq!(bench.leases_taken().len(), 60);

    for number in [60, 61] {
        bench.edit(in_namespace(number));
        bench.now += Duration::from_millis(10);
    }
    bench.pass(1);
    assert_eq!(
        bench.leases_taken(),
        ["ns-60".to_owned(), "ns-61".to_owned()].into()
    );
    let standing = LeaseState::Held {
        until: Duration::from_secs(1000),
    };
    bench.engine.lease("ns-61", standing, bench.now);
    bench.settle();
    assert_eq!(bench.writes().len(), 1);
}
