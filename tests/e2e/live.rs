//! `status --watch`: lines, JSON Lines and the live table on a terminal.

use std::process::Stdio;
use std::time::Duration;

use http::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::time::timeout;

use crate::support::{
    Fault, FaultProxy, Plugin, Pty, Running, Side, TestNamespace, documented, plugin,
    restricted_kubeconfig, rule,
};

const GROUP: &[(&str, u32, u8)] = &[("web", 1, 1), ("web-east", 0, 1)];

#[tokio::test]
async fn a_line_for_each_change_without_a_terminal() {
    let ns = TestNamespace::new("lines").await;
    ns.west.group("web", GROUP).await;
    let mut watch = command(&ns.west, &["-w"]).spawn();
    let group = format!("Z {}/web: ", ns.name);
    let first = watch.line().await;
    assert!(
        first.ends_with(&format!(
            "{group}Primary, active web: web has 1 of 2 endpoints ready"
        )),
        "{first}"
    );
    ns.west.ready("web", 0).await;
    let line = watch.line().await;
    let expected = "web lost its last ready endpoint (Primary -> Down): all traffic still goes to web, which has no \
                    ready endpoints; web-east is ready, but no watch is running to fail over";
    assert!(line.ends_with(&format!("{group}{expected}")), "{line}");
    ns.west
        .set_weights("web", &[("web", 0), ("web-east", 1)])
        .await;
    let line = watch.line().await;
    let expected =
        "Down -> Failover, active web -> web-east -redundant: web has no ready endpoints (0 of 1)";
    assert!(line.ends_with(&format!("{group}{expected}")), "{line}");
    ns.west
        .group("mail", &[("mail", 1, 1), ("mail-east", 0, 0)])
        .await;
    watch
        .line_containing("/mail: appeared, Primary, active mail")
        .await;
    ns.west
        .traffic_splits()
        .delete("mail", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    watch.line_containing("/mail: gone, was Primary").await;
    let (status, rest, errors) = watch.end_and_collect(Signal::INT).await;
    assert_eq!(
        (status.code(), rest.len(), errors.len()),
        (Some(0), 0, 0),
        "{rest:?} {errors:?}"
    );
}

/// Programs read these: a change here breaks them.
#[tokio::test]
async fn the_shape_of_the_json_lines() {
    let ns = TestNamespace::new("jsonlines").await;
    ns.west.group("web", GROUP).await;
    let mut watch = command(&ns.west, &["web", "--watch", "-o", "json"]).spawn();
    let first = json_of(&mut watch).await;
    let expected = [
        "active",
        "apex",
        "apiVersion",
        "backends",
        "change",
        "changed",
        "context",
        "flags",
        "kind",
        "name",
        "namespace",
        "next",
        "object",
        "previous",
        "primary",
        "reason",
        "runner",
        "since",
        "state",
        "then",
        "time",
    ];
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let without_then: Vec<&str> = expected.into_iter().filter(|key| *key != "then").collect();
    assert_eq!(keys(&first), without_then);
    assert_eq!(first["apiVersion"], "cli.failover.linkerd.io/v1");
    let plain = json!([
        first["kind"],
        first["change"],
        first["previous"],
        first["state"],
        first["context"]
    ]);
    assert_eq!(
        plain,
        json!(["StatusChange", "initial", null, "Primary", "west"])
    );

    ns.west.ready("web", 0).await;
    let mut second = json_of(&mut watch).await;
    assert_eq!(keys(&second), expected);
    documented(&second);
    assert_eq!(second["change"], "changed");
    let previous = json!({"state": "Primary", "flags": ["redundant", "unattended", "exposed"], "active": ["web"]});
    assert_eq!(second["previous"], previous);
    assert_eq!(second["state"], "Down");
    let backend = second["backends"][0].as_object_mut().unwrap();
    assert!(
        backend
            .remove("since")
            .is_some_and(|since| since.is_string())
    );
    assert_eq!(
        second["backends"][0],
        json!({"name": "web", "weight": 1, "ready": 0, "total": 1, "exists": true})
    );

    ns.west.ready("web-east", 2).await;
    let third = json_of(&mut watch).await;
    assert_eq!(
        third["backends"][1]["ready"], 2,
        "numbers are changes too: {third}"
    );
    assert_eq!(watch.end_with(Signal::TERM).await.code(), Some(0));
}

#[tokio::test]
async fn a_lost_connection_is_reported_and_no_change_is_missed() {
    let ns = TestNamespace::new("lost").await;
    ns.west.group("web", GROUP).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let mut watch = command(&ns.west, &["-w"])
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    watch.line_containing("Primary").await;
    proxy
        .until_seen(Method::GET, "endpointslices?watch", 1)
        .await;
    proxy.inject(Method::GET, "/", usize::MAX, Fault::CutBefore);
    proxy.cut_streams();
    watch.stderr_line_containing("connection lost: ").await;
    ns.west.ready("web", 0).await;
    proxy.heal();
    watch.stderr_line_containing("reconnected").await;
    watch.line_containing("Primary -> Down").await;
    assert_eq!(watch.seen.len(), 2, "{:?}", watch.seen);
    assert_eq!(watch.end_with(Signal::INT).await.code(), Some(0));
}

/// A retry would not help.
#[tokio::test]
async fn a_missing_right_to_watch_is_reported() {
    let ns = TestNamespace::new("nowatch").await;
    ns.west.group("web", GROUP).await;
    let rights = [
        rule("split.smi-spec.io", &["trafficsplits"], &["get", "list"]),
        rule("discovery.k8s.io", &["endpointslices"], &["list", "watch"]),
    ];
    let user = restricted_kubeconfig(&ns.west, "reader", &rights).await;
    let output = command(&ns.west, &["-w"])
        .kubeconfig(user.path())
        .run()
        .await
        .code(1);
    output
        .stderr_contains("cannot watch trafficsplits.split.smi-spec.io in namespace")
        .stderr_contains("kubectl failover check --rbac status")
        .stderr_lacks("connection lost");
}

#[tokio::test]
async fn formats_without_lines_are_refused() {
    for format in ["yaml", "name"] {
        let output = plugin()
            .without_clusters()
            .args(["status", "-w", "-o", format])
            .run()
            .await
            .code(2);
        output.stderr_contains("use --output table, wide or json");
    }
}

#[tokio::test]
async fn a_live_table_on_a_terminal() {
    let ns = TestNamespace::new("table").await;
    ns.west.group("web", GROUP).await;
    let table = Pty::start(command(&ns.west, &["-w"]).command(), 120, 24);
    let frame = table
        .until_frame("the group", |frame| frame.contains("Primary"))
        .await;
    assert!(
        frame.contains(&format!("1 group in namespace {} (context west)", ns.name)),
        "{frame}"
    );
    ns.west.ready("web", 0).await;
    let frame = table
        .until_frame("a transition", |frame| frame.contains("Last changes:"))
        .await;
    assert!(
        frame.contains("Down") && frame.contains("(Primary -> Down)"),
        "{frame}"
    );
    assert!(
        frame.contains("and stay covered: kubectl failover watch"),
        "{frame}"
    );
    assert!(table.shows_coloured("Down", 1), "states have colours");

    table.resize(48, 8);
    let frame = table
        .until_frame("a smaller table", |frame| {
            frame.lines().count() <= 8 && frame.contains("more lines")
        })
        .await;
    assert!(
        frame.contains("Down") && frame.contains("more lines"),
        "{frame}"
    );
    assert_eq!(
        table.written().matches("\u{1b}[2J").count(),
        2,
        "the screen is cleared at the start, and when its size has changed"
    );

    table.resize(120, 24);
    table
        .until_frame("the whole table", |frame| !frame.contains("more lines"))
        .await;
    table.signal(Signal::INT);
    let (code, written) = table.wait().await;
    assert_eq!(code, Some(0), "{written}");
    let (_, after) = written
        .rsplit_once("\u{1b}[?1049l")
        .expect("the screen is restored");
    assert!(
        after.contains("Down"),
        "what was seen last stays: {after:?}"
    );
    let restored = "\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l";
    assert!(
        written.contains(restored),
        "the cursor and line ends are restored"
    );
}

#[tokio::test]
async fn it_ends_when_its_output_is_closed() {
    let ns = TestNamespace::new("unread").await;
    ns.west.group("web", GROUP).await;
    let mut command = command(&ns.west, &["-w"]).command();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(
        lines
            .next_line()
            .await
            .unwrap()
            .unwrap()
            .contains("Primary")
    );
    drop(lines);
    let ended = timeout(Duration::from_secs(30), child.wait())
        .await
        .expect("it ends though nothing changes");
    assert!(ended.unwrap().success());
}

/// The terminal would wrap lines in the middle of words.
#[tokio::test]
async fn a_narrow_terminal_shows_two_lines_for_each_group() {
    const COLUMNS: u16 = 40;
    let ns = TestNamespace::new("narrow").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    let (code, written) = Pty::start(command(&ns.west, &[]).command(), COLUMNS, 24)
        .wait()
        .await;
    let colours = ["31", "32", "33", "39"].map(|code| format!("\u{1b}[{code}m"));
    let plain = colours
        .iter()
        .fold(written.clone(), |text, colour| text.replace(colour, ""));
    let lines: Vec<&str> = plain.lines().map(str::trim_end).collect();
    assert_eq!(code, Some(0), "{written}");
    let fits =
        |line: &&str| line.chars().count() <= usize::from(COLUMNS) || line.contains(": kubectl ");
    assert!(lines.iter().all(fits), "{plain}");
    assert!(
        lines[0].starts_with("NAME  STATE") && !lines[0].contains("BACKENDS"),
        "{plain}"
    );
    assert_eq!(lines[2], "  0/1 web, 1/2 web-east", "{plain}");
    let next = format!(
        "  and stay covered: kubectl failover watch --context west -n {}",
        ns.name
    );
    assert!(
        lines.contains(&next.as_str()),
        "what is to be pasted stays whole: {plain}"
    );
    let (_, written) = Pty::start(command(&ns.west, &[]).command(), 200, 24)
        .wait()
        .await;
    assert!(
        written.lines().next().unwrap().contains("BACKENDS"),
        "{written}"
    );
}

#[tokio::test]
async fn a_live_table_stays_while_the_connection_is_lost() {
    let ns = TestNamespace::new("livelost").await;
    ns.west.group("web", GROUP).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let command = command(&ns.west, &["-w"])
        .kubeconfig(proxy.kubeconfig())
        .command();
    let table = Pty::start(command, 120, 24);
    table
        .until_frame("the group", |frame| frame.contains("Primary"))
        .await;
    proxy.inject(Method::GET, "/", usize::MAX, Fault::CutBefore);
    proxy.cut_streams();
    let frame = table
        .until_frame("the loss", |frame| frame.contains("CONNECTION LOST"))
        .await;
    assert!(
        frame.contains("Primary") && frame.contains("reconnecting"),
        "{frame}"
    );
    proxy.heal();
    table
        .until_frame("the table alone", |frame| {
            !frame.contains("CONNECTION LOST")
        })
        .await;
    table.signal(Signal::TERM);
    let (code, written) = table.wait().await;
    assert_eq!(code, Some(0), "{written}");
    assert!(!written.contains("Unknown"), "{written}");
}

/// Annotations must not be able to control the terminals of their readers.
#[tokio::test]
async fn control_characters_from_a_cluster_are_not_printed() {
    let ns = TestNamespace::new("liveescapes").await;
    ns.west.group("web", GROUP).await;
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\n\u{202e}";
    let primary = json!({"failover.linkerd.io/primary-service": format!("web{evil}")});
    ns.west
        .edit_split("web", json!({"metadata": {"annotations": primary}}))
        .await;
    for format in ["table", "json"] {
        let mut watch = command(&ns.west, &["-w", "-o", format]).spawn();
        let line = watch.line().await;
        let harmful = |letter: char| letter.is_control() || letter == '\u{202e}';
        assert!(
            line.contains("Invalid") && !line.contains(harmful),
            "{line:?}"
        );
        watch.end_with(Signal::INT).await;
    }
    let table = Pty::start(command(&ns.west, &["-w", "-o", "wide"]).command(), 120, 24);
    table
        .until_frame("the group", |frame| frame.contains("Invalid"))
        .await;
    table.signal(Signal::INT);
    let (_, written) = table.wait().await;
    assert!(
        !written.contains("]0;owned\u{7}") && !written.contains('\u{202e}'),
        "{written:?}"
    );
    assert_eq!(written.matches("\u{1b}[2J").count(), 1, "{written:?}");
}

async fn json_of(watch: &mut Running) -> Value {
    let line = watch.line().await;
    serde_json::from_str(&line).unwrap_or_else(|cause| panic!("{cause}: {line}"))
}

fn command(side: &Side, args: &[&str]) -> Plugin {
    plugin().args(["status"]).args(args.to_vec()).on(side)
}
