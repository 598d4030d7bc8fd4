//! What `watch` does with the rights of its ServiceAccount: all that it needs is allowed, and all
//! that is allowed is used.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Secret, Service, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, PostParams};
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::pod::{Pod, Server, free_ports};
use super::{ACCOUNT, Installation, NAMESPACE, until_it_gives_addresses};
use crate::ALONE;
use crate::control_planes::audit::{AuditLog, AuditedRequest};
use crate::support::{
    ACCOUNT_FILES, Running, Side, allow_everywhere, compile_statically, eventually, finish, rule,
    token,
};

/// How long a takeover may take.
const TAKEOVER_LIMIT: Duration = Duration::from_secs(20);
const MULTICLUSTER: &str = "linkerd-multicluster";
const HOME: &str = "home";
const SPARE: &str = "spare";
/// A mirror of a cluster whose readiness is read there.
const MIRROR: &str = "web-east";

/// A verb that the story does not need, and why the role has it.
const UNUSED: [(&str, &str); 1] = [(
    "get /services",
    "in a namespace with more than 500 Services, only those of the groups are read",
)];

/// An object that is a group: its API group, version, kind and name.
#[derive(Debug, Clone, Copy)]
struct Carrier {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    name: &'static str,
    fallback: &'static str,
}

const fn split(name: &'static str, fallback: &'static str) -> Carrier {
    Carrier {
        group: "split.smi-spec.io",
        version: "v1alpha2",
        kind: "TrafficSplit",
        name,
        fallback,
    }
}

const SPLIT: Carrier = split("split", SPARE);
const MIRRORED: Carrier = split("mirrored", MIRROR);
const HTTP: Carrier = Carrier {
    group: "gateway.networking.k8s.io",
    version: "v1",
    kind: "HTTPRoute",
    name: "http",
    fallback: SPARE,
};
const GRPC: Carrier = Carrier {
    kind: "GRPCRoute",
    name: "grpc",
    ..HTTP
};
const LINKERD: Carrier = Carrier {
    group: "policy.linkerd.io",
    version: "v1beta3",
    name: "linkerd",
    ..HTTP
};
const CARRIERS: [Carrier; 5] = [SPLIT, MIRRORED, HTTP, GRPC, LINKERD];

impl Carrier {
    fn api(&self, side: &Side) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk(self.group, self.version, self.kind);
        let resource = ApiResource::from_gvk(&kind);
        Api::namespaced_with(side.client.clone(), &side.namespace, &resource)
    }

    fn is_split(&self) -> bool {
        self.kind == "TrafficSplit"
    }

    /// Creates the group, with its traffic at home.
    async fn create(&self, side: &Side) {
        let spec = if self.is_split() {
            json!({"service": self.name, "backends": [
                {"service": HOME, "weight": 1},
                {"service": self.fallback, "weight": 0},
            ]})
        } else {
            json!({
                "parentRefs": [{"group": "core", "kind": "Service", "name": self.name, "port": 80}],
                "rules": [{"backendRefs": [
                    {"name": HOME, "port": 80, "weight": 1},
                    {"name": self.fallback, "port": 80, "weight": 0},
                ]}],
            })
        };
        let object = json!({
            "apiVersion": format!("{}/{}", self.group, self.version),
            "kind": self.kind,
            "metadata": {
                "name": self.name,
                "labels": {"failover.linkerd.io/controlled-by": "linkerd-failover"},
                "annotations": {"failover.linkerd.io/primary-service": HOME},
            },
            "spec": spec,
        });
        let object = serde_json::from_value(object).expect("an object");
        let created = self.api(side).create(&PostParams::default(), &object).await;
        created.expect("the group is created");
    }

    /// Waits until this backend has all the traffic.
    async fn until_on(&self, side: &Side, backend: &str) {
        let (list, key) = match self.is_split() {
            true => ("/spec/backends", "service"),
            false => ("/spec/rules/0/backendRefs", "name"),
        };
        let api = self.api(side);
        let what = format!("the traffic of {} is on {backend}", self.name);
        eventually(&what, async || {
            let object = api.get(self.name).await.expect("the group exists");
            let backends = object.data.pointer(list).and_then(Value::as_array);
            let carrying = backends.expect("backends").iter();
            let carrying: Vec<&Value> = carrying
                .filter(|it| it["weight"] != 0)
                .map(|it| &it[key])
                .collect();
            if carrying == [backend] {
                Ok(())
            } else {
                Err(format!("{carrying:?}"))
            }
        })
        .await;
    }

    async fn annotations(&self, side: &Side) -> BTreeSet<String> {
        let object = self.api(side).get(self.name).await;
        let metadata = object.expect("the group exists").metadata;
        metadata
            .annotations
            .unwrap_or_default()
            .into_keys()
            .collect()
    }
}

/// A `watch` that does all that it can, as the Deployment runs it.
#[tokio::test]
async fn the_deployments_own_command_line_needs_all_of_its_rights_and_no_other() {
    let _alone = ALONE.lock().await;
    let it = Installation::new().await;
    let ports = free_ports();
    let values = it.sandbox.dir().join("values.yaml");
    let hook = format!("{ACCOUNT_FILES}/hook {ACCOUNT_FILES}/hooked");
    let content = json!({
        "metrics": {"address": "127.0.0.1", "port": ports[0]},
        "remotes": {"fromLinks": ["east"]},
        "hooks": {"command": hook, "events": ["moved"]},
        "flowSchema": {"create": true},
    });
    std::fs::write(&values, content.to_string()).expect("a file");
    let values = values.to_str().expect("text");
    it.install(&["-f", values]);
    let log = AuditLog::keep(&it.sandbox, "solo").await;
    until_it_gives_addresses(&it.side.client).await;
    let shop = it.namespace("shop").await;
    link_east(&it).await;
    for service in [HOME, SPARE, "origin"] {
        shop.bare_service(service).await;
        shop.ready(service, 1).await;
    }
    mirror_of_east(&shop).await;
    for carrier in CARRIERS {
        shop.bare_service(carrier.name).await;
        carrier.create(&shop).await;
    }
    // The pods of the Deployment are not real.
    let command = "kubectl --context solo -n linkerd-failover logs -l app.kubernetes.io/name=";
    it.plugin(&["check", "-n", "shop"])
        .await
        .stdout_contains(&format!(
            "hint: see why the installed watch does not: {command}"
        ));
    it.plugin(&["status", "-n", "shop"])
        .await
        .stdout_contains(&format!(
            "  next: {command}kubectl-failover --prefix --tail=50\n"
        ));

    let (pod, other) = (Pod::new(&it, ports[0]).await, Pod::new(&it, ports[1]).await);
    for pod in [&pod, &other] {
        add_hook(pod);
    }
    let mut first = pod.start();
    first.stderr_line_containing("watching 5 groups").await;
    let mut second = other.start();
    second.stderr_line_containing("standing by").await;
    shop.ready(HOME, 0).await;
    all_on(&shop, |carrier| carrier.fallback).await;
    let uninstall = it.plugin(&["uninstall"]).await.code(4).stdout_is_empty();
    uninstall
        .stderr_contains("shop/split is away from home")
        .stderr_contains("--allow away");
    shop.ready(HOME, 1).await;
    all_on(&shop, |_| HOME).await;
    it.plugin(&["check"])
        .await
        .stdout_contains("√ no watch elsewhere holds a Lease");
    orders_and_pauses(&it, &shop).await;

    kill_process(first.pid(), Signal::KILL).expect("it is killed");
    let killed = Instant::now();
    shop.ready(HOME, 0).await;
    all_on(&shop, |carrier| carrier.fallback).await;
    let took = killed.elapsed();
    assert!(took < TAKEOVER_LIMIT, "{took:?}");
    shop.ready(HOME, 1).await;
    all_on(&shop, |_| HOME).await;
    for carrier in CARRIERS {
        let (groups, params) = (carrier.api(&shop), DeleteParams::default());
        let deleted = groups.delete(carrier.name, &params);
        deleted.await.expect("the group is deleted");
    }
    for carrier in CARRIERS {
        let gone = format!("{} was deleted;", carrier.name);
        second.stderr_line_containing(&gone).await;
    }
    is_graceful(second).await;

    for pod in [&pod, &other] {
        let hooked = std::fs::read_to_string(pod.file("hooked")).expect("the hook has run");
        assert!(hooked.lines().count() >= 2 * CARRIERS.len(), "{hooked}");
    }
    only_what_is_allowed(&requests(&log), &rules(&it.side).await);
    is_in_its_priority_level(&it.side).await;
    limited_to_namespaces(&it, &log, ports, &shop).await;
}

/// Adds a hook, which appends its input to the file that it is given. The image has no shell.
fn add_hook(pod: &Pod) {
    const SOURCE: &str = r#"
        fn main() {
            let file = std::env::args().nth(1).unwrap();
            let mut file = std::fs::File::options().append(true).open(file).unwrap();
            std::io::copy(&mut std::io::stdin(), &mut file).unwrap();
        }
    "#;
    let source = pod.file("hook.rs");
    std::fs::write(&source, SOURCE).expect("a file");
    finish(&mut compile_statically(&source, &pod.file("hook"))).success();
    let file = std::fs::File::create(pod.file("hooked")).expect("a file");
    let everyone = PermissionsExt::from_mode(0o666);
    file.set_permissions(everyone).expect("others may write");
}

/// An order that expires, a pause that ends, and the refusal to uninstall meanwhile.
async fn orders_and_pauses(it: &Installation, shop: &Side) {
    let force = [
        "force",
        "trafficsplit/split",
        "--to",
        SPARE,
        "-n",
        "shop",
        "--yes",
    ];
    let pause = ["pause", "httproute/http", "-n", "shop"];
    it.plugin(&force).await.success();
    it.plugin(&pause).await.success();
    it.plugin(&["uninstall"])
        .await
        .code(4)
        .stdout_is_empty()
        .stderr_contains("shop/split is forced to spare by ")
        .stderr_contains("shop/httproute/http is paused by ")
        .stderr_contains("bring them back first: kubectl failover failback --all")
        .stderr_contains("bring them back first: kubectl failover resume --all")
        .stderr_contains("--allow overridden,paused");
    it.plugin(&["uninstall", "--allow", "overridden"])
        .await
        .code(4)
        .stderr_contains("--allow paused");
    it.plugin(&["uninstall", "--allow", "overridden,paused"])
        .await
        .success()
        .stderr_contains("helm uninstall");
    let soon = ["--duration", "2s"];
    it.plugin(&[&force[..], &soon].concat()).await.success();
    it.plugin(&[&pause[..], &soon].concat()).await.success();
    eventually("the order and the pause have ended", async || {
        let mut left = SPLIT.annotations(shop).await;
        left.append(&mut HTTP.annotations(shop).await);
        let left: Vec<&String> = left
            .iter()
            .filter(|key| key.ends_with("/override") || key.ends_with("/paused"))
            .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    })
    .await;
    all_on(shop, |_| HOME).await;
}

async fn all_on(shop: &Side, backend: impl Fn(Carrier) -> &'static str) {
    for carrier in CARRIERS {
        carrier.until_on(shop, backend(carrier)).await;
    }
}

async fn is_graceful(watch: Running) {
    let (status, _, stderr) = watch.end_and_collect(Signal::TERM).await;
    assert_eq!(status.code(), Some(0), "{stderr:#?}");
}

/// Links a cluster: its API server is that of this cluster, with the rights of another account.
async fn link_east(it: &Installation) {
    let multicluster = Side {
        namespace: MULTICLUSTER.to_owned(),
        ..it.side.clone()
    };
    let account = json!({"metadata": {"name": "reader"}});
    multicluster.create::<ServiceAccount>(account).await;
    let rights = [rule(
        "discovery.k8s.io",
        &["endpointslices"],
        &["list", "watch"],
    )];
    allow_everywhere(&multicluster, "reader", &rights).await;
    let token = token(&multicluster, "reader").await;
    let server = Server::of(&it.sandbox.kubeconfig());
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "east", "cluster": {
            "server": format!("https://{}:{}", server.host, server.port),
            "certificate-authority-data": ByteString(server.certificates),
        }}],
        "users": [{"name": "reader", "user": {"token": token}}],
        "contexts": [{"name": "east", "context": {"cluster": "east", "user": "reader"}}],
        "current-context": "east",
    });
    multicluster
        .create::<Secret>(json!({
            "metadata": {"name": "cluster-credentials-east"},
            "type": "mirror.linkerd.io/remote-kubeconfig",
            "data": {"kubeconfig": ByteString(config.to_string().into_bytes())},
        }))
        .await;
}

/// A mirror of a cluster in a flat network: it has no endpoints of its own.
async fn mirror_of_east(shop: &Side) {
    let labels = json!({
        "mirror.linkerd.io/mirrored-service": "true",
        "mirror.linkerd.io/cluster-name": "east",
        "multicluster.linkerd.io/remote-discovery": "east",
        "multicluster.linkerd.io/remote-service": "origin",
    });
    shop.create::<Service>(json!({
        "metadata": {"name": MIRROR, "labels": labels},
        "spec": {"ports": [{"name": "http", "port": 80}]},
    }))
    .await;
}

fn requests(log: &AuditLog) -> Vec<AuditedRequest> {
    log.requests(&format!("system:serviceaccount:{NAMESPACE}:{ACCOUNT}"))
}

/// No request was refused, and each verb on each resource was used.
fn only_what_is_allowed(requests: &[AuditedRequest], rules: &[PolicyRule]) {
    no_refusal(requests);
    let mut unused = BTreeSet::new();
    for rule in rules {
        let one = |words: &Option<Vec<String>>| {
            let [word] = words.as_deref().expect("words") else {
                panic!("{rule:?}")
            };
            word.clone()
        };
        let resource = format!("{}/{}", one(&rule.api_groups), one(&rule.resources));
        let names = rule.resource_names.as_deref().unwrap_or_default();
        for verb in &rule.verbs {
            let uses = |it: &&AuditedRequest| {
                it.verb == *verb
                    && it.resource == resource
                    && (names.is_empty() || names.contains(&it.name))
            };
            if !requests.iter().any(|it| uses(&it)) {
                unused.insert(format!("{verb} {resource}"));
            }
        }
    }
    let known: BTreeSet<String> = UNUSED.iter().map(|(verb, _)| (*verb).to_owned()).collect();
    assert_eq!(unused, known);
}

fn no_refusal(requests: &[AuditedRequest]) {
    let refused: Vec<_> = requests
        .iter()
        .filter(|it| it.code == 401 || it.code == 403)
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

/// The rules for the ServiceAccount.
async fn rules(side: &Side) -> Vec<PolicyRule> {
    let mut rules = Vec::new();
    for name in ["linkerd-failover-watch", "linkerd-failover-find-upstream"] {
        let role = side.cluster_api::<ClusterRole>().get(name).await;
        rules.extend(role.expect("the role exists").rules.into_iter().flatten());
    }
    let roles: Api<Role> = Api::namespaced(side.client.clone(), MULTICLUSTER);
    let role = roles.get("linkerd-failover-links").await;
    rules.extend(role.expect("the role exists").rules.into_iter().flatten());
    assert!(rules.len() > 12, "{rules:?}");
    rules
}

/// The API server has put its requests into the level that the FlowSchema names.
async fn is_in_its_priority_level(side: &Side) {
    let request = http::Request::get("/metrics").body(Vec::new());
    let metrics = side.client.request_text(request.expect("a request")).await;
    let metrics = metrics.expect("metrics");
    let is_served = |line: &&str| {
        line.starts_with("apiserver_flowcontrol_dispatched_requests_total")
            && line.contains(r#"flow_schema="linkerd-failover""#)
            && line.contains(r#"priority_level="workload-high""#)
    };
    assert!(metrics.lines().any(|line| is_served(&line)));
}

/// With `namespaces`, it runs the groups there, with Roles, and asks for nothing else.
async fn limited_to_namespaces(it: &Installation, log: &AuditLog, ports: [u16; 2], shop: &Side) {
    let metrics = format!("metrics.address=127.0.0.1,metrics.port={}", ports[0]);
    let stall = it.namespace("stall").await;
    it.install(&["--set", "namespaces={shop,stall}", "--set", &metrics]);
    let role = it.side.cluster_api::<ClusterRole>();
    let role = role.get_opt("linkerd-failover-watch").await;
    assert!(role.expect("an answer").is_none());
    for service in [HOME, SPARE] {
        stall.bare_service(service).await;
        stall.ready(service, 1).await;
    }
    stall.bare_service(SPLIT.name).await;
    for side in [shop, &stall] {
        SPLIT.create(side).await;
    }
    let before = requests(log).len();
    let pod = Pod::new(it, ports[0]).await;
    let mut watch = pod.start();
    watch.stderr_line_containing("stall").await;
    for side in [shop, &stall] {
        side.ready(HOME, 0).await;
        SPLIT.until_on(side, SPARE).await;
    }
    is_graceful(watch).await;
    no_refusal(&requests(log).split_off(before));
}
