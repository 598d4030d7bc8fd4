//! Tokens as people and programs write them: with white space around, or as nothing that a request can carry.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use futures::future::ready;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use kube::Config;
use kube::client::{AuthError, Body, ConfigExt as _};
use kube::config::AuthInfo;
use secrecy::ExposeSecret as _;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer as _, service_fn};

use super::token_source::HeaderSource;

/// A file is read again after this: whatever writes tokens there does so well before the last one ends.
const FRESH: Duration = Duration::from_secs(50);

/// Takes away the white space around a token, such as the line break at its end.
pub fn trim(auth: &mut AuthInfo) -> kube::Result<()> {
    if let Some(token) = &mut auth.token {
        let trimmed = token.expose_secret().trim().to_owned();
        bearer(&trimmed).map_err(kube::Error::Auth)?;
        *token = trimmed.into();
    }
    Ok(())
}

/// The file that has the token, where nothing goes before it.
pub fn file(auth: &AuthInfo) -> Option<PathBuf> {
    let has_password = auth.username.is_some() && auth.password.is_some();
    let is_first = auth.auth_provider.is_none() && auth.token.is_none() && !has_password;
    auth.token_file
        .as_ref()
        .filter(|_| is_first)
        .map(PathBuf::from)
}

/// Gives the header with what the file has at the time. Once it was read, it may be out of reach.
pub fn of_file(file: PathBuf) -> kube::Result<HeaderSource> {
    let read = read(&file).map_err(kube::Error::Auth)?;
    let last = Arc::new(Mutex::new((Instant::now(), read)));
    Ok(BoxCloneSyncService::new(service_fn(
        move |_: Request<Body>| {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            ready(
                header_of(&file, &mut last)
                    .map(|header| Response::new(Some(header)))
                    .map_err(BoxError::from),
            )
        },
    )))
}

fn header_of(file: &Path, last: &mut (Instant, HeaderValue)) -> Result<HeaderValue, AuthError> {
    if last.0.elapsed() >= FRESH {
        match read(file) {
            Ok(header) => *last = (Instant::now(), header),
            Err(AuthError::ReadTokenFile(..)) => last.0 = Instant::now(),
            Err(malformed) => return Err(malformed),
        }
    }
    Ok(last.1.clone())
}

fn read(file: &Path) -> Result<HeaderValue, AuthError> {
    let text = std::fs::read_to_string(file);
    bearer(
        text.map_err(|cause| AuthError::ReadTokenFile(cause, file.to_owned()))?
            .trim(),
    )
}

fn bearer(token: &str) -> Result<HeaderValue, AuthError> {
    let mut header =
        HeaderValue::try_from(format!("Bearer {token}")).map_err(AuthError::InvalidBearerToken)?;
    header.set_sensitive(true);
    Ok(header)
}

/// Gives the header by kube's own layer; none where there are no credentials for one. Blocks while a program runs.
pub fn by_kube(config: &Config) -> kube::Result<Option<HeaderSource>> {
    // It panics where a program gives a token that is no header, and does not say when that ends.
    let Some(layer) = quietly(|| config.auth_layer()) else {
        return bearer("\n").map(|_| None).map_err(kube::Error::Auth);
    };
    let header = |request: Request<Body>| {
        let header = request.headers().get(AUTHORIZATION).cloned();
        ready(Ok::<_, BoxError>(Response::new(header)))
    };
    Ok(layer?.map(|layer| BoxCloneSyncService::new(layer.layer(service_fn(header)))))
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Does it; none where it panics, of which nothing is said.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                loud(panic);
            }
        }));
    });
    QUIET.set(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    done.ok()
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
    fn white_space_around_a_token_is_no_part_of_it() {
        let mut auth = auth(" abc\r\n");
        trim(&mut auth).unwrap();
        assert_eq!(auth.token.unwrap().expose_secret(), "abc");
    }

    #[test]
    fn a_token_that_no_request_can_carry() {
        let refused = trim(&mut auth("a\nb")).unwrap_err();
        assert!(
            matches!(refused, kube::Error::Auth(AuthError::InvalidBearerToken(_))),
            "{refused}"
        );
    }

    #[test]
    fn a_file_is_read_anew_and_may_go() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one\n").unwrap();
        let mut last = (Instant::now(), read(file.path()).unwrap());
        assert_eq!(last.1, "Bearer one");
        std::fs::write(file.path(), "two\n").unwrap();
        assert_eq!(header_of(file.path(), &mut last).unwrap(), "Bearer one");
        let old = Instant::now().checked_sub(FRESH).unwrap();
        last.0 = old;
        assert_eq!(header_of(file.path(), &mut last).unwrap(), "Bearer two");
        std::fs::write(file.path(), "t\nhree").unwrap();
        last.0 = old;
        assert!(header_of(file.path(), &mut last).is_err());
        std::fs::remove_file(file.path()).unwrap();
        assert_eq!(header_of(file.path(), &mut last).unwrap(), "Bearer two");
    }

    #[test]
    fn a_panic_is_caught() {
        assert_eq!(quietly(|| 1), Some(1));
        assert_eq!(quietly(|| panic!("of no concern")), None::<()>);
    }
}
