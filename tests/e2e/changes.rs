//! `force`, `failback`, `pause` and `resume`.

mod expiry;
mod force;
mod forces_of_others;
mod game_day;
mod pause;
mod prompt;
mod refusals;
mod rivals;
mod several;
mod upstream;
mod waiting;
mod writes;

use std::path::Path;

use serde_json::Value;

use crate::support::{Output, Plugin, Side, plugin};

/// West's three services with these ready endpoints. `web` is the primary and has the traffic.
async fn web(side: &Side, ready: [u8; 3]) {
    let [web, east, central] = ready;
    side.group(
        "web",
        &[
            ("web", 1, web),
            ("web-east", 0, east),
            ("web-central", 0, central),
        ],
    )
    .await;
}

/// A command as an operator types it, with --yes.
fn order(side: &Side, command: &str) -> Plugin {
    let mut words: Vec<&str> = command.split(' ').collect();
    if matches!(words[0], "force" | "failback") {
        words.push("--yes");
    }
    plugin().args(words).on(side)
}

async fn run(side: &Side, command: &str) -> Output {
    order(side, command).run().await
}

async fn run_through(side: &Side, kubeconfig: &Path, command: &str) -> Output {
    order(side, command).kubeconfig(kubeconfig).run().await
}

/// A group in the output of `status -o json`.
async fn status(side: &Side, name: &str) -> Value {
    let output = plugin()
        .args(["status", name, "-o", "json"])
        .on(side)
        .run()
        .await
        .success();
    output.json()["items"][0].clone()
}

/// One of the plugin's annotations. Null if there is none.
async fn annotation(side: &Side, name: &str, key: &str) -> Value {
    side.split(name).await["metadata"]["annotations"][format!("failover.linkerd.io/{key}")].clone()
}

/// The override of a group.
async fn override_of(side: &Side, name: &str) -> Value {
    let note = annotation(side, name, "override").await;
    note.as_str()
        .map(|note| serde_json::from_str(note).unwrap())
        .unwrap_or_default()
}

/// Waits until the watch has received everything before: it handles an outage of another group.
async fn seen_by_the_loop(side: &Side) {
    side.group("mark", &[("mark", 1, 0), ("mark-east", 0, 1)])
        .await;
    side.until_weights("mark", &[0, 1]).await;
}

/// Checks that a group's traffic is on its primary again, without an override.
async fn assert_home(side: &Side, name: &str, weights: &[u64]) {
    side.until_weights(name, weights).await;
    assert_eq!(annotation(side, name, "override").await, Value::Null);
    assert_eq!(annotation(side, name, "primary-service").await, "web");
}
