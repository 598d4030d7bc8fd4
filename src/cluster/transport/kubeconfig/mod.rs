//! Resolves options and kubeconfig files to a client configuration, in the same way as kubectl.

mod files;
mod load;
mod overrides;

use std::path::PathBuf;

pub use files::read;
use kube::Config;
use kube::config::{Context, KubeConfigOptions, Kubeconfig, NamedContext};

use self::overrides::COMMAND_LINE;
use super::api_resource::namespace_or_default;
use super::options::ConnectOptions;
use crate::problem::Problem;
use crate::text::ConnectionFlags;

/// A client configuration and its source.
#[derive(Debug)]
pub struct ResolvedConfig {
    pub config: Config,
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
        return Ok(in_cluster(config, options));
    }
    let (mut kubeconfig, files) = found.unwrap_or_default();
    let known = kubeconfig.contexts.len();
    let context = pick_context(&mut kubeconfig, options, &files)?;
    let is_in_kubeconfig = kubeconfig.contexts.len() == known;
    check_names(&kubeconfig, options, &files)?;
    let user = overrides::apply(&mut kubeconfig, options, &context);
    let chosen = KubeConfigOptions {
        context: Some(context.clone()),
        cluster: options.cluster.clone(),
        user: options.user.clone(),
    };
    let mut config = load::load(kubeconfig, &chosen, &context, &files).await?;
    set_namespace(&mut config, options);
    let flags = options.flags(is_in_kubeconfig.then_some(context.as_str()));
    Ok(ResolvedConfig {
        config,
        context,
        flags,
        user,
    })
}

/// Sets the namespace: the flag's, else the configuration's, else `default`. An empty one counts as
/// absent.
fn set_namespace(config: &mut Config, options: &ConnectOptions) {
    let named = options.namespace.as_deref().filter(|name| !name.is_empty());
    let namespace = named.unwrap_or_else(|| config.default_namespace.trim());
    config.default_namespace = namespace_or_default(namespace).to_owned();
}

fn in_cluster(mut config: Config, options: &ConnectOptions) -> ResolvedConfig {
    overrides::apply_to_user(&mut config.auth_info, options);
    set_namespace(&mut config, options);
    ResolvedConfig {
        config,
        context: "in-cluster".to_owned(),
        flags: options.flags(None),
        user: None,
    }
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

/// Checks that the kubeconfig has the cluster and the user that the options name, and that
/// impersonation names a user.
fn check_names(
    kubeconfig: &Kubeconfig,
    options: &ConnectOptions,
    files: &[PathBuf],
) -> Result<(), Problem> {
    let is_partial = !options.impersonate_groups.is_empty() || options.impersonate_uid.is_some();
    if options.impersonate_user.is_none() && is_partial {
        return Err(
            Problem::usage("--as-group and --as-uid need a user to act as")
                .next("name one with --as"),
        );
    }
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
