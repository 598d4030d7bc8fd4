//! The ways in which linkerd calls its extensions.

use std::ffi::OsString;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kubectl_failover::internals::{Cli, Command, GlobalArgs, Invocation};
use serde_json::{Value, json};

use crate::support::{BINARY, Link, Plugin, ScriptedServer, plugin, run};

/// The flags as `linkerd check` passes them on; an address comes first.
const PASSED_ON: [&str; 11] = [
    "--context=west",
    "--as=x",
    "--as-group=[]",
    "--kubeconfig=",
    "--linkerd-namespace=linkerd",
    "--verbose=false",
    "--namespace=web",
    "--proxy=false",
    "--pre=false",
    "--wait=5m0s",
    "--output=json",
];

#[test]
fn the_metadata_needs_no_cluster_and_has_the_name_of_the_file() {
    let expected = "{\"name\":\"linkerd-failover\",\"checks\":\"always\"}\n";
    let link = Link::named("linkerd-failover");
    for program in [BINARY.into(), link.path()] {
        for flags in [
            [].as_slice(),
            &["--output=json", "--no-such-flag", "word", "--context"],
        ] {
            let words = std::iter::once("_extension-metadata").chain(flags.iter().copied());
            let output = run(&program, words).success();
            assert_eq!(
                (output.stdout.as_str(), output.stderr.as_str()),
                (expected, "")
            );
        }
    }
    let renamed = Link::named("linkerd-movers");
    run(renamed.path(), ["_extension-metadata"])
        .success()
        .stdout_contains("\"name\":\"linkerd-movers\"");
}

#[test]
fn the_metadata_flag_is_hidden() {
    assert!(
        !run(BINARY, ["--help"])
            .success()
            .stdout
            .contains("_extension-metadata")
    );
}

fn parse(words: &[&str]) -> Cli {
    let words: Vec<OsString> = std::iter::once("linkerd-failover")
        .chain(words.iter().copied())
        .map(Into::into)
        .collect();
    Invocation::Linkerd
        .parse(&words)
        .unwrap_or_else(|usage| panic!("{usage}"))
}

fn flags(words: &[&str]) -> GlobalArgs {
    parse(&[&["status"], words].concat()).global
}

#[test]
fn every_flag_that_linkerd_passes_is_accepted() {
    let cli = parse(&[&["check", "--api-addr="], PASSED_ON.as_slice()].concat());
    let GlobalArgs {
        server,
        context,
        namespace,
        kubeconfig,
        impersonate_user,
        impersonate_groups,
        ..
    } = &cli.global;
    assert_eq!((server, kubeconfig), (&None, &None));
    assert_eq!(
        [context, impersonate_user, namespace].map(Option::as_deref),
        [Some("west"), Some("x"), Some("web")]
    );
    assert!(impersonate_groups.is_empty() && cli.global.verbosity() == 0);
    assert_eq!(cli.global.linkerd_namespace(), "linkerd");
    let Command::Check(check) = cli.command else {
        panic!("{:?}", cli.command)
    };
    assert!(!check.pre && !check.proxy);
    assert_eq!(check.wait, Duration::from_secs(300));
}

#[test]
fn empty_values_count_as_absent() {
    let empty = flags(&[
        "--context=",
        "--as=",
        "--api-addr=",
        "--kubeconfig=",
        "--namespace=",
        "--as-group=",
    ]);
    assert_eq!(
        (empty.context, empty.impersonate_user, empty.server),
        (None, None, None)
    );
    assert_eq!(
        (empty.kubeconfig, empty.namespace, empty.impersonate_groups),
        (None, None, vec![])
    );
}

#[test]
fn the_address_is_that_of_the_server() {
    assert_eq!(
        flags(&["--api-addr", "https://a"]).server.as_deref(),
        Some("https://a")
    );
    assert_eq!(
        flags(&["--api-addr=https://a", "-s", "https://b"])
            .server
            .as_deref(),
        Some("https://b")
    );
}

#[test]
fn groups_are_lists() {
    let groups = |words: &[&str]| flags(words).impersonate_groups;
    assert_eq!(groups(&["--as-group=[a,b]"]), ["a", "b"]);
    assert_eq!(
        groups(&["--as-group", "a", "--as-group=b,c"]),
        ["a", "b", "c"]
    );
    assert_eq!(groups(&["--as-group=system:masters"]), ["system:masters"]);
}

#[test]
fn booleans_take_values() {
    let check = |words: &[&str]| match parse(&[&["check"], words].concat()).command {
        Command::Check(check) => (check.pre, check.proxy),
        other => panic!("{other:?}"),
    };
    assert_eq!(check(&[]), (false, false));
    assert_eq!(check(&["--pre", "--proxy=true"]), (true, true));
    assert_eq!(check(&["--pre=false", "--proxy"]), (false, true));
    assert!(flags(&["--insecure-skip-tls-verify"]).insecure_skip_tls_verify);
    assert!(!flags(&["--insecure-skip-tls-verify=false"]).insecure_skip_tls_verify);
    run(BINARY, ["check", "--pre=maybe"])
        .code(2)
        .stderr_contains("expected true or false");
}

#[test]
fn each_verbose_flag_raises_the_verbosity() {
    let verbosity = |words: &[&str]| flags(words).verbosity();
    assert_eq!(verbosity(&[]), 0);
    assert_eq!(
        [
            verbosity(&["-v"]),
            verbosity(&["--verbose"]),
            verbosity(&["--verbose=true"])
        ],
        [1, 1, 1]
    );
    assert_eq!(
        [
            verbosity(&["-vv"]),
            verbosity(&["-v", "-v"]),
            verbosity(&["-v=2"])
        ],
        [2, 2, 2]
    );
    assert_eq!(verbosity(&["--verbose=false"]), 0);
}

#[test]
fn durations_are_written_as_in_go() {
    let limit = |text: &str| {
        flags(&["--request-timeout", text])
            .request_timeout
            .expect("it is given")
    };
    assert_eq!(limit("5m0s"), Duration::from_secs(300));
    assert_eq!(limit("1h2m3s"), Duration::from_secs(3723));
    assert_eq!(limit("300ms"), Duration::from_millis(300));
    assert_eq!(
        [limit("0"), limit("7")],
        [Duration::ZERO, Duration::from_secs(7)]
    );
    run(BINARY, ["check", "--wait=5"])
        .code(2)
        .stderr_contains("expected a number with a unit");
}

#[test]
fn the_control_plane_namespace_can_be_set() {
    assert_eq!(flags(&["-L", "mesh"]).linkerd_namespace(), "mesh");
    assert_eq!(
        flags(&["--linkerd-namespace="]).linkerd_namespace(),
        "linkerd"
    );
}

/// linkerd reads the output whatever the exit code is, and looks for `error` in it.
#[tokio::test]
async fn the_output_is_json_even_without_a_cluster() {
    let plugin = plugin().without_clusters().without_kubeconfig();
    let output = plugin
        .args(["check", "--wait=5m0s", "--output=json"])
        .run()
        .await
        .code(1);
    let check = &output.json()["categories"][0]["checks"][0];
    assert_eq!(check["result"], "error");
    let error = check["error"].as_str().unwrap_or_default();
    assert!(
        error.contains("there is no kubeconfig") && error.contains("--kubeconfig"),
        "{output}"
    );
}

/// An answer of a small server. `namespaces` and `deployments` are the objects of Linkerd.
fn answer(path: &str, version: &str, namespace: &str, ready: bool) -> (u16, Value) {
    let items = |names: &[&str], status: &Value| {
        let items: Vec<Value> = names
            .iter()
            .map(|name| json!({ "metadata": { "name": name }, "status": status }))
            .collect();
        json!({ "metadata": {}, "items": items })
    };
    let group =
        |name: &str, version: &str| json!({ "name": name, "versions": [{ "version": version }] });
    let body = match path {
        "/version" => {
            json!({ "major": "1", "minor": version, "gitVersion": format!("v1.{version}") })
        }
        "/apis" => json!({ "groups": [
            group("discovery.k8s.io", "v1"), group("events.k8s.io", "v1"), group("coordination.k8s.io", "v1"),
        ]}),
        path if path.contains("/selfsubjectaccessreviews") => {
            json!({ "status": { "allowed": true } })
        }
        path if path.contains("/deployments?") => {
            let names: &[&str] = if path.contains(namespace) {
                &["linkerd-destination"]
            } else {
                &[]
            };
            items(names, &json!({ "readyReplicas": u8::from(ready) }))
        }
        path if path.starts_with("/api/v1/namespaces?") => items(&[], &Value::Null),
        _ => return (404, json!({ "code": 404, "message": "not here" })),
    };
    (200, body)
}

async fn server(
    version: &'static str,
    namespace: &'static str,
    ready_after: u32,
) -> ScriptedServer {
    let asked = AtomicU32::new(0);
    ScriptedServer::start(move |_, path| {
        let is_asked = path.contains(namespace) && path.contains("/deployments?");
        let ready = asked.fetch_add(u32::from(is_asked), Ordering::Relaxed) >= ready_after;
        let (status, body) = answer(path, version, namespace, ready);
        (status, body.to_string())
    })
    .await
}

fn check(server: &ScriptedServer) -> Plugin {
    let address = format!("--api-addr={}", server.url);
    plugin()
        .without_clusters()
        .without_kubeconfig()
        .args(["check", &address, "--token=token"])
}

#[tokio::test]
async fn every_passed_flag_reaches_the_named_server() {
    let server = server("33", "linkerd", 0).await;
    let flags = PASSED_ON
        .iter()
        .filter(|flag| !flag.starts_with("--context"));
    let output = check(&server).args(flags).run().await.code(1);
    let report = output.json();
    assert_eq!(report["success"], false);
    let all: Vec<&Value> = report["categories"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|it| it["checks"].as_array().unwrap())
        .collect();
    let errors: Vec<&&Value> = all
        .iter()
        .filter(|check| check["result"] == "error")
        .collect();
    let definitions = [
        (
            "trafficsplits.split",
            "https://linkerd.io/2/tasks/linkerd-smi/",
        ),
        (
            "httproutes.gateway",
            "https://gateway-api.sigs.k8s.io/guides/",
        ),
        (
            "grpcroutes.gateway",
            "https://gateway-api.sigs.k8s.io/guides/",
        ),
        ("httproutes.policy", "https://linkerd.io/2/getting-started/"),
    ];
    assert_eq!(errors.len(), definitions.len(), "{output}");
    for (error, (definition, source)) in errors.iter().zip(definitions) {
        assert!(
            error["error"].as_str().unwrap().contains(definition),
            "{output}"
        );
        assert_eq!(error["hint"], source);
    }
    assert!(
        all.iter()
            .all(|check| (check["result"] == "success") == check["error"].is_null()),
        "{output}"
    );
}

#[tokio::test]
async fn a_server_that_is_too_old_is_an_error() {
    let server = server("20+", "linkerd", 0).await;
    let output = check(&server).args(["--pre"]).run().await.code(1);
    output.stdout_contains(
        "× its version is 1.21 or newer (v1.20+)\n    v1.20+ has no EndpointSlices as v1; upgrade",
    );
}

#[tokio::test]
async fn a_check_waits_for_a_problem_that_goes_away() {
    let server = server("33", "mesh", 2).await;
    let flags = ["-L", "mesh", "-o", "short"];
    let output = check(&server).args(flags).run().await.code(1);
    output
        .stdout_contains("× Linkerd's control plane is ready\n    deployment mesh/linkerd-destination has 0 of 1 pods ready\n")
        .stdout_contains("-n mesh get pods\n");
    let output = check(&server)
        .args(flags)
        .args(["--wait=30s"])
        .run()
        .await
        .code(1);
    assert!(!output.stdout.contains("control plane"), "{output}");
    let asked = server
        .requests()
        .into_iter()
        .filter(|request| request.contains("namespaces/mesh/deployments?"));
    assert_eq!(asked.count(), 3, "it waits no longer than it has to");
}

#[tokio::test]
async fn a_missing_server_is_awaited_only_with_wait() {
    let output = plugin()
        .server("http://127.0.0.1:1")
        .args(["check", "-o", "json"])
        .run()
        .await
        .code(1);
    let category = &output.json()["categories"][0];
    assert_eq!(category["categoryName"], "kubernetes-api");
    let error = category["checks"][1]["error"].as_str().unwrap_or_default();
    assert!(error.contains("cannot be reached"), "{output}");
}

#[test]
fn roles_need_no_cluster() {
    let mut command = std::process::Command::new(BINARY);
    command
        .args(["check", "--rbac", "watch"])
        .env_remove("KUBECONFIG")
        .env("HOME", env!("CARGO_TARGET_TMPDIR"));
    let output = crate::support::finish(&mut command)
        .success()
        .stderr_contains("kubectl create rolebinding");
    let role: Value = serde_yaml::from_str(&output.stdout).expect("YAML");
    assert_eq!(
        role["metadata"],
        json!({ "name": "kubectl-failover-watch" })
    );
    let role = run(BINARY, ["check", "--rbac", "check", "-A"])
        .success()
        .stdout;
    let role: Value = serde_yaml::from_str(&role).expect("YAML");
    assert_eq!(role["kind"], "ClusterRole");
    run(BINARY, ["check", "--rbac", "traffic"])
        .success()
        .stderr_contains("check --rbac traffic -n linkerd-viz");
    run(BINARY, ["check", "--rbac", "dance"])
        .code(2)
        .stderr_contains("possible values: create, status, watch");
}
