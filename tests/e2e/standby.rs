//! Backends that stand by with a tiny weight.

mod commands;
mod upstream;
mod watch;

use serde_json::{Value, json};

use crate::support::{Output, Side, plugin};

const ALL: u64 = 429_495;

/// A command as an operator types it, with --yes.
async fn run(side: &Side, command: &str) -> Output {
    let mut words: Vec<&str> = command.split(' ').collect();
    if matches!(words[0], "force" | "failback") {
        words.push("--yes");
    }
    plugin().args(words).on(side).run().await
}

async fn status(side: &Side) -> Value {
    let status = run(side, "status web -o json").await.success().json();
    status["items"][0].clone()
}

/// Sets an annotation as `kubectl annotate` does.
async fn annotate(side: &Side, key: &str, value: impl Into<Value>) {
    let value = value.into();
    let patch =
        json!({"metadata": {"annotations": {(format!("failover.linkerd.io/{key}")): value}}});
    side.edit_split("web", patch).await;
}
