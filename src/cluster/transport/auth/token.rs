//! Bearer tokens. Trims white space, and rejects tokens with characters that a header cannot
//! contain.
//!
//! kube panics if a credential plugin prints such a token: `Config::auth_layer` passes it to
//! `AddAuthorizationLayer::bearer`, which unwraps, instead of returning
//! `AuthError::InvalidBearerToken`. Until kube fixes this, [`from_kube`] catches the panic and a
//! process-wide panic hook hides it. Then delete [`quietly`] and the hook.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use futures::future::ready;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use kube::Config;
use kube::client::{AuthError, Body, ConfigExt as _};
use kube::config::AuthInfo;
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer as _, service_fn};

/// A service that answers with the Authorization header, if any.
pub type HeaderSource = BoxCloneSyncService<Request<Body>, Response<Option<HeaderValue>>, BoxError>;

/// A token file is read again after this time. Tokens in files are renewed well before they expire.
const TOKEN_FILE_MAX_AGE: Duration = Duration::from_secs(50);

/// Removes the white space around a token, such as the line break at its end.
pub fn trim(auth: &mut AuthInfo) -> kube::Result<()> {
    if let Some(token) = &mut auth.token {
        let trimmed = token.expose_secret().trim().to_owned();
        bearer(&trimmed).map_err(kube::Error::Auth)?;
        *token = trimmed.into();
    }
    Ok(())
}

/// Returns a source of headers with the current content of a file. While the file is unreadable,
/// the last content is used, or at first `token`.
pub fn from_file(file: PathBuf, token: Option<&SecretString>) -> kube::Result<HeaderSource> {
    let header = match (read(&file), token) {
        (Err(AuthError::ReadTokenFile(..)), Some(token)) => bearer(token.expose_secret()),
        (read, _) => read,
    };
    let header = header.map_err(kube::Error::Auth)?;
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
) -> Result<HeaderValue, AuthError> {
    if cached.0.elapsed() >= TOKEN_FILE_MAX_AGE {
        match read(file) {
            Ok(header) => *cached = (Instant::now(), header),
            Err(AuthError::ReadTokenFile(..)) => cached.0 = Instant::now(),
            Err(malformed) => return Err(malformed),
        }
    }
    Ok(cached.1.clone())
}

fn read(file: &Path) -> Result<HeaderValue, AuthError> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|cause| AuthError::ReadTokenFile(cause, file.to_owned()))?;
    bearer(text.trim())
}

fn bearer(token: &str) -> Result<HeaderValue, AuthError> {
    let mut header =
        HeaderValue::try_from(format!("Bearer {token}")).map_err(AuthError::InvalidBearerToken)?;
    header.set_sensitive(true);
    Ok(header)
}

/// Returns a source of headers from kube's own layer, or None if the configuration has no
/// credentials for a header. Blocks while a credential plugin runs.
pub fn from_kube(config: &Config) -> kube::Result<Option<HeaderSource>> {
    let Some(layer) = quietly(|| config.auth_layer()) else {
        // The panic does not contain the cause. Build the error that kube should have returned.
        return bearer("\n").map(|_| None).map_err(kube::Error::Auth);
    };
    let header = |request: Request<Body>| {
        let header = request.headers().get(AUTHORIZATION).cloned();
        ready(Ok::<_, BoxError>(Response::new(header)))
    };
    Ok(layer?.map(|layer| BoxCloneSyncService::new(layer.layer(service_fn(header)))))
}

thread_local! {
    static IGNORE_PANICS: Cell<bool> = const { Cell::new(false) };
}

/// Runs a function. Returns None if it panics, and does not report the panic.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IGNORE_PANICS.get() {
                report(panic);
            }
        }));
    });
    IGNORE_PANICS.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    IGNORE_PANICS.set(false);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(token: &str) -> AuthInfo {
        AuthInfo {
            token: Some(token.to_owned().into()),
            ..AuthInfo::default()
        }
    }

    #[test]
    fn white_space_around_a_token_is_removed() {
        let mut auth = auth(" abc\r\n");
        trim(&mut auth).unwrap();
        assert_eq!(auth.token.unwrap().expose_secret(), "abc");
    }

    #[test]
    fn a_token_that_a_header_cannot_contain_is_an_error() {
        let error = trim(&mut auth("a\nb")).unwrap_err();
        assert!(
            matches!(error, kube::Error::Auth(AuthError::InvalidBearerToken(_))),
            "{error}"
        );
    }

    #[test]
    fn a_token_file_is_read_again_and_may_be_removed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one\n").unwrap();
        let mut cached = (Instant::now(), read(file.path()).unwrap());
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

    #[test]
    fn a_panic_is_caught() {
        assert_eq!(quietly(|| 1), Some(1));
        assert_eq!(quietly(|| panic!("of no concern")), None::<()>);
    }
}
