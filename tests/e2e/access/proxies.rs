//! Proxies from the kubeconfig and from the environment.

use crate::support::{ConnectProxy, Plugin, kubeconfig_with, plugin};

#[tokio::test]
async fn the_kubeconfig_names_a_proxy() {
    let proxy = ConnectProxy::start().await;
    let kubeconfig = kubeconfig_with(|config| {
        for cluster in config
            .clusters
            .iter_mut()
            .filter_map(|entry| entry.cluster.as_mut())
        {
            cluster.proxy_url = Some(proxy.url.clone());
        }
    });
    status().kubeconfig(kubeconfig.path()).run().await.success();
    assert!(proxy.tunnels() > 0);
}

#[tokio::test]
async fn the_environment_names_a_proxy() {
    let proxy = ConnectProxy::start().await;
    status()
        .env("HTTPS_PROXY", &proxy.url)
        .run()
        .await
        .success();
    assert!(proxy.tunnels() > 0);
}

#[tokio::test]
async fn the_environment_names_hosts_that_need_no_proxy() {
    let proxy = ConnectProxy::start().await;
    status()
        .env("HTTPS_PROXY", &proxy.url)
        .env("NO_PROXY", "127.0.0.1")
        .run()
        .await
        .success();
    assert_eq!(proxy.tunnels(), 0);
}

#[tokio::test]
async fn a_missing_proxy_is_an_ordinary_error() {
    let output = status()
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .run()
        .await
        .code(1);
    output
        .stderr_contains("the API server of context west")
        .stderr_contains("cannot be reached");
}

fn status() -> Plugin {
    let plugin = plugin().args(["status", "--context", "west"]);
    [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "NO_PROXY",
        "no_proxy",
    ]
    .into_iter()
    .fold(plugin, Plugin::without_env)
}
