//! The environment of a command: everything that it receives besides its own arguments.

use crate::access::rights::RbacCommand;
use crate::changes::execute::Execution;
use crate::changes::order::Order;
use crate::cli::{ChangeArgs, GlobalArgs, RemoteArgs};
use crate::cluster::remotes::remote_clusters::Remotes;
use crate::cluster::transport::kubeconfig;
use crate::cluster::transport::options::{ConnectOptions, RemoteOptions};
use crate::cluster::{Cluster, Clusters};
use crate::output::streams::Streams;
use crate::problem::Exit;
use crate::process::input::Input;
use crate::settings::Settings;

/// The global flags, the command's entry in the table of rights, and where to write and read.
#[derive(Debug, Clone)]
pub struct CommandEnv {
    pub flags: GlobalArgs,
    pub settings: Settings,
    pub rights: Option<RbacCommand>,
    pub streams: Streams,
    pub input: Input,
}

impl CommandEnv {
    /// Connects to the cluster that the flags name. The readiness of its mirrors is read from
    /// `remotes`.
    ///
    /// # Errors
    /// If the flags and the kubeconfig do not name a cluster, or there are no credentials for it.
    pub async fn connect(&self, remotes: &RemoteArgs) -> anyhow::Result<Clusters> {
        let remotes = self.remotes(remotes)?;
        let cluster = Cluster::connect(&self.connect_options()).await?;
        Ok(Clusters::new(cluster, remotes))
    }

    /// # Errors
    /// If a cluster has two contexts, or a context does not exist.
    pub fn remotes(&self, remotes: &RemoteArgs) -> anyhow::Result<Remotes> {
        let streams = self.streams.clone();
        let announce = move |line: &str| streams.say(line);
        let mut wanted: RemoteOptions = remotes.into();
        let is_flag = !wanted.contexts.is_empty() || wanted.from_links;
        if !is_flag
            && let Some(kept) = self.kept(|settings, context| settings.remotes(context).cloned())
        {
            wanted.contexts = kept;
        }
        let found = Remotes::of(&self.connect_options(), &wanted, announce);
        if is_flag {
            return found;
        }
        let found = self.settings.remotes.source.blame("the remote", found)?;
        // A setting speaks for all groups of the context, which may have no such mirrors.
        found.allow_unmirrored();
        Ok(found)
    }

    /// Returns a setting of the context in use.
    fn kept<T>(&self, find: impl FnOnce(&Settings, &str) -> Option<T>) -> Option<T> {
        if !self.settings.depend_on_context() {
            return None;
        }
        let current = || {
            // A kubeconfig that cannot be read is reported when it is used.
            let (kubeconfig, _) = kubeconfig::read(self.flags.kubeconfig.as_deref()).ok()??;
            kubeconfig.current_context
        };
        let context = self.flags.context.clone().or_else(current);
        find(&self.settings, &context.unwrap_or_default())
    }

    /// How to connect. Hints about missing rights name the command.
    pub fn connect_options(&self) -> ConnectOptions {
        let options = ConnectOptions::from(&self.flags);
        let kept = |settings: &Settings, context: &str| settings.namespace(context).cloned();
        ConnectOptions {
            rbac_command: self.rights.map(RbacCommand::name),
            namespace: options.namespace.or_else(|| self.kept(kept)),
            ..options
        }
    }

    pub fn in_context(&self, name: &str) -> Self {
        let mut env = self.clone();
        env.flags.context = Some(name.to_owned());
        env
    }

    pub fn in_namespace(&self, name: &str) -> Self {
        let mut env = self.clone();
        env.flags.namespace = Some(name.to_owned());
        env
    }

    /// Returns the namespace to work in, or none for all namespaces.
    pub fn namespace(&self, cluster: &Cluster) -> Option<String> {
        (!self.flags.all_namespaces).then(|| cluster.namespace.clone())
    }

    /// Returns the execution of an order in this environment.
    pub fn execution<'a>(
        &'a self,
        cluster: &'a Clusters,
        order: &'a dyn Order,
        args: &'a ChangeArgs,
    ) -> Execution<'a> {
        Execution {
            cluster,
            order,
            args,
            streams: &self.streams,
            input: &self.input,
        }
    }

    /// Writes text unchanged to standard output.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn print(&self, text: &str) -> anyhow::Result<Exit> {
        self.streams.write(text)?;
        Ok(Exit::Done)
    }
}

#[cfg(test)]
impl CommandEnv {
    /// Returns an environment for a command line, and the captured output.
    pub fn of_test(line: &str) -> (Self, crate::cli::Command, crate::output::streams::Captured) {
        use clap::Parser as _;
        let words = std::iter::once("kubectl-failover").chain(line.split(' '));
        let cli = crate::cli::Cli::try_parse_from(words).unwrap();
        let (streams, captured) = Streams::captured();
        let env = Self {
            rights: cli.command.spec().rights,
            flags: cli.global,
            settings: Settings::default(),
            streams,
            input: Input {
                can_ask: false,
                read_line: std::sync::Arc::new(|| Ok(String::new())),
            },
        };
        (env, cli.command, captured)
    }
}
