//! The confirmation prompt on a terminal.

use jiff::Timestamp;
use kube::api::DeleteParams;
use rustix::process::Signal;
use serde_json::json;

use super::{override_of, run, web};
use crate::support::{Pty, Side, TestNamespace, eventually, plugin};

const QUESTION: &str = "Continue? [y/N] ";

fn on_a_terminal(side: &Side, command: &str) -> Pty {
    let words: Vec<&str> = command.split(' ').collect();
    Pty::start(plugin().args(words).on(side).command(), 200, 50)
}

/// Types an answer to the prompt of a command. Returns the terminal's content and the exit code.
async fn answering(side: &Side, command: &str, answer: &str) -> (String, Option<i32>) {
    let mut terminal = on_a_terminal(side, command);
    terminal.answer(QUESTION, answer).await;
    let (code, shown) = terminal.wait().await;
    (shown, code)
}

#[tokio::test]
async fn the_prompt_names_the_context_the_server_and_each_change() {
    let ns = TestNamespace::new("prompt").await;
    web(&ns.west, [1, 1, 1]).await;
    let version = ns.west.version("web").await;
    for answer in ["", "n", "yup"] {
        let (shown, code) = answering(&ns.west, "force web --to web-east", answer).await;
        assert!(shown.contains("context west (https://"), "{shown}");
        assert!(
            shown.contains(&format!(
                "  {}/web: web (1 of 2 ready) → web-east (1 of 2 ready), until you run failback\r\n",
                ns.name
            )),
            "{shown}"
        );
        assert!(
            shown.contains(QUESTION) && shown.contains("nothing was changed"),
            "{shown}"
        );
        assert_eq!(code, Some(4), "{answer:?}: {shown}");
        assert_eq!(ns.west.version("web").await, version);
    }
    let (shown, code) = answering(&ns.west, "force web --to web-east", "y").await;
    assert_eq!(code, Some(0), "{shown}");
    ns.west.until_weights("web", &[0, 1, 0]).await;
    let (shown, code) = answering(&ns.west, "failback web", "Yes").await;
    assert!(
        shown.contains(
            "/web: web-east (1 of 2 ready) → web (1 of 2 ready), ends the force to web-east by "
        ),
        "{shown}"
    );
    assert_eq!(code, Some(0), "{shown}");
    ns.west.until_weights("web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn an_interrupt_means_no() {
    let ns = TestNamespace::new("prompt-break").await;
    web(&ns.west, [1, 1, 1]).await;
    let version = ns.west.version("web").await;
    let terminal = on_a_terminal(&ns.west, "force web --to web-east");
    terminal.until(QUESTION).await;
    terminal.signal(Signal::INT);
    let (code, shown) = terminal.wait().await;
    assert!(shown.contains("nothing was changed"), "{shown}");
    assert_eq!(
        (code, ns.west.version("web").await),
        (Some(4), version),
        "{shown}"
    );
}

/// Time spent at the prompt does not count.
#[tokio::test]
async fn the_duration_starts_at_the_answer() {
    let ns = TestNamespace::new("prompt-end").await;
    web(&ns.west, [1, 1, 1]).await;
    let mut terminal = on_a_terminal(&ns.west, "force web --to web-east --duration 1h");
    terminal.until(QUESTION).await;
    let asked = Timestamp::now();
    let later = std::time::Duration::from_secs(2);
    eventually("somebody has thought about it", async || {
        let thought = Timestamp::now().duration_since(asked);
        if thought.unsigned_abs() >= later {
            Ok(())
        } else {
            Err(format!("{thought:#}"))
        }
    })
    .await;
    terminal.answer(QUESTION, "y").await;
    let (code, shown) = terminal.wait().await;
    assert_eq!(code, Some(0), "{shown}");
    let until: Timestamp = override_of(&ns.west, "web").await["until"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let lasts = until.duration_since(asked);
    assert!(lasts.as_secs() > 3600, "{lasts:#}");
}

#[tokio::test]
async fn there_is_no_prompt_without_a_change() {
    let ns = TestNamespace::new("prompt-none").await;
    web(&ns.west, [1, 0, 1]).await;
    for (command, code) in [
        ("failback web", 0),
        ("force web --to web-east", 4),
        ("pause web", 0),
    ] {
        let (ended, shown) = on_a_terminal(&ns.west, command).wait().await;
        assert!(!shown.contains(QUESTION), "{shown}");
        assert_eq!(ended, Some(code), "{shown}");
    }
    let dry = "force web --to web-central --dry-run=server";
    let (code, shown) = on_a_terminal(&ns.west, dry).wait().await;
    assert!(!shown.contains(QUESTION) && code == Some(0), "{shown}");
}

#[tokio::test]
async fn the_prompt_names_the_expiry_the_reason_and_the_replaced_override() {
    let ns = TestNamespace::new("prompt-terms").await;
    web(&ns.west, [1, 1, 1]).await;
    run(&ns.west, "force web --to web-east").await.success();
    run(&ns.west, "pause web").await.success();
    let command = "force web --to web-central --duration 1h --reason drill";
    let (shown, _) = answering(&ns.west, command, "n").await;
    assert!(
        shown.contains("/web: web-east (1 of 2 ready) → web-central (1 of 2 ready), until 2"),
        "{shown}"
    );
    assert!(
        shown.contains(", reason: drill, replaces the force to web-east by "),
        "{shown}"
    );
    assert!(shown.contains(", paused by "), "{shown}");
}

/// An answer applies to what was shown, not to later changes of others.
#[tokio::test]
async fn changes_of_others_during_the_prompt_are_not_overwritten() {
    let ns = TestNamespace::new("prompt-others").await;
    web(&ns.west, [1, 1, 1]).await;
    for (other, now) in [
        ("force web --to web-east", "now forced to web-east by "),
        ("pause web", "now paused by "),
        ("failback web", "now not forced"),
    ] {
        let mut terminal = on_a_terminal(&ns.west, "force web --to web-central");
        terminal.until(QUESTION).await;
        run(&ns.west, other).await.success();
        let version = ns.west.version("web").await;
        terminal.answer(QUESTION, "y").await;
        let (code, shown) = terminal.wait().await;
        assert!(
            shown.contains(&format!("changed during the prompt: {now}")),
            "{shown}"
        );
        assert_eq!(
            (code, ns.west.version("web").await),
            (Some(4), version),
            "{shown}"
        );
    }
    let mut terminal = on_a_terminal(&ns.west, "force web --to web-central");
    terminal.until(QUESTION).await;
    ns.west
        .edit_split("web", json!({"metadata": {"labels": {"touched": "yes"}}}))
        .await;
    terminal.answer(QUESTION, "y").await;
    let (code, shown) = terminal.wait().await;
    assert_eq!(code, Some(0), "what is no order does not matter: {shown}");
}

#[tokio::test]
async fn a_group_that_is_deleted_during_the_prompt_is_reported() {
    let ns = TestNamespace::new("prompt-gone").await;
    web(&ns.west, [1, 1, 1]).await;
    let mut terminal = on_a_terminal(&ns.west, "force web --to web-east");
    terminal.until(QUESTION).await;
    ns.west
        .traffic_splits()
        .delete("web", &DeleteParams::default())
        .await
        .unwrap();
    terminal.answer(QUESTION, "y").await;
    let (code, shown) = terminal.wait().await;
    assert!(
        shown.contains("group web does not exist any more"),
        "{shown}"
    );
    assert_eq!(code, Some(1), "{shown}");
}
