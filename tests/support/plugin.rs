//! Builds and runs a command line of the plugin.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::command::BINARY;
use super::namespace::Side;
use super::output::Output;
use super::running::Running;
use super::sandbox;
use super::slow::SLOW_TESTS;

/// How long a run may take on a busy machine.
const RUN_LIMIT: Duration = Duration::from_secs(120);

/// A builder for a run of the plugin. It uses the shared clusters by default.
pub struct Plugin {
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    kubeconfig: Option<OsString>,
    clusters: bool,
}

pub fn plugin() -> Plugin {
    Plugin {
        args: Vec::new(),
        env: Vec::new(),
        kubeconfig: None,
        clusters: true,
    }
}

impl Plugin {
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub fn context(self, context: &str) -> Self {
        self.args(["--context", context])
    }

    pub fn namespace(self, namespace: &str) -> Self {
        self.args(["--namespace", namespace])
    }

    /// Sets the context and the namespace of one side of a test's namespace.
    pub fn on(self, side: &Side) -> Self {
        self.context(side.context).namespace(&side.namespace)
    }

    pub fn kubeconfig(mut self, path: &Path) -> Self {
        self.kubeconfig = Some(path.into());
        self
    }

    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), Some(value.into())));
        self
    }

    pub fn without_env(mut self, name: impl Into<OsString>) -> Self {
        self.env.push((name.into(), None));
        self
    }

    /// Leaves KUBECONFIG alone and starts no clusters.
    pub fn without_clusters(mut self) -> Self {
        self.clusters = false;
        self
    }

    /// Uses a server without any kubeconfig.
    pub fn server(self, url: &str) -> Self {
        self.without_clusters()
            .without_kubeconfig()
            .args(["--server", url, "--token", "token"])
    }

    pub fn without_kubeconfig(self) -> Self {
        self.without_env("KUBECONFIG")
            .without_env("KUBERNETES_SERVICE_HOST")
            .env("HOME", env!("CARGO_TARGET_TMPDIR"))
    }

    /// Runs the plugin to its end.
    pub async fn run(self) -> Output {
        let mut command = self.command();
        let line = format!("{:?}", command.as_std());
        match tokio::time::timeout(RUN_LIMIT, command.output()).await {
            Ok(output) => Output::new(line, output.expect("the plugin starts")),
            Err(_) => panic!("{line}\nstill ran after {RUN_LIMIT:?}"),
        }
    }

    /// Starts the plugin, whose lines can be read as they come.
    pub fn spawn(self) -> Running {
        Running::start(self.command())
    }

    /// The command, for a test that needs other handles.
    pub fn command(self) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(&self.args)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .env("NO_COLOR", "1")
            .env("XDG_CONFIG_HOME", env!("CARGO_TARGET_TMPDIR"))
            // Hooks inherit it.
            .env_remove(SLOW_TESTS);
        if self.clusters {
            let shared = || sandbox::shared().kubeconfig().into_os_string();
            command.env("KUBECONFIG", self.kubeconfig.unwrap_or_else(shared));
        }
        for (name, value) in self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}
