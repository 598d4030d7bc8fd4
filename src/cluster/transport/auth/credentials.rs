//! Why credentials could not be obtained. kube's own messages are not shown: they contain the whole
//! output and the environment of a credential plugin.

use std::error::Error;
use std::io;
use std::sync::Arc;

use kube::client::AuthError;
use kube::config::AuthInfo;

use crate::text::{clean, shorten};

/// The most characters of a plugin's own message that are shown.
const MAX_PLUGIN_OUTPUT_CHARS: usize = 300;

/// Why credentials could not be obtained or cannot be sent.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CredentialsError {
    #[error("{plugin} cannot be started: {source}{hint}")]
    PluginNotStarted {
        plugin: String,
        source: Arc<io::Error>,
        hint: String,
    },
    #[error("{plugin} failed ({status}){output}")]
    PluginFailed {
        plugin: String,
        status: std::process::ExitStatus,
        output: String,
    },
    #[error("{plugin} did not print an ExecCredential with a status")]
    NoExecCredential { plugin: String },
    #[error(
        "{token} has a line break or another control character in it, so no request can carry it"
    )]
    InvalidToken { token: String },
    #[error("{0}")]
    Other(String),
}

impl CredentialsError {
    /// Finds a credentials error among the causes of an error.
    pub fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        auth_error(error).map(|cause| Self::new(cause, None))
    }

    /// Like [`Self::find`], but worded for the kubeconfig's source of credentials.
    pub fn find_for(error: &(dyn Error + 'static), auth: &AuthInfo) -> Option<Self> {
        auth_error(error).map(|cause| Self::new(cause, Some(auth)))
    }

    /// Returns whether a token was found that cannot be sent in a header.
    pub fn is_invalid_token(&self) -> bool {
        matches!(self, Self::InvalidToken { .. })
    }

    fn new(error: &AuthError, auth: Option<&AuthInfo>) -> Self {
        let exec = auth.and_then(|auth| auth.exec.as_ref());
        let command = exec.and_then(|exec| exec.command.as_deref()).map(clean);
        let plugin = command.unwrap_or_else(|| "the credential plugin".to_owned());
        match error {
            AuthError::AuthExecStart(cause) => {
                let hint = exec.and_then(|exec| exec.install_hint.as_deref());
                let hint = hint.map_or_else(String::new, |hint| {
                    let hint = clean(hint);
                    format!("; {}", shorten(hint.trim(), MAX_PLUGIN_OUTPUT_CHARS))
                });
                // An io::Error cannot be cloned. This one has no further cause.
                let source = Arc::new(io::Error::new(cause.kind(), cause.to_string()));
                Self::PluginNotStarted {
                    plugin,
                    source,
                    hint,
                }
            }
            AuthError::AuthExecRun { out, .. } => {
                let output = clean(&String::from_utf8_lossy(&out.stderr));
                let output = match shorten(output.trim(), MAX_PLUGIN_OUTPUT_CHARS) {
                    empty if empty.is_empty() => empty,
                    output => format!(": {output}"),
                };
                Self::PluginFailed {
                    plugin,
                    status: out.status,
                    output,
                }
            }
            AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
                Self::NoExecCredential { plugin }
            }
            AuthError::InvalidBearerToken(_) => Self::InvalidToken {
                token: token_origin(auth, &plugin),
            },
            other => Self::Other(shorten(&clean(&other.to_string()), MAX_PLUGIN_OUTPUT_CHARS)),
        }
    }
}

fn auth_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a AuthError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// Describes the source of a token: the kubeconfig or a flag, a file, or a plugin.
fn token_origin(auth: Option<&AuthInfo>, plugin: &str) -> String {
    match auth {
        Some(auth) if auth.token.is_some() => "the token".to_owned(),
        Some(AuthInfo {
            token_file: Some(file),
            ..
        }) => format!("the token in {}", clean(file)),
        Some(AuthInfo { exec: Some(_), .. }) => format!("the token from {plugin}"),
        _ => "the token".to_owned(),
    }
}
