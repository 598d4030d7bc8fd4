//! The HTTP stack of a client. It is kube's, except that connections set TCP_NODELAY: with kube's
//! connector, the first request of each connection takes about 40 ms longer. kube's `ClientBuilder`
//! can replace this file once kube sets the option (<https://github.com/kube-rs/kube/issues/2056>).

use std::time::Duration;

use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::{Client, Config};
use tower::filter::AsyncFilterLayer;
use tower::util::option_layer;
use tower::{BoxError, Layer as _, ServiceBuilder, service_fn};

use super::auth::token_source::AuthorizationFilter;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Builds a client that never repeats a request on its own.
///
/// kube runs credential plugins synchronously, for any length of time. They run on a thread for
/// blocking work, so that other clusters' requests, time limits and signals are handled meanwhile.
///
/// # Errors
/// If the configuration cannot be used, or credentials cannot be obtained.
pub async fn client(config: Config) -> kube::Result<Client> {
    let building = tokio::task::spawn_blocking(move || build(config));
    building
        .await
        .unwrap_or_else(|cause| Err(kube::Error::Service(cause.into())))
}

fn build(mut config: Config) -> kube::Result<Client> {
    config.default_retry = false;
    let authorization =
        option_layer(AuthorizationFilter::take(&mut config)?.map(AsyncFilterLayer::new));
    let namespace = config.default_namespace.clone();
    if config.proxy_url.is_some() {
        let proxied = ClientBuilder::try_from(config)?.build();
        let service = service_fn(move |request| {
            let proxied = proxied.clone();
            async move { proxied.send(request).await.map_err(BoxError::from) }
        });
        return Ok(Client::new(authorization.layer(service), namespace));
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let tls = config.rustls_https_connector_with_connector(tcp)?;
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(authorization)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(tls));
    Ok(Client::new(service, namespace))
}
