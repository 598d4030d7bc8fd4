//! Completion of names that only the clusters know.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Service;
use serde_json::json;

use crate::support::{
    Installed, Output, Side, TestNamespace, is_here, patch_json, plugin, restricted_kubeconfig,
    rule, shared,
};

/// How often completion is asked. It offers nothing if the cluster does not answer within a second,
/// which can happen on a busy machine.
const RUNS: usize = 8;

#[tokio::test]
async fn contexts_and_namespaces() {
    let ns = TestNamespace::new("completed").await;
    assert_eq!(
        choices(&["status", "--context", ""]).await,
        ["west", "east"]
    );
    assert_eq!(choices(&["--context=e"]).await, ["--context=east"]);
    assert_eq!(
        choices(&["--context", "east", "status", "-n", &ns.name]).await,
        std::slice::from_ref(&ns.name)
    );
}

#[tokio::test]
async fn groups_by_name_by_kind_and_by_apex() {
    let ns = TestNamespace::new("groups").await;
    ns.west
        .group("web-failover", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    ns.west
        .group("mail-failover", &[("mail", 1, 1), ("mail-east", 0, 1)])
        .await;
    let status = async |words: &[&str]| on(&ns.west, &[&["status"], words].concat()).await;
    assert_eq!(status(&[""]).await, ["mail-failover", "web-failover"]);
    assert_eq!(
        status(&["web-failover", ""]).await,
        ["mail-failover"],
        "once is enough"
    );
    assert_eq!(status(&["we"]).await, ["web-failover", "web"]);
    assert_eq!(status(&["ts/w"]).await, ["ts/web-failover"]);
    assert_eq!(
        status(&["traf"]).await,
        ["trafficsplit/mail-failover", "trafficsplit/web-failover"]
    );
    assert_eq!(
        on(&ns.east, &["status", ""]).await,
        [""; 0],
        "the other cluster has none"
    );
}

#[tokio::test]
async fn conditions_with_backends_and_labels_of_groups() {
    let ns = TestNamespace::new("asked").await;
    ns.west
        .group("web-failover", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    ns.west
        .edit_split(
            "web-failover",
            json!({"metadata": {"labels": {"team": "shop"}}}),
        )
        .await;
    let status = async |words: &[&str]| on(&ns.west, &[&["status"], words].concat()).await;
    assert_eq!(
        status(&["--for", "active="]).await,
        ["active=web", "active=web-east"]
    );
    assert_eq!(
        status(&["web-failover", "--for", "held,!act"]).await,
        ["held,!active", "held,!active=web", "held,!active=web-east"]
    );
    let traffic = async |words: &[&str]| on(&ns.west, &[&["traffic"], words].concat()).await;
    assert_eq!(
        traffic(&["web", "--for", "share("]).await,
        ["share(web)>=95%", "share(web-east)>=95%"]
    );
    assert_eq!(traffic(&["--for", "succ"]).await, ["success>=99%"]);
    assert_eq!(status(&["-l", "te"]).await, ["team=shop"]);
    assert_eq!(status(&["-l", "a=b,te"]).await, ["a=b,team=shop"]);
}

#[tokio::test]
async fn services_with_mirrors_of_the_typed_one_first() {
    let ns = TestNamespace::new("services").await;
    for name in ["web", "web-east", "mail"] {
        ns.west.bare_service(name).await;
    }
    let mirror = json!({"metadata": {
        "labels": {
            "mirror.linkerd.io/mirrored-service": "true",
            "mirror.linkerd.io/cluster-name": ns.name,
        },
        "annotations": {"mirror.linkerd.io/remote-svc-fq-name": "web.ns.svc.cluster.local"},
    }});
    patch_json(&ns.west.api::<Service>(), "web-east", mirror).await;
    let create = async |words: &[&str]| on(&ns.west, &[&["create"], words].concat()).await;
    assert_eq!(create(&[""]).await, ["mail", "web"]);
    assert_eq!(create(&["web", "--fallback", ""]).await, ["web-east"]);
    assert_eq!(create(&["web", "--fallback=m"]).await, ["--fallback=mail"]);
    assert_eq!(
        create(&["web", "--fallback", "web-east", "--fallback", ""]).await,
        ["mail"]
    );
    assert_eq!(
        create(&["mail", "--fallback", ""]).await,
        ["web", "web-east"]
    );
    assert_eq!(create(&["web", "--primary", ""]).await, ["web-east"]);
    assert_eq!(
        create(&["--all", "--fallback-cluster", &ns.name]).await,
        std::slice::from_ref(&ns.name)
    );
    ns.west
        .traffic_split("web-failover", "web", &[("web", 1), ("mail", 0)])
        .await;
    let set = async |flag: &str| on(&ns.west, &["set", "web", flag, ""]).await;
    assert_eq!(set("--add-fallback").await, ["web-east"]);
    assert_eq!(set("--remove-fallback").await, ["mail"]);
}

#[tokio::test]
async fn kinds_and_policies_with_their_values() {
    let ns = TestNamespace::new("policies").await;
    ns.west
        .group("web-failover", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    ns.west.traffic_split("mail", "mail", &[("mail", 1)]).await;
    let label = json!({"metadata": {"labels": {"failover.linkerd.io/controlled-by": null}}});
    ns.west.edit_split("mail", label).await;
    let west = async |words: &[&str]| on(&ns.west, words).await;
    let kinds = [
        "trafficsplit",
        "httproute",
        "grpcroute",
        "httproute.policy.linkerd.io",
    ];
    let mut offered = west(&["create", "web", "--kind", ""]).await;
    offered.sort_by_key(|kind| kinds.iter().position(|known| known == kind));
    assert_eq!(offered, kinds);
    assert_eq!(
        west(&["create", "--adopt", ""]).await,
        ["trafficsplit/mail"]
    );
    assert_eq!(
        west(&["set", "web-failover", "--policy", "a"]).await,
        ["active-active"]
    );
    assert_eq!(
        west(&["set", "web-failover", "--failback", "m"]).await,
        ["manual"]
    );
    assert_eq!(
        west(&["set", "web-failover", "--unset", "min"]).await,
        ["min-ready"]
    );
    assert_eq!(
        west(&["set", "web-failover", "--primary", ""]).await,
        ["web", "web-east"]
    );
    assert_eq!(
        west(&["set", "web-failover", "--weights", "web=2,"]).await,
        ["web=2,web-east="]
    );
    let args = ["create", "web", "--fallback", "web-east", "--weights", ""];
    assert_eq!(west(&args).await, ["web=", "web-east="]);
}

#[tokio::test]
async fn a_user_without_rights_gets_the_names_in_the_kubeconfig() {
    let ns = TestNamespace::new("forbidden").await;
    ns.west
        .group("web-failover", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let kubeconfig =
        restricted_kubeconfig(&ns.west, "nobody", &[rule("", &["secrets"], &["get"])]).await;
    let ask = async |words: &[&str]| {
        let plugin =
            plugin()
                .kubeconfig(kubeconfig.path())
                .args(["__complete", "--context", "west"]);
        values(plugin.args(words.to_vec()).run().await)
    };
    assert_eq!(ask(&["-n", &ns.name, "status", ""]).await, [""; 0]);
    assert_eq!(ask(&["status", "-n", ""]).await, [""; 0]);
    assert_eq!(ask(&["status", "--context", ""]).await, ["west", "east"]);
}

/// A broken connection must neither delay the shell nor print anything into it.
#[tokio::test]
async fn without_an_answer_completion_ends_within_a_second() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let slow_plugin = "contexts: [{name: c, context: {cluster: c, user: u, namespace: known}}]\ncurrent-context: c\n\
                       clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n\
                       users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, \
                       command: sleep, args: ['3'], interactiveMode: Never}}}]\n";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), slow_plugin).unwrap();
    let path = file.path().to_str().unwrap();
    for words in [
        &["--server", &url, "status", ""][..],
        &["--server", &url, "create", "web", "--fallback", ""],
        &["--server", &url, "-n", ""],
        &["--kubeconfig", path, "status", ""],
        &[
            "--kubeconfig",
            "/nowhere/kubeconfig",
            "status",
            "--context",
            "",
        ],
    ] {
        within_a_second(words).await;
    }
    let known = plugin()
        .without_clusters()
        .args(["__complete", "--kubeconfig", path, "-n", ""]);
    known.run().await.success().stdout_is("known\n:4\n");
}

/// The fastest of several runs, since the machine may be busy.
async fn within_a_second(words: &[&str]) {
    let mut took = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        let plugin = plugin()
            .without_clusters()
            .without_kubeconfig()
            .args(["__complete"]);
        assert_eq!(values(plugin.args(words.to_vec()).run().await), [""; 0]);
        took.push(start.elapsed());
        if start.elapsed() < Duration::from_secs(1) {
            return;
        }
    }
    panic!("{words:?} took {took:?}");
}

#[tokio::test]
async fn a_list_of_kubeconfigs_is_merged() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "contexts: [{name: central, context: {cluster: central}}]\n",
    )
    .unwrap();
    let list = std::env::join_paths([file.path().to_owned(), shared().kubeconfig()]).unwrap();
    let output =
        plugin()
            .without_clusters()
            .env("KUBECONFIG", list)
            .args(["__complete", "--context", ""]);
    let output = output.run().await.success();
    output.stdout_is("central\nwest\tcurrent\neast\n:4\n");
}

#[tokio::test]
async fn kubectl_and_the_shells_offer_the_same() {
    let ns = TestNamespace::new("shells").await;
    ns.west
        .group("web-failover", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let installed = Installed::new();
    let words = ["--context", "west", "-n", &ns.name, "status", ""];
    let line = [&["kubectl-failover"][..], &words].concat();
    if is_here("kubectl") {
        let mut kubectl = installed.command("kubectl");
        kubectl.args(["__complete", "failover"]).args(words);
        assert_eq!(run(kubectl), "web-failover\tweb: web, web-east\n:4\n");
    }
    assert_eq!(run(installed.bash(&line)), "web-failover\n");
    if is_here("zsh") {
        assert_eq!(
            run(installed.zsh(&line)),
            "web-failover:web: web, web-east\n"
        );
    }
    if is_here("fish") {
        assert_eq!(
            run(installed.fish(&line.join(" "))),
            "web-failover\tweb: web, web-east\n"
        );
    }
}

/// Runs a command until it offers the name of the group.
fn run(mut command: Command) -> String {
    command.env("KUBECONFIG", shared().kubeconfig());
    let mut offered = String::new();
    for _ in 0..RUNS {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
        offered = String::from_utf8(output.stdout).unwrap();
        if offered.starts_with("web") {
            break;
        }
    }
    offered
}

async fn on(side: &Side, words: &[&str]) -> Vec<String> {
    choices(&[&["--context", side.context, "-n", &side.namespace], words].concat()).await
}

/// The choices for the last word, without descriptions.
async fn choices(words: &[&str]) -> Vec<String> {
    for _ in 0..RUNS {
        let plugin = plugin().args(["__complete"]).args(words.to_vec());
        let choices = values(plugin.run().await);
        if !choices.is_empty() {
            return choices;
        }
    }
    Vec::new()
}

/// The choices of an answer. Flags do not count: they are offered when there is no choice.
fn values(answer: Output) -> Vec<String> {
    let answer = answer.success().stderr_is_empty();
    let (choices, directive) = answer
        .stdout
        .trim_end()
        .rsplit_once('\n')
        .unwrap_or(("", &answer.stdout));
    assert_eq!(directive.trim_end(), ":4", "{answer}");
    let names = choices
        .lines()
        .map(|line| line.split('\t').next().unwrap().to_owned());
    names
        .filter(|name| !name.starts_with("--") || name.contains('='))
        .collect()
}
