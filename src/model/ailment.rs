//! What ails the pods behind a backend, and the kubectl command that shows more of it.

/// The most Services whose pods are read for one command.
pub const MAX_EXPLAINED_SERVICES: usize = 5;

/// Why a backend's pods are not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ailment {
    /// Such as `deployment web is scaled to 0`; none if the pods cannot be read.
    pub words: Option<String>,
    /// What shows more.
    pub look: Kubectl,
}

/// The arguments of a kubectl command, without those that say where. They are not quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kubectl(pub Vec<String>);

impl Kubectl {
    /// Describes one object.
    pub fn describe(kind: &str, name: &str) -> Self {
        Self(["describe", kind, name].map(str::to_owned).into())
    }

    /// Lists the pods with these labels.
    pub fn get_pods(labels: String) -> Self {
        Self(vec!["get".into(), "pod".into(), "-l".into(), labels])
    }
}
