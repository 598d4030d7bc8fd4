//! Options that override the cluster and the user of a context.

use kube::config::{AuthInfo, Cluster, Kubeconfig, NamedAuthInfo, NamedCluster};

use super::connection::impersonation;
use crate::cluster::transport::options::ConnectOptions;

/// The name of an entry that comes from the command line alone.
pub const COMMAND_LINE: &str = "command line";

/// Overrides the cluster and the user of the context. Returns the user's name in the kubeconfig.
pub fn apply(
    kubeconfig: &mut Kubeconfig,
    options: &ConnectOptions,
    context: &str,
) -> Option<String> {
    let mut contexts = kubeconfig.contexts.iter_mut();
    let entry = contexts.find(|entry| entry.name == context);
    let mut fallback = kube::config::Context::default();
    let chosen = entry
        .and_then(|entry| entry.context.as_mut())
        .unwrap_or(&mut fallback);
    let user_name = options.user.clone().or_else(|| chosen.user.clone());
    let cluster_name = options.cluster.as_ref().unwrap_or(&chosen.cluster).clone();
    let user_entry = user_name.clone().unwrap_or_else(|| COMMAND_LINE.to_owned());
    if user_name.is_none() {
        chosen.user = Some(user_entry.clone());
    }
    let is_cluster = |entry: &NamedCluster| entry.name == cluster_name;
    if options.server.is_some() && !kubeconfig.clusters.iter().any(is_cluster) {
        kubeconfig.clusters.push(NamedCluster {
            name: cluster_name.clone(),
            ..NamedCluster::default()
        });
    }
    if let Some(entry) = kubeconfig
        .clusters
        .iter_mut()
        .find(|entry| is_cluster(entry))
    {
        apply_to_cluster(entry.cluster.get_or_insert_default(), options);
    }
    let users = &mut kubeconfig.auth_infos;
    let index = users.iter().position(|entry| entry.name == user_entry);
    let index = index.unwrap_or_else(|| {
        users.push(NamedAuthInfo {
            name: user_entry,
            ..NamedAuthInfo::default()
        });
        users.len() - 1
    });
    if let Some(entry) = users.get_mut(index) {
        apply_to_user(entry.auth_info.get_or_insert_default(), options);
    }
    user_name
}

fn apply_to_cluster(cluster: &mut Cluster, options: &ConnectOptions) {
    let authority = options.certificate_authority.as_ref();
    if authority.is_some() || options.insecure_skip_tls_verify {
        cluster.certificate_authority = authority.map(|file| file.display().to_string());
        cluster.certificate_authority_data = None;
        cluster.insecure_skip_tls_verify = Some(options.insecure_skip_tls_verify);
    }
    // The name of the kubeconfig is that of the kubeconfig's server.
    if options.tls_server_name.is_some() || options.server.is_some() {
        cluster.tls_server_name.clone_from(&options.tls_server_name);
    }
    if let Some(server) = &options.server {
        cluster.server = Some(server.clone());
    }
}

/// Overrides credentials and impersonation.
pub fn apply_to_user(user: &mut AuthInfo, options: &ConnectOptions) {
    if let Some(token) = &options.token {
        *user = AuthInfo {
            token: Some(token.clone()),
            ..impersonation(std::mem::take(user))
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
