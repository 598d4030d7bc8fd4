//! Credentials from the secrets of Linkerd's links.

use futures::future::join;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{FAR, flat_mirror, linked_group};
use crate::support::{
    Side, TestNamespace, end, operator_rights, plugin, restricted_kubeconfig, shared, started,
};

const MULTICLUSTER: &str = "linkerd-multicluster";

/// A link with a name that no other test uses.
struct Link {
    cluster: String,
    secrets: Api<Secret>,
}

impl Link {
    async fn new(side: &Side, kubeconfig: &Value) -> Self {
        let namespaces: Api<Namespace> = side.cluster_api();
        let params = PatchParams::apply("test").force();
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": MULTICLUSTER}});
        namespaces
            .patch(MULTICLUSTER, &params, &Patch::Apply(namespace))
            .await
            .expect("the namespace is there");
        let link = Self {
            cluster: side.namespace.clone(),
            secrets: Api::namespaced(side.client.clone(), MULTICLUSTER),
        };
        link.write(kubeconfig).await;
        link
    }

    fn secret(&self) -> String {
        format!("cluster-credentials-{}", self.cluster)
    }

    async fn write(&self, kubeconfig: &Value) {
        let data = ByteString(kubeconfig.to_string().into_bytes());
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": self.secret()},
            "type": "mirror.linkerd.io/remote-kubeconfig", "data": {"kubeconfig": data},
        });
        let params = PatchParams::apply("test").force();
        self.secrets
            .patch(&self.secret(), &params, &Patch::Apply(secret))
            .await
            .expect("the secret is taken");
    }

    /// Lets a ServiceAccount read only this secret there.
    async fn allow(&self, side: &Side, account: &str) {
        let name = &self.cluster;
        let role = json!({"metadata": {"name": name}, "rules": [{
            "apiGroups": [""], "resources": ["secrets"], "resourceNames": [self.secret()], "verbs": ["get"],
        }]});
        let binding = json!({
            "metadata": {"name": name},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": side.namespace}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        });
        let there = Side {
            namespace: MULTICLUSTER.to_owned(),
            ..side.clone()
        };
        there.create::<Role>(role).await;
        there.create::<RoleBinding>(binding).await;
    }

    async fn delete(&self) {
        let params = DeleteParams::default();
        let client = || self.secrets.clone().into_client();
        let _ = Api::<RoleBinding>::namespaced(client(), MULTICLUSTER)
            .delete(&self.cluster, &params)
            .await;
        let _ = Api::<Role>::namespaced(client(), MULTICLUSTER)
            .delete(&self.cluster, &params)
            .await;
        self.secrets
            .delete(&self.secret(), &DeleteParams::default())
            .await
            .expect("the secret is deleted");
    }
}

/// A kubeconfig for east, as Linkerd writes one.
fn east() -> Value {
    let text = std::fs::read_to_string(shared().kubeconfig()).expect("the kubeconfig can be read");
    let mut config: Value = serde_yaml::from_str(&text).expect("the kubeconfig is YAML");
    config["current-context"] = json!("east");
    config
}

/// Changes the entry of east in a list of a kubeconfig.
fn with(list: &str, entry: &str, key: &str, value: Value) -> Value {
    let mut config = east();
    let entries = config[list].as_array_mut().expect("it is a list");
    let east = entries
        .iter_mut()
        .find(|entry| entry["name"] == "east")
        .expect("there is east");
    east[entry][key] = value;
    config
}

#[tokio::test]
async fn the_secret_of_a_link_is_enough_and_is_reported() {
    let ns = linked_group("link").await;
    let link = Link::new(&ns.west, &east()).await;
    let status = async |flag: &str| {
        plugin()
            .args(["status", flag])
            .on(&ns.west)
            .run()
            .await
            .success()
    };
    let announced = format!(
        "reading the secret {} in namespace {MULTICLUSTER} of context west",
        link.secret()
    );
    status("--remote-from-links")
        .await
        .stdout_contains("web-east:1/2")
        .stderr_contains(&announced);
    status("-o=wide")
        .await
        .stdout_contains("web-east:?")
        .stderr_is_empty();
    link.delete().await;
    let gone = status("--remote-from-links").await;
    gone.stdout_contains("web-east:?");
}

#[tokio::test]
async fn a_running_watch_finds_new_credentials_with_the_right_to_one_secret() {
    let ns = linked_group("link-rotated").await;
    let link = Link::new(&ns.west, &with("users", "user", "token", json!("expired"))).await;
    let kubeconfig = restricted_kubeconfig(&ns.west, "operator", &operator_rights()).await;
    link.allow(&ns.west, "operator").await;
    ns.west.ready("web", 0).await;
    let watch = plugin()
        .args(["watch", "--remote-from-links"])
        .on(&ns.west)
        .kubeconfig(kubeconfig.path());
    let mut watch = started(watch).await;
    watch.stderr_line_containing("HTTP 401").await;
    // Nothing is known about the only fallback, so it is tried.
    ns.west.until_weights("web", &[0, 1]).await;
    link.write(&east()).await;
    let again = format!(
        "EndpointSlices of namespace {} in cluster {} can be read again",
        ns.name, ns.name
    );
    watch.stderr_line_containing(&again).await;
    let status = plugin()
        .args(["status", "--remote-from-links"])
        .on(&ns.west)
        .kubeconfig(kubeconfig.path());
    status.run().await.success().stdout_contains("web-east:1/2");
    end(watch).await;
    link.delete().await;
}

/// The cluster was built again. At its old address nothing answers, or another cluster does.
async fn found_again(purpose: &str, outdated: &Value) {
    let ns = linked_group(purpose).await;
    let link = Link::new(&ns.west, outdated).await;
    let mut watch = started(plugin().args(["watch", "--remote-from-links"]).on(&ns.west)).await;
    let what = format!(
        "EndpointSlices of namespace {} in cluster {}",
        ns.name, ns.name
    );
    watch.stderr_line_containing(&what).await;
    link.write(&east()).await;
    watch
        .stderr_line_containing(&format!("{what} can be read again"))
        .await;
    ns.west.ready("web", 0).await;
    ns.west.until_weights("web", &[0, 1]).await;
    assert_ne!(
        ns.west.last_move("web").await["unverified"],
        true,
        "it is known"
    );
    end(watch).await;
    link.delete().await;
}

#[tokio::test]
async fn a_running_watch_finds_a_cluster_with_a_new_address_or_authority() {
    let nowhere = with(
        "clusters",
        "cluster",
        "server",
        json!("https://127.0.0.1:1"),
    );
    let others = east()["clusters"].as_array().expect("it is a list").clone();
    let west = others
        .iter()
        .find(|entry| entry["name"] == "west")
        .expect("there is west");
    let authority = west["cluster"]["certificate-authority-data"].clone();
    let strange = with(
        "clusters",
        "cluster",
        "certificate-authority-data",
        authority,
    );
    join(
        found_again("link-moved", &nowhere),
        found_again("link-strange", &strange),
    )
    .await;
}

#[tokio::test]
async fn a_missing_right_to_the_secret_is_reported() {
    let ns = linked_group("link-forbidden").await;
    let link = Link::new(&ns.west, &east()).await;
    let kubeconfig = restricted_kubeconfig(&ns.west, "operator", &operator_rights()).await;
    let status = plugin()
        .args(["status", "--remote-from-links", "-o", "json"])
        .on(&ns.west);
    let seen = status
        .kubeconfig(kubeconfig.path())
        .run()
        .await
        .success()
        .json();
    let unknown = seen["items"][0]["backends"][1]["unknown"]
        .as_str()
        .expect("it is unknown")
        .to_owned();
    assert!(unknown.contains("you may not read the secret"), "{unknown}");
    link.delete().await;
}

#[tokio::test]
async fn a_harmful_secret_is_refused_and_runs_nothing() {
    let ns = linked_group("link-harm").await;
    let dir = TempDir::new().expect("a folder can be made");
    let trace = dir.path().join("it-ran");
    let exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "command": "touch", "args": [trace], "interactiveMode": "Never",
    });
    let link = Link::new(&ns.west, &east()).await;
    for (kubeconfig, word) in [
        (with("users", "user", "exec", exec), "run a program"),
        (
            with("users", "user", "tokenFile", json!("/etc/hostname")),
            "file of this machine",
        ),
        (
            with(
                "clusters",
                "cluster",
                "insecure-skip-tls-verify",
                json!(true),
            ),
            "skip the check",
        ),
        (
            json!({"kind": "Config", "users": "secret-word"}),
            "not readable",
        ),
    ] {
        link.write(&kubeconfig).await;
        let status = plugin()
            .args(["status", "--remote-from-links", "-v", "-o", "json"])
            .on(&ns.west)
            .run()
            .await;
        let status = status.success().stderr_lacks("secret-word");
        let unknown = status.json()["items"][0]["backends"][1]["unknown"].to_string();
        assert!(
            unknown.contains("is not used") && unknown.contains(word),
            "{unknown}"
        );
        assert!(!unknown.contains("secret-word"), "{unknown}");
    }
    assert!(!trace.exists(), "the program ran");
    link.delete().await;
}

#[tokio::test]
async fn a_flag_overrides_a_link() {
    let ns = TestNamespace::new("link-named").await;
    ns.east.bare_service("web").await;
    ns.east.ready("web", 1).await;
    ns.west.bare_service("web").await;
    ns.west.ready("web", 1).await;
    flat_mirror(&ns.west, FAR, "web-east", "web").await;
    ns.west
        .traffic_split("web", "web", &[("web", 1), ("web-east", 0)])
        .await;
    let args = ["status", "--remote", "far=east", "--remote-from-links"];
    plugin()
        .args(args)
        .on(&ns.west)
        .run()
        .await
        .success()
        .stdout_contains("web-east:1/2")
        .stderr_is_empty();
    let unknown = plugin()
        .args(["status", "--remote", "far=no-such"])
        .on(&ns.west)
        .run()
        .await
        .code(1);
    unknown.stderr_contains("there is no context \"no-such\"");
}
