//! Cluster membership: which backends of which groups are in a cluster, over several contexts, and
//! what the cluster of each context is called.

use std::collections::BTreeSet;

use futures::future::join_all;

use crate::cli::LocalName;
use crate::cluster::Clusters;
use crate::cluster::queries::residences;
use crate::cluster::queries::residences::Residences;
use crate::model::by_cluster::PlacedGroup;
use crate::model::cluster_name::{cluster_names, fits};
use crate::model::{
    Backend, ClusterName, ClusterNameSource, ContextClues, Group, Membership, Residence, Status,
};
use crate::problem::Problem;
use crate::resource::Record;
use crate::text::{clean, word};

/// The groups of one context.
#[derive(Debug, Clone, Copy)]
pub struct ContextGroups<'a> {
    pub cluster: &'a Clusters,
    pub records: &'a [Record],
}

/// Where the backends of the groups of one context are.
#[derive(Debug)]
pub struct ContextMembers {
    /// The name of the context's own cluster.
    pub own: ClusterName,
    pub context: String,
    pub residences: Residences,
    /// The clusters that the backends of its groups are in.
    clusters: BTreeSet<String>,
}

/// The backends of a group by whether they are in a cluster, as indexes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterBackends {
    /// All of their pods are there.
    pub whole: Vec<usize>,
    /// Federated Services with members there and elsewhere.
    pub part: Vec<usize>,
    /// Their Services were not read, or name no cluster.
    pub unknown: Vec<usize>,
}

impl ContextMembers {
    /// Returns the backends of a group of this context that are in a cluster.
    pub fn backends_in(&self, group: &Group, cluster: &str) -> ClusterBackends {
        let mut found = ClusterBackends::default();
        for (index, backend) in group.backends.iter().enumerate() {
            match self.residence(backend).membership(cluster, &self.own.name) {
                Membership::Whole => found.whole.push(index),
                Membership::Part => found.part.push(index),
                Membership::Unknown => found.unknown.push(index),
                Membership::Outside => {}
            }
        }
        found
    }

    pub fn residence(&self, backend: &Backend) -> Residence {
        self.residences.of(&backend.service)
    }

    /// Returns a group of this context with where its backends are. `server` is the API server's
    /// address.
    pub fn placed<'a>(&'a self, server: &'a str, status: &'a Status) -> PlacedGroup<'a> {
        PlacedGroup {
            context: &self.context,
            server,
            own: &self.own.name,
            status,
            residences: self.residences.of_backends(status),
        }
    }
}

/// Reads where the backends of these groups are, and names the cluster of each context. `given` are
/// the names of `--local-name`.
///
/// # Errors
/// A usage error if a name is for a context that is not among these, or for no context of several.
pub async fn read(
    contexts: &[ContextGroups<'_>],
    given: &[LocalName],
) -> Result<Vec<ContextMembers>, Problem> {
    check(contexts, given)?;
    let reads = contexts.iter().map(async |it| {
        let residences = residences::read(it.cluster, it.records).await;
        let mirrored = residences.mirrored();
        (residences, mirrored)
    });
    let read = join_all(reads).await;
    let clues = contexts.iter().zip(&read);
    let clues: Vec<ContextClues> = clues
        .map(|(it, (_, mirrored))| ContextClues {
            context: &it.cluster.context,
            server: &it.cluster.server,
            given: given_name(it.cluster, contexts, given),
            mirrored,
        })
        .collect();
    let names = cluster_names(&clues);
    let each = contexts.iter().zip(read).zip(names);
    Ok(each
        .map(|((it, (residences, _)), own)| ContextMembers {
            clusters: clusters(it.records, &residences, &own.name),
            context: it.cluster.context.clone(),
            residences,
            own,
        })
        .collect())
}

/// Returns the name that `--local-name` or `--remote NAME=CONTEXT` has for this context's cluster.
fn given_name<'a>(
    cluster: &Clusters,
    contexts: &'a [ContextGroups<'_>],
    given: &'a [LocalName],
) -> Option<&'a str> {
    let context = &cluster.context;
    let mut flags = given.iter();
    let is_meant = |it: &&LocalName| it.context.as_ref().is_none_or(|of| of == context);
    let flag = flags.find(is_meant).map(|it| it.name.as_str());
    let remotes = || {
        let mut all = contexts.iter().map(|it| it.cluster.remotes());
        all.find_map(|remotes| remotes.name_of_context(context))
    };
    flag.or_else(remotes)
}

fn check(contexts: &[ContextGroups], given: &[LocalName]) -> Result<(), Problem> {
    for LocalName { name, context } in given {
        match context {
            None if contexts.len() > 1 => {
                return Err(Problem::usage(format!(
                    "--local-name {name} is about one context, and there are several"
                ))
                .next(format!("name the context too: --local-name {name}=CONTEXT")));
            }
            Some(context) if !contexts.iter().any(|it| it.cluster.context == *context) => {
                let names = || contexts.iter().map(|it| it.cluster.context.as_str());
                let context = clean(context);
                return Err(Problem::usage(format!(
                    "--local-name {name}={context} is for a context that is not read"
                ))
                .did_you_mean(&context, names())
                .there_are("contexts", names()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn clusters(records: &[Record], residences: &Residences, own: &str) -> BTreeSet<String> {
    let groups = records.iter().filter_map(|it| it.group.as_ref().ok());
    let backends = groups.flat_map(|group| &group.backends);
    let mut clusters = BTreeSet::new();
    for backend in backends {
        let residence = residences.of(&backend.service);
        clusters.extend(residence.clusters(own).into_iter().map(str::to_owned));
    }
    clusters
}

/// Returns all clusters that backends are in, and those of the contexts.
pub fn known_clusters(members: &[ContextMembers]) -> BTreeSet<&str> {
    let own = members.iter().map(|it| it.own.name.as_str());
    own.chain(backend_clusters(members)).collect()
}

/// Returns the clusters that backends are in.
pub fn backend_clusters(members: &[ContextMembers]) -> BTreeSet<&str> {
    let backends = members.iter().flat_map(|it| &it.clusters);
    backends.map(String::as_str).collect()
}

/// Returns the cluster of a context that was not read, by the rule of names: mirrors name it, the
/// context's name is that or ends with it, and it is not the cluster of a context that was read.
pub fn cluster_of_unread<'a>(members: &'a [ContextMembers], context: &str) -> Option<&'a str> {
    let is_taken = |name: &str| {
        let mut read = members.iter();
        read.any(|it| it.own.name == name && it.own.source != ClusterNameSource::Context)
    };
    let known = backend_clusters(members).into_iter();
    let fitting = known.filter(|name| fits(context, name) && !is_taken(name));
    fitting.max_by_key(|name| name.len())
}

/// Returns the cluster that a user named: by its name, or by the name of its context.
///
/// # Errors
/// If no backend is in a cluster of this name, and no context is its own.
pub fn resolve(members: &[ContextMembers], typed: &str) -> Result<String, Problem> {
    let known = known_clusters(members);
    if known.contains(typed) {
        return Ok(typed.to_owned());
    }
    if let Some(of) = members.iter().find(|it| it.context == typed) {
        return Ok(of.own.name.clone());
    }
    let mut parts = typed.split(',');
    if typed.contains(',') && parts.all(|part| known.contains(part)) {
        let message = format!("{:?} names several clusters", clean(typed));
        return Err(Problem::usage(message)
            .next("name one at a time, each with an --id of its own")
            .next("nothing was changed"));
    }
    let names = || known.iter().copied();
    let unnamed = members
        .iter()
        .filter(|it| it.own.source == ClusterNameSource::Context);
    let flag = unnamed.map(|it| {
        format!(
            "if context {} is of that cluster: --local-name {}",
            clean(&it.context),
            match members {
                [_] => word(typed),
                _ => word(&format!("{typed}={}", it.context)),
            }
        )
    });
    Err(
        Problem::new(format!("no backend is in a cluster {:?}", clean(typed)))
            .did_you_mean(typed, names())
            .there_are("clusters", names())
            .next_all(flag),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(
        context: &str,
        own: &str,
        source: ClusterNameSource,
        clusters: &[&str],
    ) -> ContextMembers {
        ContextMembers {
            own: ClusterName {
                name: own.into(),
                source,
            },
            context: context.into(),
            residences: Residences::default(),
            clusters: clusters.iter().map(|&it| it.to_owned()).collect(),
        }
    }

    #[test]
    fn a_cluster_is_known_by_its_name_or_its_context() {
        let source = ClusterNameSource::Mirrors;
        let members = [of("gke_shop_west", "west", source, &["west", "east"])];
        for (typed, name) in [
            ("west", "west"),
            ("gke_shop_west", "west"),
            ("east", "east"),
        ] {
            assert_eq!(resolve(&members, typed).unwrap(), name);
        }
        let next = resolve(&members, "eats").unwrap_err().next.join("\n");
        assert!(next.contains("did you mean east?"), "{next}");
        assert!(next.contains("available clusters: east, west"), "{next}");
        assert!(!next.contains("--local-name"), "{next}");
        let several = resolve(&members, "east,west").unwrap_err();
        assert_eq!(several.message, "\"east,west\" names several clusters");
        let unknown = resolve(&members, "east,wset").unwrap_err();
        assert!(unknown.message.starts_with("no backend is in"), "{unknown}");
    }

    #[test]
    fn a_context_that_was_not_read_is_of_the_cluster_with_which_its_name_ends() {
        let source = ClusterNameSource::Mirrors;
        let members = [of(
            "prod_west",
            "west",
            source,
            &["west", "east", "far-east"],
        )];
        for (context, cluster) in [
            ("prod_east", Some("east")),
            ("prod_far-east", Some("far-east")),
            ("other_west", None),
            ("blue", None),
        ] {
            assert_eq!(cluster_of_unread(&members, context), cluster, "{context}");
        }
    }

    #[test]
    fn a_context_whose_cluster_has_no_name_can_get_one() {
        let source = ClusterNameSource::Context;
        let members = [of("prod", "prod", source, &["prod", "east"])];
        let next = resolve(&members, "west").unwrap_err().next.join("\n");
        assert!(next.ends_with("--local-name west"), "{next}");
    }
}
