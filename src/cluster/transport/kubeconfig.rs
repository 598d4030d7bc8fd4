//! From flags and kubeconfig files to a client configuration, with kubectl's meaning of each.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kube::config::{
    AuthInfo, KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext,
};
use kube::{Config, config};

use super::options::ConnectOptions;
use crate::problem::Problem;

/// A configuration with the name of the context that it came from.
#[derive(Debug)]
pub struct Resolved {
    pub config: Config,
    pub context: String,
    /// No kubeconfig has a context of that name.
    pub is_made_up: bool,
    pub user: Option<String>,
}

/// Reads the kubeconfig, picks the context and lets the flags override it.
///
/// # Errors
/// A `Problem` that names the file or the context and says what there is instead.
pub async fn resolve(options: &ConnectOptions) -> anyhow::Result<Resolved> {
    let found = read(options.kubeconfig.as_deref())?;
    if found.is_none() && options.server.is_none() {
        if let Ok(config) = Config::incluster() {
            return Ok(in_cluster(config, options));
        }
        return Err(no_kubeconfig().into());
    }
    let (mut kubeconfig, files) = found.unwrap_or_default();
    let known = kubeconfig.contexts.len();
    let context = pick_context(&mut kubeconfig, options, &files)?;
    let is_made_up = kubeconfig.contexts.len() > known;
    check_names(&kubeconfig, options, &files)?;
    let user = override_entries(&mut kubeconfig, options, &context);
    let entries = KubeConfigOptions {
        context: Some(context.clone()),
        cluster: options.cluster.clone(),
        user: options.user.clone(),
    };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &entries)
        .await
        .with_context(|| format!("reading context {context:?} of {}", list(&files)))?;
    if config.cluster_url.scheme().is_none() || config.cluster_url.authority().is_none() {
        let server = config.cluster_url.to_string();
        // What is before an @ may be a password.
        let server = server.rsplit('@').next().unwrap_or_default();
        return Err(Problem::new(format!(
            "the server {server:?} of context {context:?} is no URL"
        ))
        .next("write it with its scheme, such as https://203.0.113.1:6443")
        .into());
    }
    if let Some(namespace) = &options.namespace {
        config.default_namespace.clone_from(namespace);
    }
    Ok(Resolved {
        config,
        context,
        is_made_up,
        user,
    })
}

/// Whether the kubeconfig has the context that the flags name.
///
/// # Errors
/// A `Problem` that says which ones there are.
pub fn check_context(options: &ConnectOptions) -> anyhow::Result<()> {
    let (mut kubeconfig, files) = read(options.kubeconfig.as_deref())?.unwrap_or_default();
    pick_context(&mut kubeconfig, options, &files).map(drop)
}

/// A kubeconfig with the files that it came from.
pub type Found = (Kubeconfig, Vec<PathBuf>);

/// The kubeconfig that the flag or the environment names, merged as kubectl does: files of a list that do not
/// exist are passed over. None where nothing names one and there is none in the usual place.
///
/// # Errors
/// A `Problem` that names the file that is missing or can't be read.
pub fn read(named: Option<&Path>) -> anyhow::Result<Option<Found>> {
    if let Some(path) = named {
        return Ok(Some((read_file(path)?, vec![path.to_owned()])));
    }
    let named: Vec<PathBuf> = std::env::var_os("KUBECONFIG")
        .map(|list| {
            std::env::split_paths(&list)
                .filter(|path| !path.as_os_str().is_empty())
                .collect()
        })
        .unwrap_or_default();
    let candidates = if named.is_empty() {
        default_path().into_iter().collect()
    } else {
        named.clone()
    };
    let existing: Vec<PathBuf> = candidates
        .iter()
        .filter(|path| path.exists())
        .cloned()
        .collect();
    if existing.is_empty() {
        return if named.is_empty() {
            Ok(None)
        } else {
            Err(missing(&named).into())
        };
    }
    let mut merged = Kubeconfig::default();
    for path in &existing {
        merged = merged
            .merge(read_file(path)?)
            .with_context(|| format!("merging {}", path.display()))?;
    }
    Ok(Some((merged, existing)))
}

fn read_file(path: &Path) -> anyhow::Result<Kubeconfig> {
    if !path.exists() {
        return Err(missing(&[path.to_owned()]).into());
    }
    Kubeconfig::read_from(path).map_err(|cause| {
        let place = path.display();
        let message = match cause {
            // Its words quote the file, which may hold tokens and keys.
            config::KubeconfigError::Parse(cause) => {
                let line = cause
                    .location()
                    .map_or(String::new(), |at| format!(" from line {} on", at.line()));
                format!("{place} is not a kubeconfig: it cannot be read{line}")
            }
            cause => format!("{place} cannot be read: {cause}"),
        };
        Problem::new(message)
            .next("check it with: kubectl config view")
            .into()
    })
}

fn default_path() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".kube/config"))
}

fn list(files: &[PathBuf]) -> String {
    files
        .iter()
        .map(|file| file.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

fn missing(files: &[PathBuf]) -> Problem {
    Problem::new(format!("kubeconfig {} does not exist", list(files)))
        .next("name another one with --kubeconfig or in KUBECONFIG")
}

fn no_kubeconfig() -> Problem {
    Problem::new("there is no kubeconfig: KUBECONFIG is not set and ~/.kube/config does not exist")
        .next("name one with --kubeconfig or in KUBECONFIG")
        .next("or try everything on clusters of your own: kubectl failover sandbox up")
}

/// The context's name; with `--server` alone, a context is made up.
fn pick_context(
    kubeconfig: &mut Kubeconfig,
    options: &ConnectOptions,
    files: &[PathBuf],
) -> anyhow::Result<String> {
    let named = options.context.clone().or_else(|| {
        kubeconfig
            .current_context
            .clone()
            .filter(|name| !name.is_empty())
    });
    let names: Vec<&str> = kubeconfig
        .contexts
        .iter()
        .map(|context| context.name.as_str())
        .collect();
    let with_known = |problem: Problem| match names.as_slice() {
        [] => problem.next("it has no contexts"),
        names => problem.there_are("contexts", names.iter().copied()),
    };
    match named {
        Some(name) if names.contains(&name.as_str()) => Ok(name),
        Some(name) => {
            let problem = Problem::new(format!("there is no context {name:?} in {}", list(files)));
            Err(with_known(problem.did_you_mean(&name, names.iter().copied())).into())
        }
        None if options.server.is_some() => {
            let name = "command line".to_owned();
            let context = config::Context {
                cluster: name.clone(),
                user: Some(name.clone()),
                ..config::Context::default()
            };
            kubeconfig.contexts.push(NamedContext {
                name: name.clone(),
                context: Some(context),
                ..NamedContext::default()
            });
            Ok(name)
        }
        None => Err(with_known(Problem::new(format!(
            "{} has no current context",
            list(files)
        )))
        .next("choose one with --context, or: kubectl config use-context NAME")
        .into()),
    }
}

/// Whether the kubeconfig has the cluster and the user that the flags name, and impersonation says whom.
fn check_names(
    kubeconfig: &Kubeconfig,
    options: &ConnectOptions,
    files: &[PathBuf],
) -> Result<(), Problem> {
    if options.impersonate_user.is_none()
        && (!options.impersonate_groups.is_empty() || options.impersonate_uid.is_some())
    {
        return Err(
            Problem::usage("--as-group and --as-uid need a user to act as")
                .next("name one with --as"),
        );
    }
    let clusters: Vec<&str> = kubeconfig
        .clusters
        .iter()
        .map(|entry| entry.name.as_str())
        .collect();
    let users: Vec<&str> = kubeconfig
        .auth_infos
        .iter()
        .map(|entry| entry.name.as_str())
        .collect();
    // With an address, the cluster's entry is made up.
    let cluster = options
        .cluster
        .as_ref()
        .filter(|_| options.server.is_none());
    for (what, named, known) in [
        ("cluster", cluster, clusters),
        ("user", options.user.as_ref(), users),
    ] {
        if let Some(name) = named.filter(|name| !known.contains(&name.as_str())) {
            return Err(
                Problem::new(format!("there is no {what} {name:?} in {}", list(files)))
                    .did_you_mean(name, known.iter().copied())
                    .there_are(&format!("{what}s"), known.iter().copied()),
            );
        }
    }
    Ok(())
}

/// Writes the flags over the cluster and the user that the context names; gives the user's name.
fn override_entries(
    kubeconfig: &mut Kubeconfig,
    options: &ConnectOptions,
    context: &str,
) -> Option<String> {
    let chosen = kubeconfig
        .contexts
        .iter()
        .find(|entry| entry.name == context)
        .and_then(|entry| entry.context.clone());
    let chosen = chosen.unwrap_or_default();
    let cluster_name = options.cluster.clone().unwrap_or(chosen.cluster);
    let user_name = options.user.clone().or(chosen.user);
    if !kubeconfig
        .clusters
        .iter()
        .any(|entry| entry.name == cluster_name)
        && options.server.is_some()
    {
        kubeconfig.clusters.push(NamedCluster {
            name: cluster_name.clone(),
            ..NamedCluster::default()
        });
    }
    if let Some(entry) = kubeconfig
        .clusters
        .iter_mut()
        .find(|entry| entry.name == cluster_name)
    {
        override_cluster(entry.cluster.get_or_insert_default(), options);
    }
    let user = user_name
        .clone()
        .unwrap_or_else(|| "command line".to_owned());
    if !kubeconfig.auth_infos.iter().any(|entry| entry.name == user) {
        kubeconfig.auth_infos.push(NamedAuthInfo {
            name: user.clone(),
            ..NamedAuthInfo::default()
        });
    }
    if let Some(entry) = kubeconfig
        .auth_infos
        .iter_mut()
        .find(|entry| entry.name == user)
    {
        override_user(entry.auth_info.get_or_insert_default(), options);
    }
    if user_name.is_none() {
        let entry = kubeconfig
            .contexts
            .iter_mut()
            .find(|entry| entry.name == context);
        if let Some(context) = entry.and_then(|entry| entry.context.as_mut()) {
            context.user = Some(user);
        }
    }
    user_name
}

fn override_cluster(cluster: &mut config::Cluster, options: &ConnectOptions) {
    if let Some(server) = &options.server {
        cluster.server = Some(server.clone());
    }
    if let Some(file) = &options.certificate_authority {
        cluster.certificate_authority = Some(file.display().to_string());
        cluster.certificate_authority_data = None;
    }
    if options.insecure_skip_tls_verify {
        cluster.insecure_skip_tls_verify = Some(true);
    }
    if let Some(name) = &options.tls_server_name {
        cluster.tls_server_name = Some(name.clone());
    }
}

fn override_user(user: &mut AuthInfo, options: &ConnectOptions) {
    if let Some(token) = &options.token {
        *user = AuthInfo {
            token: Some(token.clone()),
            ..AuthInfo::default()
        };
    }
    if let Some(file) = &options.client_certificate {
        user.client_certificate = Some(file.display().to_string());
        user.client_certificate_data = None;
    }
    if let Some(file) = &options.client_key {
        user.client_key = Some(file.display().to_string());
        user.client_key_data = None;
    }
    if let Some(name) = &options.impersonate_user {
        user.impersonate = Some(name.clone());
    }
    if !options.impersonate_groups.is_empty() {
        user.impersonate_groups = Some(options.impersonate_groups.clone());
    }
    if let Some(uid) = &options.impersonate_uid {
        user.impersonate_uid = Some(uid.clone());
    }
}

fn in_cluster(mut config: Config, options: &ConnectOptions) -> Resolved {
    override_user(&mut config.auth_info, options);
    if let Some(namespace) = &options.namespace {
        config.default_namespace.clone_from(namespace);
    }
    Resolved {
        config,
        context: "in-cluster".to_owned(),
        is_made_up: true,
        user: None,
    }
}
