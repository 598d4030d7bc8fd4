//! Explains why no group was found, and how to create one.

use super::elsewhere;
use super::query::{GroupQuery, place_in_context};
use crate::cluster::Cluster;
use crate::cluster::api::{groups, namespaces};
use crate::cluster::listwatch::list;
use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::{KINDS, Kind, Record, kinds_called};
use crate::text::{clean, word};

/// Explains why no group has this name.
pub async fn unknown_group(
    cluster: &Cluster,
    namespace: Option<&str>,
    name: &str,
    all: &[Record],
) -> Problem {
    let names = || all.iter().map(|record| record.meta.name.as_str());
    if let Some(problem) = unknown_kind(cluster, namespace, name).await {
        return if missing_namespace(cluster, namespace).await.is_some() {
            problem
        } else if all.is_empty() {
            let create = how_to_create(cluster, namespace).await;
            problem.next(format!("create a group with: {create}"))
        } else {
            problem.there_are("groups", names())
        };
    }
    let bare = name.rsplit('/').next().unwrap_or(name);
    if let Some(namespace) = namespace
        && let Some(problem) = not_a_group(cluster, namespace, bare).await
    {
        return problem;
    }
    let problem = Problem::new(format!(
        "there is no group {:?} in {}",
        clean(name),
        place_in_context(cluster, namespace)
    ));
    let has_backend = |record: &&Record| {
        let group = record.group.as_ref();
        group.is_ok_and(|group| group.position(bare).is_some())
    };
    if let Some(record) = all.iter().find(has_backend) {
        return problem.next(format!(
            "{} is a backend of {}",
            clean(bare),
            clean(&record.id().short_name())
        ));
    }
    if !all.is_empty() {
        let apexes = all.iter().map(|record| record.apex.as_str());
        return problem
            .did_you_mean(bare, names().chain(apexes))
            .there_are("groups", names());
    }
    if let Some(namespace) = missing_namespace(cluster, namespace).await {
        return problem
            .next(format!("namespace {namespace} does not exist"))
            .next_all(elsewhere::similar_namespaces(cluster, namespace).await);
    }
    let others = elsewhere::other_namespaces(cluster, namespace, None).await;
    if others.is_some() {
        return problem.next_all(others);
    }
    let create = how_to_create(cluster, namespace).await;
    problem.next(format!("there are no groups; create one with: {create}"))
}

/// Returns a problem if an object has this name but not the label of a group.
async fn not_a_group(cluster: &Cluster, namespace: &str, name: &str) -> Option<Problem> {
    for kind in KINDS {
        let listed = list::list(cluster, &groups::all(*kind, namespace)).await;
        let records = listed.map(|(records, _)| records).unwrap_or_default();
        let is_named = |record: &&Record| record.meta.name == name || record.apex == name;
        let mut unlabelled = records.iter().filter(|record| !record.is_controlled());
        let Some(record) = unlabelled.find(is_named) else {
            continue;
        };
        let (kind, name) = (kind.info().name, &record.meta.name);
        let primary = match &record.group {
            Ok(group) => word(group.home_name()),
            Err(_) => "SERVICE".to_owned(),
        };
        let problem = Problem::new(format!(
            "{kind}/{} is not a failover group: it has no label {CONTROLLED_BY}",
            clean(name)
        ));
        return Some(problem.next(format!(
            "to make it one: kubectl failover create --adopt {kind}/{} --primary {primary} {}",
            word(name),
            cluster.reach.for_plugin(namespace)
        )));
    }
    None
}

/// Returns a problem if the cluster does not serve the kind in `KIND/NAME`.
async fn unknown_kind(cluster: &Cluster, namespace: Option<&str>, name: &str) -> Option<Problem> {
    let (typed, _) = name.split_once('/')?;
    let kinds = kinds_called(typed);
    for kind in &kinds {
        if !is_unknown_kind(cluster, *kind, namespace).await {
            return None;
        }
    }
    let crds: Vec<&str> = kinds.iter().map(|kind| kind.info().crd).collect();
    let problem = Problem::new(format!(
        "context {} does not know {}s",
        clean(&cluster.context),
        kinds.first()?.info().kind
    ));
    Some(problem.next(format!(
        "the CustomResourceDefinition {} is not installed",
        crds.join(" or ")
    )))
}

async fn is_unknown_kind(
    cluster: &Cluster,
    kind: &'static dyn Kind,
    namespace: Option<&str>,
) -> bool {
    match list::list(cluster, &groups::collection(kind, namespace, None)).await {
        Ok(_) => false,
        Err(error) => groups::clarified(cluster, kind, error).await.is_not_found(),
    }
}

/// Reports that no groups were found, and what to do.
pub async fn say_no_groups(streams: &Streams, cluster: &Cluster, query: GroupQuery<'_>) {
    let Problem { message, next, .. } = no_groups(cluster, query).await;
    streams.say(&format!("N{}.", message.trim_start_matches('n')));
    next.iter()
        .for_each(|line| streams.say(&format!("  {line}")));
}

/// Returns the problem that no groups were found: where there are some, or how to create one.
pub async fn no_groups(cluster: &Cluster, query: GroupQuery<'_>) -> Problem {
    let context = clean(&cluster.context);
    if let Some(namespace) = missing_namespace(cluster, query.namespace).await {
        return Problem::new(format!(
            "no groups found: namespace {namespace} does not exist in context {context}"
        ))
        .next_all(elsewhere::similar_namespaces(cluster, namespace).await);
    }
    let labels = query
        .selector
        .map(|labels| format!(" with labels {}", clean(labels)))
        .unwrap_or_default();
    let problem = Problem::new(format!(
        "no groups{labels} found in {}",
        place_in_context(cluster, query.namespace)
    ));
    let others = elsewhere::other_namespaces(cluster, query.namespace, query.selector).await;
    if others.is_some() || query.selector.is_some() {
        return problem.next_all(others);
    }
    let create = how_to_create(cluster, query.namespace).await;
    problem.next(format!("next: {create}"))
}

pub async fn missing_namespace<'a>(
    cluster: &Cluster,
    namespace: Option<&'a str>,
) -> Option<&'a str> {
    let namespace = namespace?;
    namespaces::is_missing(cluster, namespace)
        .await
        .then_some(namespace)
}

async fn how_to_create(cluster: &Cluster, namespace: Option<&str>) -> String {
    let kind = kind_to_create(cluster, namespace).await;
    let kind = kind.map_or(String::new(), |kind| format!("--kind {kind} "));
    format!(
        "kubectl failover create SERVICE --fallback SERVICE {kind}{}",
        flags_of(cluster, namespace)
    )
}

/// Returns the flags for a namespace, with a placeholder if the query covers all namespaces.
pub fn flags_of(cluster: &Cluster, namespace: Option<&str>) -> String {
    cluster.reach.for_plugin(namespace.unwrap_or("NAMESPACE"))
}

/// Returns the first kind that the cluster serves, unless it is the default of `create`.
async fn kind_to_create(cluster: &Cluster, namespace: Option<&str>) -> Option<&'static str> {
    let (default, others) = KINDS.split_first()?;
    if !is_unknown_kind(cluster, *default, namespace).await {
        return None;
    }
    for kind in others {
        if !is_unknown_kind(cluster, *kind, namespace).await {
            return Some(kind.info().name);
        }
    }
    None
}
