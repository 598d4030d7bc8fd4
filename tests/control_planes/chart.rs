//! The Helm chart on a real API server, and `watch` as its Deployment runs it: with its arguments,
//! its environment and the token of its ServiceAccount, and nothing else.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use kubectl_failover::resource::{Kind as _, TrafficSplit};
use rustix::process::{Signal, kill_process};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::Instant;

use super::audit::AuditLog;
use super::servers::until_it_answers;
use crate::ALONE;
use crate::support::{
    BINARY, Output, Running, Sandbox, Side, chart, eventually, finish, helm_command, plugin, token,
};

const NAMESPACE: &str = "linkerd-failover";
const ACCOUNT: &str = "kubectl-failover";
/// How long a takeover may take.
const TAKEOVER_LIMIT: Duration = Duration::from_secs(20);
const LABEL: &str = "failover.linkerd.io/controlled-by";

struct Installation {
    sandbox: Sandbox,
    side: Side,
}

impl Installation {
    /// A cluster with the namespace of the chart, where only pods that meet the standard
    /// *restricted* are allowed.
    async fn new() -> Self {
        let sandbox = Sandbox::start(&["solo"]);
        let labels = json!({
            "linkerd.io/extension": "failover",
            "pod-security.kubernetes.io/enforce": "restricted",
        });
        let side = sandbox.side("solo", NAMESPACE, labels).await;
        Self { sandbox, side }
    }

    fn helm(&self, args: &[&str]) -> Output {
        let mut command = helm_command(args);
        command
            .args(["-n", NAMESPACE, "--kubeconfig"])
            .arg(self.sandbox.kubeconfig());
        finish(&mut command)
    }

    fn install(&self, set: &str) {
        let chart = chart();
        let chart = chart.to_str().expect("text");
        let words = ["install", NAMESPACE, chart, "--wait", "--timeout", "2m"];
        self.helm(&[&words[..], &["--set", set]].concat()).success();
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

    /// Runs the plugin as an administrator.
    async fn plugin(&self, args: &[&str]) -> Output {
        let run = plugin().args(args.to_vec()).context("solo");
        run.kubeconfig(&self.sandbox.kubeconfig()).run().await
    }
}

#[tokio::test]
async fn helm_installs_upgrades_rolls_back_and_removes_it() {
    let _alone = ALONE.lock().await;
    let it = Installation::new().await;
    it.install("replicas=2");
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
        .stdout_contains("√ Linkerd's failover controller: not installed (optional)");
    let chart = chart();
    let upgrade = [
        "upgrade",
        NAMESPACE,
        chart.to_str().expect("text"),
        "--wait",
    ];
    let more = "replicas=3,networkPolicy.create=true,flowSchema.create=true,admissionPolicy.create=true,namespaces={shop}";
    create_namespace(&it.side, "shop").await;
    it.helm(&[&upgrade[..], &["--set", more]].concat())
        .success();
    assert_eq!(it.replicas().await, (Some(3), Some(3)));
    judges_as_the_program(&it.side).await;
    it.helm(&["rollback", NAMESPACE, "1", "--wait"]).success();
    assert_eq!(it.replicas().await.0, Some(2));
    it.plugin(&["uninstall"])
        .await
        .success()
        .stdout_is_empty()
        .stderr_contains("helm uninstall linkerd-failover --kube-context solo -n linkerd-failover");
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

/// `uninstall` prints the objects that `install` printed, and no other one.
async fn installed_without_helm(it: &Installation) {
    let options = "podDisruptionBudget.create=false,namespaces={shop},flowSchema.create=true";
    let printed = it
        .plugin(&["install", "--set", options, "-ojson"])
        .await
        .success();
    let objects = printed.json();
    let objects = objects["items"].as_array().expect("objects");
    for object in objects {
        apply(&it.side, object).await;
    }
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
        names(objects)
    );
    let other = it.plugin(&["uninstall", "-n", "shop"]).await;
    other
        .code(1)
        .stderr_contains("installations: linkerd-failover");
}

async fn apply(side: &Side, object: &Value) {
    let object: DynamicObject = serde_json::from_value(object.clone()).expect("an object");
    let types = object.types.clone().expect("a kind");
    let kind = GroupVersionKind::try_from(&types).expect("a kind");
    let resource = ApiResource::from_gvk(&kind);
    let api: Api<DynamicObject> = match object.metadata.namespace.as_deref() {
        Some(namespace) => Api::namespaced_with(side.client.clone(), namespace, &resource),
        None => Api::all_with(side.client.clone(), &resource),
    };
    let name = object.metadata.name.clone().expect("a name");
    let params = PatchParams::apply("test").force();
    let applied = api.patch(&name, &params, &Patch::Apply(&object)).await;
    applied.expect("the object is applied");
}

async fn create_namespace(side: &Side, name: &str) {
    let namespace: Namespace =
        serde_json::from_value(json!({"metadata": {"name": name}})).expect("a namespace");
    let (namespaces, params) = (side.cluster_api(), PostParams::default());
    let created = namespaces.create(&params, &namespace);
    created.await.expect("the namespace is created");
}

/// The admission policy refuses what the program would call invalid, and what Linkerd's proxy
/// cannot bear. Both have to agree on every object.
async fn judges_as_the_program(side: &Side) {
    let first = split("first", json!([1, -1]), json!({}));
    eventually(
        "the admission policy is in force",
        async || match refusal(side, &first).await {
            Some(_) => Ok(()),
            None => Err("the object is allowed".to_owned()),
        },
    )
    .await;
    let weights = [
        json!([1, 0]),
        json!([429_496, 0]),
        json!([429_496, 1]),
        json!([1, -1]),
        json!([]),
        json!(vec![1; 100]),
        json!(vec![1; 101]),
    ];
    for weights in weights {
        compare(side, split("weights", weights, json!({}))).await;
    }
    let annotations = [
        (
            "policy",
            vec!["spread", "ordered", "active-active", "Spread", ""],
        ),
        ("failback", vec!["auto", "manual", "never"]),
        ("standby", vec!["on", "off", "true"]),
        (
            "failover-delay",
            vec![
                "0s", "1h", "1m30s", "", "5", "-5s", "1m1m", "30s1m", "1.5s", "5d", "s",
            ],
        ),
        ("failback-delay", vec!["2h", "5 s"]),
        (
            "min-ready",
            vec![
                "1", "007", "50%", "50 %", "100%", "0", "0%", "101%", "%", "", "1.5", "-1",
            ],
        ),
        ("failback-ready", vec!["2", "120%"]),
        (
            "weights",
            vec![
                "b0=2",
                "b0=1,b1=1000000",
                "b0 = 1 , b1=2",
                "b0=0",
                "b0=1000001",
                "b0=1,b0=2",
                "c=1",
                "b0",
                "b0=1,",
                "b0=1.5",
                "",
            ],
        ),
        ("primary-service", vec!["b1", "c"]),
    ];
    for (key, values) in annotations {
        for value in values {
            let key = format!("failover.linkerd.io/{key}");
            let annotations = Value::Object([(key, json!(value))].into_iter().collect());
            compare(side, split("annotations", json!([1, 0]), annotations)).await;
        }
    }
    for share in ["b0=100", "b0=101"] {
        let annotations =
            json!({"failover.linkerd.io/standby": "on", "failover.linkerd.io/weights": share});
        compare(side, split("standby", json!([1, 0]), annotations)).await;
    }
}

fn split(name: &str, weights: Value, annotations: Value) -> Value {
    let weights = weights.as_array().expect("a list").iter().enumerate();
    let backends: Vec<Value> = weights
        .map(|(index, weight)| json!({"service": format!("b{index}"), "weight": weight}))
        .collect();
    json!({
        "apiVersion": "split.smi-spec.io/v1alpha2",
        "kind": "TrafficSplit",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {LABEL: "test"},
            "annotations": annotations,
        },
        "spec": {"service": "web", "backends": backends},
    })
}

async fn compare(side: &Side, object: Value) {
    let raw = to_raw_value(&object).expect("JSON");
    let record = TrafficSplit.read(&raw).expect("the object is read");
    let weights = object["spec"]["backends"].as_array().expect("a list");
    let sum: i64 = weights.iter().filter_map(|it| it["weight"].as_i64()).sum();
    let is_wrong = record.group.is_err() || sum > 429_496;
    let refusal = refusal(side, &object).await;
    assert_eq!(
        refusal.is_some(),
        is_wrong,
        "{refusal:?} {:?} {object:#}",
        record.group
    );
}

/// Why the API server refuses an object.
async fn refusal(side: &Side, object: &Value) -> Option<String> {
    let object = serde_json::from_value(object.clone()).expect("an object");
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let answer = side.traffic_splits().create(&params, &object).await;
    answer.err().map(|error| {
        let words = error.to_string();
        assert!(words.contains("denied request"), "{words}");
        words
    })
}

#[tokio::test]
async fn the_deployments_own_command_line_runs_the_groups_with_its_own_rights() {
    let _alone = ALONE.lock().await;
    let it = Installation::new().await;
    let ports = free_ports();
    it.install(&format!(
        "metrics.address=127.0.0.1,metrics.port={}",
        ports[0]
    ));
    let log = AuditLog::keep(&it.sandbox, "solo").await;
    until_it_gives_addresses(&it.side.client).await;
    create_namespace(&it.side, "shop").await;
    let shop = Side {
        namespace: "shop".to_owned(),
        ..it.side.clone()
    };
    shop.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let (pod, other) = (Pod::new(&it, ports[0]).await, Pod::new(&it, ports[1]).await);
    let mut first = pod.start();
    first.stderr_line_containing("watching 1 group").await;
    let mut second = other.start();
    second.stderr_line_containing("standing by").await;
    shop.ready("web", 0).await;
    shop.until_weights("web", &[0, 1]).await;
    let uninstall = it.plugin(&["uninstall"]).await.code(4).stdout_is_empty();
    uninstall
        .stderr_contains("shop/web is away from home")
        .stderr_contains("--allow away");
    shop.ready("web", 1).await;
    shop.until_weights("web", &[1, 0]).await;
    it.plugin(&["check"])
        .await
        .stdout_contains("√ no watch elsewhere holds a Lease");
    kill_process(first.pid(), Signal::KILL).expect("it is killed");
    let killed = Instant::now();
    shop.ready("web", 0).await;
    shop.until_weights("web", &[0, 1]).await;
    let took = killed.elapsed();
    assert!(took < TAKEOVER_LIMIT, "{took:?}");
    let (status, ..) = second.end_and_collect(Signal::TERM).await;
    assert_eq!(status.code(), Some(0));
    let requests = log.requests(&format!("system:serviceaccount:{NAMESPACE}:{ACCOUNT}"));
    assert!(requests.len() > 20, "{requests:#?}");
    let refused: Vec<_> = requests
        .iter()
        .filter(|it| it.code == 401 || it.code == 403)
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
    let used = |verb: &str, resource: &str| {
        let mut requests = requests.iter();
        requests.any(|it| it.verb == verb && it.resource == resource)
    };
    assert!(used("patch", "split.smi-spec.io/trafficsplits"));
    let unused = allowed(&it.side).await.into_iter();
    let unused = unused.filter(|(resource, verbs)| !verbs.iter().any(|verb| used(verb, resource)));
    let unused: Vec<_> = unused.collect();
    assert!(unused.is_empty(), "no request uses {unused:?}");
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

/// Two ports that are free. The system chooses them where no control plane listens.
fn free_ports() -> [u16; 2] {
    let listen = || TcpListener::bind(("127.0.0.1", 0)).expect("a listener");
    [listen(), listen()].map(|it| it.local_addr().expect("an address").port())
}

/// The resources and verbs of the rules for the ServiceAccount.
async fn allowed(side: &Side) -> Vec<(String, Vec<String>)> {
    let mut rules = Vec::new();
    for name in ["linkerd-failover-watch", "linkerd-failover-find-upstream"] {
        let role = side.cluster_api::<ClusterRole>().get(name).await;
        let role = role.expect("the role exists");
        rules.extend(role.rules.into_iter().flatten().map(|rule| {
            let first = |words: Option<Vec<String>>| words.expect("words").swap_remove(0);
            let resource = format!("{}/{}", first(rule.api_groups), first(rule.resources));
            (resource, rule.verbs)
        }));
    }
    assert!(rules.len() > 10, "{rules:?}");
    rules
}

/// What a pod of the Deployment has: its arguments, its environment and its files.
struct Pod {
    args: Vec<String>,
    env: Vec<(String, String)>,
    files: TempDir,
}

impl Pod {
    async fn new(it: &Installation, port: u16) -> Self {
        let deployment = it.deployment().await;
        let pod = deployment
            .spec
            .and_then(|spec| spec.template.spec)
            .expect("a pod");
        let container = pod.containers.into_iter().next().expect("a container");
        let metrics = |arg: String| match arg.strip_prefix("--metrics=127.0.0.1:") {
            Some(_) => format!("--metrics=127.0.0.1:{port}"),
            None => arg,
        };
        let server = Server::of(&it.sandbox.kubeconfig());
        let mut env: Vec<(String, String)> = vec![
            ("KUBERNETES_SERVICE_HOST".to_owned(), server.host),
            ("KUBERNETES_SERVICE_PORT".to_owned(), server.port),
        ];
        for variable in container.env.into_iter().flatten() {
            let field = variable.value_from.and_then(|from| from.field_ref);
            let value = match field.map(|field| field.field_path).as_deref() {
                Some("metadata.namespace") => NAMESPACE.to_owned(),
                Some("metadata.name") => format!("pod-{port}"),
                _ => variable.value.expect("a value"),
            };
            env.push((variable.name, value));
        }
        let files = tempfile::tempdir().expect("a folder");
        let write = |name: &str, content: &[u8]| {
            std::fs::write(files.path().join(name), content).expect("a file");
        };
        write("token", token(&it.side, ACCOUNT).await.as_bytes());
        write("ca.crt", &server.certificates);
        write("namespace", NAMESPACE.as_bytes());
        Self {
            args: container.args.into_iter().flatten().map(metrics).collect(),
            env,
            files,
        }
    }

    /// Starts it with the files at the well-known paths, in a mount namespace of its own. Where that
    /// is not allowed, a kubeconfig names the files instead.
    fn start(&self) -> Running {
        const MOUNT: &str = "mount -t tmpfs none /run \
            && mkdir -p /run/secrets/kubernetes.io/serviceaccount \
            && mount --bind \"$1\" /run/secrets/kubernetes.io/serviceaccount \
            && shift && exec \"$@\"";
        const UNSHARE: [&str; 3] = ["--map-root-user", "--mount", "--propagation=private"];
        let may_mount = std::process::Command::new("unshare")
            .args(UNSHARE)
            .args(["sh", "-c", MOUNT, "sh"])
            .arg(self.files.path())
            .arg("true")
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        let mut command = if may_mount {
            let mut command = Command::new("unshare");
            command
                .args(UNSHARE)
                .args(["sh", "-c", MOUNT, "sh"])
                .arg(self.files.path())
                .args(["env", "-i"]);
            command
        } else {
            eprintln!(
                "mount namespaces are not allowed here: a kubeconfig names the token instead"
            );
            let mut command = Command::new("env");
            command
                .arg("-i")
                .arg(format!("KUBECONFIG={}", self.kubeconfig().display()));
            command
        };
        command
            .args(
                self.env
                    .iter()
                    .map(|(name, value)| format!("{name}={value}")),
            )
            .arg(BINARY)
            .args(&self.args)
            .stdin(Stdio::null());
        Running::start(command)
    }

    /// Writes a kubeconfig that has nothing but the files of the ServiceAccount.
    fn kubeconfig(&self) -> PathBuf {
        let file = |name: &str| self.files.path().join(name);
        let (_, host) = &self.env[0];
        let (_, port) = &self.env[1];
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "cluster", "cluster": {
                "server": format!("https://{host}:{port}"),
                "certificate-authority": file("ca.crt"),
            }}],
            "users": [{"name": "account", "user": {"tokenFile": file("token")}}],
            "contexts": [{"name": "pod", "context": {
                "cluster": "cluster", "user": "account", "namespace": NAMESPACE,
            }}],
            "current-context": "pod",
        });
        std::fs::write(file("config"), config.to_string()).expect("a file");
        file("config")
    }
}

/// The first API server of a kubeconfig.
struct Server {
    host: String,
    port: String,
    certificates: Vec<u8>,
}

impl Server {
    fn of(kubeconfig: &Path) -> Self {
        let text = std::fs::read_to_string(kubeconfig).expect("the kubeconfig");
        let config: Value = serde_yaml::from_str(&text).expect("YAML");
        let cluster = &config["clusters"][0]["cluster"];
        let address = cluster["server"].as_str().expect("an address");
        let address = address.strip_prefix("https://").expect("an address");
        let (host, port) = address.split_once(':').expect("a port");
        let certificates = cluster["certificate-authority-data"]
            .as_str()
            .expect("certificates");
        Self {
            host: host.to_owned(),
            port: port.to_owned(),
            certificates: STANDARD.decode(certificates).expect("base64"),
        }
    }
}
