//! Users with limited rights, and kubeconfigs for them.

use std::io::Write;
use std::path::Path;

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding};
use kube::Api;
use kube::api::PostParams;
use kube::config::{AuthInfo, Cluster, Context, Kubeconfig, NamedCluster, NamedContext};
use serde_json::json;
use tempfile::NamedTempFile;

use super::namespace::Side;
use super::sandbox;
use super::wait::eventually;

/// A rule, as in a Role.
pub fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let owned = |words: &[&str]| {
        words
            .iter()
            .map(|&word| word.to_owned())
            .collect::<Vec<_>>()
    };
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}

/// A kubeconfig with the usual contexts, for a ServiceAccount that has only these rights in the
/// namespace. The context of the other side stays an administrator's.
pub async fn restricted_kubeconfig(side: &Side, name: &str, rules: &[PolicyRule]) -> NamedTempFile {
    restricted_kubeconfig_of(&sandbox::shared().kubeconfig(), side, name, rules).await
}

/// The same for clusters that belong to one test.
pub async fn restricted_kubeconfig_of(
    clusters: &Path,
    side: &Side,
    name: &str,
    rules: &[PolicyRule],
) -> NamedTempFile {
    let subject = json!({"kind": "ServiceAccount", "name": name, "namespace": side.namespace});
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name});
    side.create::<ServiceAccount>(json!({"metadata": {"name": name}}))
        .await;
    side.create::<Role>(json!({"metadata": {"name": name}, "rules": rules}))
        .await;
    side.create::<RoleBinding>(
        json!({"metadata": {"name": name}, "subjects": [subject], "roleRef": role}),
    )
    .await;
    let token = token(side, name).await;
    let file = kubeconfig_of(clusters, |config| {
        let own = config
            .auth_infos
            .iter_mut()
            .find(|user| user.name == side.context);
        let own = own
            .and_then(|user| user.auth_info.as_mut())
            .expect("the context has a user");
        own.token = Some(token.into());
    });
    if let Some(rule) = rules.first() {
        let client = sandbox::client(file.path(), side.context).await;
        eventually("the rights are in force", async || {
            allowed(&client, side, rule).await
        })
        .await;
    }
    file
}

/// Gives a ServiceAccount rights in the whole cluster. Only for clusters that belong to one test.
pub async fn allow_everywhere(side: &Side, account: &str, rules: &[PolicyRule]) {
    let name = format!("{account}-{}", side.namespace);
    let subject = json!({"kind": "ServiceAccount", "name": account, "namespace": side.namespace});
    let role =
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name});
    let rights = json!({"metadata": {"name": name}, "rules": rules});
    let binding = json!({"metadata": {"name": name}, "subjects": [subject], "roleRef": role});
    let rights: ClusterRole = serde_json::from_value(rights).expect("the role is well-formed");
    let binding: ClusterRoleBinding =
        serde_json::from_value(binding).expect("the binding is well-formed");
    let params = PostParams::default();
    side.cluster_api()
        .create(&params, &rights)
        .await
        .expect("the role is created");
    side.cluster_api()
        .create(&params, &binding)
        .await
        .expect("the binding is created");
}

pub async fn token(side: &Side, account: &str) -> String {
    let accounts = side.api::<ServiceAccount>();
    let answer = accounts
        .create_token_request(account, &PostParams::default(), &TokenRequest::default())
        .await;
    answer
        .expect("a token is given")
        .status
        .expect("the answer has a token")
        .token
}

/// The kubeconfig of the shared clusters, with changes.
pub fn kubeconfig_with(change: impl FnOnce(&mut Kubeconfig)) -> NamedTempFile {
    kubeconfig_of(&sandbox::shared().kubeconfig(), change)
}

/// A kubeconfig, with changes.
pub fn kubeconfig_of(clusters: &Path, change: impl FnOnce(&mut Kubeconfig)) -> NamedTempFile {
    let text = std::fs::read_to_string(clusters).expect("the kubeconfig can be read");
    let mut config = Kubeconfig::from_yaml(&text).expect("the kubeconfig is well-formed");
    change(&mut config);
    let mut file = NamedTempFile::new().expect("a temporary file can be made");
    let text = serde_yaml::to_string(&config).expect("the kubeconfig can be written");
    file.write_all(text.as_bytes())
        .expect("the kubeconfig can be written");
    file
}

/// Adds the context `gone`, whose API server does not run.
pub fn add_gone(config: &mut Kubeconfig) {
    let user = config.auth_infos[0].name.clone();
    let server = Cluster {
        server: Some("https://127.0.0.1:9".into()),
        ..Cluster::default()
    };
    config.clusters.push(NamedCluster {
        name: "gone".into(),
        cluster: Some(server),
        ..NamedCluster::default()
    });
    let context = Context {
        cluster: "gone".into(),
        user: Some(user),
        ..Context::default()
    };
    config.contexts.push(NamedContext {
        name: "gone".into(),
        context: Some(context),
        ..NamedContext::default()
    });
}

/// The token of the first user of a kubeconfig.
pub fn token_in(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("the kubeconfig can be read");
    let config: serde_json::Value = serde_yaml::from_str(&text).expect("the kubeconfig is YAML");
    config["users"][0]["user"]["token"]
        .as_str()
        .expect("the first user has a token")
        .to_owned()
}

/// The users of a kubeconfig.
pub fn users(config: &mut Kubeconfig) -> impl Iterator<Item = &mut AuthInfo> {
    config
        .auth_infos
        .iter_mut()
        .filter_map(|user| user.auth_info.as_mut())
}

/// The authorizer learns of new rights a moment after they were written.
async fn allowed(client: &kube::Client, side: &Side, rule: &PolicyRule) -> Result<(), String> {
    let first = |words: Option<&Vec<String>>| words.and_then(|words| words.first().cloned());
    let review = json!({"metadata": {}, "spec": {"resourceAttributes": {
        "namespace": side.namespace,
        "group": first(rule.api_groups.as_ref()),
        "resource": first(rule.resources.as_ref()),
        "verb": first(Some(&rule.verbs)),
    }}});
    let review: SelfSubjectAccessReview =
        serde_json::from_value(review).map_err(|cause| cause.to_string())?;
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = reviews
        .create(&PostParams::default(), &review)
        .await
        .map_err(|cause| cause.to_string())?;
    match answer.status {
        Some(status) if status.allowed => Ok(()),
        status => Err(format!("{status:?}")),
    }
}
