//! The client of an HTTP server that is no API server: a Prometheus at a URL. It shares the HTTP
//! stack, and with it proxies, TLS and token files.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::uri::Scheme;
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use kube::client::Body;
use kube::config::AuthInfo;
use kube::{Client, Config};

use super::auth::credentials::CredentialsError;
use super::connector;
use super::error::Cause;
use super::kubeconfig::{Connection, certificates};
use super::proxy::Proxy;
use super::response::body_of;
use crate::problem::Problem;
use crate::text::{clean, without_code, without_userinfo};

/// The type of the body of a form.
pub const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// Which server, and how to trust it and to log in. The flags are those that errors name.
#[derive(Debug)]
pub struct HttpEndpointOptions<'a> {
    pub url: &'a str,
    pub url_flag: &'a str,
    pub ca_file: Option<PathBuf>,
    pub ca_flag: &'a str,
    pub token_file: Option<PathBuf>,
    pub token_flag: &'a str,
}

/// An HTTP server.
pub struct HttpEndpoint {
    client: Client,
    /// Its URL, without credentials.
    pub url: String,
}

impl std::fmt::Debug for HttpEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpEndpoint")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl HttpEndpoint {
    /// Builds a client. Sends no request yet.
    ///
    /// # Errors
    /// If the URL, the certificate authority or the token file cannot be used.
    pub async fn new(options: HttpEndpointOptions<'_>) -> Result<Self, Problem> {
        let uri = parse(&options)?;
        let shown = without_userinfo(options.url.trim_end_matches('/'));
        let is_secure = uri.scheme() == Some(&Scheme::HTTPS);
        if options.token_file.is_some() && !is_secure {
            return Err(Problem::usage(format!(
                "{} needs a URL with https: a token is never sent without TLS",
                options.token_flag
            )));
        }
        let proxy = Proxy::of_environment(&uri)?;
        let mut config = Config::new(uri);
        config.root_cert = authorities(&options)?;
        if !is_secure && proxy.is_none() {
            // Nothing is verified, so the system's certificates need not be read.
            config.root_cert.get_or_insert_default();
        }
        config.auth_info = AuthInfo {
            token_file: options
                .token_file
                .map(|file| file.to_string_lossy().into_owned()),
            ..AuthInfo::default()
        };
        let built = connector::client(Connection { config, proxy }).await;
        let built = built.map_err(|cause| match CredentialsError::find(&cause) {
            Some(cause) => Problem::new(cause.to_string()),
            None => Problem::new(format!("cannot connect to {}: {cause}", clean(&shown))),
        })?;
        Ok(Self {
            client: built.client,
            url: shown,
        })
    }

    /// Posts a form. Returns the status and the whole body.
    ///
    /// # Errors
    /// If there is no whole answer within the time limit, or it is too large.
    pub async fn post_form(
        &self,
        path: &str,
        form: String,
        limit: Duration,
    ) -> Result<(StatusCode, Bytes), Cause> {
        let request = Request::builder().method(Method::POST).uri(path);
        let request = request
            .header(CONTENT_TYPE, FORM)
            .body(Body::from(form.into_bytes()));
        let request = request.map_err(Cause::unreachable)?;
        let answered = async {
            let response = self.client.send(request).await.map_err(Cause::of_send)?;
            Ok((response.status(), body_of(response).await?))
        };
        tokio::time::timeout(limit, answered)
            .await
            .unwrap_or(Err(Cause::TimedOut { after: limit }))
    }
}

fn parse(options: &HttpEndpointOptions<'_>) -> Result<Uri, Problem> {
    let invalid = |why: &str| {
        let url = clean(&without_userinfo(options.url));
        Problem::usage(format!("invalid {} {url:?}: {why}", options.url_flag))
            .next("write it as http:// or https:// with a host, such as http://localhost:9090")
    };
    let uri: Uri = options
        .url
        .parse()
        .map_err(|_| invalid("it is not a URL"))?;
    let Some(authority) = uri.authority() else {
        return Err(invalid("it is not a URL"));
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(invalid("its scheme is not http or https"));
    }
    if authority.as_str().contains('@') {
        return Err(invalid("it has a user or a password").next(format!(
            "a bearer token goes into a file: {} FILE",
            options.token_flag
        )));
    }
    Ok(uri)
}

fn authorities(options: &HttpEndpointOptions<'_>) -> Result<Option<Vec<Vec<u8>>>, Problem> {
    let Some(file) = &options.ca_file else {
        return Ok(None);
    };
    let (flag, name) = (options.ca_flag, clean(&file.to_string_lossy()));
    let pem = std::fs::read(file).map_err(|cause| {
        let why = without_code(&cause);
        Problem::new(format!("cannot read {flag} {name}: {why}"))
    })?;
    certificates(&pem, &format!("{flag} {name}"))
        .map(Some)
        .map_err(Problem::new)
}
