//! Settings that stay: from variables of the environment and from a file, below flags.

pub mod file;
pub mod kept;
pub mod node;
pub mod values;

use std::path::PathBuf;

pub use kept::{ANY_CONTEXT, Settings, Source};

use crate::problem::Problem;
use values::SettingKey;

/// Reads the file, if it exists, and the variables.
///
/// # Errors
/// A `Problem` that names the file, the line and the key, or the variable.
pub fn load() -> Result<Settings, Problem> {
    let mut settings = Settings::default();
    if let Some(path) = path() {
        file::read(&path, &mut settings)?;
    }
    for key in SettingKey::ALL {
        let name = key.variable();
        let Some(value) = std::env::var(name).ok().filter(|value| !value.is_empty()) else {
            continue;
        };
        settings
            .set_variable(key, &value)
            .map_err(|why| Problem::usage(format!("the variable {name}: {why}")))?;
    }
    Ok(settings)
}

/// The path of the file.
pub fn path() -> Option<PathBuf> {
    let set = |name: &str| {
        let path = std::env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let folder = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(folder.join("kubectl-failover/config.yaml"))
}
