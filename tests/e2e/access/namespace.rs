//! A context whose namespace is empty.

use serde_json::json;

use crate::support::{TestNamespace, kubeconfig_with, plugin};

/// The API server reads `/namespaces//trafficsplits` as all namespaces.
#[tokio::test]
async fn groups_of_other_namespaces_are_left_alone() {
    let ns = TestNamespace::new("nameless").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    let version = ns.west.version("web").await;
    let kubeconfig = kubeconfig_with(|config| {
        let contexts = config.contexts.iter_mut();
        for context in contexts.filter_map(|entry| entry.context.as_mut()) {
            context.namespace = Some(String::new());
        }
    });
    let commands: [&[&str]; 3] = [
        &["status"],
        &["pause", "--all", "--yes"],
        &["watch", "--once"],
    ];
    for command in commands {
        for flags in [&[][..], &["-n", ""]] {
            let plugin = plugin()
                .args(command.to_vec())
                .args(flags.to_vec())
                .context("west")
                .kubeconfig(kubeconfig.path());
            let output = plugin.run().await;
            assert!(!output.stdout.contains(&ns.name), "{output}");
            output.stderr_contains("namespace default");
        }
    }
    assert_eq!(ns.west.version("web").await, version);
    let object = ns.west.traffic_splits().get("web").await.unwrap();
    assert_eq!(object.data["spec"]["backends"][0]["weight"], json!(1));
}
