//! `install`: prints the manifests that run `watch` in the cluster. They are those of the Helm chart.

mod namespace;
mod present;
mod upstream;

use std::path::Path;

use serde_json::Value;

use super::args::selection::parse_selector;
use super::env::CommandEnv;
use crate::cli::InstallArgs;
use crate::cluster::Cluster;
use crate::cluster::api::lease::LeaseScope;
use crate::install::{Release, Sources, object_name, render, values};
use crate::problem::{Exit, Problem};
use crate::resource::upstream::DEFAULT_NAMESPACE;
use crate::text::clean;
use crate::view::manifest;

/// The name of the release: it is in labels of the objects.
const RELEASE: &str = "linkerd-failover";
const OFFLINE: &str = "to print the manifests without asking a cluster: --ignore-cluster";

pub async fn run(env: &CommandEnv, args: &InstallArgs) -> anyhow::Result<Exit> {
    let namespace = namespace(env);
    let files: Vec<(String, String)> = args
        .values
        .iter()
        .map(|file| read(file))
        .collect::<Result<_, _>>()?;
    let mut values = values(&Sources {
        ha: args.ha,
        files: &files,
        set: &args.set,
    })?;
    values["namespace"]["create"] = Value::from(true);
    name_lease(&mut values)?;
    let release = Release {
        name: RELEASE,
        namespace: &namespace,
    };
    let objects = render(release, &values)?;
    if !args.ignore_cluster {
        let compared = compare(env, args, &namespace, &values, &objects).await;
        compared.map_err(|problem| match problem.exit {
            Exit::Refused => problem,
            _ => problem.next(OFFLINE),
        })?;
    }
    let named = objects
        .into_iter()
        .map(|object| (object_name(&object), object));
    env.print(&manifest::print(&named.collect::<Vec<_>>(), args.output)?)
}

/// Compares the manifests with the cluster.
///
/// # Errors
/// If they must not be applied, or the API server does not answer.
async fn compare(
    env: &CommandEnv,
    args: &InstallArgs,
    place: &str,
    values: &Value,
    objects: &[Value],
) -> Result<(), Problem> {
    let cluster = Cluster::connect(&env.connect_options()).await;
    let cluster = cluster.map_err(|error| Problem::of(&error))?;
    upstream::check(env, &cluster, place, values["alongsideUpstream"] == true).await?;
    for printed in objects.iter().filter(|it| it["kind"] == "Namespace") {
        namespace::check(env, &cluster, printed, &args.allow).await?;
    }
    let groups_in = values["namespaces"].as_array().into_iter().flatten();
    let groups_in = groups_in.filter_map(|name| name.as_str().map(str::to_owned));
    let groups_in: Vec<String> = groups_in.collect();
    for line in present::compare(&cluster, place, objects, &groups_in).await? {
        env.streams.say(&line);
    }
    Ok(())
}

/// The namespace of the installation. That of the context is for groups.
pub fn namespace(env: &CommandEnv) -> String {
    env.flags
        .namespace
        .clone()
        .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())
}

fn read(file: &Path) -> Result<(String, String), Problem> {
    let name = clean(&file.to_string_lossy());
    match std::fs::read_to_string(file) {
        Ok(content) => Ok((name, content)),
        Err(cause) => Err(Problem::new(format!("can't read {name}: {}", cause.kind()))),
    }
}

/// A `watch` with a selector has a Lease of its own.
fn name_lease(values: &mut Value) -> Result<(), Problem> {
    let selector = values["selector"].as_str().unwrap_or_default();
    let scope = LeaseScope::new(parse_selector(Some(selector))?);
    if !scope.selector.is_empty() && values["leaseName"] == "" {
        values["leaseName"] = Value::from(scope.lease_name());
    }
    Ok(())
}
