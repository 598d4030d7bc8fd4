//! Readiness by port: proxies use the endpoints of a slice for the Service's port of the same name.

use super::*;
use crate::model::{Readiness, RemoteService};

/// Port 80 is `http` and port 9990 is `metrics`.
fn two_ports(name: &str) -> Service {
    let port = |port: u16, name: &str| Port {
        port,
        name: name.to_owned(),
    };
    Service {
        ports: vec![port(80, "http"), port(9990, "metrics")],
        ..service(name)
    }
}

fn slice_with(service: &str, ports: &[&str]) -> Slice {
    let keys = (0..2)
        .map(|number| EndpointKey::new(number, true))
        .collect();
    let ports = ports.iter().map(|name| PortName::new(name)).collect();
    Slice {
        endpoints: SliceEndpoints::new(AddressFamily::V4, ports, true, keys),
        ..slice(service, 0)
    }
}

/// The traffic is on the primary `web`. Both backends have two ports, but no pod of `web` has the
/// port that its `http` looks for.
fn with_metrics_only(ports: &[u16]) -> Harness {
    let mut record = group(1, &[("web", 1), ("web-east", 0)], None);
    let backends = record
        .group
        .iter_mut()
        .flat_map(|group| &mut group.backends);
    backends.for_each(|backend| backend.ports = ports.to_vec());
    let harness = Harness::of(EngineOptions::default(), ReadinessCache::default());
    let mut harness = harness.with_records(vec![record]);
    let watch = harness.started()[0];
    let services = ["web", "web-east"].map(two_ports).into();
    harness
        .engine
        .service_event(watch, Event::Listed(services), harness.now);
    let slices = vec![
        slice_with("web", &["metrics"]),
        slice_with("web-east", &["http", "metrics"]),
    ];
    harness
        .engine
        .slice_event(watch, Event::Listed(slices), harness.now);
    harness.pass(1);
    harness
}

fn readiness(harness: &Harness, name: &str, ports: &[u16]) -> Readiness {
    let service = ServiceRef::new("ns", name);
    let lookup = harness.engine.cache.lookup(&service, ports, harness.now);
    lookup.or_unknown()
}

fn without(port: &str) -> Readiness {
    Readiness::NoPort {
        pods: 2,
        total: 2,
        target: Some(port.to_owned()),
    }
}

const READY: Readiness = Readiness::Known { ready: 2, total: 2 };

#[test]
fn a_route_to_a_port_that_no_pod_has_leaves_the_backend() {
    for (port, weights) in [(80, Some(vec![0, 1])), (9990, None)] {
        let mut harness = with_metrics_only(&[port]);
        let writes = harness.writes().into_iter().map(|(weights, _)| weights);
        assert_eq!(Vec::from_iter(writes), Vec::from_iter(weights), "{port}");
    }
}

#[test]
fn each_port_that_a_route_uses_needs_endpoints() {
    let harness = with_metrics_only(&[9990, 80]);
    assert_eq!(readiness(&harness, "web", &[80]), without("http"));
    assert_eq!(readiness(&harness, "web", &[9990, 80]), without("http"));
    assert_eq!(readiness(&harness, "web", &[9990]), READY);
    assert_eq!(readiness(&harness, "web-east", &[9990, 80]), READY);
}

/// A TrafficSplit keeps the port of each request, whatever it is.
#[test]
fn a_traffic_split_needs_one_of_the_ports() {
    let mut harness = with_metrics_only(&[]);
    assert!(harness.writes().is_empty());
    assert_eq!(readiness(&harness, "web", &[]), READY);
    // Somebody wrote a slice with an unnamed port for a Service whose ports have names.
    let slices = Event::Applied(slice_with("web", &[""]));
    harness
        .engine
        .slice_event(SliceWatchId(1), slices, harness.now);
    harness.pass(1);
    let expected = Readiness::NoPort {
        pods: 2,
        total: 2,
        target: None,
    };
    assert_eq!(readiness(&harness, "web", &[]), expected);
    assert_eq!(harness.writes()[0].0, [0, 1]);
}

/// Linkerd takes a number that is no port of the Service as the port of the pods.
#[test]
fn a_port_that_the_service_lacks_is_not_looked_for() {
    let harness = with_metrics_only(&[8080]);
    assert_eq!(readiness(&harness, "web", &[8080]), READY);
}

#[test]
fn a_mirror_needs_the_port_of_the_service_that_it_mirrors() {
    let origin = Mirror::RemoteDiscovery(RemoteService {
        cluster: "east".into(),
        service: ServiceRef::new("ns", "origin"),
    });
    let mut harness = Harness::asking(&["east"], &[("web", 1), ("web-east", 0)]);
    let watch = harness.started()[0];
    let mirror = Service {
        is_mirror: true,
        stands_for: Some(origin),
        ..two_ports("web-east")
    };
    let services = Event::Listed(vec![two_ports("web"), mirror]);
    harness.engine.service_event(watch, services, harness.now);
    let slices = Event::Listed(vec![slice_with("web", &["http"])]);
    harness.engine.slice_event(watch, slices, harness.now);
    harness.pass(1);
    let theirs = harness.started()[0];
    let slices = Event::Listed(vec![slice_with("origin", &["metrics"])]);
    harness.engine.slice_event(theirs, slices, harness.now);
    harness.pass(1);
    assert!(readiness(&harness, "web-east", &[80]).is_dead());
    assert!(readiness(&harness, "web-east", &[9990]).is_ready());
    assert!(readiness(&harness, "web-east", &[]).is_ready());
}
