//! The HTTP stack of a client. It is kube's, except that connections set TCP_NODELAY: with kube's
//! connector, the first request of each connection takes about 40 ms longer. kube's `ClientBuilder`
//! can replace this file once kube sets the option (<https://github.com/kube-rs/kube/issues/2056>),
//! and tells a SOCKS proxy its user and password.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use hyper::rt::{Read, Write};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection as Connected, HttpConnector};
use hyper_util::rt::TokioExecutor;
use kube::client::middleware::ExtraHeadersLayer;
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use secrecy::ExposeSecret as _;
use tower::filter::AsyncFilterLayer;
use tower::util::option_layer;
use tower::{BoxError, Service, ServiceBuilder};

use super::auth::authentication::Authentication;
use super::auth::credentials::CredentialsError;
use super::auth::renewal::Renewal;
use super::auth::token_source::AuthorizationFilter;
use super::kubeconfig::Connection;
use super::proxy::{Login, Proxy};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client, and when its credentials are to be renewed.
pub struct BuiltClient {
    pub client: Client,
    pub(crate) renewal: Option<Renewal>,
}

impl std::fmt::Debug for BuiltClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuiltClient")
            .field("renewal", &self.renewal)
            .finish_non_exhaustive()
    }
}

/// Builds a client that never repeats a request on its own.
///
/// Credential plugins run for any length of time, on a thread for blocking work, so that other
/// clusters' requests, time limits and signals are handled meanwhile.
///
/// # Errors
/// If the configuration cannot be used, or credentials cannot be obtained: then it has a
/// `CredentialsError` as its cause.
pub async fn client(connection: impl Into<Connection>) -> kube::Result<BuiltClient> {
    let connection = connection.into();
    let building = tokio::task::spawn_blocking(move || build(connection));
    building
        .await
        .unwrap_or_else(|cause| Err(kube::Error::Service(cause.into())))
}

fn build(connection: Connection) -> kube::Result<BuiltClient> {
    let Connection { mut config, proxy } = connection;
    let failed = |cause: CredentialsError| kube::Error::Service(cause.into());
    let extra_headers = config.extra_headers_layer()?;
    let Authentication {
        authorization,
        identity,
        renewal,
    } = Authentication::take(&mut config).map_err(failed)?;
    let mut tls = config.rustls_client_config()?;
    if let Some(identity) = identity {
        let resolver = identity.resolver(tls.crypto_provider());
        tls.client_auth_cert_resolver = resolver.map_err(failed)?;
    }
    let stack = Stack {
        tls,
        authorization,
        extra_headers,
        config,
    };
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let client = match proxy {
        None => stack.over(tcp),
        Some(Proxy { uri, login, .. }) => match uri.scheme_str() {
            Some("http") => stack.over(tunnel(uri, login, tcp)),
            Some("https") => {
                let tls = HttpsConnector::from((tcp, stack.tls.clone()));
                stack.over(tunnel(uri, login, tls))
            }
            // Like Go, the proxy resolves the names of hosts for socks5 and for socks5h.
            _ => {
                let socks = SocksV5::new(uri, tcp);
                stack.over(match login {
                    Some(Login { user, password }) => {
                        socks.with_auth(user, password.expose_secret().to_owned())
                    }
                    None => socks,
                })
            }
        },
    };
    Ok(BuiltClient {
        client: client?,
        renewal,
    })
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

/// The layers above a connector.
struct Stack {
    tls: ClientConfig,
    authorization: Option<AuthorizationFilter>,
    extra_headers: ExtraHeadersLayer,
    config: Config,
}

impl Stack {
    /// Builds a client over a connector of TCP connections or of tunnels.
    fn over<C>(self, connector: C) -> kube::Result<Client>
    where
        C: Service<Uri> + Clone + Send + Sync + 'static,
        C::Response: Connected + Read + Write + Send + Unpin + 'static,
        C::Future: Send + 'static,
        C::Error: Into<BoxError>,
    {
        let mut https = HttpsConnectorBuilder::new()
            .with_tls_config(self.tls)
            .https_or_http();
        if let Some(name) = &self.config.tls_server_name {
            let name = ServerName::try_from(name.clone());
            let name = name.map_err(|cause| kube::Error::Service(cause.into()))?;
            https = https.with_server_name_resolver(FixedServerNameResolver::new(name));
        }
        let https = https.enable_http1().wrap_connector(connector);
        let service = ServiceBuilder::new()
            .layer(self.config.base_uri_layer())
            .layer(option_layer(self.authorization.map(AsyncFilterLayer::new)))
            .layer(self.extra_headers)
            .map_err(BoxError::from)
            .service(legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(https));
        Ok(Client::new(service, self.config.default_namespace))
    }
}
