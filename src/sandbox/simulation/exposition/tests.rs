//! Reads the metrics back as `traffic` does.

use super::super::plan::{Answers, Plan, PlannedBackend, Pool};
use super::*;
use crate::model::traffic::BackendTraffic;
use crate::traffic::metrics::difference::difference;
use crate::traffic::metrics::exposition::ExpositionReader;
use crate::traffic::metrics::scrape::{GroupServices, Scrape, ScrapedGroups};

const BACKENDS: [&str; 2] = ["web-svc", "web-svc-east"];

fn service(name: &str) -> ServiceRef {
    ServiceRef::new("emojivoto", name)
}

fn route(kind: &'static str) -> Via {
    Via::Route(RouteName {
        group: "gateway.networking.k8s.io",
        kind,
        namespace: "emojivoto".to_owned(),
        name: "web-svc-failover".to_owned(),
    })
}

/// One of two backends is ready, and fails half of its requests.
fn plan(via: &Via, weights: [u64; 2]) -> Plan {
    let pools = [
        Vec::new(),
        vec![Answers {
            endpoints: 1,
            success: 0.5,
            latency_ms: 25.0,
        }],
    ];
    let backends = BACKENDS.iter().zip(weights).zip(pools);
    let backends = backends.map(|((name, weight), pool)| PlannedBackend {
        service: service(name),
        port: 80,
        weight,
        pool: Pool::Endpoints(pool),
    });
    Plan {
        via: via.clone(),
        backends: backends.collect(),
    }
}

/// What `traffic` finds in the scrapes before and after ten seconds.
fn read_back(via: &Via, weights: [u64; 2]) -> Vec<BackendTraffic> {
    let groups = ScrapedGroups::new(vec![GroupServices {
        apex: service("web-svc"),
        backends: BACKENDS.map(service).to_vec(),
    }]);
    let target = Target {
        service: service("web-svc"),
        port: 80,
    };
    let mut counters = Counters::default();
    let mut scrape = |seconds| {
        counters.advance(&plan(via, weights), 2.0, seconds);
        let text = write(1_795_664_871.0, &[(&target, &counters)]);
        let (mut reader, mut scrape) = (ExpositionReader::default(), Scrape::default());
        let mut take = |sample: crate::traffic::metrics::exposition::Sample<'_>| {
            scrape.add(&groups, &sample).unwrap();
        };
        reader.read(text.as_bytes(), &mut take).unwrap();
        reader.finish(&mut take);
        scrape
    };
    let (before, after) = (scrape(7.0), scrape(10.0));
    let client = difference(&before, &after, 10.0, &groups);
    client.groups[&0].backends.clone()
}

#[test]
fn answers_are_read_back() {
    for via in [Via::Profile, route("HTTPRoute"), route("GRPCRoute")] {
        let [here, there] = &read_back(&via, [0, 1])[..] else {
            panic!("two backends");
        };
        assert_eq!([here.responses(), here.refused], [0.0, 0.0], "{via:?}");
        assert_eq!([there.success, there.failure], [10.0, 10.0], "{via:?}");
        assert_eq!(there.connections, 1.0, "{via:?}");
        assert_eq!(there.ready, Some((1, 1)), "{via:?}");
        assert_eq!(there.latency.quantile(0.5), Some(25.0), "{via:?}");
    }
}

#[test]
fn refused_requests_are_read_back() {
    for via in [
        Via::Service,
        Via::Profile,
        route("HTTPRoute"),
        route("GRPCRoute"),
    ] {
        let [here, there] = &read_back(&via, [1, 0])[..] else {
            panic!("two backends");
        };
        assert_eq!([here.responses(), here.refused], [0.0, 20.0], "{via:?}");
        assert_eq!(here.ready, Some((0, 0)), "{via:?}");
        assert_eq!([there.responses(), there.refused], [0.0, 0.0], "{via:?}");
    }
}
