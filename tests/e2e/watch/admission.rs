//! Admission: webhooks that hang, policies that deny, and objects that are full.

use serde_json::{Value, json};

use crate::support::{
    Admitted, DenyingPolicy, TestNamespace, end, hanging_webhook, plugin, remove_webhook, watching,
};

const WEBHOOK_SECONDS: u64 = 7;

#[tokio::test]
async fn a_write_that_a_webhook_holds_up_succeeds() {
    let ns = TestNamespace::new("webhook").await;
    for name in ["web", "mail"] {
        let east = format!("{name}-east");
        ns.west.group(name, &[(name, 1, 1), (&east, 0, 1)]).await;
    }
    let mut watch = watching(&ns.west, &[]).await;
    hanging_webhook(&ns.west, Admitted::TrafficSplits, WEBHOOK_SECONDS).await;
    let force = async {
        let args = ["force", "mail", "--to", "mail-east", "--yes"];
        plugin().args(args).on(&ns.west).run().await.success();
    };
    let move_by_watch = async {
        ns.west.ready("web", 0).await;
        watch
            .stderr_line_containing("may hold the write up; still waiting")
            .await;
        ns.west.until_weights("web", &[0, 1]).await;
    };
    tokio::join!(force, move_by_watch);
    let rest = end(watch).await;
    assert_eq!(rest.complaints("retrying"), 0, "{rest:?}");
    remove_webhook(&ns.west).await;
}

#[tokio::test]
async fn a_denial_is_reported_once_in_the_servers_words() {
    let ns = TestNamespace::new("denied").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    for reason in ["Invalid", "RequestEntityTooLarge", "Forbidden"] {
        let policy = DenyingPolicy::install(&ns.west, Admitted::TrafficSplits, reason).await;
        let once = plugin()
            .args(["watch", "--once", "--timeout", "15s"])
            .on(&ns.west);
        let output = once.run().await.code(1);
        let words = output.stderr.matches("frozen until Monday").count();
        assert_eq!(words, 1, "{reason}: {output}");
        let force = plugin()
            .args(["force", "web", "--to", "web-east", "--yes"])
            .on(&ns.west);
        force
            .run()
            .await
            .code(1)
            .stderr_contains("frozen until Monday");
        policy.remove().await;
    }
}

#[tokio::test]
async fn traffic_moves_even_if_the_note_of_the_move_does_not_fit() {
    let ns = TestNamespace::new("full").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    // Kubernetes allows 256 KiB of annotations.
    let known = ns.west.split("web").await["metadata"]["annotations"].clone();
    let size = |(key, value): (&String, &Value)| key.len() + value.as_str().map_or(0, str::len);
    let used: usize = known.as_object().unwrap().iter().map(size).sum();
    let filling = "x".repeat(256 * 1024 - used - "filling".len());
    ns.west
        .edit_split(
            "web",
            json!({"metadata": {"annotations": {"filling": filling}}}),
        )
        .await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.ready("web", 0).await;
    ns.west.until_weights("web", &[0, 1]).await;
    ns.west.ready("web", 1).await;
    ns.west.until_weights("web", &[1, 0]).await;
    end(watch).await;
}
