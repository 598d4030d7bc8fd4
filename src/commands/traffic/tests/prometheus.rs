//! The source `prometheus`: the answers are those of a real Prometheus that scraped the proxy of
//! `tests/fixtures/traffic`.

use std::fmt::Write as _;

use super::fake_cluster::{FakeCluster, Proxy};
use super::{json, problem, traffic};
use crate::problem::Exit;

fn recorded() -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/traffic");
    std::fs::read_to_string(format!("{folder}/prometheus-hr-3.json")).unwrap()
}

/// A cluster with this many clients, and linkerd-viz.
async fn with_viz(clients: &[&str]) -> FakeCluster {
    let clients = clients.iter().map(|name| (*name, Proxy::Counts));
    let pods: Vec<(&str, Proxy)> = clients
        .chain([("prometheus-0", Proxy::Prometheus)])
        .collect();
    FakeCluster::start(&pods).await.answering(200, &recorded())
}

/// The failover of `hr-2 to hr-3`: the numbers of `expected.json`, over one port-forward.
#[tokio::test]
async fn the_prometheus_of_linkerd_viz_is_asked_over_one_port_forward() {
    let cluster = with_viz(&["vote-bot-a"]).await;
    let (ended, out, err) = traffic(&cluster, "--source prometheus -o wide").await;
    assert_eq!(ended.unwrap(), Exit::Done);
    assert_eq!(err, "");
    let (heading, out) = out.split_once('\n').unwrap();
    assert_eq!(
        heading,
        "web-svc: 10s of requests from 1 client pod, by Prometheus of linkerd-viz"
    );
    let rows: Vec<Vec<&str>> = out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[1].join(" "),
        "web-svc 0 30% 1/1 100.00% 14.8rps 1ms 1ms 2ms 0 0 2 0"
    );
    assert_eq!(
        rows[2].join(" "),
        "web-svc-east 1 70% 1/1 100.00% 35.0rps 1ms 2ms 2ms 0 0 0 1"
    );
    assert_eq!(cluster.count("portforward"), 1);
    assert_eq!(
        cluster.count("linkerd-viz/pods/prometheus-0/portforward"),
        1
    );
}

#[tokio::test]
async fn all_numbers_are_in_one_query_about_the_clients_that_are_named() {
    let cluster = with_viz(&["vote-bot-a", "vote-bot-b"]).await;
    let report = json(&cluster, "--source prometheus --from deploy/vote-bot").await;
    assert_eq!(report["source"], "prometheus");
    let numbers = ["responses", "success", "failfast"].map(|key| &report["backends"][0][key]);
    assert_eq!(numbers, [148.0, 1.0, 2.0]);
    assert_eq!(report["backends"][1]["responses"], 350.0);
    let seen = cluster.seen();
    let [query] = seen.queries.as_slice() else {
        panic!("{:?}", seen.queries)
    };
    for part in [
        "job=\"linkerd-proxy\",namespace=~\"emojivoto\",pod=~\"vote-bot-(a|b)\"",
        "[2000ms]",
        "offset 2000ms",
        "timeout=30000ms",
    ] {
        assert!(query.contains(part), "{part}: {query}");
    }
}

/// The last minute also has what flowed before a failover.
#[tokio::test]
async fn weights_that_changed_in_the_last_window_are_not_compared() {
    let findings = async |cluster: FakeCluster| {
        let report = json(&cluster, "--source prometheus").await;
        let findings = report["findings"].as_array().unwrap().iter();
        let reasons = findings.map(|it| it["reason"].as_str().unwrap().to_owned());
        reasons.collect::<Vec<_>>()
    };
    assert_eq!(
        findings(with_viz(&["a"]).await).await,
        ["refused", "notByWeight"]
    );
    assert_eq!(
        findings(with_viz(&["a"]).await.just_moved()).await,
        ["refused"]
    );
}

#[tokio::test]
async fn a_wait_asks_again_over_the_same_port_forward() {
    let cluster = with_viz(&["a"]).await;
    let goal = "--source prometheus --for share(web-svc-east)>=95% --timeout 3s";
    let problem = problem(traffic(&cluster, goal).await.0);
    assert_eq!(problem.exit, Exit::NotMet);
    assert_eq!(cluster.seen().queries.len(), 2);
    assert_eq!(cluster.count("portforward"), 1);
}

#[tokio::test]
async fn a_timeout_without_time_for_a_second_window_says_so() {
    let cluster = with_viz(&["a"]).await;
    let goal = "--source prometheus --for share(web-svc-east)>=95% --timeout 1s";
    let problem = problem(traffic(&cluster, goal).await.0);
    assert_eq!(
        problem.message,
        "timed out after 1s waiting for share(web-svc-east)>=95%"
    );
    assert_eq!(
        problem.next[1],
        "only one window was counted, since another one takes 2s; use a longer --timeout"
    );
    assert_eq!(cluster.seen().queries.len(), 1);
}

#[tokio::test]
async fn auto_asks_prometheus_only_for_what_the_proxies_would_leave_out() {
    let few = with_viz(&["a", "b"]).await;
    assert_eq!(
        json(&few, "--source auto --max-pods 2").await["source"],
        "proxies"
    );
    assert_eq!(few.count("/api/v1/namespaces?"), 0);
    let many = with_viz(&["a", "b", "c"]).await;
    let report = json(&many, "--source auto --max-pods 2").await;
    assert_eq!(report["source"], "prometheus");
    assert_eq!(many.count("ports=4191"), 0);
    let without_viz = [("a", Proxy::Counts), ("b", Proxy::Counts)];
    let without_viz = FakeCluster::start(&without_viz).await;
    let (ended, out, err) = traffic(&without_viz, "--source auto --max-pods 1").await;
    assert_eq!(ended.unwrap(), Exit::Done);
    assert!(out.contains("1 of 2 client pods"), "{out}");
    assert!(
        err.contains("no Prometheus counts all requests (linkerd-viz is not installed"),
        "{err}"
    );
    let by_default = with_viz(&["a", "b", "c"]).await;
    assert_eq!(json(&by_default, "--max-pods 2").await["source"], "proxies");
}

#[tokio::test]
async fn without_linkerd_viz_the_error_names_the_other_sources() {
    let cluster = FakeCluster::start(&[("a", Proxy::Counts)]).await;
    let problem = problem(traffic(&cluster, "--source prometheus").await.0);
    assert!(problem.message.starts_with("linkerd-viz is not installed"));
    assert!(problem.next[0].contains("--prometheus URL"), "{problem:?}");
}

/// What a Prometheus at a URL answers, and what the user is told.
#[tokio::test]
async fn each_failure_of_a_prometheus_says_what_to_do() {
    let empty = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    let once = r#"{"status":"success","data":{"resultType":"vector","result":[
        {"metric":{"metric":"pods"},"value":[1,"1"]}]}}"#;
    let failed = r#"{"status":"error","errorType":"execution","error":"too many samples"}"#;
    for (status, body, message, next) in [
        (401, "Unauthorized", "HTTP 401", "--prometheus-token-file"),
        (404, "no page", "HTTP 404", "its API is"),
        (422, failed, "too many samples", ""),
        (
            200,
            "<html>",
            "not the JSON of Prometheus",
            "--prometheus-token-file",
        ),
        (
            200,
            empty,
            "no metrics of these clients' proxies",
            "linkerd-proxy",
        ),
        (200, once, "no two scrapes", "--window"),
    ] {
        let cluster = FakeCluster::start(&[("a", Proxy::Counts)]).await;
        let cluster = cluster.answering(status, body);
        let arguments = format!("--prometheus {}/", cluster.url);
        let problem = problem(traffic(&cluster, &arguments).await.0);
        let place = format!("Prometheus at {}: ", cluster.url);
        assert!(problem.message.starts_with(&place), "{problem:?}");
        assert!(problem.message.contains(message), "{problem:?}");
        assert!(problem.next.concat().contains(next), "{problem:?}");
        assert_eq!(cluster.count("portforward"), 0);
    }
}

#[tokio::test]
async fn a_prometheus_that_cannot_be_reached_says_what_to_do() {
    let cluster = FakeCluster::start(&[("a", Proxy::Counts)]).await;
    // Nothing listens on port 1.
    let problem = problem(traffic(&cluster, "--prometheus http://127.0.0.1:1").await.0);
    assert!(problem.message.contains("refused"), "{problem:?}");
    assert!(problem.next[0].contains("--source proxies"), "{problem:?}");
}

/// A token is a secret: it is sent by TLS alone, and never shown.
#[tokio::test]
async fn a_token_is_neither_sent_without_tls_nor_shown() {
    let cluster = with_viz(&["a"]).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "s3cret").unwrap();
    let token = format!("--prometheus-token-file {}", file.path().display());
    let plain = problem(
        traffic(&cluster, &format!("--prometheus {} {token}", cluster.url))
            .await
            .0,
    );
    assert_eq!(plain.exit, Exit::Usage);
    let closed = traffic(
        &cluster,
        &format!("--prometheus https://127.0.0.1:1 {token}"),
    )
    .await;
    let closed = problem(closed.0);
    let with_password = traffic(&cluster, "--prometheus https://me:s3cret@127.0.0.1:1").await;
    let with_password = problem(with_password.0);
    let mut shown = String::new();
    for problem in [&plain, &closed, &with_password] {
        let _ = write!(shown, "{problem:?}");
    }
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(cluster.seen().queries.is_empty());
}

#[tokio::test]
async fn flags_that_exclude_each_other_are_refused() {
    let cluster = FakeCluster::start(&[]).await;
    for arguments in [
        "--source proxies --prometheus http://localhost:9090",
        "--prometheus localhost:9090",
        "--prometheus ftp://localhost",
    ] {
        let problem = problem(traffic(&cluster, arguments).await.0);
        assert_eq!(problem.exit, Exit::Usage, "{arguments}: {problem:?}");
    }
}
