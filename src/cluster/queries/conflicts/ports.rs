//! Ports that a route names, but its Service or its backends lack.

use std::collections::BTreeSet;

use super::index::ConflictIndex;
use crate::model::{Backend, ServiceRef};
use crate::resource::Record;

impl ConflictIndex {
    /// Returns a line for each backend of a route that gets its requests in vain, since Linkerd
    /// needs a port that the Service has.
    pub fn missing_ports(&self, record: &Record) -> Vec<String> {
        let home = &record.meta.namespace;
        let has = |service: &ServiceRef| {
            let service = self.services.get(service)?;
            let ports: BTreeSet<u16> = service.ports.iter().map(|port| port.port).collect();
            (!ports.is_empty()).then_some(ports)
        };
        let backend = |(service, port): &(ServiceRef, Option<u16>)| {
            let name = Backend::new(home, service.clone(), 0).name;
            let port = port.as_ref()?;
            let ports = has(service).filter(|ports| !ports.contains(port))?;
            Some(format!(
                "its backend {name} lacks port {port} (it has {}), so requests to it fail",
                join(&ports)
            ))
        };
        let apex = ServiceRef::new(home, &record.apex);
        let parent = |port: &u16| {
            let ports = has(&apex).filter(|ports| !ports.contains(port))?;
            Some(format!(
                "Service {} lacks port {port} (it has {}), so the route has no effect there",
                apex.name,
                join(&ports)
            ))
        };
        let backends = record.backend_ports.iter().filter_map(backend);
        let lines: BTreeSet<String> = record
            .ports
            .iter()
            .filter_map(parent)
            .chain(backends)
            .collect();
        lines.into_iter().collect()
    }
}

fn join(ports: &BTreeSet<u16>) -> String {
    let numbers: Vec<String> = ports.iter().map(u16::to_string).collect();
    numbers.join(", ")
}
