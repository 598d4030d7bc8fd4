//! Runs that end when something has come true, or when their time is over.

use serde_json::json;

use crate::support::{Plugin, Side, TestNamespace, plugin, started};

fn watch(side: &Side, args: &[&str]) -> Plugin {
    plugin().args(["watch"]).args(args.to_vec()).on(side)
}

#[tokio::test]
async fn until_a_condition_holds() {
    let ns = TestNamespace::new("until").await;
    ns.west.group("web", &[("web", 1, 1), ("web-east", 0, 1)]).await;
    let args = ["--until", "failover", "--until", "active=web-east", "--timeout", "1m"];
    let mut running = started(watch(&ns.west, &args)).await;
    ns.west.ready("web", 0).await;
    running.line_containing("web -> web-east").await;
    let (status, _, errors) = running.wait_and_collect().await;
    assert_eq!(status.code(), Some(0), "{errors:?}");
    assert!(errors.iter().any(|line| line == "met: Failover and active=web-east; ending"), "{errors:?}");
    assert_eq!(ns.west.lease_holder().await, "");
}

#[tokio::test]
async fn what_is_not_met_in_time_is_said() {
    let ns = TestNamespace::new("until-late").await;
    ns.west.group("web", &[("web", 1, 1), ("web-east", 0, 1)]).await;
    let output = watch(&ns.west, &["--until", "failover", "--timeout", "2s"]).run().await.code(3);
    let output = output.stdout_is_empty().stderr_contains("error: not met within 2 s: Failover");
    output.stderr_contains("web is Primary").stderr_contains("asked for: Failover");
    assert_eq!(ns.west.lease_holder().await, "");
}

#[tokio::test]
async fn a_run_of_limited_time_ends_well() {
    let ns = TestNamespace::new("run-for").await;
    ns.west.group("web", &[("web", 1, 0), ("web-east", 0, 1)]).await;
    let output = watch(&ns.west, &["--run-for", "2s"]).run().await.success();
    output.stdout_contains("web -> web-east").stderr_contains("the time to run is over");
    assert_eq!(ns.west.lease_holder().await, "");
}

#[tokio::test]
async fn once_waits_delays_out_but_no_longer_than_it_may() {
    let ns = TestNamespace::new("once-delay").await;
    ns.west.group("web", &[("web", 1, 0), ("web-east", 0, 1)]).await;
    delay(&ns.west, "1h").await;
    let output = watch(&ns.west, &["--once", "--timeout", "3s"]).run().await.code(3).stdout_is_empty();
    output
        .stderr_contains("not every group is where it belongs after 3 s")
        .stderr_contains("/web: its move has to wait");
    assert_eq!(ns.west.lease_holder().await, "");

    delay(&ns.west, "1s").await;
    let output = watch(&ns.west, &["--once", "--timeout", "1m"]).run().await.success();
    output.stdout_contains("web -> web-east");
}

#[tokio::test]
async fn once_waits_for_its_brake() {
    let ns = TestNamespace::new("once-brake").await;
    for name in ["one", "two", "three"] {
        ns.west.group(name, &[(name, 1, 0), (&format!("{name}-east"), 0, 1)]).await;
    }
    let output = watch(&ns.west, &["--once", "--max-moves", "1/500ms"]).run().await.success();
    assert_eq!(output.stdout.lines().count(), 3, "{output}");
}

async fn delay(side: &Side, delay: &str) {
    let note = json!({"failover.linkerd.io/failover-delay": delay});
    side.edit_split("web", json!({"metadata": {"annotations": note}})).await;
}
