//! The Helm chart on a real API server, and `watch` as its Deployment runs it: with its arguments,
//! its environment and the token of its ServiceAccount, and nothing else.

mod admission;
mod pod;
mod rights;
mod succession;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use admission::judges_as_the_program;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::api::{
    ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams,
    ValidationDirective,
};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::servers::until_it_answers;
use crate::ALONE;
use crate::support::{
    Image, Output, Sandbox, Side, chart, eventually, finish, helm_command, plugin,
    prometheus_definitions,
};

const NAMESPACE: &str = "linkerd-failover";
const ACCOUNT: &str = "kubectl-failover";

struct Installation {
    sandbox: Sandbox,
    side: Side,
    image: OnceLock<Image>,
}

impl Installation {
    /// A cluster with the namespace of the chart, where only pods that meet the standard
    /// *restricted* are allowed.
    async fn new() -> Self {
        Self::labelled(json!({
            "linkerd.io/extension": "failover",
            "pod-security.kubernetes.io/enforce": "restricted",
        }))
        .await
    }

    async fn labelled(labels: Value) -> Self {
        let sandbox = Sandbox::start(&["solo"]);
        let side = sandbox.side("solo", NAMESPACE, labels).await;
        Self {
            sandbox,
            side,
            image: OnceLock::new(),
        }
    }

    fn helm(&self, args: &[&str]) -> Output {
        let mut command = helm_command(args);
        command
            .args(["-n", NAMESPACE, "--kubeconfig"])
            .arg(self.sandbox.kubeconfig());
        finish(&mut command)
    }

    /// Installs or upgrades the release.
    fn install(&self, flags: &[&str]) {
        let chart = chart();
        let chart = chart.to_str().expect("text");
        let words = ["upgrade", "--install", NAMESPACE, chart];
        let wait = ["--wait", "--timeout", "2m"];
        self.helm(&[&words[..], &wait, flags].concat()).success();
    }

    /// The image that the pods run.
    fn image(&self) -> &Image {
        self.image.get_or_init(Image::new)
    }

    async fn replicas(&self) -> (Option<i32>, Option<i32>) {
        let deployment = self.deployment().await;
        let spec = deployment.spec.expect("a spec");
        let status = deployment.status.expect("a status");
        (spec.replicas, status.ready_replicas)
    }

    async fn deployment(&self) -> Deployment {
        let found = self.side.api::<Deployment>().get(ACCOUNT).await;
        found.expect("the Deployment exists")
    }

    /// Creates another namespace.
    async fn namespace(&self, name: &str) -> Side {
        let side = Side {
            namespace: name.to_owned(),
            ..self.side.clone()
        };
        side.create_namespace_with(json!({})).await;
        side
    }

    /// Runs the plugin as an administrator.
    async fn plugin(&self, args: &[&str]) -> Output {
        let run = plugin().args(args.to_vec()).context("solo");
        run.kubeconfig(&self.sandbox.kubeconfig()).run().await
    }

    /// The objects that `install` prints.
    async fn printed(&self, flags: &[&str]) -> Vec<Value> {
        let printed = self.plugin(&[&["install", "-ojson"], flags].concat()).await;
        let list = printed.success().json();
        list["items"].as_array().expect("objects").clone()
    }
}

#[tokio::test]
async fn helm_installs_upgrades_rolls_back_and_removes_it() {
    let _alone = ALONE.lock().await;
    let it = Installation::new().await;
    define_prometheus_kinds(&it).await;
    it.install(&["--set", "replicas=2"]);
    assert_eq!(it.replicas().await, (Some(2), Some(2)));
    it.plugin(&["check"])
        .await
        .stdout_contains("√ deployment linkerd-failover/kubectl-failover is ready (2 of 2 pods)")
        .stdout_contains(
            "√ deployment linkerd-failover/kubectl-failover has the rights that it needs",
        )
        .stdout_contains(
            "√ deployment linkerd-failover/kubectl-failover has the version of this program",
        )
        .stdout_contains("√ the extension has one namespace")
        .stdout_contains("‼ the alerts are loaded")
        .stdout_contains("√ Linkerd's failover controller: not installed (optional)");
    are_part_of_view_and_edit(&it).await;
    let more = "replicas=3,networkPolicy.create=true,flowSchema.create=true,admissionPolicy.create=true,prometheusRule.create=true,namespaces={shop}";
    it.namespace("shop").await;
    it.install(&["--set", more]);
    assert_eq!(it.replicas().await, (Some(3), Some(3)));
    it.plugin(&["check"])
        .await
        .stdout_contains("√ the alerts are loaded");
    judges_as_the_program(&it.side).await;
    has_no_unknown_field(&it).await;
    it.helm(&["rollback", NAMESPACE, "1", "--wait"]).success();
    assert_eq!(it.replicas().await.0, Some(2));
    it.plugin(&["install", "--set", "namespaces={nowhere}"])
        .await
        .success()
        .stderr_contains("warning: namespace nowhere does not exist")
        .stderr_contains("next: to upgrade it: helm upgrade linkerd-failover ")
        .stderr_contains(" --kube-context solo -n linkerd-failover --reset-then-reuse-values");
    it.plugin(&["uninstall"])
        .await
        .success()
        .stdout_is_empty()
        .stderr_contains("helm uninstall linkerd-failover --kube-context solo -n linkerd-failover")
        .stderr_contains("kubectl --context solo delete namespace linkerd-failover\n");
    it.helm(&["uninstall", NAMESPACE, "--wait"]).success();
    let left = it.side.api::<Deployment>().get_opt(ACCOUNT).await;
    assert!(left.expect("an answer").is_none());
    it.plugin(&["uninstall"])
        .await
        .code(1)
        .stdout_is_empty()
        .stderr_contains("kubectl-failover is not installed in namespace linkerd-failover");
    installed_without_helm(&it).await;
}

/// The roles for people are added to those of Kubernetes.
async fn are_part_of_view_and_edit(it: &Installation) {
    for (name, verb) in [("view", "list"), ("edit", "patch")] {
        eventually(&format!("{name} may {verb} TrafficSplits"), async || {
            let role = it.side.cluster_api::<ClusterRole>().get(name).await;
            let rules = role.expect("the role exists").rules.unwrap_or_default();
            let has = |words: &Option<Vec<String>>, word: &str| {
                words.iter().flatten().any(|it| it == word)
            };
            let allows = rules.iter().any(|rule| {
                has(&rule.resources, "trafficsplits") && has(&Some(rule.verbs.clone()), verb)
            });
            if allows {
                Ok(())
            } else {
                Err(format!("{rules:?}"))
            }
        })
        .await;
    }
}

/// As the Prometheus Operator does.
async fn define_prometheus_kinds(it: &Installation) {
    let definitions = prometheus_definitions();
    for definition in &definitions {
        apply(&it.side, definition, &PatchParams::apply("test")).await;
    }
    eventually("PodMonitors and PrometheusRules are served", async || {
        let served = it
            .side
            .client
            .list_api_group_resources("monitoring.coreos.com/v1");
        match served.await {
            Ok(served) if served.resources.len() >= definitions.len() => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

/// The API server accepts every object, with all that it has. Helm does not ask it to be strict.
async fn has_no_unknown_field(it: &Installation) {
    let digest = format!("image.digest=sha256:{}", "a".repeat(64));
    let everything = "podMonitor.create=true,networkPolicy.create=true,flowSchema.create=true,\
                      admissionPolicy.create=true,remotes.fromLinks={east},hooks.command=/hook,\
                      hooks.events={moved},maxMoves=20/1m,logFormat=json";
    let placed = "selector=team=web,priorityClassName=high,nodeSelector.a=b,podLabels.a=b,\
                  prometheusRule.create=true,prometheusRule.labels.a=b,dashboard.create=true,\
                  podMonitor.create=true,podMonitor.labels.a=b,\
                  podAnnotations.a=b,serviceAccount.annotations.a=b,extraArgs={-v}";
    let lists = r#"extraVolumes=[{"name":"a","emptyDir":{}}]"#;
    let mounts = r#"extraVolumeMounts=[{"name":"a","mountPath":"/a"}]"#;
    let tolerations = r#"tolerations=[{"operator":"Exists"}]"#;
    let lists = [
        "--set-json",
        lists,
        "--set-json",
        mounts,
        "--set-json",
        tolerations,
    ];
    let chart = chart();
    let words = ["template", NAMESPACE, chart.to_str().expect("text")];
    for flags in [
        &["--set", everything, "--set", &digest][..],
        &["--set", placed, "--set", "leaseName=a"],
        &[
            "--set",
            "namespaces={shop},metrics.detail=counts,prometheusRule.create=true",
        ],
        &lists,
    ] {
        let rendered = it.helm(&[&words, flags].concat()).success();
        let objects = serde_yaml::from_multiple::<Value>(&rendered.stdout).expect("YAML");
        for object in objects.iter().filter(|object| !object.is_null()) {
            let params = PatchParams {
                dry_run: true,
                field_validation: Some(ValidationDirective::Strict),
                ..PatchParams::apply("test").force()
            };
            apply(&it.side, object, &params).await;
        }
    }
}

/// `uninstall` prints the objects that `install` printed, and no other one. What an installation
/// with other values has left is named, also by `install` and by `check`.
async fn installed_without_helm(it: &Installation) {
    let shop = Side {
        namespace: "shop".to_owned(),
        ..it.side.clone()
    };
    let options = "namespaces={shop},flowSchema.create=true";
    let mut objects = it.printed(&["--set", options]).await;
    apply_all(&it.side, &objects).await;
    let options = ["--set", "podDisruptionBudget.create=false,image.tag=0.0.9"];
    let wide = it
        .plugin(&[&["install", "-ojson"], &options[..]].concat())
        .await
        .success();
    let wide = wide
        .stderr_contains("settings that these manifests lack: namespaces={shop}\n")
        .stderr_contains("flowschema/linkerd-failover, ")
        .stderr_contains("role/linkerd-failover-watch in namespace shop\n")
        .stderr_contains(
            "next: to keep these settings and objects, run install with the same --set and --values",
        )
        .stderr_contains("next: to remove these objects, after the rollout:\n  kubectl ")
        .stderr_contains("kubectl --context solo delete flowschema/linkerd-failover\n")
        .stderr_contains(
            "kubectl --context solo -n shop delete rolebinding/linkerd-failover-watch \
             role/linkerd-failover-watch\n",
        );
    let wide = wide.json()["items"].as_array().expect("objects").clone();
    apply_all(&it.side, &wide).await;
    objects.extend(wide);
    // Back to the first values: the rights in the whole cluster are left.
    apply_all(
        &it.side,
        &it.printed(&["--set", "namespaces={shop},image.tag=0.0.9"])
            .await,
    )
    .await;
    it.plugin(&["check"])
        .await
        .stdout_contains("‼ deployment linkerd-failover/kubectl-failover has the version of this")
        .stdout_contains("kubectl-failover:0.0.9, and this program has version ")
        .stdout_contains("it has the role linkerd-failover-watch in all namespaces")
        .stdout_contains(
            "hint: kubectl --context solo delete clusterrolebinding/linkerd-failover-watch\n",
        );
    let removed = it.plugin(&["uninstall", "-ojson"]).await.success().json();
    let names = |objects: &[Value]| {
        let names = objects.iter().map(|object| {
            let meta = &object["metadata"];
            format!("{} {}/{}", object["kind"], meta["namespace"], meta["name"])
        });
        names.collect::<BTreeSet<_>>()
    };
    assert_eq!(
        names(removed["items"].as_array().expect("objects")),
        names(&objects)
    );
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "regcred", "namespace": NAMESPACE}});
    apply_all(&it.side, &[secret]).await;
    let kept = it.plugin(&["uninstall", "-oname"]).await.success();
    let kept = kept.stderr_contains("namespace linkerd-failover stays, because of secret/regcred");
    assert!(!kept.stdout.contains("namespace/"));
    shop.deployment("cart", 0).await;
    it.plugin(&["install", "-n", "shop"])
        .await
        .code(4)
        .stdout_is_empty()
        .stderr_contains("other programs are in namespace shop: deployment/cart")
        .stderr_contains("linkerd.io/inject=disabled")
        .stderr_contains("--allow occupied");
    it.plugin(&["install", "-n", "shop", "--allow=occupied"])
        .await
        .success()
        .stderr_is_empty();
    let other = it.plugin(&["uninstall", "-n", "shop"]).await;
    other
        .code(1)
        .stderr_contains("installations: linkerd-failover");
}

async fn apply_all(side: &Side, objects: &[Value]) {
    for object in objects {
        apply(side, object, &PatchParams::apply("test").force()).await;
    }
}

async fn apply(side: &Side, object: &Value, params: &PatchParams) {
    let object: DynamicObject = serde_json::from_value(object.clone()).expect("an object");
    let types = object.types.clone().expect("a kind");
    let kind = GroupVersionKind::try_from(&types).expect("a kind");
    let resource = ApiResource::from_gvk(&kind);
    let api: Api<DynamicObject> = match object.metadata.namespace.as_deref() {
        Some(namespace) => Api::namespaced_with(side.client.clone(), namespace, &resource),
        None => Api::all_with(side.client.clone(), &resource),
    };
    let name = object.metadata.name.clone().expect("a name");
    let applied = api.patch(&name, params, &Patch::Apply(&object)).await;
    applied.expect("the object is applied");
}

/// Waits until the API server answers and has addresses for Services. After a restart, it has none
/// for a while: "range is full".
async fn until_it_gives_addresses(client: &Client) {
    until_it_answers(client).await;
    let services: Api<Service> = Api::namespaced(client.clone(), "default");
    let service: Service = serde_json::from_value(json!({
        "metadata": {"name": "needs-an-address"},
        "spec": {"ports": [{"port": 80}]},
    }))
    .expect("the object is well-formed");
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    eventually("the API server has addresses for Services", async || {
        let created = services.create(&params, &service).await;
        created.map(drop).map_err(|cause| cause.to_string())
    })
    .await;
}
