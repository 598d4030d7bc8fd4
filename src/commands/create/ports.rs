//! Checks that the services have the port numbers that the traffic goes to.

use std::collections::{BTreeMap, BTreeSet};

use super::requirements::RequiredServices;
use crate::cluster::api::services::Service;
use crate::model::{Carrier, ServiceRef};
use crate::problem::Problem;
use crate::resource::{NewGroup, Record};

/// Returns the port of a new route: the requested port, or the apex's only port.
///
/// # Errors
/// A usage error if the apex does not have exactly one port.
pub fn of_route(asked: &NewGroup, services: &RequiredServices) -> Result<u16, Problem> {
    if let Some(port) = asked.port {
        return Ok(port);
    }
    let apex = &asked.apex;
    let service = services.find(&asked.service(apex));
    let ports = service.map(numbers).unwrap_or_default();
    let (problem, hint) = match (ports.first(), ports.len()) {
        (Some(only), 1) => return Ok(*only),
        (None, _) => (
            format!("can't tell which port of {apex} the route is for"),
            "name it with --port, such as --port 80".to_owned(),
        ),
        (Some(first), _) => (
            format!("{apex} has several ports: {}", join(&ports)),
            format!("a route is for one of them: name it with --port, such as --port {first}"),
        ),
    };
    Err(Problem::usage(problem).next(hint))
}

/// Returns the ports that each service needs. A TrafficSplit keeps the port; a route names its own.
pub fn needed(
    asked: &NewGroup,
    record: &Record,
    services: &RequiredServices,
) -> BTreeMap<ServiceRef, BTreeSet<u16>> {
    let apex = asked.service(&asked.apex);
    let mut needed: BTreeMap<ServiceRef, BTreeSet<u16>> = BTreeMap::new();
    if record.backend_ports.is_empty() {
        let of_apex = services.find(&apex).map(numbers).unwrap_or_default();
        return asked
            .backends
            .iter()
            .map(|name| (asked.service(name), of_apex.clone()))
            .collect();
    }
    let parent = record.ports.iter().map(|port| (apex.clone(), *port));
    let named = record.backend_ports.iter();
    let named = named.filter_map(|(service, port)| Some((service.clone(), (*port)?)));
    for (service, port) in named.chain(parent) {
        needed.entry(service).or_default().insert(port);
    }
    needed
}

/// # Errors
/// If a service lacks a port: traffic to it would fail.
pub fn check(
    asked: &NewGroup,
    carrier: Carrier,
    needed: &BTreeMap<ServiceRef, BTreeSet<u16>>,
    services: &RequiredServices,
    place: &str,
) -> Result<(), Problem> {
    let lacking = |(at, needed): (&ServiceRef, &BTreeSet<u16>)| {
        let service = services.find(at)?;
        let has = numbers(service);
        let lacking: BTreeSet<u16> = needed.difference(&has).copied().collect();
        let name = NewGroup::backend_name(&asked.namespace, &at.to_string());
        (!lacking.is_empty())
            .then(|| format!("{name} lacks {}; it has {}", join(&lacking), join(&has)))
    };
    let lines: Vec<String> = needed.iter().filter_map(lacking).collect();
    if lines.is_empty() {
        return Ok(());
    }
    let all = join(&needed.values().flatten().copied().collect());
    let who = match carrier {
        Carrier::Route => "service has the ports that the route is for".to_owned(),
        Carrier::Split => format!("backend has the ports of {}", asked.apex),
    };
    let message = format!("not every {who} ({all}) in {place}");
    Err(Problem::new(message)
        .next_all(lines)
        .next("add the ports to those services or choose others: traffic to a missing port fails"))
}

fn numbers(service: &Service) -> BTreeSet<u16> {
    service.ports.iter().map(|port| port.port).collect()
}

fn join(ports: &BTreeSet<u16>) -> String {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    if ports.is_empty() {
        return "none".to_owned();
    }
    ports.join(", ")
}
