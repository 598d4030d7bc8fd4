//! Why credentials could not be obtained. kube's own messages are not shown: they contain the whole
//! output and the environment of a credential plugin.

use std::error::Error;
use std::io;
use std::sync::Arc;

use kube::client::AuthError;

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
    #[error("{plugin} needs a terminal (interactiveMode: Always)")]
    NeedsTerminal { plugin: String },
    #[error(
        "{token} has a line break or another control character in it, so no request can carry it"
    )]
    InvalidToken { token: String },
    #[error("{0}")]
    ClientCertificate(String, &'static str),
    #[error("{0}")]
    Other(String),
}

impl CredentialsError {
    /// Finds a credentials error among the causes of an error.
    pub fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref::<Self>() {
                return Some(found.clone());
            }
            if let Some(found) = error.downcast_ref::<AuthError>() {
                return Some(Self::Other(short(&found.to_string())));
            }
            cause = error.source();
        }
        None
    }

    /// Returns whether a token was found that cannot be sent in a header.
    pub fn is_invalid_token(&self) -> bool {
        matches!(self, Self::InvalidToken { .. })
    }

    /// Says what to do.
    pub fn next(&self) -> &'static str {
        match self {
            Self::InvalidToken { .. } => {
                "write it as one line, in --token or where the kubeconfig has it"
            }
            Self::ClientCertificate(_, next) => next,
            _ => "log in again, or run the credential plugin by itself to see what is wrong",
        }
    }
}

/// Makes a message of a program fit for a line.
pub fn short(text: &str) -> String {
    shorten(clean(text).trim(), MAX_PLUGIN_OUTPUT_CHARS)
}
