//! `create --adopt`: turns an existing object into a group. Only its label and this plugin's
//! annotations change.

use futures::future::{join, join_all};
use serde_json::Value;

use super::arguments::settings;
use super::context::{CreateContext, CreateOutcome, Created, read};
use super::existing::ExistingObjects;
use super::validate::validate;
use super::{arguments, breaker, diff, existing, requirements, standby};
use crate::cli::{CreateArgs, DryRun};
use crate::cluster::api::{apply, groups};
use crate::cluster::{Cluster, RequestResult};
use crate::commands::args::policy::PolicySettings;
use crate::commands::args::resilience;
use crate::commands::args::selection::parse_name;
use crate::error::{explain, explain_write};
use crate::model::Group;
use crate::problem::Problem;
use crate::resource::annotations::{
    AVOID, LinkerdAnnotations, OVERRIDE, PAUSED, POLICY_KEYS, PREFIX, PRIMARY_SERVICE,
};
use crate::resource::gitops::keep_weights;
use crate::resource::{
    Change, GroupName, KINDS, Kind, NewGroup, Record, kinds_called, patch, patched,
};
use crate::text::{clean, word};
use crate::view::manifest::full_name;

/// How often to try, since another writer may change the object at the same time.
const MAX_ATTEMPTS: u32 = 5;

/// A group's record, and its whole object.
type RecordAndObject = (Record, Value);

pub async fn adopt(context: CreateContext<'_>, typed: &str) -> anyhow::Result<Created> {
    let CreateContext { cluster, args, .. } = context;
    let name = parse_name(typed)?;
    let mut attempt = 1;
    loop {
        let (record, object) = find(cluster, &name).await?;
        let kind = record.kind;
        let AdoptPlan { group, change } = plan(context, &record, &object).await?;
        let apex = breaker::plan(context, kind.info(), &group).await?;
        let Some((change, mut adopted)) = change else {
            return Ok(Created {
                kind,
                outcome: CreateOutcome::Unchanged,
                could_be_route: false,
                apex: breaker::write(context, apex).await?,
                group,
            });
        };
        if args.dry_run.mode != DryRun::Client {
            let dry_run = args.dry_run.mode == DryRun::Server;
            match apply::apply(cluster, &record, &change, dry_run).await {
                Ok(_) => {}
                Err(error) if attempt < MAX_ATTEMPTS && matches!(error.code(), Some(409 | 422)) => {
                    attempt += 1;
                    continue;
                }
                Err(error) => return Err(explain_write(cluster, &error).await.into()),
            }
        }
        if args.dry_run.mode == DryRun::None {
            let namespace = &record.meta.namespace;
            let now = groups::with_object(cluster, kind, namespace, &group.name).await;
            // The change stands even if the object cannot be read again.
            if let Ok(Some((_, object))) = now {
                adopted = object;
            }
        }
        return Ok(Created {
            kind,
            outcome: CreateOutcome::Adopted(adopted),
            could_be_route: false,
            apex: breaker::write(context, apex).await?,
            group,
        });
    }
}

struct AdoptPlan {
    group: NewGroup,
    /// The change, and the object after it; none if it already is the group.
    change: Option<(Change, Value)>,
}

/// Finds the object with this name.
async fn find(cluster: &Cluster, name: &GroupName) -> Result<RecordAndObject, Problem> {
    let kinds = name
        .kind
        .as_deref()
        .map_or_else(|| KINDS.to_vec(), kinds_called);
    let reads = kinds
        .iter()
        .map(|kind| groups::with_object(cluster, *kind, &cluster.namespace, &name.name));
    let answers: Vec<RequestResult<Option<RecordAndObject>>> = join_all(reads).await;
    let (mut found, mut failure) = (Vec::new(), None);
    for answer in answers {
        match answer {
            Ok(object) => found.extend(object),
            Err(error) => failure = Some(error),
        }
    }
    if found.len() > 1 {
        let kinds = found
            .iter()
            .map(|(record, _)| record.kind.info().full_name());
        let names: Vec<String> = kinds
            .map(|kind| word(&format!("{kind}/{}", name.name)))
            .collect();
        return Err(
            Problem::usage(format!("{} is ambiguous", clean(&name.to_string())))
                .next(format!("name one of these: {}", clean(&names.join(" or ")))),
        );
    }
    match (found.pop(), failure) {
        (Some(found), _) => Ok(found),
        (None, Some(error)) => Err(explain(cluster, &error)),
        (None, None) => Err(absent(cluster, name, &kinds).await),
    }
}

async fn absent(cluster: &Cluster, name: &GroupName, kinds: &[&dyn Kind]) -> Problem {
    let (context, namespace) = (&cluster.context, &cluster.namespace);
    let infos = kinds.iter().map(|kind| kind.info());
    let served = join_all(infos.map(async |info| {
        let known = cluster.served_version(info).await;
        let is_served = known.map_or(true, |version| version.is_some());
        is_served.then(|| format!("{}.{}", info.plural, info.group()))
    }));
    let plurals: Vec<String> = served.await.into_iter().flatten().collect();
    if let (true, Some(kind)) = (plurals.is_empty(), kinds.first()) {
        return existing::unknown_kind(cluster, kind.info())
            .next(existing::where_it_is_from(kind.info()));
    }
    Problem::new(format!(
        "there is no {} in namespace {namespace} of context {context}",
        clean(&name.to_string())
    ))
    .next(format!(
        "list the objects: kubectl {} get {}",
        cluster.reach.within(namespace),
        plurals.join(",")
    ))
}

async fn plan(
    context: CreateContext<'_>,
    record: &Record,
    object: &Value,
) -> Result<AdoptPlan, Problem> {
    let CreateContext { cluster, args, .. } = context;
    let retries = arguments::retries(args, record.kind.info())?;
    let differing = resilience::differing_retries(&args.resilience, record);
    let (differing, note) = differing.map_err(Problem::usage)?;
    let group = NewGroup {
        linkerds: retries,
        ..asked(record, args)
    };
    if record.is_controlled() || record.meta.deletion_timestamp.is_some() {
        diff::agree(cluster, record, &group)?;
        return Ok(AdoptPlan {
            group,
            change: None,
        });
    }
    let mut annotations = settings(args);
    // An existing override has no effect with another primary.
    let names_primary = args.primary.is_some() || record.meta.annotations.get(OVERRIDE).is_none();
    if names_primary && !group.primary.is_empty() {
        annotations.insert(PRIMARY_SERVICE, group.primary);
    }
    let annotations = annotations.into_iter();
    let mut change = Change::builder()
        .adopt(&args.controlled_by)
        .annotate(annotations.map(|(key, value)| (key, Some(value))))
        .annotate_for_linkerd(differing.clone())
        .build()
        .map_err(|_| Problem::new("the annotations cannot be written as JSON"))?;
    let after = |change: &Change| {
        patched(object, &patch(record, change))
            .ok_or_else(|| Problem::new("the object has no metadata that can be changed"))
    };
    let preview = read(record.kind, &after(&change)?)?;
    let group = asked(&preview, args);
    let (existing, services) = join(
        existing::read(cluster, Some(&group.namespace)),
        requirements::read(cluster, &group),
    )
    .await;
    let services = services.map_err(|error| explain(cluster, &error))?;
    check(context, &existing?, &services, &preview, &group).await?;
    standby::refuse_upstream(cluster, &preview).await?;
    let adopted = preview.group.as_ref().ok();
    change.weights =
        adopted.and_then(|adopted| standby::weights(cluster, adopted, &group, &services));
    context.warn(&Vec::from_iter(note));
    context.warn(&kept(record, &change));
    context.warn(&preview.warnings);
    if let Some(owner) = record.meta.gitops_owner() {
        let way_out = keep_weights(&owner, record.kind.info().carrier);
        context.warn(&[format!(
            "{owner} owns the object and may revert its weights; {way_out}"
        )]);
    }
    let adopted = after(&change)?;
    let change = Some((change, adopted));
    let group = NewGroup {
        linkerds: differing,
        ..group
    };
    Ok(AdoptPlan { group, change })
}

async fn check(
    context: CreateContext<'_>,
    existing: &ExistingObjects,
    services: &requirements::RequiredServices,
    preview: &Record,
    group: &NewGroup,
) -> Result<(), Problem> {
    // The services are known only if the group is valid.
    if preview.group.is_err() {
        return validate(context, existing, services, preview, group);
    }
    let carrier = preview.kind.info().carrier;
    let allow_missing = context.args.allow_missing;
    let warnings =
        requirements::check(context.cluster, group, carrier, services, allow_missing).await?;
    validate(context, existing, services, preview, group)?;
    context.warn(&warnings);
    Ok(())
}

/// Returns the requested group: the object's own settings, then those of the arguments.
fn asked(record: &Record, args: &CreateArgs) -> NewGroup {
    let namespace = &record.meta.namespace;
    let group = record.group.as_ref().ok();
    let named = args.primary.as_ref();
    let named = named.map(|typed| NewGroup::backend_name(namespace, typed));
    let current = || group.map(Group::home_name).unwrap_or_default().to_owned();
    let has = |key: &&'static str| Some((*key, record.meta.annotations.get(key)?.to_owned()));
    let mut policy: PolicySettings = POLICY_KEYS.iter().filter_map(has).collect();
    policy.extend(settings(args));
    NewGroup {
        namespace: namespace.clone(),
        name: record.meta.name.clone(),
        apex: record.apex.clone(),
        controlled_by: args.controlled_by.clone(),
        primary: named.unwrap_or_else(current),
        backends: group
            .map(|group| {
                group
                    .backend_names()
                    .into_iter()
                    .map(str::to_owned)
                    .collect()
            })
            .unwrap_or_default(),
        port: record
            .ports
            .first()
            .copied()
            .filter(|_| record.ports.len() == 1),
        weights: Vec::new(),
        settings: policy,
        linkerds: LinkerdAnnotations::new(),
    }
}

/// Returns a line for each of this plugin's annotations that stay on the object.
fn kept(record: &Record, change: &Change) -> Vec<String> {
    let keys = POLICY_KEYS.iter().chain(&[OVERRIDE, AVOID, PAUSED]);
    let stays = keys.filter(|key| !change.annotations.contains_key(*key));
    let name = full_name(record.kind.info(), &record.meta.name);
    let line = |key: &&str| {
        let value = record.meta.annotations.get(key)?;
        Some(format!("{name} keeps its {PREFIX}{key}: {value}"))
    };
    stays.filter_map(line).map(|line| clean(&line)).collect()
}
