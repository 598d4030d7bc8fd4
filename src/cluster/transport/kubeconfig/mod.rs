//! Resolves options and kubeconfig files to a client configuration, in the same way as kubectl.

mod connection;
mod files;
mod overrides;
mod parse;

use std::path::PathBuf;

pub use connection::{Connection, certificates, connection};
pub use files::read;
use kube::Config;
use kube::config::{AuthInfo, Cluster, Context, Kubeconfig, NamedContext};
pub use parse::parse;

use self::overrides::COMMAND_LINE;
use super::api_resource::namespace_or_default;
use super::options::ConnectOptions;
use super::proxy::Proxy;
use crate::problem::Problem;
use crate::text::ConnectionFlags;

/// The name of the context in a pod, which has no kubeconfig.
pub const IN_CLUSTER: &str = "in-cluster";

/// A connection, its namespace, and where they come from.
#[derive(Debug)]
pub struct ResolvedConfig {
    pub connection: Connection,
    /// Never empty.
    pub namespace: String,
    /// The context's name, or a placeholder if there is no kubeconfig.
    pub context: String,
    /// The flags that lead to the same configuration.
    pub flags: ConnectionFlags,
    /// The user's name in the kubeconfig.
    pub user: Option<String>,
}

/// Reads the kubeconfig, selects the context, and overrides it with the options.
///
/// # Errors
/// A `Problem` that names the file or the context, and lists the existing ones.
pub async fn resolve(options: &ConnectOptions) -> anyhow::Result<ResolvedConfig> {
    let found = read(options.kubeconfig.as_deref())?;
    if found.is_none() && options.server.is_none() {
        let config = Config::incluster().map_err(|_| files::none_found())?;
        return Ok(in_cluster(config, options)?);
    }
    let (mut kubeconfig, files) = found.unwrap_or_default();
    let known = kubeconfig.contexts.len();
    let context = pick_context(&mut kubeconfig, options, &files)?;
    let is_in_kubeconfig = kubeconfig.contexts.len() == known;
    check_names(&kubeconfig, options, &files)?;
    let user = overrides::apply(&mut kubeconfig, options, &context);
    let entry = chosen_context(&kubeconfig, &context);
    let connection = connect(&kubeconfig, options, &entry).map_err(|problem| {
        let files = files::list(&files);
        Problem {
            message: format!("context {context:?} of {files}: {problem}"),
            ..problem
        }
    })?;
    let flags = options.flags(is_in_kubeconfig.then_some(context.as_str()));
    Ok(ResolvedConfig {
        connection,
        namespace: namespace(options, entry.namespace.as_deref())?,
        context,
        flags,
        user,
    })
}

fn chosen_context(kubeconfig: &Kubeconfig, name: &str) -> Context {
    let mut contexts = kubeconfig.contexts.iter();
    let entry = contexts.find(|entry| entry.name == name);
    entry
        .and_then(|entry| entry.context.clone())
        .unwrap_or_default()
}

/// Builds the connection of a context. Without an entry for its user, it has no credentials.
fn connect(
    kubeconfig: &Kubeconfig,
    options: &ConnectOptions,
    context: &Context,
) -> Result<Connection, Problem> {
    let name = options.cluster.as_ref().unwrap_or(&context.cluster);
    let mut clusters = kubeconfig.clusters.iter();
    let Some(cluster) = clusters.find(|entry| entry.name == *name) else {
        let names = kubeconfig.clusters.iter().map(|entry| entry.name.as_str());
        return Err(Problem::new(format!("its cluster {name:?} does not exist"))
            .did_you_mean(name, names.clone())
            .there_are("clusters", names));
    };
    let cluster: Cluster = cluster.cluster.clone().unwrap_or_default();
    let user = options.user.as_ref().or(context.user.as_ref());
    let mut users = kubeconfig.auth_infos.iter();
    let user = users.find(|entry| Some(&entry.name) == user);
    let user: Option<AuthInfo> = user.and_then(|entry| entry.auth_info.clone());
    connection(&cluster, user.unwrap_or_default())
}

/// Returns the namespace: the flag's, else the configured one, else `default`.
///
/// # Errors
/// If it would change the path of a request. kubectl refuses such names too.
fn namespace(options: &ConnectOptions, configured: Option<&str>) -> Result<String, Problem> {
    let named = options.namespace.as_deref().filter(|name| !name.is_empty());
    let named = named.or(configured).unwrap_or_default();
    let named = namespace_or_default(named.trim());
    if matches!(named, "." | "..") || named.contains(['/', '%']) {
        return Err(Problem::usage(format!("invalid namespace {named:?}")));
    }
    Ok(named.to_owned())
}

/// Connects from a pod, with its ServiceAccount.
fn in_cluster(mut config: Config, options: &ConnectOptions) -> Result<ResolvedConfig, Problem> {
    overrides::apply_to_user(&mut config.auth_info, options);
    let of_pod = std::env::var("POD_NAMESPACE")
        .ok()
        .filter(|name| !name.is_empty());
    let of_account = config.default_namespace.clone();
    let proxy = Proxy::of_environment(&config.cluster_url)?;
    Ok(ResolvedConfig {
        namespace: namespace(options, Some(&of_pod.unwrap_or(of_account)))?,
        connection: Connection { config, proxy },
        context: IN_CLUSTER.to_owned(),
        flags: options.flags(None),
        user: None,
    })
}

/// Checks that the kubeconfig has the context that the options name.
///
/// # Errors
/// A `Problem` that lists the contexts.
pub fn check_context(options: &ConnectOptions) -> anyhow::Result<()> {
    let (mut kubeconfig, files) = read(options.kubeconfig.as_deref())?.unwrap_or_default();
    Ok(pick_context(&mut kubeconfig, options, &files).map(drop)?)
}

/// Returns the context's name. With `--server` alone, adds a context.
fn pick_context(
    kubeconfig: &mut Kubeconfig,
    options: &ConnectOptions,
    files: &[PathBuf],
) -> Result<String, Problem> {
    let current = kubeconfig.current_context.clone();
    let current = current.filter(|name| !name.is_empty());
    let Some(name) = options.context.clone().or(current) else {
        if options.server.is_some() {
            kubeconfig.contexts.push(command_line_context());
            return Ok(COMMAND_LINE.to_owned());
        }
        let problem = Problem::new(format!("{} has no current context", files::list(files)));
        return Err(list_contexts(problem, kubeconfig)
            .next("choose one with --context, or: kubectl config use-context NAME"));
    };
    let names = || kubeconfig.contexts.iter().map(|entry| entry.name.as_str());
    if names().any(|known| known == name) {
        return Ok(name);
    }
    let files = files::list(files);
    let problem = Problem::new(format!("there is no context {name:?} in {files}"));
    Err(list_contexts(
        problem.did_you_mean(&name, names()),
        kubeconfig,
    ))
}

fn list_contexts(problem: Problem, kubeconfig: &Kubeconfig) -> Problem {
    if kubeconfig.contexts.is_empty() {
        return problem.next("it has no contexts");
    }
    let names = kubeconfig.contexts.iter().map(|entry| entry.name.as_str());
    problem.there_are("contexts", names)
}

fn command_line_context() -> NamedContext {
    NamedContext {
        name: COMMAND_LINE.to_owned(),
        context: Some(Context {
            cluster: COMMAND_LINE.to_owned(),
            user: Some(COMMAND_LINE.to_owned()),
            ..Context::default()
        }),
        ..NamedContext::default()
    }
}

/// Checks that the kubeconfig has the cluster and the user that the options name.
fn check_names(
    kubeconfig: &Kubeconfig,
    options: &ConnectOptions,
    files: &[PathBuf],
) -> Result<(), Problem> {
    let clusters = kubeconfig.clusters.iter().map(|entry| entry.name.as_str());
    let users = kubeconfig
        .auth_infos
        .iter()
        .map(|entry| entry.name.as_str());
    // With --server, the cluster's entry does not have to exist.
    let cluster = options
        .cluster
        .as_ref()
        .filter(|_| options.server.is_none());
    for (what, named, known) in [
        ("cluster", cluster, Vec::from_iter(clusters)),
        ("user", options.user.as_ref(), Vec::from_iter(users)),
    ] {
        if let Some(name) = named.filter(|name| !known.contains(&name.as_str())) {
            let files = files::list(files);
            return Err(
                Problem::new(format!("there is no {what} {name:?} in {files}"))
                    .did_you_mean(name, known.iter().copied())
                    .there_are(&format!("{what}s"), known.iter().copied()),
            );
        }
    }
    Ok(())
}
