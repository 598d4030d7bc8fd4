//! Builds what a client needs from a cluster and a user of a kubeconfig. Where fields contradict each
//! other, the same ones count as for kubectl, or the error says which to remove.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use http::uri::Scheme;
use kube::Config;
use kube::config::{AuthInfo, Cluster, ExecAuthCluster};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::cluster::transport::proxy::{PROXY_URL, Proxy};
use crate::problem::Problem;
use crate::text::without_code;

/// How to connect to a server, and as whom.
#[derive(Debug, Clone)]
pub struct Connection {
    pub config: Config,
    pub proxy: Option<Proxy>,
}

impl From<Config> for Connection {
    fn from(config: Config) -> Self {
        let proxy = None;
        Self { config, proxy }
    }
}

/// Builds the connection of a cluster and a user.
///
/// # Errors
/// If the server or the proxy is not a URL, a file cannot be read, or fields contradict each other.
pub fn connection(cluster: &Cluster, user: AuthInfo) -> Result<Connection, Problem> {
    let server = server(cluster)?;
    let proxy = match &cluster.proxy_url {
        Some(url) => Some(Proxy::parse(url, PROXY_URL)?),
        None => Proxy::of_environment(&server)?,
    };
    let acts_partly = user.impersonate_uid.is_some()
        || user
            .impersonate_groups
            .as_ref()
            .is_some_and(|groups| !groups.is_empty())
        || user
            .impersonate_user_extra
            .as_ref()
            .is_some_and(|extra| !extra.is_empty());
    if user.impersonate.is_none() && acts_partly {
        return Err(
            Problem::usage("--as-group and --as-uid need a user to act as")
                .next("name one with --as, or with as in the kubeconfig"),
        );
    }
    // kubectl neither reads nor sends credentials without TLS.
    let is_secure = server.scheme() == Some(&Scheme::HTTPS);
    let mut config = Config::new(server);
    config.auth_info = if is_secure {
        one_login(cluster, user)?
    } else {
        impersonation(user)
    };
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify == Some(true);
    config.root_cert = authorities(cluster)?;
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    if config.accept_invalid_certs && config.root_cert.is_some() {
        return Err(Problem::new(
            "a certificate authority is named, and also insecure-skip-tls-verify, which ignores it",
        )
        .next("remove one of them: kubectl refuses both together, too"));
    }
    if !is_secure && proxy.is_none() {
        // Nothing is verified, so the system's certificates need not be read.
        config.root_cert.get_or_insert_default();
    }
    Ok(Connection { config, proxy })
}

fn server(cluster: &Cluster) -> Result<Uri, Problem> {
    let server = cluster.server.as_deref().unwrap_or_default();
    if server.is_empty() {
        return Err(Problem::new("the cluster has no server")
            .next("name one with --server, or set server in the kubeconfig"));
    }
    let url = server.parse::<Uri>().ok();
    let url = url.filter(|url| url.scheme().is_some() && url.authority().is_some());
    url.ok_or_else(|| {
        // The part before an @ may contain a password.
        let server = server.rsplit('@').next().unwrap_or_default();
        Problem::new(format!("the server {server:?} is not a URL"))
            .next("write it with its scheme, such as https://203.0.113.1:6443")
    })
}

/// Keeps the credentials that count: a token or a password, else those of a program.
fn one_login(cluster: &Cluster, mut user: AuthInfo) -> Result<AuthInfo, Problem> {
    let refused = |what: &str| {
        Problem::new(format!("the user has {what}"))
            .next("remove all but one of them: kubectl refuses them together, too")
    };
    let has_token = user.token.is_some() || user.token_file.is_some();
    if user.username.is_none() {
        user.password = None;
    }
    if user.username.is_some() && has_token {
        return Err(refused("a token and a password"));
    }
    if user.exec.is_some() && user.auth_provider.is_some() {
        return Err(refused("a credential plugin and an auth-provider"));
    }
    let has_certificate =
        user.client_certificate.is_some() || user.client_certificate_data.is_some();
    if !has_certificate {
        (user.client_key, user.client_key_data) = (None, None);
    }
    if has_token || user.username.is_some() || has_certificate {
        user.exec = None;
    }
    if has_token || user.username.is_some() {
        user.auth_provider = None;
    }
    if let Some(exec) = &mut user.exec
        && exec.provide_cluster_info
    {
        let info = ExecAuthCluster::try_from(cluster);
        exec.cluster = Some(info.map_err(|cause| Problem::new(cause.to_string()))?);
    }
    Ok(user)
}

/// Returns whom the user acts as, without credentials.
pub fn impersonation(user: AuthInfo) -> AuthInfo {
    AuthInfo {
        impersonate: user.impersonate,
        impersonate_uid: user.impersonate_uid,
        impersonate_groups: user.impersonate_groups,
        impersonate_user_extra: user.impersonate_user_extra,
        ..AuthInfo::default()
    }
}

/// Returns the certificates of the certificate authority. Others in the same file do no harm.
fn authorities(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, Problem> {
    const MEND: &str = "name a file with --certificate-authority, or mend certificate-authority in \
                        the kubeconfig";
    let (data, file) = (
        cluster.certificate_authority_data.as_deref(),
        cluster.certificate_authority.as_deref(),
    );
    let (pem, origin) = match (data, file) {
        (Some(data), _) => {
            let pem = decode(data).ok_or_else(|| {
                Problem::new("certificate-authority-data is not valid base64").next(MEND)
            })?;
            (pem, "in certificate-authority-data".to_owned())
        }
        (None, Some(file)) => {
            let pem = std::fs::read(file).map_err(|cause| {
                let why = without_code(&cause);
                Problem::new(format!("cannot read certificate authority {file}: {why}")).next(MEND)
            })?;
            (pem, file.to_owned())
        }
        (None, None) => return Ok(None),
    };
    let usable = certificates(&pem, &format!("the certificate authority {origin}"));
    usable.map(Some).map_err(|why| Problem::new(why).next(MEND))
}

/// Returns the certificates in a file that `what` names.
///
/// # Errors
/// What is wrong, if it has none that can be used.
pub fn certificates(pem: &[u8], what: &str) -> Result<Vec<Vec<u8>>, String> {
    let certificates = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
    let (mut usable, mut refusal) = (Vec::new(), None);
    for certificate in certificates {
        match RootCertStore::empty().add(certificate.clone()) {
            Ok(()) => usable.push(certificate.to_vec()),
            Err(cause) => refusal = Some(cause),
        }
    }
    if usable.is_empty() {
        let why = refusal.map_or(String::new(), |cause| format!(": {cause}"));
        return Err(format!("{what} has no usable certificate{why}"));
    }
    Ok(usable)
}

/// Decodes base64, which may be wrapped.
fn decode(data: &str) -> Option<Vec<u8>> {
    let packed: String = data.split_ascii_whitespace().collect();
    STANDARD.decode(packed).ok()
}
