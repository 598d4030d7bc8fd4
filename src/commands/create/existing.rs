//! What is there already: the kinds that the cluster knows, and the objects that could have the apex.

use futures::future::join_all;

use crate::cli::CreateArgs;
use crate::cluster::api::groups;
use crate::cluster::listwatch::list::list;
use crate::cluster::queries::conflicts::obstacle;
use crate::cluster::{Cluster, RequestError, RequestResult};
use crate::error::explain;
use crate::model::Carrier;
use crate::problem::Problem;
use crate::resource::{KINDS, Kind, KindInfo, NewGroup, Record};
use crate::text::{clean, word};
use crate::view::object::full_name;

/// The objects of a namespace that carry groups or could, by kind.
pub struct ExistingObjects(Vec<(&'static dyn Kind, RequestResult<Vec<Record>>)>);

/// # Errors
/// A [`Problem`] where a list fails for another reason than that the cluster does not know the kind, or that the
/// user may not read it.
pub async fn read(cluster: &Cluster, namespace: &str) -> Result<ExistingObjects, Problem> {
    let lists = KINDS.iter().map(|kind| async move {
        match list(cluster, &groups::all(*kind, namespace)).await {
            Ok((records, _)) => (*kind, Ok(records)),
            Err(error) => (*kind, Err(groups::clarified(cluster, *kind, error).await)),
        }
    });
    let lists = join_all(lists).await;
    let failure = lists.iter().filter_map(|(_, list)| list.as_ref().err());
    match failure
        .into_iter()
        .find(|error| !error.is_not_found() && !error.is_forbidden())
    {
        Some(error) => Err(explain(cluster, error)),
        None => Ok(ExistingObjects(lists)),
    }
}

impl ExistingObjects {
    /// The first of these kinds that the cluster knows.
    ///
    /// # Errors
    /// A [`Problem`] where it knows none, or the user may not read it.
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
                Err(unknown_kind(cluster, kinds, &known, args, namespace))
            }
        }
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

/// Names the command that works on this cluster, where there is one.
fn unknown_kind(
    cluster: &Cluster,
    kinds: &[&'static dyn Kind],
    known: &[&'static dyn Kind],
    args: &CreateArgs,
    namespace: &str,
) -> Problem {
    let Some(info) = kinds.first().map(|kind| kind.info()) else {
        return Problem::new("no kind is meant");
    };
    let mut problem = unknown(cluster, info);
    // A split reaches services of its own namespace alone.
    let other = known
        .iter()
        .map(|kind| kind.info())
        .find(|other| other.carrier == Carrier::Route);
    if let Some(other) = other {
        let line = super::arguments::with_kind(args, other.name);
        problem = problem.next(format!(
            "it knows {} of {}: {line} {}",
            other.kind,
            other.api_version,
            cluster.reach.for_plugin(namespace)
        ));
    }
    let or = if other.is_some() { "or " } else { "" };
    problem
        .next(format!("{or}{}", where_it_is_from(info)))
        .next("to try things out first, the clusters of `kubectl failover sandbox up` have it too")
}

pub fn unknown(cluster: &Cluster, info: &KindInfo) -> Problem {
    let Cluster {
        context, server, ..
    } = cluster;
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

/// Whether the apex is free for this object: of two for the same traffic, one would be ignored. Routes that are no
/// groups may share it.
///
/// # Errors
/// A [`Problem`] that names the other object.
pub fn apex_is_free(
    cluster: &Cluster,
    standing: &ExistingObjects,
    new: &Record,
    asked: &NewGroup,
) -> Result<(), Problem> {
    let is_in_the_way = |other: &&Record| other.is_rival_of(new) && !may_stand_beside(new, other);
    let Some(other) = standing.records().find(is_in_the_way) else {
        return Ok(());
    };
    let kubectl = super::kubectl(cluster, asked);
    let info = other.kind.info();
    let (other_name, place) = (
        full_name(info, &other.meta.name),
        super::place(cluster, asked),
    );
    let problem = Problem::new(format!(
        "{other_name} in {place} has the service {} already",
        asked.apex
    ))
    .next(format!(
        "see what it does: {kubectl} get {other_name} -o yaml"
    ));
    Err(if other.is_controlled() {
        problem.next("change that one, or delete it before making another")
    } else {
        problem.next(format!(
            "to have it run as a group: kubectl failover create --adopt {}/{} --primary {} {}",
            info.name,
            word(&other.meta.name),
            word(&asked.primary),
            cluster.reach.for_plugin(&asked.namespace)
        ))
    })
}

/// Whether both are routes, and neither another group nor the end of one of them. An adopted route changes nothing for
/// the others.
fn may_stand_beside(new: &Record, other: &Record) -> bool {
    let is_new = new.meta.creation_timestamp.is_none();
    let ends = |a, b| obstacle(a, b).is_some_and(|obstacle| obstacle.is_total);
    new.routing.is_some()
        && other.routing.is_some()
        && !other.is_controlled()
        && !(is_new && (ends(new, other) || ends(other, new)))
}

/// A line for each other object that keeps this one from having an effect on all of its traffic.
pub fn obstacles(standing: &ExistingObjects, new: &Record) -> Vec<String> {
    let obstacles = standing.records().filter_map(|other| obstacle(new, other));
    obstacles.map(|obstacle| clean(&obstacle.words)).collect()
}
