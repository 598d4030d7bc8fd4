//! One run of `watch`, and the controller of each of its clusters.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::timeout;

use super::hooks::Hooks;
use super::journal_file::JournalFile;
use super::limits::ShutdownReason;
use super::outcome::exit_of;
use super::printer::Printer;
use crate::cli::{GlobalArgs, WatchArgs};
use crate::cluster::api::namespaces;
use crate::cluster::transport::kubeconfig::IN_CLUSTER;
use crate::cluster::{Cluster, Clusters};
use crate::commands::args::elsewhere::similar_namespaces;
use crate::commands::args::selection::parse_selector;
use crate::commands::env::CommandEnv;
use crate::model::Notice;
use crate::output::streams::Streams;
use crate::problem::Exit;
use crate::text::{clean, place};
use crate::watch::{self, EngineOptions, Metrics, WatchOptions, WatchReport};

/// How long the check for the namespace may take at the start. It can only warn.
const NAMESPACE_CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// What the controllers of all clusters share.
pub struct WatchRun {
    pub args: WatchArgs,
    pub metrics: Metrics,
    pub hooks: Option<Hooks>,
    pub journal: Option<JournalFile>,
}

/// How the controller of a cluster has ended.
pub struct Ended {
    pub exit: Exit,
    /// Whether it had listed its groups.
    pub began: bool,
}

impl WatchRun {
    fn has_contexts(&self) -> bool {
        !self.args.contexts.is_empty()
    }

    /// The name of one of several controllers: its context, or with `--namespaces` its namespace.
    pub fn name<'a>(&self, env: &'a CommandEnv) -> &'a str {
        let GlobalArgs {
            context, namespace, ..
        } = &env.flags;
        let name = if self.has_contexts() {
            context
        } else {
            namespace
        };
        name.as_deref().unwrap_or_default()
    }

    /// Runs the controller of one cluster until it is done or `stop` is ready.
    pub async fn run(
        &self,
        env: &CommandEnv,
        cluster: &Clusters,
        stop: impl Future<Output = ShutdownReason>,
    ) -> anyhow::Result<Ended> {
        let options = WatchOptions {
            namespace: env.namespace(cluster),
            once: self.args.once,
            engine: EngineOptions {
                selector: parse_selector(self.args.selector.as_deref())?,
                dry_run: self.args.dry_run,
                max_moves: self.args.max_moves,
                alongside_upstream: self.args.alongside_upstream,
            },
            metrics: self.metrics.clone(),
            name: (!self.args.namespaces.is_empty()).then(|| self.name(env).to_owned()),
            without_journal: self.journal.is_some(),
            clocks: None,
        };
        let printer = Printer {
            streams: &env.streams,
            context: &cluster.context,
            names_context: self.has_contexts(),
            place: groups_in(&options),
            format: self.args.output,
            hooks: self.hooks.as_ref(),
            journal: self.journal.as_ref(),
        };
        let (reason, began) = (Cell::new(ShutdownReason::Asked), Cell::new(false));
        let stop = async { reason.set(stop.await) };
        let mut print = |report: WatchReport| {
            began.set(began.get() || matches!(report.notice, Notice::Started { .. }));
            printer.print(&report)
        };
        let warning = warn_of_namespace(&env.streams, cluster, options.namespace.as_deref());
        let running = watch::run(cluster, &options, stop, &mut print);
        let ((), outcome) = tokio::join!(warning, running);
        let timeout = self.args.timeout.unwrap_or_default();
        Ok(Ended {
            exit: exit_of(outcome?, reason.get(), timeout)?,
            began: began.get(),
        })
    }
}

/// Warns if the namespace does not exist, since its name is probably mistyped. In a pod, the
/// ServiceAccount has rights in its namespaces, which therefore exist, and may not ask.
async fn warn_of_namespace(streams: &Streams, cluster: &Cluster, namespace: Option<&str>) {
    if let Some(namespace) = namespace
        && cluster.context != IN_CLUSTER
        && let Ok(true) = timeout(
            NAMESPACE_CHECK_TIMEOUT,
            namespaces::is_missing(cluster, namespace),
        )
        .await
    {
        let (name, context) = (clean(namespace), clean(&cluster.context));
        streams.say_with_time(&format!(
            "warning: namespace {name} does not exist in context {context}"
        ));
        if let Some(line) = similar_namespaces(cluster, namespace).await {
            streams.say(&format!("  {line}"));
        }
    }
}

/// Where the groups are, as the end of a sentence.
fn groups_in(options: &WatchOptions) -> String {
    let selector = &options.engine.selector;
    let place = place(options.namespace.as_deref());
    if selector.is_empty() {
        return format!(" in {place}");
    }
    format!(" with labels {selector} in {place}")
}
