//! The view of `status -w` on a terminal: its keys, at several sizes.

use std::time::Duration;

use http::Method;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Fault, FaultProxy, Plugin, Pty, Side, TestNamespace, plugin};

const SIZES: [(u16, u16); 3] = [(40, 10), (80, 24), (200, 50)];
const DOWN: &str = "\u{1b}[B";
const PAGE_DOWN: &str = "\u{1b}[6~";
const HOME: &str = "\u{1b}[H";
const END: &str = "\u{1b}[F";
const ESCAPE: &str = "\u{1b}";
const ENTER: &str = "\r";

fn view(side: &Side, args: &[&str]) -> Plugin {
    plugin().args(["status", "-w"]).args(args.to_vec()).on(side)
}

/// The weights of the group `web`.
async fn weights(side: &Side) -> Vec<Value> {
    let backends = side.weights("web").await.into_iter();
    backends.map(|(_, weight)| weight).collect()
}

/// Quits with `q`, and returns what stays on the terminal.
async fn quit(mut view: Pty) -> String {
    view.keys("q");
    let (code, written) = view.wait().await;
    assert_eq!(code, Some(0), "{written}");
    let (_, after) = written
        .rsplit_once("\u{1b}[?1049l")
        .expect("the terminal's own screen is restored");
    after.to_owned()
}

#[tokio::test]
async fn groups_are_scrolled_and_filtered_at_each_size() {
    let ns = TestNamespace::new("viewscroll").await;
    ns.west.bare_service("web").await;
    ns.west.bare_service("web-east").await;
    ns.west.ready("web", 1).await;
    for number in 0..60 {
        let name = format!("g{number:02}");
        ns.west.bare_service(&name).await;
        let weights = [(name.as_str(), 1), ("web-east", 0)];
        ns.west.traffic_split(&name, &name, &weights).await;
    }
    for (columns, rows) in SIZES {
        let mut view = Pty::start(view(&ns.west, &[]).command(), columns, rows);
        view.until_frame("the first groups", |frame| {
            frame.contains("60 groups") && frame.contains("g00") && !frame.contains("g59")
        })
        .await;
        view.keys(END);
        view.until_frame("the last groups", |frame| {
            frame.contains("g59") && !frame.contains("g00")
        })
        .await;
        view.keys(HOME);
        view.until_shown("g00").await;
        view.keys(&PAGE_DOWN.repeat(30));
        view.until_shown("g59").await;
        view.keys("/g4");
        view.until_shown("/g4").await;
        view.keys(ENTER);
        view.until_frame("what matches", |frame| {
            frame.contains("10 of 60") && frame.contains("g40") && !frame.contains("g59")
        })
        .await;
        view.keys(ESCAPE);
        view.until_shown("60 groups").await;
        quit(view).await;
    }
}

#[tokio::test]
async fn traffic_is_forced_and_failed_back_after_a_question_at_each_size() {
    let ns = TestNamespace::new("viewforce").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    for (columns, rows) in SIZES {
        let mut view = Pty::start(view(&ns.west, &[]).command(), columns, rows);
        view.until_shown("Primary").await;
        view.keys("f");
        let frame = view.until_shown("to which backend?").await;
        assert!(frame.contains("web-east  1/2 ready"), "{frame}");
        view.keys(ENTER);
        view.until_shown("Continue? [y/N]").await;
        view.keys("n");
        view.until_frame("the table", |frame| frame.contains("STATE"))
            .await;
        assert_eq!(weights(&ns.west).await, [1, 0], "nothing was confirmed");
        view.keys("f");
        view.until_shown("to which backend?").await;
        view.keys(ENTER);
        view.until_shown("Continue? [y/N]").await;
        view.keys("y");
        view.until_shown("forced to web-east").await;
        assert_eq!(weights(&ns.west).await, [0, 1]);
        view.keys(ESCAPE);
        view.until_frame("the table", |frame| {
            frame.contains("STATE") && frame.contains("Overridden")
        })
        .await;

        view.keys(ENTER);
        view.until_frame("details", |frame| {
            frame.contains("Esc back") && frame.contains("(w1)")
        })
        .await;
        view.keys("h");
        view.until_shown("History of web").await;
        view.until_frame("the move", |frame| frame.contains("forced"))
            .await;
        view.keys(ESCAPE);
        view.until_frame("the table", |frame| {
            frame.contains("STATE") && frame.contains("Overridden")
        })
        .await;

        view.keys("b");
        view.until_shown("Continue? [y/N]").await;
        view.keys("y");
        view.until_shown("ended the override").await;
        assert_eq!(weights(&ns.west).await, [1, 0]);
        view.keys(ESCAPE);
        view.until_frame("the table", |frame| {
            frame.contains("STATE") && frame.contains("Primary")
        })
        .await;
        let after = quit(view).await;
        assert!(
            after.contains("Changes:") && after.contains("Primary -> Overridden"),
            "{after}"
        );
        let (_, table) = after.split_once("\r\n\r\n").expect("the table is last");
        assert!(
            table.contains("STATE") && table.contains("Primary"),
            "{after}"
        );
    }
}

/// The checks are those of the command.
#[tokio::test]
async fn a_refusal_is_shown_in_the_view() {
    let ns = TestNamespace::new("viewrefused").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 0)])
        .await;
    let mut view = Pty::start(view(&ns.west, &[]).command(), 80, 24);
    view.until_shown("Primary").await;
    view.keys("f");
    view.until_shown("to which backend?").await;
    view.keys(ENTER);
    let frame = view.until_shown("refused: ").await;
    assert!(frame.contains("--allow=unready"), "{frame}");
    assert_eq!(weights(&ns.west).await, [1, 0]);
    view.keys(ENTER);
    view.until_shown("Primary").await;
    view.keys("?");
    view.until_shown("PgUp").await;
    quit(view).await;
}

#[tokio::test]
async fn a_silent_api_server_is_noticed_after_five_seconds() {
    let ns = TestNamespace::new("viewsilent").await;
    ns.west.group("web", &[("web", 1, 1)]).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let command = view(&ns.west, &[]).kubeconfig(proxy.kubeconfig()).command();
    let view = Pty::start(command, 80, 24);
    view.until_shown("Primary").await;
    proxy.until_seen(Method::GET, "/version", 1).await;
    proxy.inject(Method::GET, "/version", usize::MAX, Fault::Hang);
    view.until_shown("last heard ").await;
    proxy.heal();
    view.until_frame("the table alone", |frame| !frame.contains("last heard"))
        .await;
    quit(view).await;
}

#[tokio::test]
async fn groups_of_several_clusters_are_in_one_view() {
    let ns = TestNamespace::new("viewclusters").await;
    ns.west.group("web", &[("web", 1, 1)]).await;
    ns.east.group("mail", &[("mail", 1, 0)]).await;
    let command = plugin()
        .args(["status", "-w", "--contexts", "west,east", "-n", &ns.name])
        .command();
    let mut view = Pty::start(command, 120, 24);
    let frame = view
        .until_frame("both groups", |frame| {
            frame.contains("web") && frame.contains("mail")
        })
        .await;
    assert!(
        frame.contains("2 groups in 2 clusters (west, east)"),
        "{frame}"
    );
    view.keys("/east");
    view.until_shown("1 of 2 groups").await;
    view.keys(ENTER);
    view.keys(DOWN);
    let after = quit(view).await;
    assert!(
        after.contains("CLUSTER") && after.contains("mail"),
        "{after}"
    );
}

#[tokio::test]
async fn a_suspended_view_comes_back() {
    let ns = TestNamespace::new("viewstop").await;
    ns.west.group("web", &[("web", 1, 1)]).await;
    let mut view = Pty::start(view(&ns.west, &[]).command(), 80, 24);
    view.until_shown("Primary").await;
    view.keys("\u{1a}");
    view.until("\u{1b}[?1049l").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    view.signal(Signal::CONT);
    view.until_shown("Primary").await;
    quit(view).await;
}
