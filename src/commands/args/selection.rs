//! Selects the groups that a command is about.

use futures::future::{OptionFuture, join};

use super::absent::unknown_group;
use super::query::GroupQuery;
use crate::cluster::queries::group_list::{GroupList, list_groups};
use crate::cluster::{Cluster, RequestError};
use crate::error;
use crate::model::GroupId;
use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::readiness::prefetch::{PrefetchedSlices, list_groups_and_slices};
use crate::resource::names::is_object_name;
use crate::resource::{GroupName, KINDS, LabelSelector, Record};
use crate::text::{clean, word};

/// The chosen groups, and all that could share an apex with one of them.
pub struct Selected {
    pub records: Vec<Record>,
    pub rivals: Vec<Record>,
    /// A name that matches several groups, and those groups.
    pub ambiguous: Option<(String, Vec<GroupId>)>,
    /// Slices that were listed beside the groups.
    pub prefetched: PrefetchedSlices,
}

/// Chooses the named groups, or all groups if there are no names. A name is `NAME`, `KIND/NAME` or
/// the apex's. With `prefetch`, also lists the slices of a namespace with many groups.
///
/// # Errors
/// If the groups cannot be read, or no group has a name.
pub async fn choose(
    streams: &Streams,
    cluster: &Cluster,
    query: GroupQuery<'_>,
    prefetch: bool,
) -> anyhow::Result<Selected> {
    let GroupQuery {
        namespace,
        selector,
        names,
    } = query;
    let all = list_groups_and_slices(cluster, namespace, selector, prefetch);
    // A rival may lack the labels.
    let rivals = OptionFuture::from(selector.map(|_| list_groups(cluster, namespace, None)));
    let (all, rivals) = join(all, rivals).await;
    let (all, prefetched) = all.map_err(|error| error::explain_group_list(cluster, &error))?;
    let all = readable(streams, cluster, all);
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
            return Err(unknown_group(cluster, namespace, name, &all).await.into());
        }
        if found.len() > 1 && ambiguous.is_none() {
            let ids = found.iter().map(|record| record.id()).collect();
            ambiguous = Some((name.clone(), ids));
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

/// Parses the selector of `-l`. Without one, every object is selected.
///
/// # Errors
/// If it is not a label selector.
pub fn parse_selector(selector: Option<&str>) -> Result<LabelSelector, Problem> {
    LabelSelector::parse(selector.unwrap_or_default()).map_err(|error| {
        Problem::usage(format!(
            "invalid label selector (-l): {}",
            clean(&error.to_string())
        ))
    })
}

/// # Errors
/// If a name is `KIND/NAME` with an unknown kind.
pub fn parse_names(names: &[String]) -> anyhow::Result<Vec<GroupName>> {
    names.iter().map(|name| parse_name(name)).collect()
}

/// # Errors
/// If the name is `KIND/NAME` with an unknown kind.
pub fn parse_name(name: &str) -> anyhow::Result<GroupName> {
    let (kind, name) = match name.split_once('/') {
        Some((kind, name)) => {
            check_kind(kind, name)?;
            (Some(kind.to_owned()), name)
        }
        None => (None, name),
    };
    Ok(GroupName {
        kind,
        name: name.to_owned(),
    })
}

fn check_kind(kind: &str, name: &str) -> Result<(), Problem> {
    if KINDS.iter().any(|known| known.info().is_called(kind)) {
        return Ok(());
    }
    let known = || KINDS.iter().map(|kind| kind.info().name);
    let problem = Problem::usage(format!("{:?} is not a kind of group", clean(kind)))
        .did_you_mean(&kind.to_lowercase(), known())
        .there_are("kinds", known());
    let may_be_namespace = is_object_name(kind) && !name.is_empty();
    Err(if may_be_namespace {
        let name = word(name);
        problem.next(format!("if {kind} is the namespace: {name} -n {kind}"))
    } else {
        problem
    })
}

/// Returns the groups that could be listed, and warns of kinds that are forbidden.
pub fn readable(streams: &Streams, cluster: &Cluster, listed: GroupList) -> Vec<Record> {
    warn_of_forbidden(streams, cluster, &listed.forbidden);
    listed.records
}

/// Warns of kinds that the user may not read.
pub fn warn_of_forbidden<'a>(
    streams: &Streams,
    cluster: &Cluster,
    forbidden: impl IntoIterator<Item = &'a RequestError>,
) {
    let forbidden: Vec<&RequestError> = forbidden.into_iter().collect();
    let kinds = match forbidden.len() {
        1 => "this kind",
        _ => "these kinds",
    };
    for Problem { message, next, .. } in error::explain_all(cluster, forbidden) {
        streams.say(&format!(
            "warning: {message}: groups of {kinds} are skipped"
        ));
        for line in next {
            streams.say(&format!("  {line}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_before_the_name_is_not_a_kind() {
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
