//! `create SERVICE`: creates the object of a new group.

use futures::future::join;
use serde_json::Value;

use super::breaker::ApexPlan;
use super::context::{CreateContext, CreateOutcome, Created, kubectl, read};
use super::existing::ExistingObjects;
use super::requirements::RequiredServices;
use super::validate::validate;
use super::{arguments, breaker, diff, existing, ports, requirements, standby};
use crate::cli::DryRun;
use crate::cluster::api::{apply, groups};
use crate::cluster::{Cluster, RequestResult};
use crate::commands::args::evacuated;
use crate::error::{explain, explain_write};
use crate::model::{Carrier, Residence};
use crate::problem::Problem;
use crate::resource::{Kind, NewGroup};
use crate::view::manifest::full_name;

/// What `create` does for one group.
pub struct CreatePlan {
    pub kind: &'static dyn Kind,
    pub group: NewGroup,
    pub step: CreateStep,
    could_be_route: bool,
    apex: ApexPlan,
}

pub enum CreateStep {
    /// It already exists as requested.
    Unchanged,
    Create(Value),
}

/// Checks the group and writes its object. Looks for an existing object first: a job that runs
/// again must succeed even if a fallback's service is gone.
pub async fn create(context: CreateContext<'_>) -> Result<Created, Problem> {
    let CreateContext { cluster, args, .. } = context;
    let group = arguments::group(args, &cluster.namespace);
    let (existing, services) = join(
        existing::read(cluster, Some(&group.namespace)),
        requirements::read(cluster, &group),
    )
    .await;
    let plan = plan(context, group, &existing?, services).await?;
    carry_out(context, plan).await
}

/// Plans the group: nothing is written.
///
/// # Errors
/// If it must not be created.
pub async fn plan(
    context: CreateContext<'_>,
    mut group: NewGroup,
    existing: &ExistingObjects,
    services: RequestResult<RequiredServices>,
) -> Result<CreatePlan, Problem> {
    let CreateContext { cluster, args, .. } = context;
    let kind = choose_kind(context, existing, &group)?;
    arguments::check_kind(args, kind.info())?;
    group.linkerds = arguments::retries(args, kind.info())?;
    if let Some(record) = existing.find(kind, &group.name) {
        diff::agree(cluster, record, &group)?;
        if let Ok(services) = &services {
            context.warn(&requirements::unknown_readiness(cluster, &group, services).await);
        }
        return Ok(CreatePlan {
            kind,
            step: CreateStep::Unchanged,
            could_be_route: false,
            apex: breaker::plan(context, kind.info(), &group).await?,
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
    validate(context, existing, &services, &record, &group)?;
    standby::refuse_upstream(cluster, &record).await?;
    context.warn(&warnings);
    let (now, place) = (
        cluster.clock().now(),
        cluster.reach.for_plugin(&group.namespace),
    );
    let backends = group.backends.iter().filter_map(|name| {
        let service = services.find(&group.service(name))?;
        Some((name.as_str(), service.residence()))
    });
    let backends: Vec<(&str, Residence)> = backends.collect();
    let records = existing.records();
    let evacuated = evacuated::warnings("this group", &backends, records, now, &place);
    context.warn(&evacuated);
    let new = record.group.as_ref().ok();
    let standbys = new.and_then(|new| standby::weights(cluster, new, &group, &services));
    group.weights = standbys.unwrap_or_default();
    breaker::warn_about_profiles(context, &group).await;
    let could_be_route = args.kind.is_none() && existing.could_be_route(args);
    Ok(CreatePlan {
        kind,
        step: CreateStep::Create(groups::manifest(cluster, kind, &group)),
        could_be_route: could_be_route && carrier == Carrier::Split,
        apex: breaker::plan(context, kind.info(), &group).await?,
        group,
    })
}

/// Writes what is planned.
///
/// # Errors
/// If it cannot be written.
pub async fn carry_out(context: CreateContext<'_>, plan: CreatePlan) -> Result<Created, Problem> {
    let CreateContext { cluster, args, .. } = context;
    let CreatePlan {
        kind,
        group,
        step,
        could_be_route,
        apex,
    } = plan;
    let outcome = match (step, args.dry_run.mode) {
        (CreateStep::Unchanged, _) => CreateOutcome::Unchanged,
        (CreateStep::Create(manifest), DryRun::Client) => CreateOutcome::Created(manifest),
        (CreateStep::Create(_), mode) => {
            write(cluster, kind, &group, mode == DryRun::Server).await?
        }
    };
    Ok(Created {
        kind,
        outcome,
        could_be_route,
        apex: breaker::write(context, apex).await?,
        group,
    })
}

fn choose_kind(
    context: CreateContext<'_>,
    existing: &ExistingObjects,
    group: &NewGroup,
) -> Result<&'static dyn Kind, Problem> {
    let CreateContext { cluster, args, .. } = context;
    let kinds = arguments::kinds(args);
    let kind = existing.choose(cluster, &kinds, args, &group.namespace)?;
    if let Some(first) = kinds.first().map(|first| first.info())
        && first != kind.info()
    {
        context.say(&format!(
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
    let problem = explain_write(cluster, &error).await;
    // The API server may have created it, or may still do so.
    if dry_run || !error.may_have_been_applied() {
        return Err(problem);
    }
    let (name, kubectl) = (full_name(kind.info(), &group.name), kubectl(cluster, group));
    Err(problem.next(format!(
        "it may have been created all the same: see {kubectl} get {name}, or run this command again"
    )))
}
