//! Groups and reports of their traffic, for tests.

use super::group::{Backend, Group};
use super::ids::{GroupId, ServiceRef};
use super::traffic::{BackendTraffic, Clients, TrafficReport, TrafficRow};
use super::weights::Carrier;

/// Returns the id of a TrafficSplit.
pub fn id(namespace: &str, name: &str) -> GroupId {
    GroupId {
        namespace: namespace.to_owned(),
        kind: "trafficsplit",
        name: name.to_owned(),
    }
}

/// Returns a TrafficSplit of the service `web` with these backends and weights. The first one is the
/// primary.
pub fn group(id: GroupId, backends: &[(&str, u64)]) -> Group {
    let namespace = id.namespace.clone();
    let backend = |(name, weight): &(&str, u64)| {
        let service = ServiceRef::new(namespace.as_str(), *name);
        Backend::new(&namespace, service, *weight)
    };
    let backends = backends.iter().map(backend).collect();
    Group::ordinary(id, Carrier::Split, "web".to_owned(), backends, 0)
}

/// Returns a backend of a report.
pub fn traffic_row(name: &str, weight: u64, traffic: BackendTraffic) -> TrafficRow {
    TrafficRow {
        name: name.to_owned(),
        service: ServiceRef::new("ns", name),
        weight,
        meshed: None,
        traffic,
    }
}

/// Returns a report of the group `ns/web`, of ten seconds without any findings.
pub fn traffic_report(rows: Vec<TrafficRow>) -> TrafficReport {
    TrafficReport {
        id: id("ns", "web"),
        apex: "web".to_owned(),
        primary: Some(0),
        rows,
        refused: 0.0,
        seconds: 10.0,
        clients: Clients {
            pods: 1,
            asked: 1,
            ..Clients::default()
        },
        has_moved: false,
        conflicts: Vec::new(),
        before: None,
        counted_by: None,
        unaccepted: None,
    }
}
