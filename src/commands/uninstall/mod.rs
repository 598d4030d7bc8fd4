//! `uninstall`: prints the objects of an installation, to delete them. Refuses while groups are in a
//! state that nobody would end.

mod dangers;
mod namespace;

use serde_json::Value;

use super::env::CommandEnv;
use super::install;
use super::installed::{self, Installed, command_line, is_shared};
use crate::cli::{RemoteArgs, UninstallArgs};
use crate::cluster::api::workloads;
use crate::cluster::api::workloads::Deployment;
use crate::error::explain;
use crate::install::object_name;
use crate::problem::{Exit, Problem};
use crate::text::{clean, word};
use crate::view::manifest;

pub async fn run(env: &CommandEnv, args: &UninstallArgs) -> anyhow::Result<Exit> {
    let cluster = env.connect(&RemoteArgs::default()).await?;
    let namespace = install::namespace(env);
    let found = workloads::own_deployments(&cluster).await;
    let found = found.map_err(|error| explain(&cluster, &error))?;
    let installed = found.iter().find(|it| it.namespace == namespace);
    if let Some(deployment) = installed {
        dangers::check(&cluster, deployment, &args.allow).await?;
        if let Some(release) = &deployment.helm_release {
            let reach = cluster.reach.within(&namespace);
            env.streams.say(&format!(
                "next: Helm has installed it, so Helm removes it: helm uninstall {} {}",
                word(release),
                reach.replace("--context", "--kube-context")
            ));
            // Without the right to read it, what matters has been said.
            if let Ok(Some(_)) = namespace::to_delete(env, &cluster, &namespace).await {
                let (reach, name) = (cluster.reach.all(), word(&namespace));
                env.streams.say(&format!(
                    "next: Helm leaves the namespace; to remove it, after that: {}",
                    command_line(&["kubectl", reach, "delete namespace", &name])
                ));
            }
            return Ok(Exit::Done);
        }
    }
    let limited_to = installed
        .map(Deployment::watched_namespaces)
        .unwrap_or_default();
    let Installed {
        mut objects,
        unlisted,
    } = installed::find(&cluster, &namespace, &limited_to).await?;
    // All installations share the roles for people.
    let is_last = found.iter().all(|it| it.namespace == namespace);
    objects.retain(|object| is_last || !is_shared(object));
    if objects.iter().all(is_shared) {
        return Err(not_installed(&namespace, &found).into());
    }
    if !unlisted.is_empty() {
        let kinds = Vec::from_iter(unlisted).join(", ");
        env.streams.say(&format!(
            "warning: cannot list {kinds} in all namespaces: those of namespaces that the \
             installation has left are missing here"
        ));
    }
    objects.extend(namespace::to_delete(env, &cluster, &namespace).await?);
    let named: Vec<(String, Value)> = objects
        .into_iter()
        .map(|object| (object_name(&object), object))
        .collect();
    env.print(&manifest::print(&named, args.output)?)
}

fn not_installed(namespace: &str, found: &[Deployment]) -> Problem {
    let problem = Problem::new(format!(
        "kubectl-failover is not installed in namespace {}",
        clean(namespace)
    ));
    let elsewhere = found.iter().map(|it| it.namespace.as_str());
    match found {
        [] => problem,
        _ => problem.there_are("installations", elsewhere),
    }
}
