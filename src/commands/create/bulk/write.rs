//! Writes many groups, and keeps how each ended.

use futures::{StreamExt as _, stream};
use parking_lot::Mutex;
use serde_json::Value;

use super::super::context::{CreateOutcome, Created};
use super::super::new;
use super::super::printed::{apex_name, existing_object};
use super::plan::{Planned, context};
use super::requests::Request;
use super::said::Makeup;
use crate::changes::preflight::MAX_CONCURRENT_GROUPS;
use crate::cli::{CreateArgs, DryRun};
use crate::cluster::Clusters;
use crate::cluster::api::groups;
use crate::model::GroupId;
use crate::model::roles::Roles;
use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::view::manifest;

/// A group, and how its creation ended.
pub struct Ended {
    pub id: GroupId,
    pub roles: Roles,
    pub makeup: Makeup,
    /// Why it was not created.
    pub text: String,
    pub next: Vec<String>,
    pub result: BulkResult,
    pub objects: Vec<(String, Value)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkResult {
    Created,
    Unchanged,
    /// It cannot be created, and was only asked for among all.
    Skipped,
    Failed,
}

pub async fn write_all(
    cluster: &Clusters,
    streams: &Streams,
    planned: Vec<Planned>,
    is_all: bool,
) -> Vec<Ended> {
    let writes = planned
        .into_iter()
        .map(|planned| write(cluster, streams, planned, is_all));
    stream::iter(writes)
        .buffered(MAX_CONCURRENT_GROUPS)
        .collect()
        .await
}

async fn write(cluster: &Clusters, streams: &Streams, planned: Planned, is_all: bool) -> Ended {
    let (id, roles, makeup) = (planned.id(), planned.roles(), planned.makeup());
    let Planned { request, plan, .. } = planned;
    let ended = |text: String, result, objects| Ended {
        id,
        roles,
        makeup,
        text,
        next: Vec::new(),
        result,
        objects,
    };
    let plan = match plan {
        Ok(plan) => plan,
        Err(problem) if is_all => {
            return ended(problem.message, BulkResult::Skipped, Vec::new());
        }
        Err(problem) => return failed(problem, &request, ended),
    };
    let said = Mutex::default();
    let context = context(cluster, streams, &request.args, &said);
    let created = match new::carry_out(context, plan).await {
        Ok(created) => created,
        Err(problem) => return failed(problem, &request, ended),
    };
    let result = match created.outcome {
        CreateOutcome::Unchanged => BulkResult::Unchanged,
        _ => BulkResult::Created,
    };
    match objects(cluster, &request.args, created).await {
        Ok(objects) => ended(String::new(), result, objects),
        Err(problem) => failed(problem, &request, ended),
    }
}

fn failed(
    problem: Problem,
    request: &Request,
    ended: impl FnOnce(String, BulkResult, Vec<(String, Value)>) -> Ended,
) -> Ended {
    let place = request.place.iter().map(|place| format!("{place}: "));
    let text = place.chain([problem.message]).collect();
    Ended {
        next: problem.next,
        ..ended(text, BulkResult::Failed, Vec::new())
    }
}

/// The objects to print, each with its name.
async fn objects(
    cluster: &Clusters,
    args: &CreateArgs,
    created: Created,
) -> Result<Vec<(String, Value)>, Problem> {
    let Some(format) = args.output else {
        return Ok(Vec::new());
    };
    let Created {
        kind, group, apex, ..
    } = created;
    let object = match created.outcome {
        CreateOutcome::Created(object) | CreateOutcome::Adopted(object) => object,
        CreateOutcome::Unchanged if args.dry_run.mode == DryRun::Client => {
            groups::manifest(cluster, kind, &group)
        }
        CreateOutcome::Unchanged => existing_object(cluster, kind, &group, format).await?,
    };
    let name = manifest::full_name(kind.info(), &group.name);
    let apex = apex.map(|apex| (apex_name(&group), apex.object));
    Ok(std::iter::once((name, object)).chain(apex).collect())
}
