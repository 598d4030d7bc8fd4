//! `--on-transition`: a program that runs for each event.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{TestNamespace, end, eventually, plugin, processes_mentioning, watching};

/// Signals within a second of the first one count as the same request.
const SECOND_REQUEST: Duration = Duration::from_millis(1500);

/// A program in a folder of its own, which it finds by `$(dirname "$0")`.
fn script(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("hook");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("the script is written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
        .expect("the script may be run");
    (folder, path)
}

async fn until_there(path: &Path) -> String {
    eventually("the hook has written", async || {
        std::fs::read_to_string(path).map_err(|cause| cause.to_string())
    })
    .await
}

#[tokio::test]
async fn the_move_is_in_its_environment_and_on_its_input() {
    let ns = TestNamespace::new("hook").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let (folder, hook) = script(
        "cd \"$(dirname \"$0\")\"\nenv | grep ^FAILOVER_ | sort > environment\ncat > input\n\
         printf '%s\\n' \"$@\" > words\necho noise\nmv words arguments",
    );
    let command = format!("{} 'two words' $HOME;ls", hook.display());
    let mut watch = watching(&ns.west, &["-o", "json", "--on-transition", &command]).await;
    ns.west.ready("web", 0).await;
    let line = watch.line().await;
    let arguments = until_there(&folder.path().join("arguments")).await;
    assert_eq!(arguments, "two words\n$HOME;ls\n", "no shell has read them");

    let input = until_there(&folder.path().join("input")).await;
    assert_eq!(input.trim_end(), line, "the same as on standard output");
    let told: Value = serde_json::from_str(&line).unwrap();
    let expected = format!(
        "FAILOVER_APEX=web\nFAILOVER_BY={}\nFAILOVER_CONTEXT=west\nFAILOVER_EVENT=moved\n\
         FAILOVER_FROM=web\nFAILOVER_GROUP=web\nFAILOVER_NAMESPACE={}\nFAILOVER_OBJECT=trafficsplit\n\
         FAILOVER_SEVERITY=info\nFAILOVER_TIME={}\nFAILOVER_TO=web-east\n\
         FAILOVER_UNVERIFIED=false\nFAILOVER_WHY=web has no ready endpoints (0 of 1)\n",
        ns.west.last_move("web").await["by"].as_str().unwrap(),
        ns.name,
        told["time"].as_str().unwrap(),
    );
    assert_eq!(
        until_there(&folder.path().join("environment")).await,
        expected
    );
    let rest = end(watch).await;
    assert!(
        rest.stdout.is_empty(),
        "what it prints is not mixed with the moves: {rest:?}"
    );
}

#[tokio::test]
async fn a_failed_hook_is_logged_and_delays_nothing() {
    let ns = TestNamespace::new("hook-fails").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let (_folder, hook) = script("printf 'first\\n\\033[2Jlast words\\n\\n' >&2; exit 3");
    let mut watch = watching(&ns.west, &["--on-transition", &hook.display().to_string()]).await;
    ns.west.ready("web", 0).await;
    watch.line_containing("web -> web-east").await;
    let line = watch
        .stderr_line_containing("the hook failed with exit status: 3")
        .await;
    assert!(
        line.ends_with(":  [2Jlast words") || line.ends_with(": [2Jlast words"),
        "{line:?}"
    );
    ns.west.ready("web", 1).await;
    watch.line_containing("web-east -> web").await;
    end(watch).await;
}

#[tokio::test]
async fn a_hanging_hook_is_killed_with_its_children() {
    let ns = TestNamespace::new("hook-hangs").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let marker = format!("86{}", std::process::id());
    let command = format!("sh -c 'sleep {marker} & wait'");
    let mut watch = watching(&ns.west, &["--on-transition", &command]).await;
    // More than may run at once.
    for _ in 0..3 {
        ns.west.ready("web", 0).await;
        watch.line_containing("web -> web-east").await;
        ns.west.ready("web", 1).await;
        watch.line_containing("web-east -> web").await;
    }
    let sleepers = || processes_mentioning(&format!("sleep {marker}")).into_iter();
    let sleepers = || sleepers().filter(|line| line.starts_with("sleep")).count();
    eventually("as many run as may", async || match sleepers() {
        4 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
    let rest = end(watch).await;
    let said = "killed 4 hooks that were still running 5 s after the end; the hooks of 2 more events never ran";
    assert_eq!(rest.complaints(said), 1, "{rest:?}");
    eventually("none is left", async || match sleepers() {
        0 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
}

#[tokio::test]
async fn a_second_signal_ends_running_hooks() {
    let ns = TestNamespace::new("hook-signals").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let marker = format!("87{}", std::process::id());
    let mut watch = watching(
        &ns.west,
        &["--on-transition", &format!("sh -c 'sleep {marker} & wait'")],
    )
    .await;
    ns.west.ready("web", 0).await;
    watch.line_containing("web -> web-east").await;
    let sleeps = || {
        processes_mentioning(&format!("sleep {marker}"))
            .iter()
            .any(|line| line.starts_with("sleep"))
    };
    eventually("it runs", async || {
        if sleeps() {
            Ok(())
        } else {
            Err("not yet".to_owned())
        }
    })
    .await;
    kill_process(watch.pid(), Signal::TERM).unwrap();
    watch
        .stderr_line_containing("again to exit immediately")
        .await;
    tokio::time::sleep(SECOND_REQUEST).await;
    let (status, _, errors) = watch.end_and_collect(Signal::TERM).await;
    assert_eq!(status.code(), Some(143), "{errors:?}");
    eventually("none is left", async || {
        if sleeps() {
            Err("it runs".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
}

#[tokio::test]
async fn a_missing_program_is_reported_at_once() {
    let ns = TestNamespace::new("hook-missing").await;
    let run = plugin()
        .args(["watch", "--on-transition", "/nowhere/to-be-found now"])
        .on(&ns.west);
    run.run()
        .await
        .code(1)
        .stderr_contains("program \"/nowhere/to-be-found\" not found");
}

#[tokio::test]
async fn a_file_that_is_not_a_program_is_reported_at_once() {
    let ns = TestNamespace::new("hook-no-program").await;
    let run = plugin()
        .args(["watch", "--on-transition", "/etc/passwd"])
        .on(&ns.west);
    let output = run
        .run()
        .await
        .code(1)
        .stderr_contains("\"/etc/passwd\" is not executable");
    output.stderr_contains("chmod +x /etc/passwd");
}

/// What commands, others and outages do to a group, seen by a watch of it.
#[tokio::test]
async fn hooks_run_for_what_others_do_as_well() {
    let ns = TestNamespace::new("hook-events").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let (folder, hook) = script(
        "printf '%s %s %s\\n' \"$FAILOVER_EVENT\" \"$FAILOVER_SEVERITY\" \"${FAILOVER_BY%%[@(]*}\" \
         >> \"$(dirname \"$0\")/events\"",
    );
    let watch = watching(side, &["--on-transition", &hook.display().to_string()]).await;
    let path = folder.path().join("events");
    let until = async |events: &[&str]| {
        eventually("the hooks have run", async || {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            if lines == events { Ok(()) } else { Err(text) }
        })
        .await;
    };
    let run = async |line: &str| {
        let words = line.split(' ').map(str::to_owned);
        plugin().args(words).on(side).run().await.success()
    };
    let mut expected = Vec::new();
    let steps = [
        ("force web --to web --yes", "forced info admin"),
        ("force web --to web-east --yes", "replaced info admin"),
        ("failback web --yes", "failback info admin"),
        ("set web --failover-delay 1s", "set info linkerd-failover"),
        ("pause web", "paused info admin"),
        ("resume web", "resumed info linkerd-failover"),
    ];
    for (line, event) in steps {
        run(line).await;
        expected.push(event);
        until(&expected).await;
    }
    run("pause web").await;
    expected.push("paused info admin");
    until(&expected).await;
    side.set_weights("web", &[("web", 1), ("web-east", 1)])
        .await;
    expected.push("edited warning kubectl-edit");
    until(&expected).await;
    side.set_weights("web", &[("web", 1), ("web-east", 0)])
        .await;
    expected.push("edited warning kubectl-edit");
    until(&expected).await;
    for (ready, event) in [(0, "down warning "), (1, "recovered info ")] {
        side.ready("web", ready).await;
        expected.push(event);
        until(&expected).await;
    }
    for (ready, event) in [(0, "exposed warning "), (1, "recovered info ")] {
        side.ready("web-east", ready).await;
        expected.push(event);
        until(&expected).await;
    }
    end(watch).await;
}
