//! Why credentials could not be had, without what they are made of: kube's own words hold the whole output and the
//! environment of a plugin.

use std::error::Error;

use kube::client::AuthError;
use kube::config::AuthInfo;

use crate::text::{clean, shorten};

/// The longest part of a plugin's own words that is shown.
const LONGEST: usize = 300;

/// The failure to get credentials that is among the causes of an error.
pub fn failure<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a AuthError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// Whether a token was had, but no request can carry it.
pub fn is_malformed(error: &AuthError) -> bool {
    matches!(error, AuthError::InvalidBearerToken(_))
}

/// `auth` is what the kubeconfig says of credentials, where that is known.
pub fn in_words(error: &AuthError, auth: Option<&AuthInfo>) -> String {
    let exec = auth.and_then(|auth| auth.exec.as_ref());
    let command = exec.and_then(|exec| exec.command.as_deref());
    let plugin = command.map_or_else(|| "the credential plugin".to_owned(), clean);
    match error {
        AuthError::AuthExecStart(cause) => {
            let hint = exec
                .and_then(|exec| exec.install_hint.as_deref())
                .map(clean);
            let hint = hint.map_or(String::new(), |hint| {
                format!("; {}", shorten(hint.trim(), LONGEST))
            });
            format!("{plugin} cannot be started: {cause}{hint}")
        }
        AuthError::AuthExecRun { out, .. } => {
            let said = shorten(clean(&String::from_utf8_lossy(&out.stderr)).trim(), LONGEST);
            let said = if said.is_empty() {
                said
            } else {
                format!(": {said}")
            };
            format!("{plugin} failed ({}){said}", out.status)
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            format!("{plugin} did not print an ExecCredential with a status")
        }
        AuthError::InvalidBearerToken(_) => {
            let file = auth.and_then(|auth| auth.token_file.as_deref()).map(clean);
            let token = match (command, file) {
                _ if auth.is_some_and(|auth| auth.token.is_some()) => "the token".to_owned(),
                (_, Some(file)) => format!("the token in {file}"),
                (Some(_), None) => format!("the token that {plugin} gave"),
                (None, None) => "the token".to_owned(),
            };
            format!(
                "{token} has a line break or another control character in it, so no request can carry it"
            )
        }
        other => shorten(&clean(&other.to_string()), LONGEST),
    }
}
