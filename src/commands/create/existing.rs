//! Reads what exists: the kinds that the cluster serves, and the objects that may have the same
//! apex.

use std::collections::{BTreeSet, HashMap};

use futures::future::join_all;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::arguments;
use super::context::{kubectl, place};
use crate::cli::CreateArgs;
use crate::cluster::api::groups;
use crate::cluster::listwatch::list::list;
use crate::cluster::queries::conflicts::conflict;
use crate::cluster::{Cluster, RequestError, RequestResult};
use crate::error::explain;
use crate::model::Carrier;
use crate::problem::Problem;
use crate::resource::{KINDS, Kind, KindInfo, NewGroup, Record};
use crate::text::{clean, word};
use crate::view::manifest::full_name;

const CONCURRENT_NAMESPACES: usize = 4;

/// The objects of a namespace or of the cluster that are groups or could become groups, by kind.
pub struct ExistingObjects(Vec<(&'static dyn Kind, RequestResult<Vec<Record>>)>);

/// # Errors
/// If a list fails. An unknown or forbidden kind is not an error.
pub async fn read(cluster: &Cluster, namespace: Option<&str>) -> Result<ExistingObjects, Problem> {
    let lists = KINDS.iter().map(|kind| async move {
        match list(cluster, &groups::all(*kind, namespace)).await {
            Ok((records, _)) => (*kind, Ok(records)),
            Err(error) => (*kind, Err(groups::clarified(cluster, *kind, error).await)),
        }
    });
    let lists = join_all(lists).await;
    let mut errors = lists.iter().filter_map(|(_, list)| list.as_ref().err());
    match errors.find(|error| !error.is_not_found() && !error.is_forbidden()) {
        Some(error) => Err(explain(cluster, error)),
        None => Ok(ExistingObjects(lists)),
    }
}

/// The same, by namespace.
pub struct ExistingByNamespace {
    by_namespace: HashMap<String, ExistingObjects>,
    /// For a namespace without objects.
    none: ExistingObjects,
}

impl ExistingByNamespace {
    pub fn of(&self, namespace: &str) -> &ExistingObjects {
        self.by_namespace.get(namespace).unwrap_or(&self.none)
    }
}

/// Reads several namespaces, a few at a time.
///
/// # Errors
/// As [`read`].
pub async fn read_namespaces(
    cluster: &Cluster,
    namespaces: BTreeSet<&str>,
) -> Result<ExistingByNamespace, Problem> {
    let reads = namespaces.into_iter().map(async |namespace| {
        let found = read(cluster, Some(namespace)).await;
        found.map(|found| (namespace.to_owned(), found))
    });
    let reads = stream::iter(reads).buffer_unordered(CONCURRENT_NAMESPACES);
    Ok(ExistingByNamespace {
        by_namespace: reads.try_collect().await?,
        none: ExistingObjects(Vec::new()),
    })
}

impl ExistingObjects {
    pub fn by_namespace(self) -> ExistingByNamespace {
        let empty = || {
            let lists = self.0.iter();
            let lists = lists.map(|(kind, list)| {
                let list = list.as_ref().map(|_| Vec::new());
                (*kind, list.map_err(Clone::clone))
            });
            ExistingObjects(lists.collect())
        };
        let mut by_namespace: HashMap<String, ExistingObjects> = HashMap::new();
        for record in self.records() {
            let of = by_namespace
                .entry(record.meta.namespace.clone())
                .or_insert_with(empty);
            let mut lists = of.0.iter_mut();
            let list = lists.find(|(kind, _)| kind.info() == record.kind.info());
            if let Some((_, Ok(records))) = list {
                records.push(record.clone());
            }
        }
        ExistingByNamespace {
            none: empty(),
            by_namespace,
        }
    }

    /// Returns the first of these kinds that the cluster serves.
    ///
    /// # Errors
    /// If the cluster serves none of them, or the user may not read the kind.
    pub fn choose(
        &self,
        cluster: &Cluster,
        kinds: &[&'static dyn Kind],
        args: &CreateArgs,
        namespace: &str,
    ) -> Result<&'static dyn Kind, Problem> {
        let is_known = |error: &RequestError| !error.is_not_found();
        let known: Vec<_> = self
            .0
            .iter()
            .filter(|(_, list)| list.as_ref().err().is_none_or(is_known))
            .collect();
        let is_meant = |kind: &dyn Kind| kinds.iter().any(|meant| meant.info() == kind.info());
        match known.iter().find(|(kind, _)| is_meant(*kind)) {
            Some((kind, Ok(_))) => Ok(*kind),
            Some((_, Err(error))) => Err(explain(cluster, error)),
            None => {
                let known: Vec<&'static dyn Kind> = known.iter().map(|(kind, _)| *kind).collect();
                Err(no_such_kind(cluster, kinds, &known, args, namespace))
            }
        }
    }

    /// Returns the first of these kinds that the cluster serves and the user may read.
    pub fn readable(&self, kinds: &[&'static dyn Kind]) -> Option<&'static dyn Kind> {
        let is_readable = |kind: &&'static dyn Kind| {
            let mut lists = self.0.iter();
            lists.any(|(known, list)| known.info() == kind.info() && list.is_ok())
        };
        kinds.iter().copied().find(is_readable)
    }

    /// Returns the error if the user may not read a kind.
    pub fn forbidden(&self, kind: &KindInfo) -> Option<&RequestError> {
        let (_, list) = self.0.iter().find(|(known, _)| known.info() == kind)?;
        list.as_ref().err().filter(|error| error.is_forbidden())
    }

    /// Whether the cluster serves a kind of route that `create` would make without TrafficSplits.
    pub fn could_be_route(&self, args: &CreateArgs) -> bool {
        let mut routes = arguments::kinds(args);
        routes.retain(|kind| kind.info().carrier == Carrier::Route);
        self.readable(&routes).is_some()
    }

    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.0
            .iter()
            .filter_map(|(_, list)| list.as_ref().ok())
            .flatten()
    }

    /// The kinds that the user may not read.
    pub fn hidden(&self) -> impl Iterator<Item = &KindInfo> {
        let is_hidden =
            |list: &RequestResult<_>| list.as_ref().is_err_and(RequestError::is_forbidden);
        self.0
            .iter()
            .filter(move |(_, list)| is_hidden(list))
            .map(|(kind, _)| kind.info())
    }

    pub fn find(&self, kind: &dyn Kind, name: &str) -> Option<&Record> {
        self.records()
            .find(|record| record.kind.info() == kind.info() && record.meta.name == name)
    }
}

/// Returns the error that the cluster serves none of the kinds. Suggests a command that works, if
/// there is one.
fn no_such_kind(
    cluster: &Cluster,
    kinds: &[&'static dyn Kind],
    known: &[&'static dyn Kind],
    args: &CreateArgs,
    namespace: &str,
) -> Problem {
    let Some(info) = kinds.first().map(|kind| kind.info()) else {
        return Problem::new("no kind was named");
    };
    // A TrafficSplit reaches only services in its own namespace.
    let mut others = known.iter().map(|kind| kind.info());
    let other = others.find(|other| other.carrier == Carrier::Route);
    let or = if other.is_some() { "or " } else { "" };
    let use_other = other.map(|other| {
        let (line, place) = (
            arguments::with_kind(args, other.name),
            cluster.reach.for_plugin(namespace),
        );
        let (kind, group, version) = (other.kind, other.group(), cluster.version_of(other));
        format!("the cluster serves {kind} of {group}/{version}; to use it: {line} {place}")
    });
    unknown_kind(cluster, info)
        .next_all(use_other)
        .next(format!("{or}{}", where_it_is_from(info)))
        .next("to try it out, use the clusters of `kubectl failover sandbox up`, which have it")
}

pub fn unknown_kind(cluster: &Cluster, info: &KindInfo) -> Problem {
    let (context, server) = (&cluster.context, &cluster.server);
    Problem::new(format!(
        "context {context} ({server}) does not know {} of {}",
        info.kind, info.api_version
    ))
}

pub fn where_it_is_from(info: &KindInfo) -> String {
    let (source, page) = info.source;
    format!(
        "install the CustomResourceDefinition {}: {source} has it, {page}",
        info.crd
    )
}

/// Checks that no other object manages the apex, since one of the two would be ignored. Routes that
/// are not groups may share it.
///
/// # Errors
/// If another object does.
pub fn apex_is_free(
    cluster: &Cluster,
    existing: &ExistingObjects,
    new: &Record,
    asked: &NewGroup,
) -> Result<(), Problem> {
    let is_in_the_way = |other: &&Record| other.is_rival_of(new) && !may_stand_beside(new, other);
    let Some(other) = existing.records().find(is_in_the_way) else {
        return Ok(());
    };
    let kubectl = kubectl(cluster, asked);
    let info = other.kind.info();
    let (other_name, place) = (full_name(info, &other.meta.name), place(cluster, asked));
    let problem = Problem::new(format!(
        "{other_name} in {place} already manages service {}",
        asked.apex
    ))
    .next(format!("to look at it: {kubectl} get {other_name} -o yaml"));
    Err(if other.is_controlled() {
        problem.next("change that one, or delete it before creating another")
    } else {
        problem.next(format!(
            "to turn it into a group: kubectl failover create --adopt {}/{} --primary {} {}",
            info.name,
            word(&other.meta.name),
            word(&asked.primary),
            cluster.reach.for_plugin(&asked.namespace)
        ))
    })
}

/// Whether both are routes that can share an apex: the other one is not a group, and neither hides
/// the other. An adopted route always can, since it changes nothing for the others.
fn may_stand_beside(new: &Record, other: &Record) -> bool {
    let is_new = new.meta.creation_timestamp.is_none();
    let hides = |a, b| conflict(a, b).is_some_and(|conflict| conflict.is_total);
    new.routing.is_some()
        && other.routing.is_some()
        && !other.is_controlled()
        && !(is_new && (hides(new, other) || hides(other, new)))
}

/// Returns a line for each object that takes some of the traffic away from this one.
pub fn obstacles(existing: &ExistingObjects, new: &Record) -> Vec<String> {
    let conflicts = existing.records().filter_map(|other| conflict(new, other));
    conflicts.map(|conflict| clean(&conflict.words)).collect()
}
