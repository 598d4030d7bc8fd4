//! Overrides that expire, and the commands that end them.

use std::process::Stdio;
use std::sync::Arc;

use http::Method;
use jiff::Timestamp;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{annotation, assert_home, order, override_of, run, status, web};
use crate::support::{
    Fault, FaultProxy, Running, TestNamespace, WAIT_LIMIT, end, eventually, plugin, watching,
};

#[tokio::test]
async fn the_watch_ends_an_expired_override_and_fails_back() {
    let ns = TestNamespace::new("end-loop").await;
    web(&ns.west, [1, 1, 1]).await;
    let mut watch = watching(&ns.west, &[]).await;
    let output = run(&ns.west, "force web --to web-east --duration 2s")
        .await
        .success();
    output
        .stdout_contains("forced to web-east until ")
        .stderr_lacks("no watch is running");
    let until: Timestamp = override_of(&ns.west, "web").await["until"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let line = watch
        .line_containing("web-east -> web: the override has expired, and web has 1 of 2")
        .await;
    let moved: Timestamp = line.split(' ').next().unwrap().parse().unwrap();
    assert!(moved >= until, "{line}, but it was to end at {until}");
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
    let ended = watch
        .stderr_line_containing("the override has expired and was removed")
        .await;
    let ended: Timestamp = ended.split(' ').next().unwrap().parse().unwrap();
    assert_eq!(ended, moved, "one patch does both");
    end(watch).await;
}

#[tokio::test]
async fn without_a_watch_a_warning_says_that_the_override_stays() {
    let ns = TestNamespace::new("end-nobody").await;
    web(&ns.west, [1, 1, 1]).await;
    let output = run(&ns.west, "force web --to web-east --duration 1s")
        .await
        .success();
    output.stderr_contains(&format!(
        "no watch is running in this namespace, so this will not expire by itself; start one: kubectl failover watch --context west -n {}",
        ns.name
    ));
    eventually("the override is over", async || {
        let status = status(&ns.west, "web").await;
        if status["override"]["status"] == "over" {
            Ok(())
        } else {
            Err(status.to_string())
        }
    })
    .await;
    let over = status(&ns.west, "web").await;
    assert_eq!(
        (&over["state"], &over["primary"]),
        (&json!("OutOfSync"), &json!("web"))
    );
    let table = plugin()
        .args(["status", "web"])
        .on(&ns.west)
        .run()
        .await
        .success();
    table
        .stdout_contains(", expired at ")
        .stdout_contains(": no watch is running to end it")
        .stdout_contains("next: kubectl failover failback web --when-ready --context west");
    ns.west.until_weights("web", &[0, 1, 0]).await;
    run(&ns.west, "failback web").await.success();
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn an_override_that_expires_while_home_is_down_leaves_an_ordinary_failover() {
    let ns = TestNamespace::new("end-down").await;
    web(&ns.west, [0, 1, 0]).await;
    let watch = watching(&ns.west, &[]).await;
    run(&ns.west, "force web --to web-east --duration 1s")
        .await
        .success();
    eventually("the override is ended", async || {
        let note = override_of(&ns.west, "web").await;
        if note.is_null() {
            Ok(())
        } else {
            Err(note.to_string())
        }
    })
    .await;
    assert_eq!(annotation(&ns.west, "web", "primary-service").await, "web");
    assert_eq!(status(&ns.west, "web").await["state"], "Failover");
    ns.west.until_weights("web", &[0, 1, 0]).await;
    ns.west.ready("web", 1).await;
    ns.west.until_weights("web", &[1, 0, 0]).await;
    end(watch).await;
}

#[tokio::test]
async fn a_hold_ends_the_override_without_a_watch() {
    let ns = TestNamespace::new("end-wait").await;
    web(&ns.west, [1, 1, 1]).await;
    let output = run(&ns.west, "force web --to web-east --duration 2s --wait")
        .await
        .success();
    output
        .stderr_contains("Holding ")
        .stderr_lacks("no watch is running")
        .stdout_contains("ended the override; traffic is on web (Primary)");
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn a_hold_ends_the_override_on_a_signal() {
    let ns = TestNamespace::new("end-signal").await;
    web(&ns.west, [1, 1, 1]).await;
    for signal in [Signal::INT, Signal::TERM] {
        let mut force = order(&ns.west, "force web --to web-east --duration 1h --wait").spawn();
        force.stderr_line_containing("Holding").await;
        ns.west.until_weights("web", &[0, 1, 0]).await;
        let (status, stdout, stderr) = force.end_and_collect(signal).await;
        assert_eq!(status.code(), Some(0), "{stdout:?} {stderr:?}");
        assert_home(&ns.west, "web", &[1, 0, 0]).await;
    }
}

/// After the write, no signal may leave the override behind.
#[tokio::test]
async fn a_signal_right_after_the_write_ends_the_override() {
    let ns = TestNamespace::new("end-early").await;
    web(&ns.west, [1, 1, 1]).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let force = order(&ns.west, "force web --to web-east --duration 1h --wait")
        .kubeconfig(proxy.kubeconfig());
    let force = force.spawn();
    proxy
        .until_seen(Method::PATCH, "/trafficsplits/web", 1)
        .await;
    let (status, stdout, stderr) = force.end_and_collect(Signal::INT).await;
    assert_eq!(status.code(), Some(0), "{stdout:?} {stderr:?}");
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn json_output_has_the_start_and_the_end() {
    let ns = TestNamespace::new("end-json").await;
    web(&ns.west, [1, 1, 1]).await;
    let output = run(
        &ns.west,
        "force web --to web-east --duration 1s --wait -o json",
    )
    .await
    .success();
    let lists: Vec<Value> = serde_json::Deserializer::from_str(&output.stdout)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap_or_else(|cause| panic!("{cause}: {output}"));
    assert_eq!(lists.len(), 2, "{output}");
    assert_eq!(lists[0]["items"][0]["active"], json!(["web-east"]));
    assert_eq!(lists[1]["items"][0]["active"], json!(["web"]));
}

#[tokio::test]
async fn a_pause_that_would_outlast_the_override_is_named() {
    let ns = TestNamespace::new("end-paused").await;
    web(&ns.west, [1, 1, 1]).await;
    run(&ns.west, "pause web").await.success();
    let output = run(&ns.west, "force web --to web-east --duration 1h")
        .await
        .success();
    output.stderr_contains(&format!(
        "the group is paused, so the force will not expire; to resume: kubectl failover resume web --context west -n {}",
        ns.name
    ));
}

/// Without an expiry, it only waits for the traffic.
#[tokio::test]
async fn without_a_duration_force_waits_for_the_traffic() {
    let ns = TestNamespace::new("wait-traffic").await;
    web(&ns.west, [1, 0, 1]).await;
    let watch = watching(&ns.west, &[]).await;
    let at_once = run(&ns.west, "force web --to web-central --wait")
        .await
        .success();
    at_once.stdout_contains("traffic is on web-central (Overridden)");
    let late = "force web --to web-east --allow=unready --wait --timeout 1s -o json";
    let late = run(&ns.west, late).await.code(3);
    assert_eq!(late.json()["exitCode"], 3, "{late}");
    assert!(
        late.json()["items"][0]["next"]
            .to_string()
            .contains("timed out after 1 s"),
        "{late}"
    );
    let mut waiting = order(
        &ns.west,
        "force web --to web-east --allow=unready --wait --timeout 1m",
    )
    .spawn();
    ns.west.ready("web-east", 1).await;
    let line = waiting.line_containing("traffic is on web-east").await;
    assert!(
        line.contains("forced already") || line.contains("forced to web-east"),
        "{line}"
    );
    let (status, _, stderr) = waiting.wait_and_collect().await;
    assert_eq!(status.code(), Some(0), "{stderr:?}");
    end(watch).await;
}

#[tokio::test]
async fn a_hold_leaves_changes_of_others_alone() {
    let ns = TestNamespace::new("end-changed").await;
    web(&ns.west, [1, 1, 1]).await;
    let mut force = order(&ns.west, "force web --to web-east --duration 1h --wait").spawn();
    force.stderr_line_containing("Holding").await;
    run(&ns.west, "force web --to web-central").await.success();
    let (status, stdout, _) = force.end_and_collect(Signal::INT).await;
    assert_eq!(status.code(), Some(0));
    assert!(
        stdout
            .last()
            .unwrap()
            .contains("was ended or changed meanwhile"),
        "{stdout:?}"
    );
    assert_eq!(override_of(&ns.west, "web").await["to"], "web-central");
}

/// A force that holds, through a proxy that injects faults later.
async fn staying(ns: &TestNamespace) -> (FaultProxy, Running) {
    web(&ns.west, [1, 1, 1]).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let force = order(&ns.west, "force web --to web-east --duration 1h --wait");
    let mut force = force.kubeconfig(proxy.kubeconfig()).spawn();
    force.stderr_line_containing("Holding").await;
    (proxy, force)
}

#[tokio::test]
async fn a_hold_retries_when_ending_the_override_fails() {
    let ns = TestNamespace::new("end-trouble").await;
    let (proxy, force) = staying(&ns).await;
    for (method, path) in [
        (Method::GET, "/trafficsplits/web"),
        (Method::GET, "/endpointslices"),
        (Method::PATCH, "/trafficsplits/web"),
    ] {
        proxy.inject(method, path, 2, Fault::Answer(503, None));
    }
    proxy.inject(
        Method::POST,
        "/selfsubjectreviews",
        usize::MAX,
        Fault::Answer(503, None),
    );
    let (status, stdout, stderr) = force.end_and_collect(Signal::INT).await;
    assert_eq!(status.code(), Some(0), "{stdout:?} {stderr:?}");
    assert!(
        stdout
            .last()
            .unwrap()
            .contains("ended the override; traffic is on web"),
        "{stdout:?}"
    );
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn a_second_signal_exits_at_once_and_reports_the_override() {
    let ns = TestNamespace::new("end-twice").await;
    let (proxy, mut force) = staying(&ns).await;
    let reads = proxy.seen(&Method::GET, "/trafficsplits/web").len();
    proxy.inject(
        Method::GET,
        "/trafficsplits/web",
        usize::MAX,
        Fault::Answer(503, None),
    );
    kill_process(force.pid(), Signal::INT).unwrap();
    proxy
        .until_seen(Method::GET, "/trafficsplits/web", reads + 1)
        .await;
    force
        .stderr_line_containing("failing back; press Ctrl-C again")
        .await;
    let (status, _, stderr) = force.end_and_collect(Signal::INT).await;
    assert_eq!(status.code(), Some(1), "{stderr:?}");
    let said = stderr.join("\n");
    assert!(
        said.contains("interrupted: the override on web may stay until "),
        "{said}"
    );
    assert!(
        said.contains("to end it: kubectl failover failback web --context west"),
        "{said}"
    );
    assert_eq!(override_of(&ns.west, "web").await["to"], "web-east");
}

#[tokio::test]
async fn a_refused_end_reports_the_override() {
    let ns = TestNamespace::new("end-refused").await;
    let (proxy, force) = staying(&ns).await;
    proxy.inject(
        Method::PATCH,
        "/trafficsplits/web",
        usize::MAX,
        Fault::Answer(403, None),
    );
    let (status, _, stderr) = force.end_and_collect(Signal::INT).await;
    assert_eq!(status.code(), Some(1), "{stderr:?}");
    let said = stderr.join("\n");
    assert!(said.contains("/web: the override stays until "), "{said}");
    assert!(
        said.contains("to end it yourself: kubectl failover failback web --context west"),
        "{said}"
    );
}

/// Even with its output closed, it leaves nothing behind.
#[tokio::test]
async fn a_hold_whose_output_is_closed_ends_the_override() {
    let ns = TestNamespace::new("end-unread").await;
    web(&ns.west, [1, 1, 1]).await;
    let mut command = order(&ns.west, "force web --to web-east --duration 2s --wait").command();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    let ended = tokio::time::timeout(WAIT_LIMIT, child.wait())
        .await
        .expect("it ends")
        .unwrap();
    assert_eq!(ended.code(), Some(0), "a broken pipe is no error");
    assert_eq!(
        ns.west.last_move("web").await["to"],
        "web=1,web-east=0,web-central=0"
    );
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
}

/// Whether the traffic has moved cannot be read afterwards.
#[tokio::test]
async fn a_change_that_cannot_be_read_back_is_not_reported_as_done() {
    let ns = TestNamespace::new("end-blind").await;
    web(&ns.west, [1, 1, 1]).await;
    let proxy = FaultProxy::before(&ns.west).await;
    for (command, code) in [
        ("force web --to web-east --wait --timeout 1s", 3),
        ("force web --to web-central", 0),
        ("failback web --wait --timeout 1s", 3),
    ] {
        let gate = Arc::new(Notify::new());
        let writes = proxy.writes();
        proxy.inject(
            Method::PATCH,
            "/trafficsplits/web",
            1,
            Fault::Wait(Arc::clone(&gate)),
        );
        let order = order(&ns.west, command)
            .kubeconfig(proxy.kubeconfig())
            .spawn();
        proxy
            .until_seen(Method::PATCH, "/trafficsplits/web", writes + 1)
            .await;
        proxy.inject(
            Method::GET,
            "/trafficsplits?",
            usize::MAX,
            Fault::Answer(503, None),
        );
        gate.notify_one();
        let (status, stdout, stderr) = order.wait_and_collect().await;
        assert_eq!(
            status.code(),
            Some(code),
            "{command}: {stdout:?} {stderr:?}"
        );
        assert!(
            stdout
                .join("")
                .contains("; the group could not be read back: "),
            "{command}: {stdout:?}"
        );
        proxy.heal();
    }
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
}
