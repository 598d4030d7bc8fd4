//! `-v` logs each request, but no secrets.

use crate::support::{
    Output, TestNamespace, kubeconfig_with, operator_rights, plugin, restricted_kubeconfig,
    token_in,
};

#[tokio::test]
async fn requests_are_logged_without_tokens() {
    let ns = TestNamespace::new("verbose").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    let kubeconfig = restricted_kubeconfig(&ns.west, "me", &operator_rights()).await;
    let token = &token_in(kubeconfig.path());
    for verbose in ["-v", "-vv"] {
        for command in [
            &["status"][..],
            &["watch", "--once"],
            &["create", "web", "--fallback", "gone"],
        ] {
            let plugin = plugin().args([verbose]).args(command.to_vec()).on(&ns.west);
            let output: Output = plugin.kubeconfig(kubeconfig.path()).run().await;
            assert!(
                !output.stderr.contains(token) && !output.stdout.contains(token),
                "{output}"
            );
            let line = output
                .stderr
                .lines()
                .find(|line| line.contains("trafficsplits"))
                .map(str::to_owned);
            let line = line.unwrap_or_else(|| panic!("no request is shown\n{output}"));
            for part in [
                "method=GET",
                "url=\"https://127.0.0.1:",
                "status=200",
                "took=",
            ] {
                assert!(line.contains(part), "{line}");
            }
        }
    }
    // A token on the command line is not logged either.
    let output = plugin()
        .args(["status", "-vv", "--token", token])
        .on(&ns.west)
        .run()
        .await;
    assert!(!output.stderr.contains(token), "{output}");
}

#[tokio::test]
async fn a_password_in_the_address_is_used_but_not_shown() {
    let kubeconfig = kubeconfig_with(|config| {
        for cluster in config
            .clusters
            .iter_mut()
            .filter_map(|entry| entry.cluster.as_mut())
        {
            let server = cluster.server.take().unwrap_or_default();
            cluster.server = Some(server.replace("://", "://me:PASSWORD@"));
        }
    });
    let plugin = plugin().args(["status", "-A", "--context", "west", "-vv", "-o", "json"]);
    let output = plugin.kubeconfig(kubeconfig.path()).run().await.success();
    let output = output
        .stderr_contains("url=\"https://127.0.0.1:")
        .stderr_lacks("PASSWORD")
        .stdout_contains("https://127.0.0.1:");
    assert!(!output.stdout.contains("PASSWORD"), "{output}");
}
