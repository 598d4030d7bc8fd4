//! Groups whose traffic is lost although a backend is ready, and those that have no net.

use serde_json::{Value, json};

use crate::support::{
    Admitted, DenyingPolicy, Output, Side, TestNamespace, end, plugin, started, watching,
};

const GROUP: &[(&str, u32, u8)] = &[("web", 1, 1), ("web-east", 0, 1)];

async fn run(side: &Side, line: &str) -> Output {
    let words: Vec<&str> = line.split(' ').collect();
    plugin().args(words).on(side).run().await
}

async fn status(side: &Side) -> Value {
    run(side, "status web -o json").await.success().json()["items"][0].clone()
}

/// Runs a command that was printed. Someone who pastes it is asked and answers yes.
async fn paste(command: &Value) -> Output {
    let command = command.as_str().unwrap();
    let line = command.strip_prefix("kubectl failover ").expect(command);
    let words: Vec<&str> = line.split(' ').chain(["--yes"]).collect();
    plugin().args(words).run().await
}

#[tokio::test]
async fn an_outage_that_nobody_handles_comes_with_the_two_commands_that_end_it() {
    let ns = TestNamespace::new("down").await;
    ns.west.group("web", GROUP).await;
    ns.west
        .group("mail", &[("mail", 1, 1), ("mail-east", 0, 1)])
        .await;
    ns.west.ready("web", 0).await;
    run(&ns.west, "status web --for Down --timeout 1m")
        .await
        .success();
    let output = run(&ns.west, "status").await.success();
    let first = output.stdout.lines().nth(1).unwrap_or_default();
    assert!(first.starts_with("web "), "the worst comes first: {output}");
    run(&ns.west, "check")
        .await
        .code(1)
        .stdout_contains("× no group is down")
        .stdout_contains(
            "/web: all traffic still goes to web, which has no ready endpoints; web-east is \
             ready, but no watch is running to fail over",
        )
        .stdout_contains("kubectl failover status --context west -n ");

    let down = status(&ns.west).await;
    assert_eq!(
        json!([down["state"], down["flags"]]),
        json!(["Down", ["short", "redundant", "unattended"]])
    );
    paste(&down["next"]).await.success();
    ns.west.until_weights("web", &[0, 1]).await;
    assert_eq!(status(&ns.west).await["state"], "Overridden");
    let stay = down["then"].as_str().unwrap();
    let words: Vec<&str> = stay.split(' ').skip(2).collect();
    let watch = started(plugin().args(words)).await;
    run(&ns.west, "status web --for !unattended --timeout 1m")
        .await
        .success();
    run(&ns.west, "check")
        .await
        .stdout_contains("√ no group is down");
    end(watch).await;
}

/// The primary is back, and the traffic is still on a fallback that is gone.
#[tokio::test]
async fn a_failback_ends_the_outage_of_a_fallback() {
    let ns = TestNamespace::new("down-home").await;
    ns.west
        .group("web", &[("web", 0, 1), ("web-east", 1, 0)])
        .await;
    run(&ns.west, "status web")
        .await
        .stdout_contains("web is ready, but no watch is running to fail back")
        .stdout_contains("  fail back now: kubectl failover failback web ");
    paste(&status(&ns.west).await["next"]).await.success();
    ns.west.until_weights("web", &[1, 0]).await;
    assert_eq!(status(&ns.west).await["state"], "Primary");
}

/// A delay keeps nobody from moving the traffic while nobody runs the group.
#[tokio::test]
async fn a_delay_does_not_hide_an_outage_that_nobody_handles() {
    let ns = TestNamespace::new("down-delay").await;
    ns.west.group("web", GROUP).await;
    run(&ns.west, "set web --failover-delay 60s")
        .await
        .success();
    ns.west.ready("web", 0).await;
    run(&ns.west, "status web --for Down --timeout 1m")
        .await
        .success();
    let watch = watching(&ns.west, &[]).await;
    run(&ns.west, "status web --for Waiting --timeout 1m")
        .await
        .success();
    end(watch).await;
    run(&ns.west, "status web --for Down --timeout 1m")
        .await
        .success();
}

#[tokio::test]
async fn weights_that_the_proxies_do_not_take_are_an_outage() {
    let ns = TestNamespace::new("down-weights").await;
    ns.west
        .group("web", &[("web", 300_000, 1), ("web-east", 300_000, 1)])
        .await;
    let down = status(&ns.west).await;
    assert_eq!(down["state"], "Down");
    let reason = down["reason"].as_str().unwrap();
    assert!(reason.starts_with("the weights sum to 600000"), "{reason}");
    assert!(
        reason.ends_with("but no watch is running to scale them down"),
        "{reason}"
    );
    let watch = down["next"].as_str().unwrap();
    assert!(watch.starts_with("kubectl failover watch "), "{watch}");
    run(&ns.west, "watch --once").await.success();
    assert_eq!(status(&ns.west).await["state"], "Primary");
}

/// A change that is on its way is no drift.
#[tokio::test]
async fn a_watch_that_fails_over_is_never_seen_out_of_sync() {
    let ns = TestNamespace::new("down-flash").await;
    ns.west.group("web", GROUP).await;
    let watch = watching(&ns.west, &[]).await;
    run(&ns.west, "status web --for !unattended --timeout 1m")
        .await
        .success();
    let lines = plugin()
        .args(["status", "web", "-w", "-o", "json"])
        .on(&ns.west);
    let mut lines = lines.spawn();
    lines.line_containing("\"Primary\"").await;
    for _ in 0..5 {
        ns.west.ready("web", 0).await;
        lines.line_containing("\"state\":\"Failover\"").await;
        ns.west.ready("web", 1).await;
        lines.line_containing("\"state\":\"Primary\"").await;
    }
    let states = lines.seen.iter().map(|line| {
        let change: Value = serde_json::from_str(line).unwrap();
        change["state"].as_str().unwrap().to_owned()
    });
    let flashes: Vec<String> = states
        .filter(|it| it != "Primary" && it != "Failover")
        .collect();
    assert!(flashes.is_empty(), "{flashes:?}");
    end(lines).await;
    end(watch).await;
}

#[tokio::test]
async fn a_move_that_is_refused_is_an_outage_after_five_seconds() {
    let ns = TestNamespace::new("down-denied").await;
    ns.west.group("web", GROUP).await;
    let mut watch = watching(&ns.west, &["-v"]).await;
    run(&ns.west, "status web --for !unattended --timeout 1m")
        .await
        .success();
    let mut lines = plugin().args(["status", "web", "-w"]).on(&ns.west).spawn();
    lines.line_containing("Primary").await;
    let policy = DenyingPolicy::install(&ns.west, Admitted::TrafficSplits, "Forbidden").await;
    ns.west.ready("web", 0).await;
    let line = lines.line_containing("Primary -> Down").await;
    assert!(line.contains("web-east is ready, but the watch "), "{line}");
    assert!(line.contains(" has not failed over"), "{line}");
    watch.stderr_line_containing("Down: ").await;
    run(&ns.west, "status web")
        .await
        .stdout_contains("Down")
        .stdout_contains("  fail over now: kubectl failover force web --to web-east");
    policy.remove().await;
    lines.line_containing("Down -> Failover").await;
    end(lines).await;
    end(watch).await;
}

#[tokio::test]
async fn a_group_without_a_net_is_exposed_while_all_is_well() {
    let ns = TestNamespace::new("exposed").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 0)])
        .await;
    let watch = watching(&ns.west, &[]).await;
    run(&ns.west, "status web --for exposed,unattended --timeout 1m")
        .await
        .success();
    run(&ns.west, "status web --for !unattended --timeout 1m")
        .await
        .success();
    run(&ns.west, "status web")
        .await
        .stdout_contains("web: no fallback is ready: if web fails, traffic has nowhere to go.\n")
        .stdout_contains("  next: kubectl --context west -n ");
    run(&ns.west, "check")
        .await
        .stdout_contains("‼ every group has a fallback that is ready")
        .stdout_contains("/web: no fallback is ready: if web fails, traffic has nowhere to go");
    ns.west.ready("web-east", 1).await;
    run(&ns.west, "status web --for !exposed --timeout 1m")
        .await
        .success();
    let plain = run(&ns.west, "status web").await;
    assert_eq!(plain.stdout.lines().count(), 2, "{plain}");
    end(watch).await;
    let nobody = run(&ns.west, "status web").await;
    nobody.stdout_contains("web: no watch is running: if web fails, nothing will fail over.\n");
    // Linkerd's proxies fail over by themselves.
    run(&ns.west, "set web --standby on").await.success();
    let standby = status(&ns.west).await;
    assert_eq!(
        standby["flags"],
        json!(["redundant", "standby", "unattended"]),
        "{standby}"
    );
}
