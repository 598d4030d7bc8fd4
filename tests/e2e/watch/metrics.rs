//! The metrics for Prometheus and the health endpoints.

use std::io::{Seek as _, Write as _};

use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{
    Fault, FaultProxy, PROMTOOL, Running, TestNamespace, documented_metrics, end, eventually,
    plugin, queries_find, runs_slow_tests, shared,
};

/// The address of a watch's metrics.
pub async fn address(watch: &mut Running) -> String {
    let line = watch
        .stderr_line_containing("serving metrics on http://")
        .await;
    let (_, rest) = line.split_once("http://").unwrap();
    rest.split_once('/').unwrap().0.to_owned()
}

/// Sends these bytes and returns the answer.
async fn send(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the address is listened on");
    // The connection may be closed before all is sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("the answer is text")
}

async fn get(address: &str, path: &str) -> String {
    send(
        address,
        format!("GET {path} HTTP/1.1\r\nhost: here\r\n\r\n").as_bytes(),
    )
    .await
}

pub async fn until(address: &str, path: &str, wanted: &[&str]) {
    eventually(&format!("{path} has {wanted:?}"), async || {
        let answer = get(address, path).await;
        if wanted.iter().all(|text| answer.contains(text)) {
            Ok(())
        } else {
            Err(answer)
        }
    })
    .await;
}

#[tokio::test]
async fn the_metrics_count_what_the_watch_does() {
    let ns = TestNamespace::new("metrics").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    ns.west
        .group("dead", &[("dead", 1, 0), ("dead-east", 0, 0)])
        .await;
    let proxy = FaultProxy::before(&ns.west).await;
    proxy.inject(
        Method::PATCH,
        "/trafficsplits/web",
        2,
        Fault::Answer(503, None),
    );
    let args = ["watch", "--metrics", "127.0.0.1:0"];
    let mut watch = plugin()
        .args(args)
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    let address = address(&mut watch).await;
    until(&address, "/readyz", &["HTTP/1.1 200 OK", "ok"]).await;
    until(&address, "/healthz", &["HTTP/1.1 200 OK", "ok"]).await;
    let states = [
        "failover_groups{context=\"west\",state=\"Primary\"} 1\n",
        "failover_groups{context=\"west\",state=\"Unavailable\"} 1\n",
        &format!(
            "failover_lease{{context=\"west\",namespace=\"{}\",standing=\"held\"}} 1\n",
            ns.name
        ),
    ];
    until(&address, "/metrics", &states).await;

    ns.west.ready("web", 0).await;
    watch.line_containing("web -> web-east").await;
    let figures = [
        "content-type: text/plain; version=0.0.4; charset=utf-8\r\n",
        &format!(
            "failover_transitions_total{{context=\"west\",namespace=\"{}\"}} 1\n",
            ns.name
        ),
        "failover_writes_total{context=\"west\"} 3\n",
        "failover_write_failures_total{context=\"west\"} 2\n",
        "failover_write_retries_total{context=\"west\"} 2\n",
        "failover_reaction_seconds_count{context=\"west\"} 1\n",
        "failover_groups{context=\"west\",state=\"Failover\"} 1\n",
        "failover_groups{context=\"west\",state=\"Primary\"} 0\n",
    ];
    until(&address, "/metrics", &figures).await;
    let group = |name: &str| {
        format!(
            "context=\"west\",namespace=\"{}\",object=\"trafficsplit/{name}\"",
            ns.name
        )
    };
    let [web, dead] = ["web", "dead"].map(group);
    let of_groups = [
        format!("failover_group_state{{{web},state=\"Failover\"}} 1\n"),
        format!("failover_group_state{{{dead},state=\"Unavailable\"}} 1\n"),
        format!("failover_backend_ready{{{web},backend=\"web-east\"}} 1\n"),
        format!("failover_backend_weight{{{web},backend=\"web-east\"}} 1\n"),
        format!("failover_group_away_since_timestamp_seconds{{{web}}} 1"),
        "failover_ready{context=\"west\"} 1\n".to_owned(),
        "failover_build_info{version=\"".to_owned(),
    ];
    until(
        &address,
        "/metrics",
        &of_groups.each_ref().map(String::as_str),
    )
    .await;

    proxy.inject(Method::GET, "/endpointslices", 3, Fault::Answer(503, None));
    proxy.cut_streams();
    until(
        &address,
        "/metrics",
        &["failover_watch_restarts_total{context=\"west\",resource=\"endpointslices\"}"],
    )
    .await;
    let metrics = get(&address, "/metrics").await;
    documented_metrics(&metrics);
    queries_find(&metrics);
    promtool_accepts(&metrics);
    let accept = "accept: application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3";
    let open = format!("GET /metrics HTTP/1.1\r\nhost: here\r\n{accept}\r\n\r\n");
    let open = send(&address, open.as_bytes()).await;
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(open.contains(kind) && open.ends_with("# EOF\n"), "{open}");
    queries_find(&open);
    until(&address, "/readyz", &["HTTP/1.1 200 OK"]).await;
    end(watch).await;
}

/// Checks an answer of /metrics as `curl … | promtool check metrics` does.
fn promtool_accepts(answer: &str) {
    if !runs_slow_tests("promtool") {
        return;
    }
    let (_, metrics) = answer.split_once("\r\n\r\n").expect("a body");
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(metrics.as_bytes()).expect("it is written");
    file.rewind().expect("it is read from its start");
    let checked = PROMTOOL
        .command()
        .args(["check", "metrics"])
        .stdin(file)
        .output()
        .expect("promtool starts");
    assert!(checked.status.success(), "{checked:?} of {metrics}");
}

/// Only the holder of the Lease has series of groups.
#[tokio::test]
async fn each_group_is_exported_once() {
    let ns = TestNamespace::new("metrics-standby").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let start = async |more: &[&str]| {
        let args = ["watch", "--metrics", "127.0.0.1:0"];
        let mut watch = plugin().args(args).args(more).on(&ns.west).spawn();
        let address = address(&mut watch).await;
        (watch, address)
    };
    let (holder, first) = start(&[]).await;
    until(&first, "/metrics", &["failover_group_state{"]).await;
    let (standby, second) = start(&[]).await;
    let (counts, third) = start(&["--metrics-detail", "counts"]).await;
    let waiting = ["standing=\"standby\"", "state=\"Primary\"} 1\n"];
    until(&second, "/metrics", &waiting).await;
    let metrics = get(&second, "/metrics").await;
    assert!(!metrics.contains("object="), "{metrics}");
    until(&third, "/metrics", &waiting).await;
    end(counts).await;
    end(holder).await;
    until(&second, "/metrics", &["failover_group_state{"]).await;
    end(standby).await;
}

#[tokio::test]
async fn invalid_requests_do_no_harm() {
    let ns = TestNamespace::new("metrics-rubbish").await;
    let mut watch = plugin()
        .args(["watch", "--metrics", "127.0.0.1:0"])
        .on(&ns.west)
        .spawn();
    let address = address(&mut watch).await;
    assert!(get(&address, "/nothing").await.starts_with("HTTP/1.1 404 "));
    let post = send(
        &address,
        b"POST /metrics HTTP/1.1\r\nhost: here\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    assert!(post.starts_with("HTTP/1.1 405 "), "{post}");
    send(
        &address,
        b"\x16\x03\x01\x00\xff\xff no request at all\r\n\r\n\0\0",
    )
    .await;
    let long = format!(
        "GET /metrics HTTP/1.1\r\nx: {}\r\n\r\n",
        "long".repeat(10_000)
    );
    let refused = send(&address, long.as_bytes()).await;
    assert!(!refused.starts_with("HTTP/1.1 200 "), "{refused}");
    // A client that sends nothing takes one of a few connections.
    let mut idle = Vec::new();
    for _ in 0..40 {
        idle.push(
            TcpStream::connect(&address)
                .await
                .expect("the address is listened on"),
        );
    }
    drop(idle);
    until(&address, "/healthz", &["HTTP/1.1 200 OK"]).await;
    end(watch).await;
}

#[tokio::test]
async fn a_watch_that_does_not_run_is_alive_but_not_ready() {
    let ns = TestNamespace::new("metrics-ready").await;
    let proxy = FaultProxy::before(&ns.east).await;
    proxy.inject(
        Method::POST,
        "/selfsubjectreviews",
        1000,
        Fault::Answer(500, None),
    );
    let files = [proxy.kubeconfig().to_path_buf(), shared().kubeconfig()];
    let kubeconfig = std::path::PathBuf::from(std::env::join_paths(files).unwrap());
    let args = [
        "watch",
        "--contexts",
        "west,east",
        "--metrics",
        "127.0.0.1:0",
    ];
    let mut watch = plugin()
        .args(args)
        .namespace(&ns.name)
        .kubeconfig(&kubeconfig)
        .spawn();
    let address = address(&mut watch).await;
    until(
        &address,
        "/readyz",
        &["HTTP/1.1 503 ", "not in sync: east\n"],
    )
    .await;
    until(&address, "/healthz", &["HTTP/1.1 200 OK"]).await;
    proxy.heal();
    until(&address, "/readyz", &["HTTP/1.1 200 OK"]).await;
    end(watch).await;
}

#[tokio::test]
async fn an_address_in_use_is_reported() {
    let ns = TestNamespace::new("metrics-taken").await;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = plugin()
        .args(["watch", "--metrics", &port])
        .on(&ns.west)
        .run()
        .await
        .code(1);
    output.stderr_contains(&format!("can't listen on 127.0.0.1:{port}"));
}
