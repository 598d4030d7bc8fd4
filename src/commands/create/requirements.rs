//! What a group needs in its namespace: its services, and ports that fit.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use serde::de::IgnoredAny;

use super::{kubectl, place};
use crate::cluster::path::NAMESPACES;
use crate::cluster::services::{self, Service};
use crate::cluster::stream::list;
use crate::cluster::{Cluster, RequestResult};
use crate::error::Problem;
use crate::model::ServiceRef;
use crate::resource::NewGroup;
use crate::view::text::clean;

const EXPORT: &str = "mirror.linkerd.io/exported=true";

/// The services of a group as they are in the cluster.
#[derive(Debug)]
pub struct Services {
    found: Vec<Service>,
    missing: Vec<String>,
}

/// Reads the apex and the backends, all at once.
pub async fn read(cluster: &Cluster, asked: &NewGroup) -> RequestResult<Services> {
    let backends = asked.backends.iter().filter(|name| **name != asked.apex);
    let names: Vec<&String> = std::iter::once(&asked.apex).chain(backends).collect();
    let refs: Vec<ServiceRef> = names.iter().map(|name| ServiceRef::new(&asked.namespace, *name)).collect();
    let answers = try_join_all(refs.iter().map(|service| services::get(cluster, service))).await?;
    let missing = names.iter().zip(&answers).filter(|(_, answer)| answer.is_none());
    let missing = missing.map(|(name, _)| (*name).clone()).collect();
    Ok(Services { found: answers.into_iter().flatten().collect(), missing })
}

/// Whether everything is there; gives warnings for what is let through or can't be known.
///
/// # Errors
/// A [`Problem`] that says what is missing, and how to get it.
pub async fn check(
    cluster: &Cluster,
    asked: &NewGroup,
    services: &Services,
    allow_missing: bool,
) -> Result<Vec<String>, Problem> {
    let place = place(cluster, asked);
    if !services.missing.is_empty() {
        namespace_exists(cluster, asked).await?;
        if !allow_missing {
            return Err(missing(cluster, asked, &services.missing).await);
        }
    }
    check_ports(asked, services, &place)?;
    let absent = services.missing.iter().map(|name| {
        format!("service {name} does not exist in {place}; until it does, it counts as having no endpoints")
    });
    let backends = services.found.iter().filter(|service| asked.backends.contains(&service.at.name));
    let blind = backends.filter(|service| !service.has_local_endpoints).map(|Service { at, .. }| {
        let name = &at.name;
        format!("{name} mirrors another cluster without endpoints in this one: whether it is ready cannot be known here yet")
    });
    Ok(absent.chain(blind).collect())
}

async fn namespace_exists(cluster: &Cluster, asked: &NewGroup) -> Result<(), Problem> {
    let Cluster { context, server, .. } = cluster;
    let namespace = &asked.namespace;
    match cluster.get::<IgnoredAny>(&NAMESPACES.cluster_object(namespace)).await {
        Err(error) if error.is_not_found() => {
            Err(Problem::new(format!("namespace {namespace} does not exist in context {context} ({server})"))
                .next("name the services' namespace with -n, or another context with --context")
                .next(format!("see what is there: kubectl --context {context} get namespaces")))
        }
        // Many users may not read namespaces: that the services are missing is known all the same.
        _ => Ok(()),
    }
}

async fn missing(cluster: &Cluster, asked: &NewGroup, missing: &[String]) -> Problem {
    let what = match missing {
        [one] => format!("service {one} does not exist"),
        several => format!("services {} do not exist", several.join(", ")),
    };
    let mut problem = Problem::new(format!("{what} in {}", place(cluster, asked)));
    let kubectl = kubectl(cluster, asked);
    let (apex, backends): (Vec<&String>, Vec<&String>) =
        missing.iter().partition(|name| **name == asked.apex);
    if !apex.is_empty() {
        problem = problem.next(format!("see which services there are: {kubectl} get services"));
    }
    for line in mirror_lines(cluster, asked, &backends).await {
        problem = problem.next(line);
    }
    problem.next("to make the group before its services: --allow-missing")
}

/// The mirror services that could have been meant, or how to get one.
async fn mirror_lines(cluster: &Cluster, asked: &NewGroup, missing: &[&String]) -> Vec<String> {
    if missing.is_empty() {
        return Vec::new();
    }
    if let Ok((mirrors, _)) = list(cluster, &services::mirrors(Some(&asked.namespace))).await {
        let mut names: Vec<&str> = mirrors
            .iter()
            .filter(|mirror| missing.iter().any(|name| could_be_meant(mirror, name, &asked.apex)))
            .map(|mirror| mirror.at.name.as_str())
            .collect();
        names.sort_unstable();
        if !names.is_empty() {
            return vec![clean(&format!("mirror services that are there: {}", names.join(", ")))];
        }
    }
    missing.iter().map(|name| how_to_export(asked, name)).collect()
}

/// Whether the mirror stands for the apex, or for the service that the missing one would be a mirror of.
fn could_be_meant(mirror: &Service, missing: &str, apex: &str) -> bool {
    let Some(origin) = mirror.mirrors.as_deref().filter(|_| mirror.is_mirror) else { return false };
    origin == apex || is_mirror_name(missing, origin)
}

/// Mirror services are named after their origin and its cluster.
fn is_mirror_name(name: &str, origin: &str) -> bool {
    name.strip_prefix(origin).is_some_and(|rest| rest.starts_with('-'))
}

/// Who names a mirror service after the apex means a mirror of the apex; elsewhere its origin is not known.
fn how_to_export(asked: &NewGroup, missing: &str) -> String {
    let NewGroup { namespace, apex, .. } = asked;
    let named_after = missing.strip_prefix(apex.as_str()).and_then(|rest| rest.strip_prefix('-'));
    let (cluster, origin) = named_after.map_or(("CLUSTER", "SERVICE"), |cluster| (cluster, apex.as_str()));
    format!(
        "if {missing} is to mirror a service of another cluster, export that one there: \
         kubectl --context {cluster} -n {namespace} label service {origin} {EXPORT}"
    )
}

/// Traffic to a port that a backend lacks would fail. Names of ports play no part: traffic goes by number.
fn check_ports(asked: &NewGroup, services: &Services, place: &str) -> Result<(), Problem> {
    let find = |name: &String| services.found.iter().find(|service| service.at.name == *name);
    let Some(apex) = find(&asked.apex) else { return Ok(()) };
    let needed = numbers(apex);
    let lines: Vec<String> = asked
        .backends
        .iter()
        .filter_map(find)
        .map(|backend| (backend, needed.difference(&numbers(backend)).copied().collect::<BTreeSet<u16>>()))
        .filter(|(_, lacking)| !lacking.is_empty())
        .map(|(backend, lacking)| {
            format!("{} lacks {}; it has {}", backend.at.name, join(&lacking), join(&numbers(backend)))
        })
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    let message = format!("not every backend has the ports of {} ({}) in {place}", asked.apex, join(&needed));
    Err(lines
        .into_iter()
        .fold(Problem::new(message), Problem::next)
        .next("add the ports to those services, or choose others: traffic to a missing port would fail"))
}

fn numbers(service: &Service) -> BTreeSet<u16> {
    service.ports.iter().map(|port| port.port).collect()
}

fn join(ports: &BTreeSet<u16>) -> String {
    if ports.is_empty() {
        return "none".to_owned();
    }
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}
