//! `watch` in a container of the image, on a real API server.

use std::os::unix::fs::PermissionsExt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::Kubeconfig;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{
    Image, Running, Side, TestNamespace, free_port, operator_rights, restricted_kubeconfig, shared,
    token,
};

#[tokio::test]
async fn a_container_of_the_image_fails_over_and_back() {
    let ns = TestNamespace::new("image").await;
    let west = &ns.west;
    west.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let _kubeconfig = restricted_kubeconfig(west, "operator", &operator_rights()).await;
    let (variables, certificate) = server(west);
    let account = account_files(west, "operator", &certificate).await;
    let metrics = format!("--metrics=127.0.0.1:{}", free_port());
    let args = ["watch".to_owned(), metrics];
    let image = tokio::task::spawn_blocking(Image::new);
    let image = image.await.expect("the image is made");
    let container = image.container(account.path(), &variables, &args);
    let mut watch = Running::start(Command::from(container));
    watch.stderr_line_containing("watching 1 group").await;
    west.ready("web", 0).await;
    watch.line_containing("web -> web-east").await;
    west.until_weights("web", &[0, 1]).await;
    west.ready("web", 1).await;
    west.until_weights("web", &[1, 0]).await;
    let (status, _, errors) = watch.end_and_collect(Signal::TERM).await;
    assert_eq!(status.code(), Some(0), "{errors:#?}");
    let complaints: Vec<_> = errors
        .iter()
        .filter(|line| line.contains("warning") || line.contains("error"))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// The API server, as a pod learns of it, and its CA certificate.
fn server(side: &Side) -> ([(String, String); 2], Vec<u8>) {
    let config = Kubeconfig::read_from(shared().kubeconfig()).expect("the kubeconfig");
    let named = config
        .clusters
        .into_iter()
        .find(|it| it.name == side.context);
    let cluster = named.and_then(|it| it.cluster).expect("the cluster");
    let address = cluster.server.expect("an address");
    let address = address.strip_prefix("https://").expect("an address");
    let (host, port) = address.split_once(':').expect("a port");
    let certificate = cluster.certificate_authority_data.expect("a certificate");
    let variables = [
        ("KUBERNETES_SERVICE_HOST".to_owned(), host.to_owned()),
        ("KUBERNETES_SERVICE_PORT".to_owned(), port.to_owned()),
    ];
    let certificate = STANDARD.decode(certificate).expect("base64");
    (variables, certificate)
}

/// The files that a pod has of a ServiceAccount.
async fn account_files(side: &Side, name: &str, certificate: &[u8]) -> TempDir {
    let files = tempfile::tempdir().expect("a folder");
    let everyone = PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(files.path(), everyone).expect("others may look into it");
    let write = |name: &str, content: &[u8]| {
        std::fs::write(files.path().join(name), content).expect("a file");
    };
    write("token", token(side, name).await.as_bytes());
    write("ca.crt", certificate);
    write("namespace", side.namespace.as_bytes());
    files
}
