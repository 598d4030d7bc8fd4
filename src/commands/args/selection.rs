//! Which groups a command means.

use futures::future::{OptionFuture, join};

use crate::cluster::api::{groups, namespaces};
use crate::cluster::listwatch::list;
use crate::cluster::queries::group_list::{GroupList, list_groups};
use crate::cluster::{Cluster, RequestError};
use crate::error;
use crate::model::GroupId;
use crate::output::terminal;
use crate::problem::Problem;
use crate::readiness::prefetch::{PrefetchedSlices, list_groups_and_slices};
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::names::is_object_name;
use crate::resource::{GroupName, KINDS, Kind, Record, kinds_called};
use crate::text::{clean, word};

/// Groups, and all that could share an apex with one of them.
pub struct Selected {
    pub records: Vec<Record>,
    pub rivals: Vec<Record>,
    /// A name that means several groups, and those.
    pub ambiguous: Option<(String, Vec<GroupId>)>,
    /// Slices that were listed beside the groups.
    pub prefetched: PrefetchedSlices,
}

/// Returns the groups of these names or, without names, all. A name is `NAME`, `KIND/NAME` or the apex's. With
/// `prefetch`, the slices of a namespace with many groups are listed too.
///
/// # Errors
/// Where the groups can't be read, or a name is none of a group.
pub async fn choose(
    cluster: &Cluster,
    namespace: Option<&str>,
    labels: Option<&str>,
    names: &[String],
    prefetch: bool,
) -> anyhow::Result<Selected> {
    let all = async {
        if prefetch {
            list_groups_and_slices(cluster, namespace, labels).await
        } else {
            let groups = list_groups(cluster, namespace, labels).await?;
            Ok((groups, PrefetchedSlices::default()))
        }
    };
    // A rival need not have the labels.
    let rivals = OptionFuture::from(labels.map(|_| list_groups(cluster, namespace, None)));
    let (all, rivals) = join(all, rivals).await;
    let (all, prefetched) = all.map_err(|error| error::explain_group_list(cluster, &error))?;
    let all = readable(cluster, all);
    let rivals = match rivals {
        Some(rivals) => {
            rivals
                .map_err(|error| error::explain_group_list(cluster, &error))?
                .records
        }
        None => all.clone(),
    };
    if names.is_empty() {
        return Ok(Selected {
            records: all,
            rivals,
            ambiguous: None,
            prefetched,
        });
    }
    let mut records: Vec<Record> = Vec::new();
    let mut ambiguous = None;
    for name in names {
        let found = parse_name(name)?.pick(&all);
        if found.is_empty() {
            return Err(unknown(cluster, namespace, name, &all).await.into());
        }
        if found.len() > 1 && ambiguous.is_none() {
            ambiguous = Some((
                name.clone(),
                found.iter().map(|record| record.id()).collect(),
            ));
        }
        for record in found {
            if !records.iter().any(|known| known.id() == record.id()) {
                records.push(record.clone());
            }
        }
    }
    Ok(Selected {
        records,
        rivals,
        ambiguous,
        prefetched,
    })
}

/// Reads a name of groups.
///
/// # Errors
/// Where it names a kind that is none.
pub fn parse_name(name: &str) -> anyhow::Result<GroupName> {
    Ok(match name.split_once('/') {
        Some((kind, name)) => {
            check_kind(kind, name)?;
            GroupName {
                kind: Some(kind.to_owned()),
                name: name.to_owned(),
            }
        }
        None => GroupName {
            kind: None,
            name: name.to_owned(),
        },
    })
}

fn check_kind(kind: &str, name: &str) -> Result<(), Problem> {
    if KINDS
        .iter()
        .any(|kind_of_group| kind_of_group.info().is_called(kind))
    {
        return Ok(());
    }
    let known = || KINDS.iter().map(|kind| kind.info().name);
    let problem = Problem::usage(format!("{:?} is no kind of group", clean(kind)))
        .did_you_mean(&kind.to_lowercase(), known())
        .there_are("kinds", known());
    let may_be_namespace = is_object_name(kind) && !name.is_empty();
    Err(if may_be_namespace {
        problem.next(format!(
            "if {kind} is the namespace: {} -n {kind}",
            word(name)
        ))
    } else {
        problem
    })
}

/// Says whether an object of that name is there all the same, and which groups there are.
pub async fn unknown(
    cluster: &Cluster,
    namespace: Option<&str>,
    name: &str,
    all: &[Record],
) -> Problem {
    let bare = name.rsplit('/').next().unwrap_or(name);
    if let Some(problem) = of_absent_kind(cluster, namespace, name).await {
        return if all.is_empty() {
            problem.next(format!(
                "make a group with: {}",
                how_to_create(cluster, namespace).await
            ))
        } else {
            problem.there_are("groups", all.iter().map(|record| record.meta.name.as_str()))
        };
    }
    if let Some(namespace) = namespace {
        for kind in KINDS {
            let listed = list::list(cluster, &groups::all(*kind, namespace)).await;
            let records = listed.map(|(records, _)| records).unwrap_or_default();
            let mut bystanders = records.iter().filter(|record| !record.is_controlled());
            if let Some(record) =
                bystanders.find(|record| record.meta.name == bare || record.apex == bare)
            {
                let bare = &record.meta.name;
                let info = kind.info();
                return Problem::new(format!(
                    "{}/{} is no failover group: it has no label {CONTROLLED_BY}",
                    info.name,
                    clean(bare)
                ))
                .next(format!(
                    "to make it one: kubectl failover create --adopt {}/{} --primary {} {}",
                    info.name,
                    word(bare),
                    record
                        .group
                        .as_ref()
                        .map_or("SERVICE".to_owned(), |group| word(group.home_name())),
                    cluster.reach.for_plugin(namespace)
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
        if let Some(namespace) = missing(cluster, namespace).await {
            return problem.next(format!(
                "namespace {namespace} does not exist: name another one with -n"
            ));
        }
        return problem.next(format!(
            "there are no groups; make one with: {}",
            how_to_create(cluster, namespace).await
        ));
    }
    let names = || all.iter().map(|record| record.meta.name.as_str());
    let apexes = all.iter().map(|record| record.apex.as_str());
    problem
        .did_you_mean(bare, names().chain(apexes))
        .there_are("groups", names())
}

/// That a name's kind is one that the cluster does not know, where that is so.
async fn of_absent_kind(cluster: &Cluster, namespace: Option<&str>, name: &str) -> Option<Problem> {
    let (called, _) = name.split_once('/')?;
    let kinds = kinds_called(called);
    for kind in &kinds {
        if !is_absent(cluster, *kind, namespace).await {
            return None;
        }
    }
    let crds: Vec<&str> = kinds.iter().map(|kind| kind.info().crd).collect();
    let what = format!("{}s", kinds.first()?.info().kind);
    Some(
        Problem::new(format!(
            "context {} does not know {what}",
            clean(&cluster.context)
        ))
        .next(format!(
            "the CustomResourceDefinition {} is not installed",
            crds.join(" or ")
        )),
    )
}

/// Whether the cluster does not know a kind of objects.
async fn is_absent(cluster: &Cluster, kind: &'static dyn Kind, namespace: Option<&str>) -> bool {
    match list::list(cluster, &groups::source(kind, namespace, None)).await {
        Ok(_) => false,
        Err(error) => groups::clarified(cluster, kind, error).await.is_not_found(),
    }
}

/// That there are no groups to do anything with, perhaps for want of the namespace.
pub async fn none(cluster: &Cluster, namespace: Option<&str>, selector: Option<&str>) -> String {
    if let Some(namespace) = missing(cluster, namespace).await {
        return format!(
            "no groups found: namespace {namespace} does not exist in context {}",
            cluster.context
        );
    }
    let labels = selector
        .map(|labels| format!(" with labels {labels}"))
        .unwrap_or_default();
    format!(
        "no groups{labels} found in {} of context {}",
        place(namespace),
        cluster.context
    )
}

/// The namespace, where it does not exist.
async fn missing<'a>(cluster: &Cluster, namespace: Option<&'a str>) -> Option<&'a str> {
    let namespace = namespace?;
    namespaces::is_missing(cluster, namespace)
        .await
        .then_some(namespace)
}

/// Says that there are no groups to show.
pub async fn say_none(cluster: &Cluster, namespace: Option<&str>, selector: Option<&str>) {
    let none = none(cluster, namespace, selector).await;
    terminal::say(&format!("N{}.", none.trim_start_matches('n')));
    if selector.is_none() {
        terminal::say(&format!(
            "  next: {}",
            how_to_create(cluster, namespace).await
        ));
    }
}

/// What a command line needs to make a group where one is looked for.
pub fn home(cluster: &Cluster, namespace: Option<&str>) -> String {
    cluster.reach.for_plugin(namespace.unwrap_or("NAMESPACE"))
}

async fn how_to_create(cluster: &Cluster, namespace: Option<&str>) -> String {
    let kind = kind_to_name(cluster, namespace)
        .await
        .map(|kind| format!("--kind {kind} "));
    let kind = kind.unwrap_or_default();
    format!(
        "kubectl failover create SERVICE --fallback SERVICE {kind}{}",
        home(cluster, namespace)
    )
}

/// The kind that `create` has to be told: the first one that there is, where its default is not there.
async fn kind_to_name(cluster: &Cluster, namespace: Option<&str>) -> Option<&'static str> {
    let (default, others) = KINDS.split_first()?;
    if !is_absent(cluster, *default, namespace).await {
        return None;
    }
    for kind in others {
        if !is_absent(cluster, *kind, namespace).await {
            return Some(kind.info().name);
        }
    }
    None
}

pub fn place(namespace: Option<&str>) -> String {
    namespace.map_or("any namespace".to_owned(), |namespace| {
        format!("namespace {namespace}")
    })
}

/// The same with the cluster, for people.
pub fn place_of(cluster: &Cluster, namespace: Option<&str>) -> String {
    format!(
        "{} of context {}",
        clean(&place(namespace)),
        clean(&cluster.context)
    )
}

/// Returns the groups that could be listed, and warns of kinds that are forbidden.
pub fn readable(cluster: &Cluster, listed: GroupList) -> Vec<Record> {
    say_forbidden(cluster, &listed.forbidden);
    listed.records
}

/// Warns of kinds that may not be read.
pub fn say_forbidden<'a>(cluster: &Cluster, forbidden: impl IntoIterator<Item = &'a RequestError>) {
    for error in forbidden {
        let Problem { message, next, .. } = error::explain(cluster, error);
        terminal::say(&format!(
            "warning: {message}: groups that such objects carry are left out"
        ));
        next.iter()
            .for_each(|line| terminal::say(&format!("  {line}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_before_the_name_is_told_from_a_kind() {
        let next = |typed: &str| {
            parse_name(typed)
                .unwrap_err()
                .downcast::<Problem>()
                .unwrap()
                .next
                .join("\n")
        };
        assert!(
            next("emojivoto/web").ends_with("web -n emojivoto"),
            "{}",
            next("emojivoto/web")
        );
        assert!(next("emojivoto/httproute/web").ends_with(" httproute/web -n emojivoto"));
        assert!(!next("$(x)/web").contains("-n "));
        assert!(parse_name("ts/web").is_ok() && parse_name("web").is_ok());
    }
}
