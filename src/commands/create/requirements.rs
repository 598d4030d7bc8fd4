//! Checks that the services of a group exist and can carry it.

use std::collections::HashMap;

use super::context::{kubectl, place};
use crate::check::unknown_backend::unknown_backend;
use crate::cluster::api::namespaces;
use crate::cluster::api::services::{self, Service};
use crate::cluster::listwatch::list::list;
use crate::cluster::{Cluster, Clusters, RequestResult};
use crate::model::{Carrier, Destination, ServiceRef};
use crate::problem::Problem;
use crate::readiness::read_once;
use crate::resource::NewGroup;
use crate::text::clean;
use crate::text::nearest::nearest;
use futures::future::try_join_all;

/// The label that exports a service to other clusters.
const EXPORT_LABEL: &str = "mirror.linkerd.io/exported=true";

/// The services of a group as they are in the cluster.
#[derive(Debug)]
pub struct RequiredServices {
    found: Vec<Service>,
    /// `NAME` or `NAMESPACE/NAME`, as in annotations.
    missing: Vec<String>,
}

impl RequiredServices {
    /// Returns those of a group, of all Services that there are.
    pub fn among(known: &HashMap<ServiceRef, Service>, asked: &NewGroup) -> Self {
        let backends = asked.backends.iter().filter(|name| **name != asked.apex);
        let names = std::iter::once(&asked.apex).chain(backends);
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for name in names {
            match known.get(&asked.service(name)) {
                Some(service) => found.push(service.clone()),
                None => missing.push(name.clone()),
            }
        }
        Self { found, missing }
    }

    pub fn find(&self, at: &ServiceRef) -> Option<&Service> {
        self.found.iter().find(|service| service.at == *at)
    }
}

/// Reads the apex and the backends concurrently.
pub async fn read(cluster: &Cluster, asked: &NewGroup) -> RequestResult<RequiredServices> {
    let backends = asked.backends.iter().filter(|name| **name != asked.apex);
    let names: Vec<&String> = std::iter::once(&asked.apex).chain(backends).collect();
    let refs: Vec<ServiceRef> = names.iter().map(|name| asked.service(name)).collect();
    let answers = try_join_all(refs.iter().map(|service| services::get(cluster, service))).await?;
    let missing = names
        .iter()
        .zip(&answers)
        .filter(|(_, answer)| answer.is_none());
    let missing = missing.map(|(name, _)| (*name).clone()).collect();
    Ok(RequiredServices {
        found: answers.into_iter().flatten().collect(),
        missing,
    })
}

/// Checks that all services exist. Returns warnings about services that may be missing, and about
/// backends whose readiness is unknown.
///
/// # Errors
/// If a service is missing. The error says how to get it.
pub async fn check(
    cluster: &Clusters,
    asked: &NewGroup,
    carrier: Carrier,
    services: &RequiredServices,
    allow_missing: bool,
) -> Result<Vec<String>, Problem> {
    let place = place(cluster, asked);
    if !services.missing.is_empty() {
        namespace_exists(cluster, asked).await?;
        if !allow_missing {
            return Err(missing(cluster, asked, &services.missing).await);
        }
    }
    if carrier == Carrier::Route {
        can_have_routes(asked, services, &place)?;
    }
    have_endpoints(services, &place)?;
    let absent = services.missing.iter().map(|name| {
        format!("service {name} does not exist in {place}; until it does, it counts as not ready")
    });
    Ok(absent
        .chain(unknown_readiness(cluster, asked, services).await)
        .collect())
}

/// Reads the remotes too, and returns a warning for each backend whose readiness is unknown.
pub async fn unknown_readiness(
    cluster: &Clusters,
    asked: &NewGroup,
    services: &RequiredServices,
) -> Vec<String> {
    let service = |name| services.find(&asked.service(name));
    let is_uncertain = |it: &&Service| it.stands_for.is_some() || it.is_external_name;
    let mirror = |name| service(name).filter(is_uncertain);
    let backends = asked.backends.iter();
    let mirrors: Vec<(&String, &Service)> = backends
        .filter_map(|name| Some((name, mirror(name)?)))
        .collect();
    let destination = |service: &Service| Destination {
        service: service.at.clone(),
        ports: Vec::new(),
    };
    let wanted = mirrors.iter().map(|(_, service)| destination(service));
    let wanted = wanted.collect();
    let known = read_once::read(cluster, &wanted).await;
    let warning = |(name, service): &(&String, &Service)| {
        let (reading, is_primary) = (known.get(&destination(service))?, **name == asked.primary);
        let (words, mend) = unknown_backend(cluster, name, is_primary, &reading.readiness)?;
        let too = if mend.is_empty() {
            ""
        } else {
            ", for watch too"
        };
        Some(format!("the readiness of {words}{mend}{too}"))
    };
    mirrors.iter().filter_map(warning).collect()
}

fn can_have_routes(
    asked: &NewGroup,
    services: &RequiredServices,
    place: &str,
) -> Result<(), Problem> {
    let service = services.find(&asked.service(&asked.apex));
    let Some(why) = service.and_then(|apex| apex.no_parent) else {
        return Ok(());
    };
    let apex = &asked.apex;
    Err(Problem::new(format!(
        "{apex} in {place} {why}: Linkerd attaches no route to it"
    ))
    .next("routes need a service with a cluster IP: have clients call one"))
}

/// Refuses ExternalName Services as apex and as backends, whatever carries the group.
fn have_endpoints(services: &RequiredServices, place: &str) -> Result<(), Problem> {
    let mut found = services.found.iter();
    let Some(external) = found.find(|service| service.is_external_name) else {
        return Ok(());
    };
    let name = &external.at.name;
    Err(Problem::new(format!(
        "{name} in {place} is an ExternalName Service: it never has endpoints, so it cannot get \
         the traffic"
    ))
    .next("name a Service with endpoints; for another cluster, a mirror Service of Linkerd"))
}

async fn namespace_exists(cluster: &Cluster, asked: &NewGroup) -> Result<(), Problem> {
    let namespace = &asked.namespace;
    if !namespaces::is_missing(cluster, namespace).await {
        return Ok(());
    }
    let (context, server, all) = (&cluster.context, &cluster.server, cluster.reach.all());
    Err(Problem::new(format!(
        "namespace {namespace} does not exist in context {context} ({server})"
    ))
    .next("name the services' namespace with -n, or another context with --context")
    .next(format!("list the namespaces: kubectl {all} get namespaces")))
}

async fn missing(cluster: &Cluster, asked: &NewGroup, missing: &[String]) -> Problem {
    let what = match missing {
        [one] => format!("service {one} does not exist"),
        several => format!("services {} do not exist", several.join(", ")),
    };
    // Services in other namespaces are named with their namespaces.
    let is_elsewhere = missing.iter().all(|name| name.contains('/'));
    let place = if is_elsewhere {
        format!("in context {}", cluster.context)
    } else {
        format!("in {}", place(cluster, asked))
    };
    let kubectl = kubectl(cluster, asked);
    let (apex, backends): (Vec<&String>, Vec<&String>) =
        missing.iter().partition(|name| **name == asked.apex);
    let known = list(cluster, &services::all(asked.namespace.as_str())).await;
    let known = known.map(|(services, _)| services).unwrap_or_default();
    let known = known.iter().map(|it| it.at.name.as_str());
    let is_other = |name: &&str| asked.apex != **name && asked.backends.iter().all(|it| it != name);
    let known: Vec<&str> = known.filter(is_other).collect();
    let meant = |name: &String| Some((nearest(name, known.iter().copied())?, name.clone()));
    let meant: Vec<(&str, String)> = missing.iter().filter_map(meant).collect();
    let suggestions = meant
        .iter()
        .map(|(name, typed)| format!("did you mean {name} instead of {typed}?"));
    // No command is made of a typo.
    let is_typo = |name: &&String| meant.iter().any(|(_, typed)| typed == *name);
    let backends: Vec<&String> = backends.into_iter().filter(|it| !is_typo(it)).collect();
    let listing = apex.first();
    let listing = listing.map(|_| format!("list the services: {kubectl} get services"));
    Problem::new(format!("{what} {place}"))
        .next_all(suggestions)
        .next_all(listing)
        .next_all(mirror_lines(cluster, asked, &backends).await)
        .next("to create the group before its services, add --allow-missing")
}

/// Returns the mirror services that the user may have meant, or how to get one.
async fn mirror_lines(cluster: &Cluster, asked: &NewGroup, missing: &[&String]) -> Vec<String> {
    if missing.is_empty() {
        return Vec::new();
    }
    if let Ok((mirrors, _)) = list(cluster, &services::mirrors(Some(&asked.namespace))).await {
        let mut mirrors = mirrors;
        mirrors.retain(|mirror| could_be_meant(mirror, missing, &asked.apex));
        let mut names: Vec<&str> = mirrors.iter().map(|it| it.at.name.as_str()).collect();
        names.sort_unstable();
        if !names.is_empty() {
            let names = names.join(", ");
            return vec![clean(&format!("existing mirror services: {names}"))];
        }
    }
    let missing = missing.iter();
    missing.map(|name| how_to_export(asked, name)).collect()
}

/// Whether the mirror mirrors the apex, or the same service as a missing name. Mirror services are
/// named after their origin and its cluster.
fn could_be_meant(mirror: &Service, missing: &[&String], apex: &str) -> bool {
    let Some(origin) = mirror.mirrors.as_ref().filter(|_| mirror.is_mirror) else {
        return false;
    };
    let mut after_origin = missing.iter().filter_map(|name| name.strip_prefix(origin));
    origin == apex || after_origin.any(|rest| rest.starts_with('-'))
}

/// Says how to export the mirrored service. A name that starts with the apex's names a mirror of
/// the apex. For other names, the mirrored service is unknown.
fn how_to_export(asked: &NewGroup, missing: &str) -> String {
    let apex = asked.apex.as_str();
    let ServiceRef { namespace, .. } = asked.service(missing);
    let rest = missing.strip_prefix(apex);
    let named_after = rest.and_then(|rest| rest.strip_prefix('-'));
    let (cluster, origin) = named_after.map_or(("CLUSTER", "SERVICE"), |cluster| (cluster, apex));
    format!(
        "if {missing} is to mirror a service of another cluster, export that one there: \
         kubectl --context {cluster} -n {namespace} label service {origin} {EXPORT_LABEL}"
    )
}
