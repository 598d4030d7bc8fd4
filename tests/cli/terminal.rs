//! Colors, widths and closed pipes.

use std::process::Stdio;

use serde_json::json;
use unicode_width::UnicodeWidthStr as _;

use super::scripted::{cluster, on, split};
use crate::support::{BINARY, Output, Plugin, ScriptedServer, run};

const ESCAPE: char = '\u{1b}';

#[tokio::test]
async fn colors_appear_only_where_they_are_wanted() {
    let server = cluster(json!([split("web", "me")])).await;
    let status = async |args: &[&str], no_color: bool| {
        let plugin = on(&server).args(["status"]).args(args.to_vec());
        let plugin = if no_color {
            plugin
        } else {
            plugin.without_env("NO_COLOR")
        };
        plugin.run().await.success().stdout
    };
    for args in [
        &[][..],
        &["--color", "auto"],
        &["--color=never"],
        &["--color=always", "-o", "name"],
    ] {
        assert!(!status(args, false).await.contains(ESCAPE), "{args:?}");
    }
    assert!(status(&["--color", "always"], false).await.contains(ESCAPE));
    let coloured = status(&["--color", "always"], true).await;
    assert!(
        coloured.contains("\u{1b}[31mUnavailable"),
        "the flag says more than NO_COLOR: {coloured:?}"
    );
}

#[test]
fn help_and_usage_errors_follow_the_flag() {
    assert!(
        run(BINARY, ["--color=always", "--help"])
            .success()
            .stdout
            .contains(ESCAPE)
    );
    assert!(
        !run(BINARY, ["--color=never", "--help"])
            .success()
            .stdout
            .contains(ESCAPE)
    );
    assert!(
        run(BINARY, ["status", "--bogus", "--color", "always"])
            .code(2)
            .stderr
            .contains(ESCAPE)
    );
    run(BINARY, ["--color=pink"])
        .code(2)
        .stderr_contains("possible values: auto, always, never");
}

/// Some characters are two columns wide, and some have no width.
#[tokio::test]
async fn columns_align_with_wide_characters() {
    let names = [
        "plain",
        "東京の運用担当者",
        "e\u{301}quipe\u{301}",
        "ひらがな@ホスト",
    ];
    let groups: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(number, by)| split(&format!("web-{number}"), by))
        .collect();
    let server = cluster(json!(groups)).await;
    let table = on(&server)
        .args(["status", "-o", "wide"])
        .run()
        .await
        .success()
        .stdout;
    let columns: Vec<usize> = std::iter::once("WHY")
        .chain(std::iter::repeat_n("because", names.len()))
        .zip(table.lines())
        .map(|(text, line)| {
            line.split_once(text)
                .unwrap_or_else(|| panic!("{line}\n{table}"))
                .0
                .width()
        })
        .collect();
    assert!(
        columns.iter().all(|column| *column == columns[0]),
        "{columns:?}\n{table}"
    );
}

/// The reader of a pipe may stop at any time.
#[tokio::test]
async fn a_closed_pipe_is_not_a_failure() {
    let server = cluster(json!([split("web", "me")])).await;
    for args in [
        &["status"][..],
        &["status", "-o", "json"],
        &["completion", "bash"],
        &["--help"],
        &["__complete", ""],
    ] {
        let output = without_reader(&server, args).await.success();
        output.stderr_is_empty();
    }
}

#[tokio::test]
async fn a_full_disk_is_a_failure_for_help_too() {
    for args in [&["--help"][..], &["--version"], &["completion", "bash"]] {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let plugin = crate::support::plugin()
            .without_clusters()
            .args(args.to_vec());
        let mut command = plugin.command();
        command
            .stdout(full.expect("there is /dev/full"))
            .stderr(Stdio::piped());
        let child = command.spawn().expect("the plugin starts");
        let output = child.wait_with_output().await.expect("the plugin ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains("cannot write to standard output"), "{said}");
    }
}

/// Runs with a standard output whose reader has gone.
async fn without_reader(server: &ScriptedServer, args: &[&str]) -> Output {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let plugin: Plugin = crate::support::plugin()
        .without_clusters()
        .without_kubeconfig()
        .args(args.to_vec());
    let plugin = if args[0] == "status" {
        plugin.args(["--server", &server.url, "--token", "t"])
    } else {
        plugin
    };
    let mut command = plugin.command();
    let line = format!("{:?}", command.as_std());
    let child = command
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the plugin starts");
    drop(command);
    Output::new(
        line,
        child.wait_with_output().await.expect("the plugin ends"),
    )
}

#[tokio::test]
async fn a_closed_standard_error_is_not_a_failure() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = crate::support::plugin()
        .without_clusters()
        .without_kubeconfig()
        .args(["status", "-v"])
        .command();
    let status = command
        .stdout(Stdio::null())
        .stderr(writer)
        .status()
        .await
        .expect("the plugin starts");
    assert_eq!(status.code(), Some(1), "no panic, which would be 101");
}
