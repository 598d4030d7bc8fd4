//! The credentials that each cluster has for the others.

use k8s_openapi::api::core::v1::{Endpoints, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};

use crate::support::TestNamespace;

#[tokio::test]
async fn the_credentials_of_a_link_only_read_services_and_endpoints() {
    let ns = TestNamespace::new("links").await;
    ns.east.bare_service("web-svc").await;
    ns.east.ready("web-svc", 1).await;

    let secrets: Api<Secret> = Api::namespaced(ns.west.client.clone(), "linkerd-multicluster");
    let secret = secrets.get("cluster-credentials-east").await.unwrap();
    assert_eq!(
        secret.type_.as_deref(),
        Some("mirror.linkerd.io/remote-kubeconfig")
    );
    let client = client(&secret.data.unwrap()["kubeconfig"].0).await;

    let services: Api<Service> = Api::namespaced(client.clone(), &ns.name);
    assert!(
        services.get_opt("web-svc").await.unwrap().is_some(),
        "this is not the cluster east"
    );
    let slices: Api<EndpointSlice> = Api::all(client.clone());
    assert!(
        !slices
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    Api::<Endpoints>::all(client.clone())
        .list(&ListParams::default())
        .await
        .unwrap();

    refused(
        Api::<Secret>::all(client)
            .list(&ListParams::default())
            .await,
    );
    refused(services.delete("web-svc", &DeleteParams::default()).await);
}

async fn client(kubeconfig: &[u8]) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(std::str::from_utf8(kubeconfig).unwrap()).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

#[track_caller]
fn refused<T>(answer: kube::Result<T>) {
    match answer {
        Err(kube::Error::Api(status)) if status.code == 403 => {}
        Err(cause) => panic!("{cause}"),
        Ok(_) => panic!("it was allowed"),
    }
}
