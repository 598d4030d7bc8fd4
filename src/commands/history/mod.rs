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
    if args.contexts.is_empty() {
        let cluster = Cluster::connect(&env.connect_options()).await?;
        return run_in(env, &cluster, args).await;
    }
    let queries = connect_all(env, args, &names).await?;
    show(env, args, &names, &queries).await
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
            Err(error) if queries.len() > 1 => say_unreadable(env, &query.cluster, &error),
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

async fn connect_all<'a>(
    env: &CommandEnv,
    args: &'a HistoryArgs,
    names: &'a [GroupName],
) -> anyhow::Result<Vec<HistoryQuery<'a>>> {
    let each = each(env, ContextSelection::Named(&args.contexts))?;
    let connected = each.iter().map(|env| async move {
        let cluster = Cluster::connect(&env.connect_options()).await?;
        Ok::<_, anyhow::Error>(HistoryQuery::new(env, cluster, args, names))
    });
    join_all(connected).await.into_iter().collect()
}

fn say_unreadable(env: &CommandEnv, cluster: &Cluster, error: &anyhow::Error) {
    let (context, problem) = (clean(&cluster.context), Problem::of(error));
    env.streams
        .say(&format!("error: {context}: {}", clean(&problem.message)));
}
