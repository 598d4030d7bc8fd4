//! Proxies from the kubeconfig and from the environment.

use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::support::{ConnectProxy, Plugin, is_here, kubeconfig_with, plugin};

const VARIABLES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// The name of the API server. It exists only at the proxy.
const HOST: &str = "api.corp.example";

#[tokio::test]
async fn the_kubeconfig_names_a_proxy() {
    let proxy = ConnectProxy::start().await;
    let kubeconfig = behind(Some(&proxy.url));
    // NO_PROXY is about the proxies of the environment.
    let plugin = status(&kubeconfig).env("NO_PROXY", "*");
    plugin.run().await.success();
    assert!(proxy.tunnels() > 0);
    assert!(proxy.seen()[0].starts_with(HOST), "{:?}", proxy.seen());
}

#[tokio::test]
async fn a_socks_proxy_gets_the_name_of_the_host_and_the_password() {
    for scheme in ["socks5", "socks5h"] {
        let proxy = ConnectProxy::start().await;
        let url = format!("{scheme}://me:p%40ss@{}", proxy.address);
        let kubeconfig = behind(Some(&url));
        status(&kubeconfig).run().await.success();
        let seen = proxy.seen();
        assert!(
            seen[0].starts_with(HOST) && seen[0].ends_with(" me:p@ss"),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn an_http_proxy_gets_the_password() {
    let proxy = ConnectProxy::start().await;
    let url = format!("me:p%40ss@{}", proxy.address);
    let kubeconfig = behind(None);
    status(&kubeconfig)
        .env("HTTPS_PROXY", url)
        .run()
        .await
        .success();
    let seen = proxy.seen();
    assert!(seen[0].ends_with(" Basic bWU6cEBzcw=="), "{seen:?}");
}

#[tokio::test]
async fn the_environment_names_a_proxy() {
    for variable in ["HTTPS_PROXY", "https_proxy"] {
        let proxy = ConnectProxy::start().await;
        let kubeconfig = behind(None);
        // The lists with the proxy's own address, with empty members, and with other ports.
        for no_proxy in [
            "",
            ",",
            "127.0.0.1,localhost,",
            "corp,.example.com",
            "corp.example:1",
        ] {
            let before = proxy.tunnels();
            let plugin = status(&kubeconfig).env(variable, &proxy.url);
            plugin.env("NO_PROXY", no_proxy).run().await.success();
            assert!(proxy.tunnels() > before, "{no_proxy}");
        }
    }
}

#[tokio::test]
async fn servers_of_no_proxy_and_of_this_machine_are_reached_directly() {
    let proxy = ConnectProxy::start().await;
    let kubeconfig = behind(None);
    for no_proxy in ["10.0.0.0/8,,.corp.example,*.example", "corp.example,", "*"] {
        let plugin = status(&kubeconfig).env("HTTPS_PROXY", &proxy.url);
        let output = plugin.env("NO_PROXY", no_proxy).run().await.code(1);
        // Only the proxy knows the host.
        output.stderr_contains("cannot be reached");
    }
    for no_proxy in ["", ","] {
        let plugin = plugin().args(["status", "--context", "west"]);
        let plugin = without_variables(plugin).env("HTTPS_PROXY", &proxy.url);
        plugin.env("NO_PROXY", no_proxy).run().await.success();
    }
    assert_eq!(proxy.tunnels(), 0);
}

/// Which of the members that NO_PROXY may have list the server: as kubectl sees it.
#[tokio::test]
async fn no_proxy_is_read_as_by_kubectl() {
    if !is_here("kubectl") {
        return;
    }
    let proxy = ConnectProxy::start().await;
    let kubeconfig = behind(None);
    let port = port_of(&kubeconfig);
    for no_proxy in [
        "",
        ",",
        " , ",
        "*",
        "*.",
        ".",
        "corp.example",
        "CORP.example",
        ".corp.example",
        "*.corp.example",
        "*corp.example",
        "api.corp.example",
        ".api.corp.example",
        "example.",
        "p.example",
        "http://api.corp.example",
        "api.corp.example:PORT",
        "api.corp.example:1",
        ".example:PORT",
        ":PORT",
        "127.0.0.1",
        "0.0.0.0/0",
        "::/0",
        "a b",
        "[",
        ",,example,",
    ] {
        let no_proxy = no_proxy.replace("PORT", &port);
        let before = proxy.tunnels();
        let plugin = status(&kubeconfig).env("HTTPS_PROXY", &proxy.url);
        plugin.env("NO_PROXY", &no_proxy).run().await;
        let by_plugin = proxy.tunnels() > before;
        let before = proxy.tunnels();
        let mut kubectl = Command::new("kubectl");
        kubectl.args(["--context", "west", "get", "namespace", "default"]);
        for name in VARIABLES {
            kubectl.env_remove(name);
        }
        kubectl
            .env("KUBECONFIG", kubeconfig.path())
            .env("HTTPS_PROXY", &proxy.url)
            .env("NO_PROXY", &no_proxy);
        kubectl.output().await.unwrap();
        assert_eq!(by_plugin, proxy.tunnels() > before, "{no_proxy:?}");
    }
}

fn port_of(kubeconfig: &NamedTempFile) -> String {
    let text = std::fs::read_to_string(kubeconfig.path()).unwrap();
    let config: serde_json::Value = serde_yaml::from_str(&text).unwrap();
    let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap();
    server.rsplit(':').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_missing_proxy_is_named() {
    let kubeconfig = behind(None);
    let plugin = status(&kubeconfig).env("HTTPS_PROXY", "http://me:secret@127.0.0.1:1");
    let output = plugin.run().await.code(1);
    output
        .stderr_contains("the API server of context west")
        .stderr_contains("cannot be reached through the proxy http://127.0.0.1:1 (HTTPS_PROXY)")
        .stderr_lacks("secret");
}

/// A kubeconfig whose servers have a name that only the proxy knows.
fn behind(proxy: Option<&str>) -> NamedTempFile {
    kubeconfig_with(|config| {
        let clusters = config.clusters.iter_mut();
        for cluster in clusters.filter_map(|entry| entry.cluster.as_mut()) {
            let server = cluster.server.take().unwrap();
            cluster.server = Some(server.replace("127.0.0.1", HOST));
            cluster.tls_server_name = Some("127.0.0.1".to_owned());
            cluster.proxy_url = proxy.map(str::to_owned);
        }
    })
}

fn status(kubeconfig: &NamedTempFile) -> Plugin {
    let plugin = plugin().args(["status", "--context", "west"]);
    without_variables(plugin.kubeconfig(kubeconfig.path()))
}

fn without_variables(plugin: Plugin) -> Plugin {
    VARIABLES.into_iter().fold(plugin, Plugin::without_env)
}
