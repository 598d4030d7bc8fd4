//! The groups that `create --all` and `create -f` are asked for, and what they are planned on.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures::future::join3;

use super::super::existing::ExistingByNamespace;
use super::super::{arguments, existing, file, mirrored};
use crate::cli::CreateArgs;
use crate::cluster::Clusters;
use crate::cluster::api::services;
use crate::cluster::api::services::Service;
use crate::cluster::listwatch::list::list_objects;
use crate::commands::args::query::place_in_context;
use crate::commands::env::CommandEnv;
use crate::error::explain;
use crate::model::ServiceRef;
use crate::problem::Problem;
use crate::resource::NewGroup;

/// One of the groups to create.
pub struct Request {
    pub args: CreateArgs,
    pub group: NewGroup,
    /// The clusters whose mirrors are its fallbacks, if they were asked for.
    pub clusters: Vec<String>,
    /// The place in the file, for messages.
    pub place: Option<String>,
}

/// All that is to be created, and what it is planned on.
pub struct Requests {
    pub all: Vec<Request>,
    pub existing: ExistingByNamespace,
    /// The Services, if they were listed.
    pub services: Option<HashMap<ServiceRef, Service>>,
    /// Lines on what gets no group.
    pub skipped: Vec<String>,
}

pub async fn requests_of_file(
    cluster: &Clusters,
    args: &CreateArgs,
    groups: Vec<file::FileGroup>,
) -> Result<Requests, Problem> {
    let requests = groups.into_iter().map(|it| {
        let namespace = it.namespace.as_ref().unwrap_or(&cluster.namespace);
        let group = arguments::group(&it.args, namespace);
        let of_command = args.clone();
        Request {
            args: CreateArgs {
                dry_run: of_command.dry_run,
                output: of_command.output,
                allow_missing: of_command.allow_missing,
                remotes: of_command.remotes,
                ..it.args
            },
            group,
            clusters: Vec::new(),
            place: Some(it.place),
        }
    });
    let all: Vec<Request> = requests.collect();
    let namespaces = all.iter().map(|it| it.group.namespace.as_str());
    let namespaces: BTreeSet<&str> = namespaces.collect();
    Ok(Requests {
        existing: existing::read_namespaces(cluster, namespaces).await?,
        services: None,
        skipped: Vec::new(),
        all,
    })
}

pub async fn requests_of_all(
    env: &CommandEnv,
    cluster: &Clusters,
    args: &CreateArgs,
) -> Result<Requests, Problem> {
    let namespace = env.namespace(cluster);
    let namespace = namespace.as_deref();
    let (services, existing, selected) = join3(
        async { list_objects(cluster, &services::all(namespace)).await },
        existing::read(cluster, namespace),
        selected(cluster, namespace, args.selector.as_deref()),
    )
    .await;
    let services = services.map_err(|error| explain(cluster, &error))?;
    let (selected, existing) = (selected?, existing?.by_namespace());
    let place = place_in_context(cluster, namespace);
    let mut found = mirrored::mirrored(&services, &args.fallback_cluster, &existing, &place)?;
    if let Some(selected) = &selected {
        found.found.retain(|it| selected.contains(&it.at));
        found.skipped.retain(|(at, _)| selected.contains(at));
    }
    let requests = found.found.iter().map(|service| {
        let args = mirrored::args_of(args, service);
        Request {
            group: arguments::group(&args, &service.at.namespace),
            args,
            clusters: service.clusters.clone(),
            place: None,
        }
    });
    let all: Vec<Request> = requests.collect();
    if let Some(first) = all.first() {
        arguments::check_group(&first.args)?;
    }
    let services = services.into_iter();
    Ok(Requests {
        all,
        existing,
        services: Some(services.map(|it| (it.at.clone(), it)).collect()),
        skipped: mirrored::skipped_in_words(&found.skipped),
    })
}

/// Returns the Services with these labels; none if no labels are given. Mirrors need not have them.
async fn selected(
    cluster: &Clusters,
    namespace: Option<&str>,
    labels: Option<&str>,
) -> Result<Option<HashSet<ServiceRef>>, Problem> {
    let Some(labels) = labels else {
        return Ok(None);
    };
    let selected = list_objects(cluster, &services::labelled(namespace, labels)).await;
    let selected = selected.map_err(|error| explain(cluster, &error))?;
    Ok(Some(selected.into_iter().map(|it| it.at).collect()))
}
