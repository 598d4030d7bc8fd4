//! `history`: what happened to groups, from Kubernetes Events, the journal of `watch` and the groups'
//! annotations.

pub mod follow;
pub mod gather;
pub mod print;

use futures::future::join_all;
use gather::{GatheredHistory, HistoryQuery};
use print::HistoryPage;

use super::args::contexts::{ContextSelection, each};
use super::args::selection::parse_names;
use super::env::CommandEnv;
use crate::cli::{HistoryArgs, HistoryFormat};
use crate::cluster::Cluster;
use crate::problem::{Exit, Problem};
use crate::resource::GroupName;
use crate::text::clean;

pub async fn run(env: &CommandEnv, args: &HistoryArgs) -> anyhow::Result<Exit> {
    if args.watch && matches!(args.output, HistoryFormat::Yaml | HistoryFormat::Markdown) {
        return Err(
            Problem::usage("--watch prints lines: use it with -o table, json or csv").into(),
        );
    }
    let names = parse_names(&args.names)?;
    let contexts = ContextSelection::of(&args.contexts);
    if contexts.is_empty() {
        let cluster = Cluster::connect(&env.connect_options()).await?;
        return run_in(env, &cluster, args).await;
    }
    let each = each(env, contexts)?;
    let queries = connect_all(&each, args, &names).await?;
    let exit = show(env, args, &names, &queries).await?;
    Ok(if queries.len() < each.len() {
        Exit::Failed
    } else {
        exit
    })
}

/// Runs the command in a cluster that is connected.
pub async fn run_in(
    env: &CommandEnv,
    cluster: &Cluster,
    args: &HistoryArgs,
) -> anyhow::Result<Exit> {
    let names = parse_names(&args.names)?;
    let query = HistoryQuery::new(env, cluster.clone(), args, &names);
    show(env, args, &names, &[query]).await
}

async fn show(
    env: &CommandEnv,
    args: &HistoryArgs,
    names: &[GroupName],
    queries: &[HistoryQuery<'_>],
) -> anyhow::Result<Exit> {
    let page = HistoryPage::new(env, args);
    if args.watch {
        return follow::follow(&page, queries).await;
    }
    let read = join_all(queries.iter().map(HistoryQuery::read)).await;
    let mut all: Vec<GatheredHistory> = Vec::new();
    for (query, read) in queries.iter().zip(read) {
        match read {
            Ok(read) => all.push(read),
            Err(error) if queries.len() > 1 => say_unreadable(env, &query.cluster.context, &error),
            Err(error) => return Err(error),
        }
    }
    let is_known = |name: &GroupName| all.iter().any(|read| read.knows(name));
    let unknown = names.iter().find(|name| !is_known(name));
    if let Some((name, first)) = unknown.zip(queries.first()) {
        return Err(first.unknown(name).await.into());
    }
    page.print(&all)?;
    Ok(if all.len() < queries.len() {
        Exit::Failed
    } else {
        Exit::Done
    })
}

/// Connects to the clusters, and names those that it cannot connect to.
///
/// # Errors
/// If it can connect to none.
async fn connect_all<'a>(
    each: &[CommandEnv],
    args: &'a HistoryArgs,
    names: &'a [GroupName],
) -> anyhow::Result<Vec<HistoryQuery<'a>>> {
    let connects = each
        .iter()
        .map(async |env| Cluster::connect(&env.connect_options()).await);
    let connected = join_all(connects).await;
    let is_none = connected.iter().all(Result::is_err);
    let mut queries = Vec::new();
    for (env, connected) in each.iter().zip(connected) {
        match connected {
            Ok(cluster) => queries.push(HistoryQuery::new(env, cluster, args, names)),
            Err(error) if is_none => return Err(error),
            Err(error) => {
                let context = env.flags.context.as_deref();
                say_unreadable(env, context.unwrap_or_default(), &error);
            }
        }
    }
    Ok(queries)
}

fn say_unreadable(env: &CommandEnv, context: &str, error: &anyhow::Error) {
    let (context, problem) = (clean(context), Problem::of(error));
    env.streams
        .say(&format!("error: {context}: {}", clean(&problem.message)));
}
