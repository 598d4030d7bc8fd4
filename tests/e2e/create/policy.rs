//! Policies from flags.

use serde_json::json;

use super::{create, namespace, only_split};

const POLICY: [&str; 12] = [
    "--policy",
    "active-active",
    "--weights",
    "web-svc=1,web-svc-east=2",
    "--min-ready",
    "50%",
    "--failover-delay",
    "10s",
    "--failback-delay",
    "1m30s",
    "--failback",
    "manual",
];

#[tokio::test]
async fn a_policy_is_written_and_compared() {
    let ns = namespace("create-policy", &["web-svc-east"]).await;
    let output = create(&ns.west, "web-svc-east")
        .args(POLICY)
        .run()
        .await
        .success();
    output.stderr_contains("watch shares it");
    let expected = json!({
        "failover.linkerd.io/primary-service": "web-svc",
        "failover.linkerd.io/policy": "active-active",
        "failover.linkerd.io/weights": "web-svc=1,web-svc-east=2",
        "failover.linkerd.io/min-ready": "50%",
        "failover.linkerd.io/failover-delay": "10s",
        "failover.linkerd.io/failback-delay": "1m30s",
        "failover.linkerd.io/failback": "manual",
    });
    assert_eq!(
        json!(only_split(&ns.west).await.metadata.annotations),
        expected
    );

    let unchanged = "trafficsplit.split.smi-spec.io/web-svc-failover unchanged\n";
    create(&ns.west, "web-svc-east")
        .args(POLICY)
        .run()
        .await
        .success()
        .stdout_is(unchanged);
    let mut other_words = POLICY;
    (other_words[3], other_words[9]) = ("web-svc-east=2", "90s");
    create(&ns.west, "web-svc-east")
        .args(other_words)
        .run()
        .await
        .success()
        .stdout_is(unchanged);
    let mut different = POLICY;
    different[5] = "2";
    let output = create(&ns.west, "web-svc-east")
        .args(different)
        .run()
        .await
        .code(1);
    output
        .stderr_contains("min-ready: 50% → 2\n")
        .stderr_lacks("failback:")
        .stderr_contains("kubectl failover set web-svc-failover --min-ready 2 --context west");
}
