//! `create SERVICE`: creates the object of a new group.

use futures::future::join;

use super::context::{CreateContext, CreateOutcome, Created, kubectl, read};
use super::validate::validate;
use super::{arguments, breaker, diff, existing, ports, requirements, standby};
use crate::cli::DryRun;
use crate::cluster::Cluster;
use crate::cluster::api::{apply, groups};
use crate::error::explain;
use crate::model::Carrier;
use crate::problem::Problem;
use crate::resource::{Kind, NewGroup};
use crate::view::manifest::full_name;

/// Checks the group and writes its object. Looks for an existing object first: a job that runs
/// again must succeed even if a fallback's service is gone.
pub async fn create(context: CreateContext<'_>) -> Result<Created, Problem> {
    let CreateContext { cluster, args, .. } = context;
    let mut group = arguments::group(args, &cluster.namespace);
    let (existing, services) = join(
        existing::read(cluster, Some(&group.namespace)),
        requirements::read(cluster, &group),
    )
    .await;
    let existing = existing?;
    let kind = choose_kind(context, &existing, &group)?;
    arguments::check_kind(args, kind.info())?;
    group.linkerds = arguments::retries(args, kind.info())?;
    if let Some(record) = existing.find(kind, &group.name) {
        diff::agree(cluster, record, &group)?;
        if let Ok(services) = &services {
            context.warn(&requirements::unknown_readiness(cluster, &group, services).await);
        }
        let apex = breaker::plan(context, kind.info(), &group).await?;
        return Ok(Created {
            kind,
            outcome: CreateOutcome::Unchanged,
            could_be_route: false,
            apex: breaker::write(context, apex).await?,
            group,
        });
    }
    let services = services.map_err(|error| explain(cluster, &error))?;
    let carrier = kind.info().carrier;
    let warnings =
        requirements::check(cluster, &group, carrier, &services, args.allow_missing).await?;
    if carrier == Carrier::Route {
        group.port = Some(ports::of_route(&group, &services)?);
    }
    let manifest = groups::manifest(cluster, kind, &group);
    let record = read(kind, &manifest)?;
    validate(context, &existing, &services, &record, &group)?;
    standby::refuse_upstream(cluster, &record).await?;
    context.warn(&warnings);
    let new = record.group.as_ref().ok();
    let standbys = new.and_then(|new| standby::weights(cluster, new, &group, &services));
    group.weights = standbys.unwrap_or_default();
    let manifest = groups::manifest(cluster, kind, &group);
    breaker::warn_about_profiles(context, &group).await;
    let apex = breaker::plan(context, kind.info(), &group).await?;
    let outcome = match args.dry_run {
        DryRun::Client => CreateOutcome::Created(manifest),
        mode => write(cluster, kind, &group, mode == DryRun::Server).await?,
    };
    let could_be_route = args.kind.is_none() && existing.could_be_route(args);
    Ok(Created {
        kind,
        outcome,
        could_be_route: could_be_route && carrier == Carrier::Split,
        apex: breaker::write(context, apex).await?,
        group,
    })
}

fn choose_kind(
    context: CreateContext<'_>,
    existing: &existing::ExistingObjects,
    group: &NewGroup,
) -> Result<&'static dyn Kind, Problem> {
    let CreateContext { cluster, args, .. } = context;
    let kinds = arguments::kinds(args);
    let kind = existing.choose(cluster, &kinds, args, &group.namespace)?;
    if let Some(first) = kinds.first().map(|first| first.info())
        && first != kind.info()
    {
        context.streams.say(&format!(
            "this cluster has no {}: using {}",
            first.full_name(),
            kind.info().full_name()
        ));
    }
    Ok(kind)
}

/// Writes the object. If another process created it first, the result is the same as for an
/// existing object.
async fn write(
    cluster: &Cluster,
    kind: &'static dyn Kind,
    group: &NewGroup,
    dry_run: bool,
) -> Result<CreateOutcome, Problem> {
    let error = match apply::create(cluster, kind, group, dry_run).await {
        Ok(object) => return Ok(CreateOutcome::Created(object)),
        Err(error) => error,
    };
    if error.is_conflict() {
        let record = groups::get(cluster, kind, &group.namespace, &group.name).await;
        if let Some(record) = record.map_err(|error| explain(cluster, &error))? {
            return diff::agree(cluster, &record, group).map(|()| CreateOutcome::Unchanged);
        }
    }
    let problem = explain(cluster, &error);
    // The API server may have created it, or may still do so.
    if dry_run || !error.may_have_been_applied() {
        return Err(problem);
    }
    let (name, kubectl) = (full_name(kind.info(), &group.name), kubectl(cluster, group));
    Err(problem.next(format!(
        "it may have been created all the same: see {kubectl} get {name}, or run this command again"
    )))
}
