//! The flags that a suggested command needs to reach the same cluster as the same user.

use std::collections::BTreeMap;

use super::word;

/// The flag that uses the credentials of Linkerd's links. It is the last of the flags for remote
/// clusters.
pub const FROM_LINKS: &str = "--remote-from-links";

/// The flags for a cluster without a connection.
pub static NO_FLAGS: ConnectionFlags = ConnectionFlags {
    cluster: String::new(),
    all: String::new(),
    remotes: String::new(),
    rbac_command: None,
    watch_logs: BTreeMap::new(),
};

/// The flags by which a suggested command reaches the same cluster as the same user.
#[derive(Debug, Clone, Default)]
pub struct ConnectionFlags {
    cluster: String,
    all: String,
    /// The flags for remote clusters.
    remotes: String,
    rbac_command: Option<&'static str>,
    /// By the namespace of the groups that it should run.
    watch_logs: BTreeMap<String, InstalledWatch>,
}

/// A `watch` that is installed in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledWatch {
    pub has_pods: bool,
    /// The command that shows its log or, without pods, gives it some.
    pub command: String,
}

impl ConnectionFlags {
    /// `user` are the flags that say who connects, `cluster` the others.
    pub fn new(cluster: &[String], user: &[String], rbac_command: Option<&'static str>) -> Self {
        Self {
            cluster: cluster.join(" "),
            all: [cluster, user].concat().join(" "),
            remotes: String::new(),
            rbac_command,
            watch_logs: BTreeMap::new(),
        }
    }

    /// The same flags, with those for remote clusters.
    #[must_use]
    pub fn with_remotes(self, remotes: String) -> Self {
        Self { remotes, ..self }
    }

    /// The same flags, in a cluster with a `watch` that should run the groups in these namespaces.
    #[must_use]
    pub fn with_watch_logs(self, watch_logs: BTreeMap<String, InstalledWatch>) -> Self {
        Self { watch_logs, ..self }
    }

    /// The same flags, for another command.
    #[must_use]
    pub fn with_command(self, rbac_command: &'static str) -> Self {
        Self {
            rbac_command: Some(rbac_command),
            ..self
        }
    }

    /// The flags for the cluster alone, for a user with other rights.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The command that runs, as `check --rbac` takes it.
    pub fn rbac_command(&self) -> &'static str {
        self.rbac_command.unwrap_or("COMMAND")
    }

    /// The flags for the cluster and the user.
    pub fn all(&self) -> &str {
        &self.all
    }

    /// The flags for kubectl in a namespace.
    pub fn within(&self, namespace: &str) -> String {
        format!("{} -n {}", self.all, word(namespace))
            .trim_start()
            .to_owned()
    }

    /// The flags for a command of this plugin in a namespace, including those for remote clusters.
    pub fn for_plugin(&self, namespace: &str) -> String {
        format!("{} {}", self.within(namespace), self.remotes)
            .trim_end()
            .to_owned()
    }

    /// Returns the `watch` that is installed in the cluster and should run the groups in a namespace.
    pub fn installed_watch(&self, namespace: &str) -> Option<&InstalledWatch> {
        self.watch_logs.get(namespace)
    }

    /// The command after which a `watch` runs the groups in a namespace, or that shows why it does not.
    pub fn watch_command(&self, namespace: &str) -> String {
        let installed = self.installed_watch(namespace);
        installed.map_or_else(
            || format!("kubectl failover watch {}", self.for_plugin(namespace)),
            |installed| installed.command.clone(),
        )
    }

    /// The flags for a command of this plugin that concerns all namespaces by default.
    pub fn everywhere(&self) -> String {
        format!("{} {}", self.all, self.remotes).trim().to_owned()
    }

    /// Whether the remote clusters are read with the credentials of Linkerd's links.
    pub fn has_links(&self) -> bool {
        self.remotes.ends_with(FROM_LINKS)
    }

    /// The flags for kubectl in a namespace or in all namespaces.
    pub fn scoped(&self, namespace: Option<&str>) -> String {
        match namespace {
            Some(namespace) => self.within(namespace),
            None => format!("{} -A", self.all).trim_start().to_owned(),
        }
    }
}
