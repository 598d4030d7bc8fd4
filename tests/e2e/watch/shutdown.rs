//! Watches that end when a condition is met or their time is over, and other ends.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::process::Command;

use crate::support::{Plugin, Pty, Running, Side, TestNamespace, plugin, started};

fn watch(side: &Side, args: &[&str]) -> Plugin {
    plugin().args(["watch"]).args(args.to_vec()).on(side)
}

#[tokio::test]
async fn until_a_condition_holds() {
    let ns = TestNamespace::new("until").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let args = [
        "--until",
        "failover",
        "--until",
        "active=web-east",
        "--timeout",
        "1m",
    ];
    let mut running = started(watch(&ns.west, &args)).await;
    ns.west.ready("web", 0).await;
    running.line_containing("web -> web-east").await;
    let (status, _, errors) = running.wait_and_collect().await;
    assert_eq!(status.code(), Some(0), "{errors:?}");
    assert!(
        errors
            .iter()
            .any(|line| line
                .ends_with("Z conditions met: Failover and active=web-east; shutting down")),
        "{errors:?}"
    );
    assert_eq!(ns.west.lease_holder().await, "");
}

#[tokio::test]
async fn a_timeout_is_reported() {
    let ns = TestNamespace::new("until-late").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let output = watch(&ns.west, &["--until", "failover", "--timeout", "2s"])
        .run()
        .await
        .code(3);
    let output = output
        .stdout_is_empty()
        .stderr_contains("error: timed out after 2 s waiting for Failover");
    output
        .stderr_contains("web is Primary")
        .stderr_contains("waiting for Failover");
    assert_eq!(ns.west.lease_holder().await, "");
}

#[tokio::test]
async fn a_run_with_a_time_limit_ends_with_success() {
    let ns = TestNamespace::new("run-for").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    let output = watch(&ns.west, &["--run-for", "2s"]).run().await.success();
    output
        .stdout_contains("web -> web-east")
        .stderr_contains("--run-for elapsed");
    assert_eq!(ns.west.lease_holder().await, "");
}

#[tokio::test]
async fn once_waits_for_delays_up_to_its_time_limit() {
    let ns = TestNamespace::new("once-delay").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    delay(&ns.west, "1h").await;
    let output = watch(&ns.west, &["--once", "--timeout", "3s"])
        .run()
        .await
        .code(3)
        .stdout_is_empty();
    output
        .stderr_contains("timed out after 3 s: some groups are not up to date yet")
        .stderr_contains("/web: its move has to wait");
    assert_eq!(ns.west.lease_holder().await, "");

    delay(&ns.west, "1s").await;
    let output = watch(&ns.west, &["--once", "--timeout", "1m"])
        .run()
        .await
        .success();
    output.stdout_contains("web -> web-east");
}

#[tokio::test]
async fn once_waits_for_the_rate_limit() {
    let ns = TestNamespace::new("once-brake").await;
    for name in ["one", "two", "three"] {
        ns.west
            .group(name, &[(name, 1, 0), (&format!("{name}-east"), 0, 1)])
            .await;
    }
    let output = watch(&ns.west, &["--once", "--max-moves", "1/500ms"])
        .run()
        .await
        .success();
    assert_eq!(output.stdout.lines().count(), 3, "{output}");
}

async fn delay(side: &Side, delay: &str) {
    let note = json!({"failover.linkerd.io/failover-delay": delay});
    side.edit_split("web", json!({"metadata": {"annotations": note}}))
        .await;
}

#[tokio::test]
async fn other_signals_shut_it_down_like_ctrl_c() {
    let ns = TestNamespace::new("signals").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    for (ready, signal, words) in [
        (0, Signal::TERM, "received SIGTERM, shutting down"),
        (1, Signal::HUP, "SIGHUP"),
    ] {
        ns.west.ready("web", ready).await;
        let mut running = started(watch(&ns.west, &[])).await;
        // By then it holds the Lease.
        running.line_containing(" -> ").await;
        let (status, _, errors) = running.end_and_collect(signal).await;
        assert_eq!(status.code(), Some(0), "{errors:?}");
        assert!(errors.iter().any(|line| line.contains(words)), "{errors:?}");
        assert_eq!(ns.west.lease_holder().await, "");
    }
}

#[tokio::test]
async fn nohup_keeps_it_running() {
    let ns = TestNamespace::new("nohup").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let plain = watch(&ns.west, &[]).command();
    let plain = plain.as_std();
    let mut command = Command::new("nohup");
    command
        .arg(plain.get_program())
        .args(plain.get_args())
        .stdin(Stdio::null());
    for (name, value) in plain.get_envs() {
        value.map(|value| command.env(name, value));
    }
    let mut running = Running::start(command);
    running.stderr_line_containing("watching").await;
    kill_process(running.pid(), Signal::HUP).unwrap();
    ns.west.ready("web", 0).await;
    running.line_containing("web -> web-east").await;
    assert_eq!(running.end_with(Signal::INT).await.code(), Some(0));
}

#[tokio::test]
async fn a_closed_terminal_shuts_it_down() {
    let ns = TestNamespace::new("hangup").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    let terminal = Pty::start(watch(&ns.west, &[]).command(), 80, 24);
    terminal.until("web -> web-east").await;
    assert_ne!(ns.west.lease_holder().await, "");
    assert_eq!(terminal.hang_up().await, Some(0));
    assert_eq!(ns.west.lease_holder().await, "");
}

/// Both streams are pipes without room for another byte.
#[tokio::test]
async fn output_that_is_not_read_delays_no_move() {
    let ns = TestNamespace::new("unread").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let (reader, mut writer) = std::io::pipe().unwrap();
    // The capacity of a pipe.
    writer.write_all(&[b'\n'; 65_536]).unwrap();
    let mut command = watch(&ns.west, &["-v"]).command();
    let mut child = command
        .stdout(writer.try_clone().unwrap())
        .stderr(writer)
        .spawn()
        .unwrap();
    drop(command);
    for (ready, weights) in [(0, [0, 1]), (1, [1, 0]), (0, [0, 1])] {
        ns.west.ready("web", ready).await;
        ns.west.until_weights("web", &weights).await;
    }
    let pid = child
        .id()
        .and_then(|pid| Pid::from_raw(pid.try_into().ok()?))
        .unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let status = tokio::time::timeout(Duration::from_secs(20), child.wait())
        .await
        .expect("it ends");
    assert_eq!(status.unwrap().code(), Some(0));
    assert_eq!(ns.west.lease_holder().await, "");
    drop(reader);
}

#[tokio::test]
async fn a_closed_standard_output_shuts_it_down() {
    let ns = TestNamespace::new("closed").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = watch(&ns.west, &[]).command();
    let mut child = command
        .stdout(writer)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = tokio::time::timeout(Duration::from_secs(20), child.wait())
        .await
        .expect("it ends");
    assert_eq!(status.unwrap().code(), Some(0));
    assert_eq!(ns.west.lease_holder().await, "");
}

#[tokio::test]
async fn moves_are_logged_as_text_beside_json_output() {
    let ns = TestNamespace::new("both").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    let output = watch(&ns.west, &["--once", "-o", "json"])
        .run()
        .await
        .success();
    output
        .stdout_contains("\"kind\":\"Transition\"")
        .stderr_contains("/web: web -> web-east: ");
    ns.west.ready("web", 1).await;
    let output = watch(&ns.west, &["--once"]).run().await.success();
    output
        .stdout_contains("web-east -> web: ")
        .stderr_lacks("web-east -> web: ");
}
