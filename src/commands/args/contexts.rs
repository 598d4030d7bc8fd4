//! Several clusters in one command: the flags for each of them.

use std::collections::HashSet;

use crate::access::rights::RbacCommand;
use crate::cli::{GlobalArgs, RemoteArgs};
use crate::cluster::Clusters;
use crate::cluster::transport::kubeconfig;
use crate::problem::Problem;
use crate::text::clean;

/// Which contexts a command is to go through.
#[derive(Debug, Clone, Copy)]
pub enum ContextSelection<'a> {
    These(&'a [String]),
    All,
}

/// The flags for each of the contexts, in the order in which they were named.
///
/// # Errors
/// Where a flag speaks of one cluster, or a context is not in the kubeconfig.
pub fn each(flags: &GlobalArgs, contexts: ContextSelection) -> anyhow::Result<Vec<GlobalArgs>> {
    if let Some(flag) = of_one_cluster(flags) {
        return Err(Problem::usage(format!(
            "{flag} speaks of one cluster, and more than one is asked for"
        ))
        .next(format!(
            "leave out {flag}, or choose the one cluster with --context"
        ))
        .into());
    }
    let known: Vec<String> = match kubeconfig::read(flags.kubeconfig.as_deref())? {
        Some((kubeconfig, _)) => kubeconfig
            .contexts
            .into_iter()
            .map(|entry| entry.name)
            .collect(),
        None => Vec::new(),
    };
    let wanted = match contexts {
        ContextSelection::These(names) => names,
        ContextSelection::All => &known,
    };
    if let Some(name) = wanted.iter().find(|name| !known.contains(name)) {
        let names = || known.iter().map(String::as_str);
        return Err(Problem::new(format!(
            "there is no context {:?} in the kubeconfig",
            clean(name)
        ))
        .did_you_mean(name, names())
        .there_are("contexts", names())
        .into());
    }
    if wanted.is_empty() {
        return Err(Problem::new("the kubeconfig has no contexts")
            .next("see: kubectl config view")
            .into());
    }
    let mut seen = HashSet::new();
    let once = wanted.iter().filter(|name| seen.insert(*name));
    Ok(once
        .map(|name| GlobalArgs {
            context: Some(name.clone()),
            ..flags.clone()
        })
        .collect())
}

/// Connects away from the other clusters' work: a program that gives credentials may take its time.
///
/// # Errors
/// As [`Cluster::connect`].
pub async fn connect(
    command: RbacCommand,
    flags: &GlobalArgs,
    remotes: &RemoteArgs,
) -> anyhow::Result<Clusters> {
    let (flags, remotes, runtime) = (
        flags.clone(),
        remotes.clone(),
        tokio::runtime::Handle::current(),
    );
    let cluster = tokio::task::spawn_blocking(move || {
        runtime.block_on(crate::commands::connect(command, &flags, &remotes))
    })
    .await??;
    cluster.remotes().warn_of_none();
    Ok(cluster)
}

/// A flag that must not reach clusters that it was not meant for.
fn of_one_cluster(flags: &GlobalArgs) -> Option<&'static str> {
    let given = [
        (flags.context.is_some(), "--context"),
        (flags.cluster.is_some(), "--cluster"),
        (flags.user.is_some(), "--user"),
        (flags.server.is_some(), "--server"),
        (flags.token.is_some(), "--token"),
        (flags.tls_server_name.is_some(), "--tls-server-name"),
        (
            flags.certificate_authority.is_some(),
            "--certificate-authority",
        ),
        (flags.client_certificate.is_some(), "--client-certificate"),
        (flags.client_key.is_some(), "--client-key"),
    ];
    given
        .into_iter()
        .find_map(|(given, flag)| given.then_some(flag))
}
