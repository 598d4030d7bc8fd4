//! The HTTP stack of a client. It is kube's, except that connections set TCP_NODELAY: with kube's
//! connector, the first request of each connection takes about 40 ms longer. kube's `ClientBuilder`
//! can replace this file once kube sets the option (<https://github.com/kube-rs/kube/issues/2056>),
//! and tells a SOCKS proxy its user and password.

use std::error::Error;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use hyper::rt::{Read, Write};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection as Connected, HttpConnector};
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use secrecy::ExposeSecret as _;
use tower::filter::AsyncFilterLayer;
use tower::util::option_layer;
use tower::{BoxError, Service, ServiceBuilder};

use super::auth::token_source::AuthorizationFilter;
use super::kubeconfig::Connection;
use super::proxy::{Login, Proxy};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Builds a client that never repeats a request on its own.
///
/// kube runs credential plugins synchronously, for any length of time. They run on a thread for
/// blocking work, so that other clusters' requests, time limits and signals are handled meanwhile.
///
/// # Errors
/// If the configuration cannot be used, or credentials cannot be obtained.
pub async fn client(connection: impl Into<Connection>) -> kube::Result<Client> {
    let connection = connection.into();
    let building = tokio::task::spawn_blocking(move || build(connection));
    building
        .await
        .unwrap_or_else(|cause| Err(kube::Error::Service(cause.into())))
}

fn build(connection: Connection) -> kube::Result<Client> {
    let Connection { mut config, proxy } = connection;
    let authorization = AuthorizationFilter::take(&mut config)?;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    match proxy {
        None => over(tcp, &config, authorization),
        Some(Proxy { uri, login, .. }) => match uri.scheme_str() {
            Some("http") => over(tunnel(uri, login, tcp), &config, authorization),
            Some("https") => {
                let tls = config.rustls_https_connector_with_connector(tcp)?;
                over(tunnel(uri, login, tls), &config, authorization)
            }
            // Like Go, the proxy resolves the names of hosts for socks5 and for socks5h.
            _ => {
                let socks = SocksV5::new(uri, tcp);
                let socks = match login {
                    Some(Login { user, password }) => {
                        socks.with_auth(user, password.expose_secret().to_owned())
                    }
                    None => socks,
                };
                over(socks, &config, authorization)
            }
        },
    }
}

fn tunnel<C>(proxy: Uri, login: Option<Login>, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy, connector);
    let header = login.and_then(|Login { user, password }| {
        let encoded = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
        HeaderValue::try_from(format!("Basic {encoded}")).ok()
    });
    match header {
        Some(header) => tunnel.with_auth(header),
        None => tunnel,
    }
}

/// Builds a client over a connector of TCP connections or of tunnels.
fn over<C>(
    connector: C,
    config: &Config,
    authorization: Option<AuthorizationFilter>,
) -> kube::Result<Client>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connected + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let tls = config.rustls_https_connector_with_connector(connector)?;
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(option_layer(authorization.map(AsyncFilterLayer::new)))
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(tls));
    Ok(Client::new(service, config.default_namespace.clone()))
}
