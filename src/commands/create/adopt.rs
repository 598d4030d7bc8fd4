//! `create --adopt`: an object that is there becomes a group. Nothing of it changes but our label and annotations.

use futures::future::join_all;
use serde_json::Value;

use super::existing::ExistingObjects;
use super::{CreateOutcome, Made, check, diff, existing, requirements};
use crate::cli::{CreateArgs, DryRun};
use crate::cluster::api::{apply, discovery, groups};
use crate::cluster::{Cluster, Clusters, RequestResult};
use crate::commands::args::{policy, selection};
use crate::error::explain;
use crate::model::Group;
use crate::output::terminal::say;
use crate::problem::Problem;
use crate::resource::annotations::{OVERRIDE, PAUSED, POLICY_KEYS, PREFIX, PRIMARY_SERVICE};
use crate::resource::{
    Change, GroupName, KINDS, Kind, NewGroup, Record, kinds_called, patch, patched,
};
use crate::text::{clean, way_out, word};
use crate::view::object::full_name;

/// How often the object is looked at anew where somebody else writes it meanwhile.
const MOST_TRIES: u32 = 5;

/// An object, and all that is in it.
type Found = (Record, Value);

pub async fn adopt(cluster: &Clusters, typed: &str, args: &CreateArgs) -> anyhow::Result<Made> {
    let name = selection::parse_name(typed)?;
    let mut attempt = 1;
    loop {
        let (record, object) = find(cluster, &name).await?;
        let (kind, namespace) = (record.kind, &record.meta.namespace);
        let outcome = match plan(cluster, &record, &object, args).await? {
            AdoptPlan::Unchanged(group) => {
                return Ok(Made {
                    kind,
                    group,
                    outcome: CreateOutcome::Unchanged,
                });
            }
            AdoptPlan::Change {
                group,
                change,
                object,
            } => match args.dry_run {
                DryRun::Client => {
                    return Ok(Made {
                        kind,
                        group,
                        outcome: CreateOutcome::Adopted(object),
                    });
                }
                mode => apply::apply(cluster, &record, &change, mode == DryRun::Server)
                    .await
                    .map(|_| (group, object)),
            },
        };
        match outcome {
            Ok((group, object)) if args.dry_run == DryRun::Server => {
                return Ok(Made {
                    kind,
                    group,
                    outcome: CreateOutcome::Adopted(object),
                });
            }
            Ok((group, planned)) => {
                let now = groups::with_object(cluster, kind, namespace, &group.name).await;
                // What was written stands, even where it can't be read again.
                let now = now.ok().flatten().map_or(planned, |(_, object)| object);
                return Ok(Made {
                    kind,
                    group,
                    outcome: CreateOutcome::Adopted(now),
                });
            }
            Err(error) if attempt < MOST_TRIES && matches!(error.code(), Some(409 | 422)) => {
                attempt += 1
            }
            Err(error) => return Err(explain(cluster, &error).into()),
        }
    }
}

enum AdoptPlan {
    Unchanged(NewGroup),
    /// `object` is what it comes to.
    Change {
        group: NewGroup,
        change: Box<Change>,
        object: Value,
    },
}

/// The object of that name.
async fn find(cluster: &Cluster, name: &GroupName) -> Result<Found, Problem> {
    let kinds = name
        .kind
        .as_deref()
        .map_or_else(|| KINDS.to_vec(), kinds_called);
    let reads = kinds
        .iter()
        .map(|kind| groups::with_object(cluster, *kind, &cluster.namespace, &name.name));
    let answers: Vec<RequestResult<Option<Found>>> = join_all(reads).await;
    let mut found = Vec::new();
    let mut failure = None;
    for answer in answers {
        match answer {
            Ok(object) => found.extend(object),
            Err(error) => failure = Some(error),
        }
    }
    if found.len() > 1 {
        let names: Vec<String> = found
            .iter()
            .map(|(record, _)| word(&format!("{}/{}", record.kind.info().full_name(), name.name)))
            .collect();
        return Err(Problem::usage(format!(
            "{} means several objects",
            clean(&name.to_string())
        ))
        .next(format!(
            "name the one that is meant: {}",
            clean(&names.join(" or "))
        )));
    }
    match (found.pop(), failure) {
        (Some(found), _) => Ok(found),
        (None, Some(error)) => Err(explain(cluster, &error)),
        (None, None) => Err(absent(cluster, name, &kinds).await),
    }
}

async fn absent(cluster: &Cluster, name: &GroupName, kinds: &[&dyn Kind]) -> Problem {
    let Cluster {
        context, namespace, ..
    } = cluster;
    let infos = kinds.iter().map(|kind| kind.info());
    let served = join_all(infos.map(async |info| {
        let known = discovery::serves(cluster, info.api_version, info.plural).await;
        known
            .unwrap_or(true)
            .then(|| format!("{}.{}", info.plural, info.group()))
    }));
    let plurals: Vec<String> = served.await.into_iter().flatten().collect();
    if let (true, Some(kind)) = (plurals.is_empty(), kinds.first()) {
        return existing::unknown(cluster, kind.info())
            .next(existing::where_it_is_from(kind.info()));
    }
    Problem::new(format!(
        "there is no {} in namespace {namespace} of context {context}",
        clean(&name.to_string())
    ))
    .next(format!(
        "see what there is: kubectl {} get {}",
        cluster.reach.within(namespace),
        plurals.join(",")
    ))
}

async fn plan(
    cluster: &Clusters,
    record: &Record,
    object: &Value,
    args: &CreateArgs,
) -> Result<AdoptPlan, Problem> {
    let group = asked(record, args);
    if record.is_controlled() || record.meta.deletion_timestamp.is_some() {
        return diff::agree(cluster, record, &group).map(|()| AdoptPlan::Unchanged(group));
    }
    let mut annotations: Vec<(&'static str, Option<String>)> = policy::of(&args.policy)
        .into_iter()
        .map(|(key, value)| (key, Some(value)))
        .collect();
    // Under an override that stays, another primary would break it.
    let names_primary = args.primary.is_some() || record.meta.annotations.get(OVERRIDE).is_none();
    annotations.extend(
        (names_primary && !group.primary.is_empty())
            .then(|| (PRIMARY_SERVICE, Some(group.primary.clone()))),
    );
    let change = Change::builder()
        .adopt(&args.controlled_by)
        .annotate(annotations)
        .build()
        .map_err(|_| Problem::new("the annotations cannot be written as JSON"))?;
    let after = patched(object, &patch(record, &change))
        .ok_or_else(|| Problem::new("the object has no metadata that can be changed"))?;
    let preview = super::read(record.kind, &after)?;
    let group = asked(&preview, args);
    let (standing, services) = futures::future::join(
        existing::read(cluster, &group.namespace),
        requirements::read(cluster, &group),
    )
    .await;
    let services = services.map_err(|error| explain(cluster, &error))?;
    checked(cluster, &standing?, &services, &preview, &group, args).await?;
    kept(record, &change)
        .iter()
        .chain(&preview.warnings)
        .for_each(|line| say(&format!("warning: {line}")));
    if let Some(owner) = record.meta.gitops_owner() {
        let way_out = way_out(owner, record.kind.info().carrier);
        say(&format!(
            "warning: {owner} owns the object, and may put its weights back; {way_out}"
        ));
    }
    Ok(AdoptPlan::Change {
        group,
        change: Box::new(change),
        object: after,
    })
}

async fn checked(
    cluster: &Clusters,
    standing: &ExistingObjects,
    services: &requirements::RequiredServices,
    preview: &Record,
    group: &NewGroup,
    args: &CreateArgs,
) -> Result<(), Problem> {
    // Before its services: without a valid group it is not known which they are.
    if preview.group.is_err() {
        return check(cluster, standing, services, preview, group);
    }
    let carrier = preview.kind.info().carrier;
    let warnings =
        requirements::check(cluster, group, carrier, services, args.allow_missing).await?;
    check(cluster, standing, services, preview, group)?;
    warnings
        .iter()
        .for_each(|warning| say(&format!("warning: {warning}")));
    Ok(())
}

/// The group that the object is to be: what it says already, and what is asked for.
fn asked(record: &Record, args: &CreateArgs) -> NewGroup {
    let namespace = &record.meta.namespace;
    let group = record.group.as_ref().ok();
    let named = args
        .primary
        .as_ref()
        .map(|typed| NewGroup::backend_name(namespace, typed));
    let standing = || group.map(Group::home_name).unwrap_or_default().to_owned();
    let has = |key: &&'static str| Some((*key, record.meta.annotations.get(key)?.to_owned()));
    let mut settings: policy::PolicySettings = POLICY_KEYS.iter().filter_map(has).collect();
    settings.extend(policy::of(&args.policy));
    NewGroup {
        namespace: namespace.clone(),
        name: record.meta.name.clone(),
        apex: record.apex.clone(),
        controlled_by: args.controlled_by.clone(),
        primary: named.unwrap_or_else(standing),
        backends: group
            .map(|group| {
                group
                    .backends
                    .iter()
                    .map(|backend| backend.name.clone())
                    .collect()
            })
            .unwrap_or_default(),
        port: record.port,
        settings,
    }
}

/// A line for each of our annotations that is there already and stays.
fn kept(record: &Record, change: &Change) -> Vec<String> {
    let keys = POLICY_KEYS.iter().chain(&[OVERRIDE, PAUSED]);
    let stays = keys.filter(|key| !change.annotations.contains_key(*key));
    let name = full_name(record.kind.info(), &record.meta.name);
    let line = |key: &&str| {
        let value = record.meta.annotations.get(key)?;
        Some(format!(
            "{name} has {PREFIX}{key} already, which stays: {value}"
        ))
    };
    stays.filter_map(line).map(|line| clean(&line)).collect()
}
