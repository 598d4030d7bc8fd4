//! Credentials for remote clusters from the secrets of Linkerd's links. The secrets are not
//! trusted: their content must not run a program, read a file or weaken a check.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, Cluster as ClusterEntry, Kubeconfig, NamedContext};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cluster::api::types::Object;
use crate::cluster::listwatch::collection::Collection;
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::transport::api_resource::{LINKS, SECRETS};
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestError;
use crate::cluster::transport::kubeconfig;
use crate::cluster::transport::kubeconfig::Connection;
use crate::model::WhyUnknown;

/// The namespace of Linkerd's multicluster extension.
pub const NAMESPACE: &str = "linkerd-multicluster";
/// The key of the kubeconfig in a link's secret.
const KUBECONFIG_KEY: &str = "kubeconfig";

/// Returns the name of the secret with a cluster's credentials.
pub fn secret_name(cluster: &str) -> String {
    format!("cluster-credentials-{cluster}")
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LinkSpec {
    #[serde(rename = "targetClusterName")]
    target: String,
}

#[derive(Deserialize)]
struct Secret {
    #[serde(default)]
    data: HashMap<String, String>,
}

/// Returns the clusters that have a Link, or None if that cannot be known: an older Linkerd serves
/// another version, and the right to list Links is optional.
pub async fn clusters(local: &Cluster) -> Option<HashSet<String>> {
    let source = Collection::<Object<LinkSpec>>::all(LINKS, Some(NAMESPACE));
    let links = list_objects(local, &source).await.ok()?;
    let names = links
        .into_iter()
        .flat_map(|link| [link.metadata.name, link.spec.target]);
    Some(names.collect())
}

/// Reads the credentials for a remote cluster.
///
/// # Errors
/// Why the credentials do not exist or are not used. Never contains any of the secret's content.
pub async fn read(local: &Cluster, cluster: &str) -> Result<Connection, WhyUnknown> {
    let name = secret_name(cluster);
    let raw = local.get::<Box<RawValue>>(SECRETS, Some(NAMESPACE), &name);
    let raw = raw
        .await
        .map_err(|error| unreadable(cluster, &name, &error))?;
    let refused = |how: &str| WhyUnknown::NoAccess(format!("the secret {name} is not used: {how}"));
    // Parse errors may quote the secret, so they are not shown.
    let secret: Secret =
        serde_json::from_str(raw.get()).map_err(|_| refused("it is not readable"))?;
    let encoded = secret
        .data
        .get(KUBECONFIG_KEY)
        .ok_or_else(|| refused("it has no kubeconfig"))?;
    let bytes = STANDARD.decode(encoded).ok();
    let kubeconfig = bytes.and_then(|bytes| kubeconfig::parse(&bytes, None).ok());
    let kubeconfig = kubeconfig.ok_or_else(|| refused("its kubeconfig is not readable"))?;
    let (cluster, user) = harmless(kubeconfig).map_err(|how| refused(&how))?;
    kubeconfig::connection(&cluster, user).map_err(|_| refused("its kubeconfig cannot be used"))
}

fn unreadable(cluster: &str, secret: &str, error: &RequestError) -> WhyUnknown {
    let no_remote = |how: String| WhyUnknown::NoRemote {
        cluster: cluster.to_owned(),
        how,
    };
    if error.is_forbidden() {
        no_remote(format!(
            "you may not read the secret {secret} in namespace {NAMESPACE}"
        ))
    } else if error.is_not_found() {
        no_remote(format!(
            "there is no secret {secret} in namespace {NAMESPACE}"
        ))
    } else {
        let cause = &error.cause;
        WhyUnknown::NoAccess(format!("the secret {secret} cannot be read: {cause}"))
    }
}

/// Reduces a kubeconfig to the address, the certificate authority and the credentials of the
/// current context.
fn harmless(kubeconfig: Kubeconfig) -> Result<(ClusterEntry, AuthInfo), String> {
    let current = kubeconfig.current_context.filter(|name| !name.is_empty());
    let is_current = |entry: &NamedContext| current.as_ref().is_none_or(|it| entry.name == *it);
    let mut contexts = kubeconfig.contexts.into_iter();
    let context = contexts
        .find(is_current)
        .and_then(|entry| entry.context)
        .ok_or("it has no current context")?;
    let mut clusters = kubeconfig.clusters.into_iter();
    let cluster = clusters
        .find(|entry| entry.name == context.cluster)
        .and_then(|entry| entry.cluster)
        .ok_or("its context names no cluster")?;
    let mut users = kubeconfig.auth_infos.into_iter();
    let user = users
        .find(|entry| Some(&entry.name) == context.user.as_ref())
        .and_then(|entry| entry.auth_info)
        .ok_or("its context names no user")?;
    Ok((harmless_cluster(cluster)?, harmless_user(user)?))
}

fn harmless_cluster(cluster: ClusterEntry) -> Result<ClusterEntry, String> {
    if cluster.insecure_skip_tls_verify == Some(true) {
        return Err("it asks to skip the check of the server's certificate".to_owned());
    }
    if cluster.certificate_authority.is_some() {
        return Err("it names a file of this machine (certificate-authority)".to_owned());
    }
    if cluster.proxy_url.is_some() {
        return Err("it asks to go through a proxy".to_owned());
    }
    let server = cluster
        .server
        .filter(|server| server.starts_with("https://"));
    Ok(ClusterEntry {
        server: Some(server.ok_or("its server has no https address")?),
        certificate_authority_data: cluster.certificate_authority_data,
        tls_server_name: cluster.tls_server_name,
        ..ClusterEntry::default()
    })
}

fn harmless_user(user: AuthInfo) -> Result<AuthInfo, String> {
    if user.exec.is_some() {
        return Err("it asks to run a program (exec)".to_owned());
    }
    if user.auth_provider.is_some() {
        return Err("it asks for an auth-provider".to_owned());
    }
    let files = [
        (&user.token_file, "tokenFile"),
        (&user.client_certificate, "client-certificate"),
        (&user.client_key, "client-key"),
    ];
    if let Some((_, key)) = files.iter().find(|(file, _)| file.is_some()) {
        return Err(format!("it names a file of this machine ({key})"));
    }
    Ok(AuthInfo {
        token: user.token,
        client_certificate_data: user.client_certificate_data,
        client_key_data: user.client_key_data,
        ..AuthInfo::default()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn link(cluster: Value, user: Value) -> Result<(ClusterEntry, AuthInfo), String> {
        let mut entry =
            json!({"server": "https://203.0.113.1:6443", "certificate-authority-data": "QQ=="});
        entry
            .as_object_mut()
            .unwrap()
            .extend(cluster.as_object().unwrap().clone());
        let mut credentials = json!({"token": "t"});
        credentials
            .as_object_mut()
            .unwrap()
            .extend(user.as_object().unwrap().clone());
        let text = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "clusters": [{"name": "c", "cluster": entry}],
            "users": [{"name": "u", "user": credentials}, {"name": "v", "user": {"exec": {"command": "x"}}}],
            "contexts": [{"name": "other", "context": {"cluster": "c", "user": "v"}},
                {"name": "it", "context": {"cluster": "c", "user": "u"}}],
        });
        harmless(kubeconfig::parse(text.to_string().as_bytes(), None).unwrap())
    }

    #[test]
    fn a_link_that_linkerd_wrote_is_used() {
        let (cluster, user) = link(json!({}), json!({})).unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://203.0.113.1:6443"));
        assert!(user.token.is_some());
    }

    #[test]
    fn links_that_run_programs_read_files_or_skip_checks_are_refused() {
        let none = || json!({});
        for (cluster, user, word) in [
            (
                none(),
                json!({"exec": {"command": "touch", "args": ["/tmp/x"]}}),
                "exec",
            ),
            (
                none(),
                json!({"auth-provider": {"name": "gcp", "config": {"cmd-path": "touch"}}}),
                "auth-provider",
            ),
            (none(), json!({"tokenFile": "/etc/passwd"}), "tokenFile"),
            (
                none(),
                json!({"client-certificate": "/etc/passwd"}),
                "client-certificate",
            ),
            (none(), json!({"client-key": "/etc/passwd"}), "client-key"),
            (
                json!({"insecure-skip-tls-verify": true}),
                none(),
                "certificate",
            ),
            (
                json!({"certificate-authority": "/etc/passwd"}),
                none(),
                "certificate-authority",
            ),
            (json!({"proxy-url": "http://203.0.113.2"}), none(), "proxy"),
            (json!({"server": "http://203.0.113.1"}), none(), "https"),
        ] {
            let refused = link(cluster, user).unwrap_err();
            assert!(refused.contains(word), "{refused}");
        }
    }
}
