//! The kubeconfig files: how they are found and merged.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kube::config::Kubeconfig;

use super::parse::parse;
use crate::problem::Problem;
use crate::text::without_code;

/// Reads the kubeconfig files that the flag or the environment names, and merges them as kubectl
/// does: files of a list that do not exist are skipped. Also returns the files that were read.
/// Returns None if no file is named and the default file does not exist.
///
/// # Errors
/// A `Problem` that names the missing or unreadable file.
pub fn read(named: Option<&Path>) -> anyhow::Result<Option<(Kubeconfig, Vec<PathBuf>)>> {
    if let Some(path) = named {
        return Ok(Some((read_file(path)?, vec![path.to_owned()])));
    }
    let listed = listed_in_environment();
    let candidates = if listed.is_empty() {
        default_path().into_iter().collect()
    } else {
        listed.clone()
    };
    let existing: Vec<PathBuf> = candidates
        .into_iter()
        .filter(|path| path.exists())
        .collect();
    if existing.is_empty() {
        return if listed.is_empty() {
            Ok(None)
        } else {
            Err(missing(&listed).into())
        };
    }
    let mut merged = Kubeconfig::default();
    for path in &existing {
        merged = merged
            .merge(read_file(path)?)
            .with_context(|| format!("merging {}", path.display()))?;
    }
    Ok(Some((merged, existing)))
}

fn listed_in_environment() -> Vec<PathBuf> {
    let list = std::env::var_os("KUBECONFIG").unwrap_or_default();
    std::env::split_paths(&list)
        .filter(|path| !path.as_os_str().is_empty())
        .collect()
}

fn default_path() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".kube/config"))
}

fn read_file(path: &Path) -> Result<Kubeconfig, Problem> {
    if !path.exists() {
        return Err(missing(&[path.to_owned()]));
    }
    let name = path.display();
    let refused = |message| Problem::new(message).next("check it with: kubectl config view");
    let bytes = std::fs::read(path)
        .map_err(|cause| refused(format!("{name} cannot be read: {}", without_code(&cause))))?;
    parse(&bytes, path.parent())
        .map_err(|why| refused(format!("{name} is not a kubeconfig: {why}")))
}

/// Lists files for a message.
pub fn list(files: &[PathBuf]) -> String {
    let files: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    files.join(", ")
}

fn missing(files: &[PathBuf]) -> Problem {
    Problem::new(format!("kubeconfig {} does not exist", list(files)))
        .next("name another one with --kubeconfig or in KUBECONFIG")
}

/// Returns the problem of a machine without a kubeconfig.
pub fn none_found() -> Problem {
    Problem::new("there is no kubeconfig: KUBECONFIG is not set and ~/.kube/config does not exist")
        .next("name one with --kubeconfig or in KUBECONFIG")
        .next("or try everything on clusters of your own: kubectl failover sandbox up")
}
