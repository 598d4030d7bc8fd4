//! Builds the client configuration of a context, and explains why a context cannot be used.

use std::io;
use std::path::PathBuf;

use http::Uri;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError, LoadDataError};

use super::files;
use crate::problem::Problem;

const CHECK_FILE: &str = "check it with: kubectl config view";

/// Builds the client configuration of the context `context`.
///
/// # Errors
/// If the server is not a URL, or a file that the context names cannot be read.
pub async fn load(
    kubeconfig: Kubeconfig,
    chosen: &KubeConfigOptions,
    context: &str,
    files: &[PathBuf],
) -> Result<Config, Problem> {
    check_server(&kubeconfig, chosen, context)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, chosen).await;
    config.map_err(|error| explain(error, context, files))
}

fn check_server(
    kubeconfig: &Kubeconfig,
    chosen: &KubeConfigOptions,
    context: &str,
) -> Result<(), Problem> {
    let Some(server) = server(kubeconfig, chosen, context) else {
        return Ok(());
    };
    let url = server.parse::<Uri>();
    if url.is_ok_and(|url| url.scheme().is_some() && url.authority().is_some()) {
        return Ok(());
    }
    // The part before an @ may contain a password.
    let server = server.rsplit('@').next().unwrap_or_default();
    Err(Problem::new(format!(
        "the server {server:?} of context {context:?} is not a URL"
    ))
    .next("write it with its scheme, such as https://203.0.113.1:6443"))
}

fn server<'a>(
    kubeconfig: &'a Kubeconfig,
    chosen: &KubeConfigOptions,
    context: &str,
) -> Option<&'a str> {
    let mut contexts = kubeconfig.contexts.iter();
    let of_context = contexts.find(|entry| entry.name == context)?;
    let of_context = of_context.context.as_ref().map(|context| &context.cluster);
    let name = chosen.cluster.as_ref().or(of_context)?;
    let mut clusters = kubeconfig.clusters.iter();
    let cluster = clusters.find(|entry| entry.name == *name)?;
    cluster.cluster.as_ref()?.server.as_deref()
}

fn explain(error: KubeconfigError, context: &str, files: &[PathBuf]) -> Problem {
    if let KubeconfigError::LoadCertificateAuthority(LoadDataError::ReadFile(cause, path)) = &error
    {
        return Problem::new(format!(
            "cannot read certificate authority {}: {}",
            path.display(),
            without_code(cause)
        ))
        .next(format!(
            "name a file with --certificate-authority, or mend certificate-authority in {}",
            files::list(files)
        ));
    }
    Problem::new(format!(
        "context {context:?} of {} cannot be used: {error}",
        files::list(files)
    ))
    .next(CHECK_FILE)
}

/// Returns the error's message without the operating system's number for it.
fn without_code(error: &io::Error) -> String {
    let message = error.to_string();
    let code = error.raw_os_error();
    let suffix = code.map(|code| format!(" (os error {code})"));
    let short = suffix.and_then(|suffix| message.strip_suffix(&suffix).map(str::to_owned));
    short.unwrap_or(message)
}
