//! The HTTP stack under a client.

use std::time::Duration;

use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::{Client, Config};
use tower::filter::AsyncFilterLayer;
use tower::util::option_layer;
use tower::{BoxError, Layer as _, ServiceBuilder, service_fn};

use super::auth::token_source::Authorization;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client that sends the first request on a new connection at once (TCP_NODELAY, which kube leaves off),
/// and never repeats a request by itself. Behind a proxy kube's own stack is used. Blocks while a program runs that
/// gives credentials.
pub fn client(mut config: Config) -> kube::Result<Client> {
    config.default_retry = false;
    let authorization = option_layer(Authorization::take(&mut config)?.map(AsyncFilterLayer::new));
    if config.proxy_url.is_some() {
        let namespace = config.default_namespace.clone();
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
    let default_namespace = config.default_namespace.clone();
    Ok(Client::new(service, default_namespace))
}
