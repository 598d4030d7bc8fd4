//! `install`: prints the manifests that run `watch` in the cluster. They are those of the Helm chart.

use std::path::Path;

use serde_json::Value;

use super::args::selection::parse_selector;
use super::env::CommandEnv;
use crate::cli::InstallArgs;
use crate::cluster::Cluster;
use crate::cluster::api::lease::LeaseScope;
use crate::cluster::queries::upstream;
use crate::error::explain;
use crate::install::{Release, Sources, object_name, render, values};
use crate::problem::{Exit, Problem};
use crate::resource::Upstream;
use crate::resource::upstream::DEFAULT_NAMESPACE;
use crate::text::{clean, word};
use crate::view::manifest;

/// The name of the release: it is in labels of the objects.
const RELEASE: &str = "linkerd-failover";

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
        check_upstream(env, &namespace, values["alongsideUpstream"] == true).await?;
    }
    let named = objects
        .into_iter()
        .map(|object| (object_name(&object), object));
    env.print(&manifest::print(&named.collect::<Vec<_>>(), args.output)?)
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

/// # Errors
/// If Linkerd's own controller is installed and would run the same groups.
async fn check_upstream(
    env: &CommandEnv,
    namespace: &str,
    is_alongside: bool,
) -> anyhow::Result<()> {
    let offline = "to print the manifests without asking a cluster: --ignore-cluster";
    let cluster = Cluster::connect(&env.connect_options()).await;
    let cluster = cluster.map_err(|error| Problem::of(&error).next(offline))?;
    let found = match upstream::find(&cluster).await {
        Ok(found) => found,
        Err(error) if error.is_forbidden() => {
            env.streams.say(
                "warning: you may not list namespaces and deployments: check that Linkerd's \
                 failover controller is not installed",
            );
            return Ok(());
        }
        Err(error) => return Err(explain(&cluster, &error).next(offline).into()),
    };
    let Some(Upstream {
        namespace: theirs, ..
    }) = found.first()
    else {
        return Ok(());
    };
    let reach = cluster.reach.within(theirs);
    if theirs == namespace && is_alongside {
        env.streams.say(&format!(
            "next: when its pods are ready, stop Linkerd's controller: kubectl {reach} scale \
             deployment/linkerd-failover --replicas=0"
        ));
        return Ok(());
    }
    let theirs = clean(theirs);
    if theirs != namespace && is_alongside {
        return Err(Problem::refused(format!(
            "Linkerd's failover controller is in namespace {theirs}: two namespaces of the \
             extension make `linkerd check` fail"
        ))
        .next(format!(
            "install into the same namespace: -n {}",
            word(&theirs)
        ))
        .into());
    }
    Err(way_from_upstream(&cluster, &theirs).into())
}

/// Two controllers would undo each other's moves. On this way one of them always runs the groups.
fn way_from_upstream(cluster: &Cluster, namespace: &str) -> Problem {
    let (reach, all) = (cluster.reach.within(namespace), cluster.reach.all());
    let apply = format!("| kubectl {} apply -f -", cluster.reach.cluster());
    let install = format!("kubectl failover install {reach}");
    Problem::refused(format!(
        "Linkerd's failover controller is installed in namespace {namespace}"
    ))
    .next("to replace it without a gap:")
    .next(format!(
        "1. install beside it: {install} --set alongsideUpstream=true {apply}"
    ))
    .next(format!(
        "2. wait: kubectl {reach} rollout status deployment/kubectl-failover"
    ))
    .next(format!(
        "3. stop it: kubectl {reach} scale deployment/linkerd-failover --replicas=0, then see who \
         runs the groups: kubectl failover status -A {all}"
    ))
    .next(format!("4. end the sharing: {install} {apply}"))
    .next(
        "5. remove what is left of it, as it was installed; see first that its release does not \
         hold the definition of TrafficSplits",
    )
}
