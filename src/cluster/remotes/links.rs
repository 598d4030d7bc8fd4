//! Credentials for other clusters, as Linkerd's links keep them in secrets. Whoever may write such a secret is not
//! trusted with this machine: nothing in it runs a program, names a file or weakens a check.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{
    AuthInfo, Cluster as ClusterEntry, KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster,
    NamedContext,
};
use kube::{Config, config};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::path::SECRETS;
use crate::model::WhyUnknown;

/// Where Linkerd's multicluster extension lives.
pub const NAMESPACE: &str = "linkerd-multicluster";
const KEY: &str = "kubeconfig";

/// The name of the secret with the credentials for a cluster.
pub fn secret_name(cluster: &str) -> String {
    format!("cluster-credentials-{cluster}")
}

#[derive(Deserialize)]
struct Secret {
    #[serde(default)]
    data: HashMap<String, String>,
}

/// Reads the credentials for another cluster.
///
/// # Errors
/// Why there are none, or none that may be used; never with any of the secret's content.
pub async fn read(local: &Cluster, cluster: &str) -> Result<Config, WhyUnknown> {
    let name = secret_name(cluster);
    let no_remote = |how: String| WhyUnknown::NoRemote {
        cluster: cluster.to_owned(),
        how,
    };
    let raw = match local
        .get::<Box<RawValue>>(&SECRETS.object(NAMESPACE, &name))
        .await
    {
        Ok(raw) => raw,
        Err(error) if error.is_forbidden() => {
            return Err(no_remote(format!(
                "you may not read the secret {name} in namespace {NAMESPACE}"
            )));
        }
        Err(error) if error.is_not_found() => {
            return Err(no_remote(format!(
                "there is no secret {name} in namespace {NAMESPACE}"
            )));
        }
        Err(error) => {
            return Err(WhyUnknown::NoAccess(format!(
                "the secret {name} cannot be read: {}",
                error.cause
            )));
        }
    };
    let refused = |how: &str| WhyUnknown::NoAccess(format!("the secret {name} is not used: {how}"));
    // Errors of parsers may quote what they read: they are not shown.
    let secret: Secret =
        serde_json::from_str(raw.get()).map_err(|_| refused("it is not readable"))?;
    let encoded = secret
        .data
        .get(KEY)
        .ok_or_else(|| refused("it has no kubeconfig"))?;
    let text = STANDARD
        .decode(encoded)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let kubeconfig = text.and_then(|text| Kubeconfig::from_yaml(&text).ok());
    let kubeconfig = kubeconfig.ok_or_else(|| refused("its kubeconfig is not readable"))?;
    let harmless = harmless(kubeconfig).map_err(|how| refused(&how))?;
    let config = Config::from_custom_kubeconfig(harmless, &KubeConfigOptions::default()).await;
    config.map_err(|_| refused("its kubeconfig cannot be used"))
}

/// A kubeconfig with the one context that is meant, and of that just an address, an authority and credentials.
fn harmless(kubeconfig: Kubeconfig) -> Result<Kubeconfig, String> {
    let Kubeconfig {
        clusters,
        auth_infos,
        contexts,
        current_context,
        ..
    } = kubeconfig;
    let current = current_context.filter(|name| !name.is_empty());
    let is_meant = |entry: &NamedContext| current.as_ref().is_none_or(|name| entry.name == *name);
    let context = contexts
        .into_iter()
        .find(is_meant)
        .and_then(|entry| entry.context);
    let context = context.ok_or("it has no current context")?;
    let cluster = clusters
        .into_iter()
        .find(|entry| entry.name == context.cluster);
    let cluster = cluster
        .and_then(|entry| entry.cluster)
        .ok_or("its context names no cluster")?;
    let named = context.user.as_ref();
    let user = auth_infos
        .into_iter()
        .find(|entry| Some(&entry.name) == named);
    let user = user
        .and_then(|entry| entry.auth_info)
        .ok_or("its context names no user")?;
    let name = "link".to_owned();
    let cluster = NamedCluster {
        name: name.clone(),
        cluster: Some(harmless_cluster(cluster)?),
        ..NamedCluster::default()
    };
    let user = NamedAuthInfo {
        name: name.clone(),
        auth_info: Some(harmless_user(user)?),
        ..NamedAuthInfo::default()
    };
    let context = config::Context {
        cluster: name.clone(),
        user: Some(name.clone()),
        ..config::Context::default()
    };
    Ok(Kubeconfig {
        contexts: vec![NamedContext {
            name: name.clone(),
            context: Some(context),
            ..NamedContext::default()
        }],
        clusters: vec![cluster],
        auth_infos: vec![user],
        current_context: Some(name),
        ..Kubeconfig::default()
    })
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

    fn link(cluster: Value, user: Value) -> Result<Kubeconfig, String> {
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
        harmless(Kubeconfig::from_yaml(&text.to_string()).unwrap())
    }

    #[test]
    fn what_linkerd_writes_is_used() {
        let kubeconfig = link(json!({}), json!({})).unwrap();
        assert_eq!(
            (kubeconfig.clusters.len(), kubeconfig.auth_infos.len()),
            (1, 1)
        );
        assert!(
            kubeconfig.auth_infos[0]
                .auth_info
                .as_ref()
                .unwrap()
                .token
                .is_some()
        );
    }

    #[test]
    fn what_runs_programs_reads_files_or_skips_checks_is_refused() {
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
