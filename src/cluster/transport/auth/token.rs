//! Sources of the Authorization header. Trims white space around tokens, and rejects tokens with
//! characters that a header cannot contain.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::ready;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, Uri};
use kube::Config;
use kube::client::{Body, ConfigExt as _};
use kube::config::{AuthInfo, AuthProviderConfig};
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer as _, service_fn};

use super::credentials::{CredentialsError, short};
use crate::text::{clean, without_code};

/// A service that answers with the Authorization header, if any.
pub type HeaderSource = BoxCloneSyncService<Request<Body>, Response<Option<HeaderValue>>, BoxError>;

/// A token file is read again after this time. Tokens in files are renewed well before they expire.
const TOKEN_FILE_MAX_AGE: Duration = Duration::from_secs(50);

/// Returns a source of the header for this token. An error calls it `what`.
pub fn fixed(token: &SecretString, what: &str) -> Result<HeaderSource, CredentialsError> {
    let header = bearer(token.expose_secret(), what)?;
    Ok(repeating(header))
}

/// Returns a source of the header for a user and a password.
pub fn basic(
    user: &str,
    password: Option<&SecretString>,
) -> Result<HeaderSource, CredentialsError> {
    let password = password.map_or("", ExposeSecret::expose_secret);
    let encoded = STANDARD.encode(format!("{user}:{password}"));
    header(&format!("Basic {encoded}"), "the password").map(repeating)
}

fn repeating(header: HeaderValue) -> HeaderSource {
    let answer = move |_: Request<Body>| ready(Ok(Response::new(Some(header.clone()))));
    BoxCloneSyncService::new(service_fn(answer))
}

/// Returns a source of headers with the current content of a file. While the file is unreadable,
/// the last content is used, or at first `token`.
pub fn from_file(
    file: PathBuf,
    token: Option<&SecretString>,
) -> Result<HeaderSource, CredentialsError> {
    let header = match (read(&file)?, token) {
        (Ok(header), _) => header,
        (Err(_), Some(token)) => bearer(token.expose_secret(), "the token")?,
        (Err(cause), None) => {
            let why = without_code(&cause);
            let file = clean(&file.to_string_lossy());
            return Err(CredentialsError::Other(format!(
                "cannot read token file {file}: {why}"
            )));
        }
    };
    let cached = Arc::new(Mutex::new((Instant::now(), header)));
    Ok(BoxCloneSyncService::new(service_fn(
        move |_: Request<Body>| {
            let header = cached_header(&file, &mut cached.lock());
            ready(
                header
                    .map(|header| Response::new(Some(header)))
                    .map_err(BoxError::from),
            )
        },
    )))
}

fn cached_header(
    file: &Path,
    cached: &mut (Instant, HeaderValue),
) -> Result<HeaderValue, CredentialsError> {
    if cached.0.elapsed() >= TOKEN_FILE_MAX_AGE {
        match read(file)? {
            Ok(header) => *cached = (Instant::now(), header),
            Err(_) => cached.0 = Instant::now(),
        }
    }
    Ok(cached.1.clone())
}

/// Reads a token from a file. The inner error is that of reading.
fn read(file: &Path) -> Result<io::Result<HeaderValue>, CredentialsError> {
    let what = || format!("the token in {}", clean(&file.to_string_lossy()));
    match std::fs::read_to_string(file) {
        Ok(text) => bearer(&text, &what()).map(Ok),
        Err(cause) => Ok(Err(cause)),
    }
}

fn bearer(token: &str, what: &str) -> Result<HeaderValue, CredentialsError> {
    header(&format!("Bearer {}", token.trim()), what)
}

fn header(text: &str, what: &str) -> Result<HeaderValue, CredentialsError> {
    let invalid = |_| CredentialsError::InvalidToken {
        token: what.to_owned(),
    };
    let mut header = HeaderValue::try_from(text).map_err(invalid)?;
    header.set_sensitive(true);
    Ok(header)
}

/// Returns a source of headers from kube's own layer. Like kubectl, it knows OpenID Connect only.
pub fn from_provider(
    provider: AuthProviderConfig,
) -> Result<Option<HeaderSource>, CredentialsError> {
    if provider.name != "oidc" {
        let name = clean(&provider.name);
        return Err(CredentialsError::Other(format!(
            "auth-provider {name} is not supported, as in kubectl: a credential plugin has \
             replaced it, such as gke-gcloud-auth-plugin or kubelogin"
        )));
    }
    let mut config = Config::new(Uri::default());
    config.auth_info = AuthInfo {
        auth_provider: Some(provider),
        ..AuthInfo::default()
    };
    let layer = config.auth_layer();
    let layer = layer.map_err(|cause| CredentialsError::Other(short(&cause.to_string())))?;
    let header = |request: Request<Body>| {
        let header = request.headers().get(AUTHORIZATION).cloned();
        ready(Ok::<_, BoxError>(Response::new(header)))
    };
    Ok(layer.map(|layer| BoxCloneSyncService::new(layer.layer(service_fn(header)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_around_a_token_is_removed() {
        assert_eq!(bearer(" abc\r\n", "it").unwrap(), "Bearer abc");
    }

    #[test]
    fn a_token_that_a_header_cannot_contain_is_an_error() {
        let error = bearer("a\nb", "the token from x").unwrap_err();
        assert!(error.is_invalid_token(), "{error}");
        assert!(
            error
                .to_string()
                .starts_with("the token from x has a line break"),
            "{error}"
        );
    }

    #[test]
    fn a_token_file_is_read_again_and_may_be_removed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one\n").unwrap();
        let mut cached = (Instant::now(), read(file.path()).unwrap().unwrap());
        assert_eq!(cached.1, "Bearer one");
        std::fs::write(file.path(), "two\n").unwrap();
        assert_eq!(
            cached_header(file.path(), &mut cached).unwrap(),
            "Bearer one"
        );
        let old = Instant::now().checked_sub(TOKEN_FILE_MAX_AGE).unwrap();
        cached.0 = old;
        assert_eq!(
            cached_header(file.path(), &mut cached).unwrap(),
            "Bearer two"
        );
        std::fs::write(file.path(), "t\nhree").unwrap();
        cached.0 = old;
        assert!(cached_header(file.path(), &mut cached).is_err());
        std::fs::remove_file(file.path()).unwrap();
        assert_eq!(
            cached_header(file.path(), &mut cached).unwrap(),
            "Bearer two"
        );
    }
}
