//! Several clusters in one command (`--contexts`): the environment for each of them.

use std::collections::HashSet;

use crate::cli::{ContextArgs, GlobalArgs, RemoteArgs};
use crate::cluster::Clusters;
use crate::cluster::transport::kubeconfig;
use crate::cluster::transport::options::ConnectOptions;
use crate::commands::env::CommandEnv;
use crate::problem::Problem;
use crate::text::{clean, word};

/// Which contexts a command works in.
#[derive(Debug, Clone, Copy)]
pub enum ContextSelection<'a> {
    Named(&'a [String]),
    All,
}

impl<'a> ContextSelection<'a> {
    /// Returns the selection of `--contexts` and `--all-contexts`.
    pub fn of(args: &'a ContextArgs) -> Self {
        match args.all {
            true => Self::All,
            false => Self::Named(&args.names),
        }
    }

    /// Whether the flags choose none: the command works in the current context.
    pub fn is_empty(self) -> bool {
        matches!(self, Self::Named([]))
    }
}

/// Returns the environment for each of the contexts, in the order in which they were named.
///
/// # Errors
/// If a flag applies to one cluster only, or a context is not in the kubeconfig.
pub fn each(env: &CommandEnv, contexts: ContextSelection) -> anyhow::Result<Vec<CommandEnv>> {
    if let Some(flag) = flag_of_one_cluster(&env.flags) {
        return Err(Problem::usage(format!(
            "{flag} is about one cluster, and several contexts are named"
        ))
        .next(format!(
            "leave out {flag}, or choose one cluster with --context"
        ))
        .into());
    }
    let known = read_names(env)?;
    let wanted = match contexts {
        ContextSelection::Named(names) => names,
        ContextSelection::All => &known,
    };
    if let Some(name) = wanted.iter().find(|name| !known.contains(name)) {
        let names = || known.iter().map(String::as_str);
        let message = format!("there is no context {:?} in the kubeconfig", clean(name));
        return Err(Problem::new(message)
            .did_you_mean(name, names())
            .there_are("contexts", names())
            .into());
    }
    if wanted.is_empty() {
        return Err(Problem::new("the kubeconfig has no contexts")
            .next("see: kubectl config view")
            .into());
    }
    Ok(unique(wanted).map(|name| env.in_context(name)).collect())
}

/// Returns the names in their order, each once.
pub fn unique(names: &[String]) -> impl Iterator<Item = &String> {
    let mut seen = HashSet::new();
    names.iter().filter(move |name| seen.insert(*name))
}

fn read_names(env: &CommandEnv) -> anyhow::Result<Vec<String>> {
    let read = kubeconfig::read(env.flags.kubeconfig.as_deref())?;
    let contexts = read
        .into_iter()
        .flat_map(|(kubeconfig, _)| kubeconfig.contexts);
    Ok(contexts.map(|entry| entry.name).collect())
}

/// Returns the names of the kubeconfig's contexts; none if it cannot be read.
pub fn names(env: &CommandEnv) -> Vec<String> {
    read_names(env).unwrap_or_default()
}

/// Connects to one of several clusters.
///
/// # Errors
/// As [`CommandEnv::connect`].
pub async fn connect(env: &CommandEnv, remotes: &RemoteArgs) -> anyhow::Result<Clusters> {
    let cluster = env.connect(remotes).await?;
    // Each cluster has its own mirrors, so some of the remotes may not apply here.
    cluster.remotes().allow_unmirrored();
    Ok(cluster)
}

/// Returns the flags by which a suggested command reaches the same contexts; no names stand for all.
pub fn flags(env: &CommandEnv, names: Option<&[String]>) -> String {
    let contexts = match names {
        Some(names) => format!("--contexts {}", word(&names.join(","))),
        None => "--all-contexts".to_owned(),
    };
    let options = ConnectOptions {
        context: None,
        ..env.connect_options()
    };
    let namespace = env.flags.namespace.as_ref();
    let namespace = namespace.map(|namespace| format!("-n {}", word(namespace)));
    let parts = [
        Some(contexts),
        Some(options.flags(None).all().to_owned()),
        namespace,
    ];
    let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(" ")
}

/// Returns the flags by which a suggested command on whole clusters reaches the same contexts.
pub fn flags_everywhere(each: &[CommandEnv], contexts: ContextSelection) -> String {
    let names = match contexts {
        ContextSelection::Named(names) => Some(names),
        ContextSelection::All => None,
    };
    let flags = each.first().map(|env| {
        let mut env = env.clone();
        env.flags.namespace = None;
        flags(&env, names)
    });
    flags.unwrap_or_default()
}

/// Returns a flag that applies to one cluster only, if one is set.
pub fn flag_of_one_cluster(flags: &GlobalArgs) -> Option<&'static str> {
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
