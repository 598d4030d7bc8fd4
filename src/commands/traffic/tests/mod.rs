//! Runs `traffic` against an API server whose port-forwards end at scripted proxies.

mod absent;
mod fake_cluster;
mod follow;
mod prometheus;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::Command;
use crate::commands::env::CommandEnv;
use crate::commands::traffic::run;
use crate::problem::{Exit, Problem};
use fake_cluster::{FakeCluster, Proxy};

/// Runs the command. Returns how it ended, and its two streams.
async fn traffic(cluster: &FakeCluster, arguments: &str) -> (anyhow::Result<Exit>, String, String) {
    traffic_of(cluster, format!("web-svc {arguments}").trim_end()).await
}

/// The same, with the names of groups among the arguments.
async fn traffic_of(
    cluster: &FakeCluster,
    arguments: &str,
) -> (anyhow::Result<Exit>, String, String) {
    let server = format!("--server {} --token token -n emojivoto", cluster.url);
    let line = format!("traffic --window 2s {server} {arguments}");
    let (env, command, captured) = CommandEnv::of_test(line.trim_end());
    let Command::Traffic(args) = command else {
        panic!("{command:?}")
    };
    let ended = run(&env, &args).await;
    (ended, captured.out(), captured.err())
}

async fn json(cluster: &FakeCluster, arguments: &str) -> Value {
    let (ended, out, _) = traffic(cluster, format!("-o json {arguments}").trim_end()).await;
    ended.unwrap();
    serde_json::from_str(&out).unwrap()
}

fn problem(ended: anyhow::Result<Exit>) -> Problem {
    ended.unwrap_err().downcast::<Problem>().unwrap()
}

#[tokio::test]
async fn one_pod_is_scraped_twice_over_one_port_forward() {
    let cluster = FakeCluster::start(&[("vote-bot-a", Proxy::Counts)]).await;
    let (ended, out, err) = traffic(&cluster, "--from deploy/vote-bot").await;
    assert_eq!(ended.unwrap(), Exit::Done);
    assert_eq!(err, "");
    let (heading, out) = out.split_once('\n').unwrap();
    assert_eq!(heading, "web-svc: 2s of requests from 1 client pod");
    let rows: Vec<Vec<&str>> = out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[1][..5], ["web-svc", "0", "0%", "1/1", "-"]);
    assert_eq!(
        rows[2][..5],
        ["web-svc-east", "1", "100%", "1/1", "100.00%"]
    );
    assert_eq!(rows.len(), 3, "{out}");
    assert_eq!(cluster.count("portforward"), 1);
    assert_eq!(cluster.count("/pods?"), 1);
}

#[tokio::test]
async fn pods_that_do_not_answer_are_named_and_hold_nobody_up() {
    let cluster = FakeCluster::start(&[
        ("dead", Proxy::Dead),
        ("well", Proxy::Counts),
        ("closing", Proxy::ClosesInMidAnswer),
        ("bare", Proxy::Absent),
    ])
    .await;
    let report = json(&cluster, "").await;
    let clients = &report["clients"];
    let counts = ["pods", "asked", "answered", "senders", "unmeshed"].map(|key| &clients[key]);
    assert_eq!(counts, [3, 3, 1, 1, 1]);
    let silent = clients["silent"].as_array().unwrap().iter();
    let silent: Vec<String> = silent
        .map(|client| format!("{}: {}", client["pod"], client["why"]).replace('"', ""))
        .collect();
    assert_eq!(
        silent,
        [
            "closing: the connection was cut",
            "dead: port 4191: connection refused"
        ]
    );
    assert_eq!(report["backends"][1]["responses"], 100.0);
    assert_eq!(report["findings"][0]["reason"], "silent");
    assert_eq!(cluster.count("/bare/portforward"), 0, "it has no proxy");
}

#[tokio::test]
async fn a_pod_that_hangs_is_given_up() {
    let cluster = FakeCluster::start(&[("hung", Proxy::Hangs), ("well", Proxy::Counts)]).await;
    let report = json(&cluster, "").await;
    assert_eq!(report["clients"]["silent"][0]["pod"], "hung");
    assert_eq!(
        report["clients"]["silent"][0]["why"],
        "it did not answer in time"
    );
    assert_eq!(report["backends"][1]["responses"], 100.0);
}

#[tokio::test]
async fn a_proxy_that_restarts_counts_from_0() {
    let cluster = FakeCluster::start(&[("restarting", Proxy::Restarts)]).await;
    let report = json(&cluster, "").await;
    assert_eq!(report["clients"]["restarted"][0], "restarting");
    assert_eq!(report["backends"][1]["responses"], 7.0);
    assert_eq!(cluster.count("portforward"), 2, "the first one broke");
}

#[tokio::test]
async fn of_many_pods_some_are_asked_a_few_at_once() {
    let names: Vec<String> = (0..300).map(|number| format!("bot-{number}")).collect();
    let pods: Vec<(&str, Proxy)> = names
        .iter()
        .map(|name| (name.as_str(), Proxy::Counts))
        .collect();
    let cluster = FakeCluster::start(&pods).await;
    let started = Instant::now();
    let (ended, out, _) = traffic(&cluster, "").await;
    ended.unwrap();
    // Within a window plus 2 s; a debug build on a busy machine may take longer.
    assert!(started.elapsed() < Duration::from_secs(2 + 2 + 4));
    assert!(out.contains("from 50 of 300 client pods"), "{out}");
    assert!(out.contains("100%"), "{out}");
    assert_eq!(cluster.count("portforward"), 50);
    assert_eq!(cluster.count("/pods?"), 1);
    assert!(
        cluster.seen().most_at_once <= 8,
        "{}",
        cluster.seen().most_at_once
    );
}

#[tokio::test]
async fn without_the_right_to_port_forwards_the_role_is_named() {
    for (proxy, message) in [
        (
            Proxy::Forbidden,
            "Forbidden: user \"me\" cannot get pods/portforward",
        ),
        (
            Proxy::CreateForbidden,
            "Forbidden: you cannot create pods/portforward",
        ),
    ] {
        let cluster = FakeCluster::start(&[("a", proxy), ("b", proxy)]).await;
        let (ended, ..) = traffic(&cluster, "").await;
        let problem = problem(ended);
        assert!(problem.message.starts_with(message), "{problem:?}");
        let next = problem.next.join("\n");
        assert!(
            next.contains("--verb=get,create --resource=pods/portforward"),
            "{next}"
        );
        assert!(next.contains("check --rbac traffic"), "{next}");
    }
}

#[tokio::test]
async fn conditions_are_waited_for() {
    let cluster = FakeCluster::start(&[("a", Proxy::Counts)]).await;
    let met = "--for share(web-svc-east)>=95% --for success>=99% --timeout 10s";
    assert_eq!(traffic(&cluster, met).await.0.unwrap(), Exit::Done);
    let unmet = "--for share(web-svc)>50% --timeout 1s";
    let (ended, out, _) = traffic(&cluster, unmet).await;
    let problem = problem(ended);
    assert_eq!(problem.exit, Exit::NotMet);
    assert_eq!(
        problem.message,
        "timed out after 2s waiting for share(web-svc)>50%"
    );
    assert_eq!(problem.next, ["share(web-svc) is 0%"]);
    // Where the requests went instead.
    assert!(out.contains("web-svc-east"), "{out}");
}

#[tokio::test]
async fn the_json_of_an_unmet_condition_has_the_exit_code() {
    let cluster = FakeCluster::start(&[("a", Proxy::Counts)]).await;
    let (ended, out, _) = traffic(&cluster, "-o json --for rps<1 --timeout 1s").await;
    assert!(problem(ended).is_printed);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["kind"], "Traffic");
    assert_eq!(report["exitCode"], 3);
    assert_eq!(report["missing"][0], "rps<1");
}

#[tokio::test]
async fn arguments_that_match_nothing_are_refused() {
    let cluster = FakeCluster::start(&[("a", Proxy::Counts)]).await;
    for (arguments, exit, message) in [
        (
            "--from deploy/nobody",
            Exit::Failed,
            "no pods in namespace emojivoto belong to",
        ),
        (
            "--from vote-bot",
            Exit::Usage,
            "invalid --from \"vote-bot\"",
        ),
        (
            "--for share(web)>=1%",
            Exit::Usage,
            "\"web\" is not a backend",
        ),
        ("-w -o yaml", Exit::Usage, "--watch prints a table"),
        ("-l a=b=c", Exit::Usage, "invalid label selector"),
    ] {
        let problem = problem(traffic(&cluster, arguments).await.0);
        assert_eq!(problem.exit, exit, "{arguments}");
        assert!(
            problem.message.contains(message),
            "{arguments}: {problem:?}"
        );
    }
}

#[tokio::test]
async fn a_filter_that_leaves_no_clients_is_named() {
    let cluster = FakeCluster::start(&[("a", Proxy::Counts), ("pend", Proxy::Pending)]).await;
    for (arguments, message) in [
        (
            "-l app=nix",
            "no pods in namespace emojivoto match -l app=nix",
        ),
        (
            "-l app=nix --from deploy/vote-bot",
            "no pods of deploy/vote-bot in namespace emojivoto match -l app=nix",
        ),
        (
            "--from pod/pend --from pod/a",
            "pod/pend in namespace emojivoto is not running",
        ),
        (
            "--from-namespace empty",
            "there are no pods in namespace empty",
        ),
        (
            "--from-namespace missing",
            "namespace missing does not exist",
        ),
    ] {
        let problem = problem(traffic(&cluster, arguments).await.0);
        assert_eq!(problem.exit, Exit::Failed, "{arguments}");
        assert_eq!(problem.message, message, "{arguments}");
    }
    assert_eq!(cluster.count("portforward"), 0);
    // They may still come.
    let later = "-l app=nix --for rps>1000 --timeout 1s";
    assert_eq!(problem(traffic(&cluster, later).await.0).exit, Exit::NotMet);
}

#[tokio::test]
async fn clients_that_were_named_and_have_no_proxy_are_told() {
    let cluster = FakeCluster::start(&[("a", Proxy::Counts), ("bare", Proxy::Absent)]).await;
    let told = "1 pod is without Linkerd's proxy";
    let named = traffic(&cluster, "--from deploy/vote-bot").await.1;
    assert!(named.contains(told), "{named}");
    let all = traffic(&cluster, "").await.1;
    assert!(!all.contains(told), "{all}");
}

#[tokio::test]
async fn a_simulation_is_called_one() {
    let cluster = FakeCluster::start(&[("a", Proxy::Simulated)]).await;
    let (_, out, _) = traffic(&cluster, "").await;
    assert_eq!(
        out.lines().next(),
        Some("web-svc: 2s of simulated requests from 1 client pod")
    );
    let (_, out, _) = traffic(&cluster, "-o json").await;
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["simulated"], true);
}

#[tokio::test]
async fn several_groups_share_the_scrapes() {
    let cluster = FakeCluster::start(&[("a", Proxy::Counts), ("b", Proxy::Counts)]).await;
    let (ended, out, err) = traffic_of(&cluster, "").await;
    assert_eq!(ended.unwrap(), Exit::Done);
    assert_eq!(err, "");
    let (heading, out) = out.split_once('\n').unwrap();
    assert_eq!(heading, "2 groups: 2s of requests from 2 client pods");
    let rows: Vec<Vec<&str>> = out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0][..4], ["GROUP", "NAME", "WEIGHT", "SHARE"], "{out}");
    assert_eq!(rows[1][..4], ["emoji-svc-failover", "emoji-svc", "0", "-"]);
    assert_eq!(
        rows[4][..4],
        ["web-svc-failover", "web-svc-east", "1", "100%"]
    );
    assert!(
        out.contains("emoji-svc-failover: No requests to emoji-svc"),
        "{out}"
    );
    assert_eq!(cluster.count("portforward"), 2, "one for each pod");
    assert_eq!(cluster.count("/pods?"), 1);
}

#[tokio::test]
async fn conditions_must_hold_in_every_group_that_has_the_backend() {
    let cluster = FakeCluster::start(&[("a", Proxy::Counts)]).await;
    let met = "web-svc emoji-svc --for share(web-svc-east)>=95% --timeout 10s";
    assert_eq!(traffic_of(&cluster, met).await.0.unwrap(), Exit::Done);
    let unmet = "--for rps>1 --timeout 1s -o json";
    let (ended, out, _) = traffic_of(&cluster, unmet).await;
    let problem = problem(ended);
    assert_eq!(problem.next[0], "emojivoto/emoji-svc-failover: rps is 0");
    let list: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(list["kind"], "TrafficList");
    assert_eq!(list["exitCode"], 3);
    assert_eq!(list["missing"][0], "emojivoto/emoji-svc-failover: rps>1");
    assert_eq!(list["items"][1]["apex"], "web-svc");
}

#[tokio::test]
async fn clients_of_a_backend_itself_are_named_and_have_no_share() {
    let cluster = FakeCluster::start(&[("a", Proxy::CallsBackend)]).await;
    let report = json(&cluster, "").await;
    assert_eq!(report["backends"][1]["direct"], 50.0);
    assert_eq!(report["clients"]["directCallers"][0], "deploy/vote-bot");
    let message = report["findings"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("deploy/vote-bot sent 50 requests to web-svc-east itself"),
        "{message}"
    );
}

#[tokio::test]
async fn the_object_that_takes_the_traffic_is_named() {
    let cluster = FakeCluster::start(&[("a", Proxy::Strays)]).await;
    let cluster = cluster.with_profile();
    let report = json(&cluster, "").await;
    let finding = &report["findings"][0];
    assert_eq!(finding["reason"], "notByWeight");
    let message = finding["message"].as_str().unwrap();
    assert!(
        message.contains("ServiceProfile web-svc.emojivoto.svc.cluster.local routes the same"),
        "{message}"
    );
}

#[tokio::test]
async fn a_backend_is_no_group_but_belongs_to_one() {
    let cluster = FakeCluster::start(&[("a", Proxy::Counts)]).await;
    let problem = problem(traffic_of(&cluster, "web-svc-east").await.0);
    let next = problem.next.join("\n");
    assert!(
        next.contains("web-svc-east is a backend of web-svc-failover"),
        "{problem:?}"
    );
}
