//! The question, on a terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::web;
use crate::support::{Side, TestNamespace, plugin};

/// Types an answer to what a command asks on a terminal; gives what the terminal shows, and the exit code.
async fn answering(side: &Side, command: &str, answer: &str) -> (String, Option<i32>) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let path = ptsname(&terminal, Vec::new()).unwrap();
    let path = std::ffi::OsStr::from_bytes(path.as_bytes());
    let end = || Stdio::from(File::options().read(true).write(true).open(path).unwrap());
    let words: Vec<&str> = command.split(' ').collect();
    let mut command = plugin().args(words).on(side).command();
    command.stdin(end()).stdout(end()).stderr(end());
    let mut child = command.spawn().unwrap();
    // The last handles on this side, without which reading ends with the child.
    drop(command);

    let answer = format!("{answer}\n");
    let shown = tokio::task::spawn_blocking(move || {
        let mut terminal = File::from(terminal);
        let mut shown = Vec::new();
        let mut chunk = [0; 1024];
        let mut answered = false;
        while let Ok(count @ 1..) = terminal.read(&mut chunk) {
            shown.extend_from_slice(&chunk[..count]);
            if !answered && String::from_utf8_lossy(&shown).contains("[y/N] ") {
                terminal.write_all(answer.as_bytes()).unwrap();
                answered = true;
            }
        }
        String::from_utf8_lossy(&shown).into_owned()
    });
    let status = child.wait().await.unwrap();
    (shown.await.unwrap(), status.code())
}

#[tokio::test]
async fn it_names_the_context_the_server_and_each_change() {
    let ns = TestNamespace::new("prompt").await;
    web(&ns.west, [1, 1, 1]).await;
    let version = ns.west.version("web").await;
    for answer in ["", "n", "yup"] {
        let (shown, code) = answering(&ns.west, "force web --to web-east", answer).await;
        assert!(shown.contains("context west (https://"), "{shown}");
        assert!(shown.contains(&format!("  {}/web: forced to web-east\r\n", ns.name)), "{shown}");
        assert!(shown.contains("Go on? [y/N] ") && shown.contains("nothing was changed"), "{shown}");
        assert_eq!(code, Some(4), "{answer:?}: {shown}");
        assert_eq!(ns.west.version("web").await, version);
    }
    let (shown, code) = answering(&ns.west, "force web --to web-east", "y").await;
    assert_eq!(code, Some(0), "{shown}");
    ns.west.until_weights("web", &[0, 1, 0]).await;
    let (shown, code) = answering(&ns.west, "failback web", "Yes").await;
    assert!(shown.contains("/web: the override is ended\r\n"), "{shown}");
    assert_eq!(code, Some(0), "{shown}");
    ns.west.until_weights("web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn it_is_not_asked_where_nothing_would_change() {
    let ns = TestNamespace::new("prompt-none").await;
    web(&ns.west, [1, 0, 1]).await;
    for (command, code) in [("failback web", 0), ("force web --to web-east", 4), ("pause web", 0)] {
        let (shown, ended) = answering(&ns.west, command, "y").await;
        assert!(!shown.contains("Go on?"), "{shown}");
        assert_eq!(ended, Some(code), "{shown}");
    }
    let (shown, code) = answering(&ns.west, "force web --to web-central --dry-run=server", "y").await;
    assert!(!shown.contains("Go on?") && code == Some(0), "{shown}");
}
