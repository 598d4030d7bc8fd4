//! Overrides with an end, and who ends them.

use http::Method;
use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{annotation, assert_home, order, override_of, run, status, web};
use crate::support::{FaultProxy, TestNamespace, end, eventually, plugin, watching};

#[tokio::test]
async fn the_loop_ends_it_and_traffic_goes_home() {
    let ns = TestNamespace::new("end-loop").await;
    web(&ns.west, [1, 1, 1]).await;
    let mut watch = watching(&ns.west, &[]).await;
    let output = run(&ns.west, "force web --to web-east --duration 2s").await.success();
    output.stdout_contains("forced to web-east until ").stderr_lacks("nobody runs");
    let until: Timestamp = override_of(&ns.west, "web").await["until"].as_str().unwrap().parse().unwrap();
    let line = watch.line_containing("web-east -> web: the override is over, and web has 1 of 2").await;
    let moved: Timestamp = line.split(' ').next().unwrap().parse().unwrap();
    assert!(moved >= until, "{line}, but it was to end at {until}");
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
    let ended = watch.stderr_line_containing("the override is over, and has been ended").await;
    let ended: Timestamp = ended.split(' ').next().unwrap().parse().unwrap();
    assert_eq!(ended, moved, "one patch does both");
    end(watch).await;
}

#[tokio::test]
async fn without_a_loop_it_is_said_that_nobody_ends_it() {
    let ns = TestNamespace::new("end-nobody").await;
    web(&ns.west, [1, 1, 1]).await;
    let output = run(&ns.west, "force web --to web-east --duration 1s").await.success();
    output.stderr_contains(&format!(
        "nobody runs a loop here to end it then: kubectl failover watch --context west -n {}",
        ns.name
    ));
    eventually("the override is over", async || {
        let status = status(&ns.west, "web").await;
        if status["override"]["status"] == "over" { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    let over = status(&ns.west, "web").await;
    assert_eq!((&over["state"], &over["primary"]), (&json!("OutOfSync"), &json!("web")));
    let table = plugin().args(["status", "web"]).on(&ns.west).run().await.success();
    table
        .stdout_contains(", expired at ")
        .stdout_contains(": nobody runs to end it")
        .stdout_contains("next: kubectl failover watch --context west");
    ns.west.until_weights("web", &[0, 1, 0]).await;
    run(&ns.west, "failback web").await.success();
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn one_that_ends_while_home_is_down_leaves_an_ordinary_failover() {
    let ns = TestNamespace::new("end-down").await;
    web(&ns.west, [0, 1, 0]).await;
    let watch = watching(&ns.west, &[]).await;
    run(&ns.west, "force web --to web-east --duration 1s").await.success();
    eventually("the override is ended", async || {
        let note = override_of(&ns.west, "web").await;
        if note.is_null() { Ok(()) } else { Err(note.to_string()) }
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
async fn who_stays_ends_it_without_a_loop() {
    let ns = TestNamespace::new("end-wait").await;
    web(&ns.west, [1, 1, 1]).await;
    let output = run(&ns.west, "force web --to web-east --duration 2s --wait").await.success();
    output
        .stderr_contains("staying until ")
        .stderr_lacks("nobody runs")
        .stdout_contains("the override is ended; now web carries the traffic (Primary)");
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn who_stays_ends_it_on_a_signal_too() {
    let ns = TestNamespace::new("end-signal").await;
    web(&ns.west, [1, 1, 1]).await;
    for signal in [Signal::INT, Signal::TERM] {
        let mut force = order(&ns.west, "force web --to web-east --duration 1h --wait").spawn();
        force.stderr_line_containing("staying until").await;
        ns.west.until_weights("web", &[0, 1, 0]).await;
        let (status, stdout, stderr) = force.end_and_collect(signal).await;
        assert_eq!(status.code(), Some(0), "{stdout:?} {stderr:?}");
        assert_home(&ns.west, "web", &[1, 0, 0]).await;
    }
}

/// From the write on, no signal may leave the override behind.
#[tokio::test]
async fn a_signal_right_after_the_write_ends_it_too() {
    let ns = TestNamespace::new("end-early").await;
    web(&ns.west, [1, 1, 1]).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let force =
        order(&ns.west, "force web --to web-east --duration 1h --wait").kubeconfig(proxy.kubeconfig());
    let force = force.spawn();
    proxy.until_seen(Method::PATCH, "/trafficsplits/web", 1).await;
    let (status, stdout, stderr) = force.end_and_collect(Signal::INT).await;
    assert_eq!(status.code(), Some(0), "{stdout:?} {stderr:?}");
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn programs_get_both_ends_as_json() {
    let ns = TestNamespace::new("end-json").await;
    web(&ns.west, [1, 1, 1]).await;
    let output = run(&ns.west, "force web --to web-east --duration 1s --wait -o json").await.success();
    let lists: Vec<Value> = serde_json::Deserializer::from_str(&output.stdout)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap_or_else(|cause| panic!("{cause}: {output}"));
    assert_eq!(lists.len(), 2, "{output}");
    assert_eq!(lists[0]["items"][0]["active"], json!(["web-east"]));
    assert_eq!(lists[1]["items"][0]["active"], json!(["web"]));
}

#[tokio::test]
async fn a_pause_that_would_keep_it_from_ending_is_named() {
    let ns = TestNamespace::new("end-paused").await;
    web(&ns.west, [1, 1, 1]).await;
    run(&ns.west, "pause web").await.success();
    let output = run(&ns.west, "force web --to web-east --duration 1h").await.success();
    output.stderr_contains(&format!(
        "the pause keeps the override from ending: kubectl failover resume web --context west -n {}",
        ns.name
    ));
}

/// Without an end there is nothing to stay for but the traffic.
#[tokio::test]
async fn without_a_duration_it_waits_for_the_traffic() {
    let ns = TestNamespace::new("wait-traffic").await;
    web(&ns.west, [1, 0, 1]).await;
    let watch = watching(&ns.west, &[]).await;
    let at_once = run(&ns.west, "force web --to web-central --wait").await.success();
    at_once.stdout_contains("now web-central carries the traffic (Overridden)");
    let late = "force web --to web-east --allow=unready --wait --timeout 1s -o json";
    let late = run(&ns.west, late).await.code(3);
    assert_eq!(late.json()["exitCode"], 3, "{late}");
    assert!(
        late.json()["items"][0]["next"].to_string().contains("not where it was asked after 1 s"),
        "{late}"
    );
    let mut waiting = order(&ns.west, "force web --to web-east --allow=unready --wait --timeout 1m").spawn();
    ns.west.ready("web-east", 1).await;
    let line = waiting.line_containing("now web-east carries the traffic").await;
    assert!(line.contains("forced already") || line.contains("forced to web-east"), "{line}");
    let (status, _, stderr) = waiting.wait_and_collect().await;
    assert_eq!(status.code(), Some(0), "{stderr:?}");
    end(watch).await;
}

#[tokio::test]
async fn who_stays_leaves_alone_what_others_have_changed() {
    let ns = TestNamespace::new("end-changed").await;
    web(&ns.west, [1, 1, 1]).await;
    let mut force = order(&ns.west, "force web --to web-east --duration 1h --wait").spawn();
    force.stderr_line_containing("staying until").await;
    run(&ns.west, "force web --to web-central").await.success();
    let (status, stdout, _) = force.end_and_collect(Signal::INT).await;
    assert_eq!(status.code(), Some(0));
    assert!(stdout.last().unwrap().contains("has been ended or changed meanwhile"), "{stdout:?}");
    assert_eq!(override_of(&ns.west, "web").await["to"], "web-central");
}
