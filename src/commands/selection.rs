//! Which groups a command means.

use crate::cluster::{Cluster, RequestError, groups, stream, survey};
use crate::error::{self, Problem};
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::{GroupName, KINDS, Kind, Record};
use crate::view::terminal;
use crate::view::text::clean;

/// Groups, and all that could share an apex with one of them.
pub struct Chosen {
    pub records: Vec<Record>,
    pub rivals: Vec<Record>,
}

/// The groups of these names or, without names, all. A name is `NAME`, `KIND/NAME` or the apex's.
///
/// # Errors
/// Where the groups can't be read, or a name is none of a group.
pub async fn choose(
    cluster: &Cluster,
    namespace: Option<&str>,
    labels: Option<&str>,
    names: &[String],
) -> anyhow::Result<Chosen> {
    let all =
        survey::list_groups(cluster, namespace, labels).await.map_err(|cause| no_groups(cluster, &cause))?;
    if names.is_empty() {
        return Ok(Chosen { records: all.clone(), rivals: all });
    }
    let mut records: Vec<Record> = Vec::new();
    for name in names {
        let found = parse_name(name)?.pick(&all);
        if found.is_empty() {
            return Err(unknown(cluster, namespace, name, &all).await.into());
        }
        for record in found {
            if !records.iter().any(|known| known.id() == record.id()) {
                records.push(record.clone());
            }
        }
    }
    Ok(Chosen { records, rivals: all })
}

/// These groups as they are now; those that are gone are left out.
pub async fn reread(cluster: &Cluster, records: &[Record]) -> anyhow::Result<Vec<Record>> {
    let mut found = Vec::with_capacity(records.len());
    for record in records {
        let now = groups::get(cluster, record.kind, &record.meta.namespace, &record.meta.name).await;
        found.extend(now.map_err(|cause| error::explain(cluster, &cause))?);
    }
    Ok(found)
}

/// Reads a name of groups.
///
/// # Errors
/// Where it names a kind that is none.
pub fn parse_name(name: &str) -> anyhow::Result<GroupName> {
    Ok(match name.split_once('/') {
        Some((kind, name)) => {
            GroupName { kind: Some(find_kind(kind)?.info().singular), name: name.to_owned() }
        }
        None => GroupName { kind: None, name: name.to_owned() },
    })
}

fn find_kind(name: &str) -> anyhow::Result<&'static dyn Kind> {
    let lower = name.to_lowercase();
    let is = |kind: &&&'static dyn Kind| {
        let info = kind.info();
        [info.singular, info.plural, info.short, info.crd].contains(&lower.as_str())
    };
    KINDS.iter().find(is).copied().ok_or_else(|| {
        let known = || KINDS.iter().map(|kind| kind.info().singular);
        Problem::usage(format!("{:?} is no kind of group", clean(name)))
            .did_you_mean(&lower, known())
            .there_are("kinds", known())
            .into()
    })
}

/// Says whether an object of that name is there all the same, and which groups there are.
pub async fn unknown(cluster: &Cluster, namespace: Option<&str>, name: &str, all: &[Record]) -> Problem {
    let bare = name.rsplit('/').next().unwrap_or(name);
    if let Some(namespace) = namespace {
        for kind in KINDS {
            let listed = stream::list(cluster, &groups::all(*kind, namespace)).await;
            let records = listed.map(|(records, _)| records).unwrap_or_default();
            let mut bystanders = records.iter().filter(|record| !record.is_controlled());
            if let Some(record) = bystanders.find(|record| record.meta.name == bare || record.apex == bare) {
                let bare = &record.meta.name;
                let info = kind.info();
                return Problem::new(format!("{}/{} is no failover group: it has no label {CONTROLLED_BY}", info.singular, clean(bare)))
                    .next(format!(
                        "to make it one: kubectl --context {} -n {namespace} label {} {} {CONTROLLED_BY}=linkerd-failover",
                        cluster.context, info.singular, clean(bare)
                    ));
            }
        }
    }
    let problem = Problem::new(format!(
        "there is no group {:?} in {} of context {}",
        clean(name),
        clean(&place(namespace)),
        clean(&cluster.context)
    ));
    if all.is_empty() {
        return problem
            .next("there are no groups; make one with: kubectl failover create SERVICE --fallback SERVICE");
    }
    let names = || all.iter().map(|record| record.meta.name.as_str());
    let apexes = all.iter().map(|record| record.apex.as_str());
    problem.did_you_mean(bare, names().chain(apexes)).there_are("groups", names())
}

/// Says that there are no groups to do anything with.
pub fn say_none(cluster: &Cluster, namespace: Option<&str>, selector: Option<&str>) {
    let labels = selector.map(|labels| format!(" with labels {labels}")).unwrap_or_default();
    terminal::say(&format!(
        "No groups{labels} found in {} of context {}.",
        place(namespace),
        cluster.context
    ));
    if selector.is_none() {
        terminal::say("  next: kubectl failover create SERVICE --fallback SERVICE");
    }
}

pub fn place(namespace: Option<&str>) -> String {
    namespace.map_or("any namespace".to_owned(), |namespace| format!("namespace {namespace}"))
}

/// The words for a list of groups that failed.
pub fn no_groups(cluster: &Cluster, error: &RequestError) -> Problem {
    if error.is_not_found() { error::no_kinds(cluster) } else { error::explain(cluster, error) }
}
