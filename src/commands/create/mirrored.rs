//! `create --all --fallback-cluster`: the Services that have a mirror of a cluster, and those that
//! cannot get a group, with the reasons.

use std::collections::{BTreeMap, BTreeSet};

use super::existing::ExistingByNamespace;
use crate::cli::CreateArgs;
use crate::cluster::api::services::Service;
use crate::model::fold::name_some;
use crate::model::{Mirror, Residence, ServiceRef};
use crate::problem::Problem;
use crate::text::clean;

/// A Service, and its mirrors in the order of the clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirroredService {
    pub at: ServiceRef,
    pub fallbacks: Vec<String>,
    /// The clusters of the fallbacks.
    pub clusters: Vec<String>,
}

/// Why a Service gets no group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    NoService,
    IsMirror,
    HasGroup,
}

impl Obstacle {
    fn in_words(self, count: usize) -> &'static str {
        match (self, count) {
            (Self::NoService, 1) => "there is a mirror, but no service of this name",
            (Self::NoService, _) => "there are mirrors, but no services of these names",
            (Self::IsMirror, 1) => "it is a mirror itself",
            (Self::IsMirror, _) => "they are mirrors themselves",
            (Self::HasGroup, 1) => "it has a group already",
            (Self::HasGroup, _) => "they have groups already",
        }
    }
}

/// What becomes of the mirrors.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct MirroredServices {
    pub found: Vec<MirroredService>,
    /// The Service that gets no group, and why.
    pub skipped: Vec<(ServiceRef, Obstacle)>,
}

/// Returns the Services with a mirror of one of these clusters.
///
/// # Errors
/// If there is no mirror of a cluster.
pub fn mirrored(
    services: &[Service],
    clusters: &[String],
    existing: &ExistingByNamespace,
    place: &str,
) -> Result<MirroredServices, Problem> {
    check_clusters(services, clusters, place)?;
    let by_service = mirrors_of(services, clusters);
    let known: BTreeMap<&ServiceRef, &Service> = services
        .iter()
        .map(|service| (&service.at, service))
        .collect();
    let mut all = MirroredServices::default();
    for (at, mirrors) in by_service {
        match obstacle(&at, known.get(&at).copied(), existing) {
            Some(why) => all.skipped.push((at, why)),
            None => {
                let cluster = |(rank, _): &(usize, String)| clusters.get(*rank).cloned();
                let mut of: Vec<String> = mirrors.iter().filter_map(cluster).collect();
                of.dedup();
                all.found.push(MirroredService {
                    at,
                    clusters: of,
                    fallbacks: mirrors.into_iter().map(|(_, name)| name).collect(),
                });
            }
        }
    }
    Ok(all)
}

/// The mirrors of each mirrored Service of the same namespace: the index of the cluster, and the
/// name.
fn mirrors_of(
    services: &[Service],
    clusters: &[String],
) -> BTreeMap<ServiceRef, Vec<(usize, String)>> {
    let mut mirrors: BTreeMap<ServiceRef, Vec<(usize, String)>> = BTreeMap::new();
    for service in services {
        let (Residence::Mirrored { cluster, .. }, Some(origin)) =
            (service.residence(), origin(service))
        else {
            continue;
        };
        if let Some(rank) = clusters.iter().position(|it| *it == cluster) {
            let at = ServiceRef::new(&service.at.namespace, origin);
            mirrors
                .entry(at)
                .or_default()
                .push((rank, service.at.name.clone()));
        }
    }
    for of_service in mirrors.values_mut() {
        of_service.sort_unstable();
    }
    mirrors
}

/// The name of the Service that a mirror mirrors. The mirror of one pod has none.
fn origin(service: &Service) -> Option<&str> {
    match service.stands_for.as_ref()? {
        Mirror::Gateway(remote) | Mirror::RemoteDiscovery(remote) => {
            Some(remote.service.name.as_str())
        }
        Mirror::Federated(_) | Mirror::InvalidName | Mirror::TooManyMembers => None,
    }
}

fn obstacle(
    at: &ServiceRef,
    service: Option<&Service>,
    existing: &ExistingByNamespace,
) -> Option<Obstacle> {
    let Some(service) = service else {
        return Some(Obstacle::NoService);
    };
    if service.is_mirror {
        return Some(Obstacle::IsMirror);
    }
    let mut records = existing.of(&at.namespace).records();
    let has_group = records.any(|record| record.is_controlled() && record.apex == at.name);
    has_group.then_some(Obstacle::HasGroup)
}

fn check_clusters(services: &[Service], clusters: &[String], place: &str) -> Result<(), Problem> {
    let mut known = BTreeSet::new();
    for service in services {
        if let Residence::Mirrored { cluster, .. } = service.residence() {
            known.insert(cluster);
        }
    }
    let Some(unknown) = clusters.iter().find(|name| !known.contains(*name)) else {
        return Ok(());
    };
    let names = || known.iter().map(String::as_str);
    let problem = Problem::new(format!(
        "no service in {place} is a mirror of cluster {:?}",
        clean(unknown)
    ));
    Err(if known.is_empty() {
        problem
            .next(
                "export services there: kubectl label service NAME mirror.linkerd.io/exported=true",
            )
            .next("to see the links: linkerd multicluster check")
    } else {
        problem
            .did_you_mean(unknown, names())
            .there_are("clusters", names())
    })
}

/// The arguments of the group of one Service.
pub fn args_of(args: &CreateArgs, service: &MirroredService) -> CreateArgs {
    CreateArgs {
        service: Some(service.at.name.clone()),
        fallback: service.fallbacks.clone(),
        ..args.clone()
    }
}

/// Says which Services were skipped: a line for each reason.
pub fn skipped_in_words(skipped: &[(ServiceRef, Obstacle)]) -> Vec<String> {
    let mut by_reason: BTreeMap<Obstacle, Vec<String>> = BTreeMap::new();
    for (at, why) in skipped {
        by_reason.entry(*why).or_default().push(at.to_string());
    }
    let line = |(why, services): (Obstacle, Vec<String>)| {
        let why = why.in_words(services.len());
        format!("skipped: {}: {why}", name_some(services))
    };
    by_reason.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_skipped_service_has_a_group_and_several_have_groups() {
        let skipped = |names: &[&str]| -> Vec<(ServiceRef, Obstacle)> {
            let at = names.iter().map(|name| ServiceRef::new("shop", *name));
            at.map(|at| (at, Obstacle::HasGroup)).collect()
        };
        for (names, expected) in [
            (&["a"] as &[&str], "skipped: shop/a: it has a group already"),
            (
                &["a", "b"],
                "skipped: shop/a, shop/b: they have groups already",
            ),
        ] {
            assert_eq!(skipped_in_words(&skipped(names)), [expected]);
        }
    }
}
