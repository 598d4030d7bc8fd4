//! The circuit breaker of a new group: annotations of the Service that clients call.

use serde_json::Value;

use super::context::{AnnotatedApex, CreateContext};
use crate::changes::apex_service::{BreakerChange, left_alone, lines};
use crate::cli::DryRun;
use crate::cluster::api::apex_services;
use crate::cluster::queries::conflicts;
use crate::commands::args::resilience;
use crate::error::explain;
use crate::problem::Problem;
use crate::resource::breaker::BreakerPlan;
use crate::resource::{KindInfo, NewGroup};

/// The Service that clients call, before it is annotated.
pub enum ApexPlan {
    /// No breaker was asked for, or there is no Service yet.
    None,
    /// It stays as it is.
    Keep(Value),
    Annotate(Box<BreakerChange>),
}

/// Reads the Service, and says what will change on it before anything is written.
///
/// # Errors
/// If it cannot be read.
pub async fn plan(
    context: CreateContext<'_>,
    kind: &KindInfo,
    group: &NewGroup,
) -> Result<ApexPlan, Problem> {
    let CreateContext { cluster, args, .. } = context;
    if let Some(why) = resilience::only_standby(&args.resilience, kind) {
        context.say(&why);
    }
    let Some(order) = resilience::breaker(&args.resilience, kind) else {
        return Ok(ApexPlan::None);
    };
    let read = apex_services::get(cluster, &group.service(&group.apex)).await;
    let Some(service) = read.map_err(|error| explain(cluster, &error))? else {
        context.warn(&[format!(
            "service {} does not exist, so it gets no circuit breaker; once it exists, run this \
             command again",
            group.apex
        )]);
        return Ok(ApexPlan::None);
    };
    Ok(match order.plan(&service) {
        BreakerPlan::Unchanged => ApexPlan::Keep(service.object),
        BreakerPlan::LeftAlone(values) => {
            context.say(&left_alone(&service, &values));
            ApexPlan::Keep(service.object)
        }
        BreakerPlan::Change(annotations) => {
            for line in lines(&service.meta.annotations, &annotations) {
                context.say(&format!("service {}: {line}", group.apex));
            }
            if let Some(owner) = service.meta.gitops_owner() {
                context.warn(&[format!(
                    "{owner} owns service {} and may undo this: set the annotations there too",
                    group.apex
                )]);
            }
            ApexPlan::Annotate(Box::new(BreakerChange { order, service }))
        }
    })
}

/// Warns about ServiceProfiles, which keep retries and breakers from having an effect.
pub async fn warn_about_profiles(context: CreateContext<'_>, group: &NewGroup) {
    if !group.linkerds.is_empty() || context.args.resilience.breaker.is_some() {
        let apex = group.service(&group.apex);
        let found = conflicts::profiles_over_routes(context.cluster, &apex).await;
        context.warn(&found);
    }
}

/// Annotates the Service, after the group's object.
///
/// # Errors
/// If it cannot be written.
pub async fn write(
    context: CreateContext<'_>,
    plan: ApexPlan,
) -> Result<Option<AnnotatedApex>, Problem> {
    let CreateContext { cluster, args, .. } = context;
    let (object, is_changed) = match plan {
        ApexPlan::None => return Ok(None),
        ApexPlan::Keep(object) => (object, false),
        ApexPlan::Annotate(change) => match args.dry_run.mode {
            DryRun::Client => (change.preview().unwrap_or_default(), true),
            mode => (change.write(cluster, mode == DryRun::Server).await?, true),
        },
    };
    Ok(Some(AnnotatedApex { object, is_changed }))
}
