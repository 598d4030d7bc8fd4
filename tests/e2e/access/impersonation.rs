//! `--as`, `--as-group`, `--as-uid`.

use crate::support::{Output, TestNamespace, plugin, restricted_kubeconfig, rule};

#[tokio::test]
async fn moves_are_signed_by_the_impersonated_user() {
    let ns = TestNamespace::new("acting").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    let plugin = plugin().args([
        "--as",
        "bob",
        "watch",
        "--once",
        "--as-group",
        "system:masters",
    ]);
    plugin
        .args(["--as-group=ops", "--as-uid", "7"])
        .on(&ns.west)
        .run()
        .await
        .success();
    let by = ns.west.last_move("web").await["by"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(by.starts_with("watch (bob@"), "{by}");
}

#[tokio::test]
async fn a_user_without_rights_stays_without_rights() {
    let ns = TestNamespace::new("powerless").await;
    let output = plugin()
        .args(["status", "--as", "bob"])
        .on(&ns.west)
        .run()
        .await
        .code(1);
    output.stderr_contains("user \"bob\" cannot list trafficsplits.split.smi-spec.io");
}

#[tokio::test]
async fn forbidden_impersonation_is_reported_as_such() {
    let ns = TestNamespace::new("imposter").await;
    let kubeconfig =
        restricted_kubeconfig(&ns.west, "me", &[rule("", &["services"], &["get"])]).await;
    let status = async |args: &[&str]| -> Output {
        let plugin = plugin().args(["status"]).args(args.to_vec()).on(&ns.west);
        plugin
            .kubeconfig(kubeconfig.path())
            .run()
            .await
            .code(1)
            .stdout_is_empty()
    };
    for args in [&["--as", "bob"][..], &["--as", "bob", "--as-group", "ops"]] {
        status(args)
            .await
            .stderr_contains(":me\" cannot impersonate others")
            .stderr_contains(
                "kubectl --context west create clusterrole failover --verb=impersonate --resource=users",
            )
            .stderr_contains("leave out --as");
    }
}
