//! The question, on a terminal.

use super::web;
use crate::support::{Pty, Side, TestNamespace, plugin};

const QUESTION: &str = "Go on? [y/N] ";

fn on_a_terminal(side: &Side, command: &str) -> Pty {
    let words: Vec<&str> = command.split(' ').collect();
    Pty::start(plugin().args(words).on(side).command(), 200, 50)
}

/// Types an answer to what a command asks; gives what the terminal shows, and the exit code.
async fn answering(side: &Side, command: &str, answer: &str) -> (String, Option<i32>) {
    let mut terminal = on_a_terminal(side, command);
    terminal.answer(QUESTION, answer).await;
    let (code, shown) = terminal.wait().await;
    (shown, code)
}

#[tokio::test]
async fn it_names_the_context_the_server_and_each_change() {
    let ns = TestNamespace::new("prompt").await;
    web(&ns.west, [1, 1, 1]).await;
    let version = ns.west.version("web").await;
    for answer in ["", "n", "yup"] {
        let (shown, code) = answering(&ns.west, "force web --to web-east", answer).await;
        assert!(shown.contains("context west (https://"), "{shown}");
        assert!(shown.contains(&format!("  {}/web: web -> web-east\r\n", ns.name)), "{shown}");
        assert!(shown.contains(QUESTION) && shown.contains("nothing was changed"), "{shown}");
        assert_eq!(code, Some(4), "{answer:?}: {shown}");
        assert_eq!(ns.west.version("web").await, version);
    }
    let (shown, code) = answering(&ns.west, "force web --to web-east", "y").await;
    assert_eq!(code, Some(0), "{shown}");
    ns.west.until_weights("web", &[0, 1, 0]).await;
    let (shown, code) = answering(&ns.west, "failback web", "Yes").await;
    assert!(shown.contains("/web: web-east -> web\r\n"), "{shown}");
    assert_eq!(code, Some(0), "{shown}");
    ns.west.until_weights("web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn it_is_not_asked_where_nothing_would_change() {
    let ns = TestNamespace::new("prompt-none").await;
    web(&ns.west, [1, 0, 1]).await;
    for (command, code) in [("failback web", 0), ("force web --to web-east", 4), ("pause web", 0)] {
        let (ended, shown) = on_a_terminal(&ns.west, command).wait().await;
        assert!(!shown.contains(QUESTION), "{shown}");
        assert_eq!(ended, Some(code), "{shown}");
    }
    let dry = "force web --to web-central --dry-run=server";
    let (code, shown) = on_a_terminal(&ns.west, dry).wait().await;
    assert!(!shown.contains(QUESTION) && code == Some(0), "{shown}");
}
