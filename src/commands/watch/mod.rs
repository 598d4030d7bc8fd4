//! `watch`: the reconcile loop.

pub mod contexts;
pub mod hooks;
pub mod limits;
pub mod metrics_server;
pub mod printer;

use std::cell::Cell;
use std::time::Duration;

use anyhow::Context as _;
use hooks::Hooks;
use limits::{Ending, Limits};
use metrics_server::Server;
use printer::Printer;
use tokio::time::timeout;

use super::args::contexts::ContextSelection;
use super::scope;
use crate::access::rights::RbacCommand;
use crate::cli::{GlobalArgs, RemoteArgs, StreamFormat, WatchArgs};
use crate::cluster::api::namespaces;
use crate::cluster::{Cluster, Clusters};
use crate::model::{Condition, GroupId, Notice};
use crate::observe::ObserveScope;
use crate::output::streams::Streams;
use crate::output::terminal::say;
use crate::problem::{Exit, Problem};
use crate::text::clean;
use crate::watch;
use crate::watch::{EngineOptions, Metrics, WatchOptions, WatchOutcome};

/// How long a look at the start may take that nothing depends on.
const GLANCE: Duration = Duration::from_secs(1);
/// How many groups are named where many are concerned.
const NAMED: usize = 5;

/// What holds for the loop of every cluster.
pub struct WatchPlan {
    remotes: RemoteArgs,
    selector: Option<String>,
    once: bool,
    engine: EngineOptions,
    timeout: Option<Duration>,
    run_for: Option<Duration>,
    format: StreamFormat,
    metrics: Metrics,
    hooks: Option<Hooks>,
    /// There is more than one.
    several: bool,
}

pub async fn run(flags: &GlobalArgs, args: WatchArgs) -> anyhow::Result<Exit> {
    // A loop that waits for one answer without end would guard nothing.
    let limit = flags.request_timeout.filter(|limit| !limit.is_zero());
    let flags = &GlobalArgs {
        request_timeout: limit,
        ..flags.clone()
    };
    Streams::process().queue().context("starting to write")?;
    let plan = WatchPlan {
        remotes: args.remotes,
        selector: args.selector,
        once: args.once,
        engine: EngineOptions {
            dry_run: args.dry_run,
            max_moves: args.max_moves,
            alongside_upstream: args.alongside_upstream,
        },
        timeout: args.timeout,
        run_for: args.run_for,
        format: args.output,
        metrics: Metrics::default(),
        hooks: args.on_transition.as_ref().map(Hooks::start).transpose()?,
        several: !args.contexts.is_empty(),
    };
    let each = if plan.several {
        super::args::contexts::each(flags, ContextSelection::These(&args.contexts))?
    } else {
        Vec::new()
    };
    let _server = match args.metrics {
        Some(address) => Some(Server::start(address, plan.metrics.clone()).await?),
        None => None,
    };
    let exit = if plan.several {
        contexts::run(&each, &plan).await
    } else {
        one(flags, &plan, &args.until).await
    };
    if let Some(hooks) = plan.hooks {
        hooks.finish().await;
    }
    Streams::process().check()?;
    exit
}

/// Runs the loop of one cluster.
async fn one(flags: &GlobalArgs, plan: &WatchPlan, until: &[Condition]) -> anyhow::Result<Exit> {
    let cluster = super::connect(RbacCommand::Watch, flags, &plan.remotes).await?;
    let scope = ObserveScope {
        namespace: scope(flags, &cluster),
        selector: plan.selector.clone(),
        names: Vec::new(),
    };
    // With conditions to meet, the time is theirs.
    let timeout = plan.timeout.filter(|_| until.is_empty());
    let limits = Limits {
        run_for: plan.run_for,
        timeout,
    };
    let signalled = limits::signalled()?;
    let streams = Streams::process();
    let unmet = Cell::new(None);
    let end = async {
        tokio::select! {
            () = signalled => Ending::Asked,
            () = streams.closed() => Ending::Asked,
            end = limits::time_is_up(limits) => end,
            met = limits::met(&cluster, scope, until, plan.timeout) => {
                unmet.set(met.err());
                Ending::Asked
            }
        }
    };
    let ended = run_loop(&cluster, flags, plan, end).await?;
    unmet.take().map_or(Ok(ended.exit), Err)
}

/// How one loop ended.
struct Ended {
    exit: Exit,
    /// Its groups were known by then.
    began: bool,
}

/// Runs one loop until it is done, or told to end.
async fn run_loop(
    cluster: &Clusters,
    flags: &GlobalArgs,
    plan: &WatchPlan,
    end: impl Future<Output = Ending>,
) -> anyhow::Result<Ended> {
    let options = WatchOptions {
        namespace: scope(flags, cluster),
        selector: plan.selector.clone(),
        once: plan.once,
        engine: plan.engine.clone(),
        metrics: plan.metrics.clone(),
        clocks: None,
    };
    let teller = Printer {
        context: &cluster.context,
        names_context: plan.several,
        place: place(&options),
        format: plan.format,
        hooks: plan.hooks.as_ref(),
    };
    let why = Cell::new(Ending::Asked);
    let (began, stop) = (Cell::new(false), async { why.set(end.await) });
    let mut say = |notice: Notice| {
        began.set(began.get() || matches!(notice, Notice::Started { .. }));
        teller.tell(&notice)
    };
    let looking = say_where_nothing_can_be(cluster, options.namespace.as_deref());
    let ((), outcome) = tokio::join!(looking, watch::run(cluster, &options, stop, &mut say));
    let exit = verdict(outcome?, why.get(), plan.timeout.unwrap_or_default())?;
    Ok(Ended {
        exit,
        began: began.get(),
    })
}

/// Warns of a namespace that does not exist: it is more likely a slip than one that is to come.
async fn say_where_nothing_can_be(cluster: &Cluster, namespace: Option<&str>) {
    if let Some(namespace) = namespace
        && let Ok(true) = timeout(GLANCE, namespaces::is_missing(cluster, namespace)).await
    {
        let (namespace, context) = (clean(namespace), clean(&cluster.context));
        say(&format!(
            "warning: namespace {namespace} does not exist in context {context}"
        ));
    }
}

fn place(options: &WatchOptions) -> String {
    let labels = options
        .selector
        .as_ref()
        .map(|labels| format!(" with labels {labels}"))
        .unwrap_or_default();
    match &options.namespace {
        Some(namespace) => format!("{labels} in namespace {namespace}"),
        None => format!("{labels} in all namespaces"),
    }
}

fn verdict(outcome: WatchOutcome, end: Ending, timeout: Duration) -> anyhow::Result<Exit> {
    Err(match outcome {
        WatchOutcome::Stopped { unsettled } if end == Ending::OutOfTime => {
            out_of_time(&unsettled, timeout)
        }
        WatchOutcome::Done { unread, .. } if !unread.is_empty() => not_read(&unread),
        WatchOutcome::Stopped { .. } | WatchOutcome::Done { refused: 0, .. } => {
            return Ok(Exit::Done);
        }
        WatchOutcome::RunByUpstream { groups } => run_by_upstream(&groups),
        WatchOutcome::HeldByAnother { namespace, holder } => Problem::not_met(format!(
            "namespace {} is run by {}, which keeps its traffic where it belongs",
            clean(&namespace),
            clean(&holder)
        ))
        .next("end that loop, or leave the groups to it"),
        WatchOutcome::Done { refused, .. } => {
            Problem::new(format!("{refused} group(s) could not be moved: see above"))
        }
    }
    .into())
}

fn out_of_time(unsettled: &[(GroupId, &'static str)], timeout: Duration) -> Problem {
    let problem = Problem::not_met(format!(
        "not every group is where it belongs after {} s: what was begun is done",
        timeout.as_secs_f64()
    ));
    if unsettled.is_empty() {
        return problem.next("the groups, or who runs them, were not known in time");
    }
    let line =
        |(group, why): &(GroupId, &'static str)| format!("{}: {why}", clean(&group.to_string()));
    let problem = unsettled
        .iter()
        .take(NAMED)
        .map(line)
        .fold(problem, Problem::next);
    match unsettled.len().saturating_sub(NAMED) {
        0 => problem,
        more => problem.next(format!("and {more} more")),
    }
}

/// How many groups are named that can't be read.
const MOST_UNREAD: usize = 20;

fn not_read(unread: &[(GroupId, String)]) -> Problem {
    let problem = Problem::new(format!(
        "whether {} group(s) are where they belong is not known: their backends could not be read",
        unread.len()
    ));
    let line =
        |(group, why): &(GroupId, String)| format!("{}: {}", clean(&group.to_string()), clean(why));
    let problem = unread
        .iter()
        .take(MOST_UNREAD)
        .map(line)
        .fold(problem, Problem::next);
    match unread.len().saturating_sub(MOST_UNREAD) {
        0 => problem,
        more => problem.next(format!("and {more} more")),
    }
}

fn run_by_upstream(groups: &[GroupId]) -> Problem {
    let names: Vec<String> = groups
        .iter()
        .take(NAMED)
        .map(|group| clean(&group.to_string()))
        .collect();
    let more = groups.len().saturating_sub(NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    Problem::refused(format!(
        "Linkerd's own failover controller runs {}{more}: two loops would undo each other's moves",
        names.join(", ")
    ))
    .next("have one of them run the groups: choose others with -l, or narrow the controller's selector down")
    .next("to share the groups on which both come to the same answer: --alongside-upstream")
}
