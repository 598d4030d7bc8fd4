//! `history`: past failovers and failbacks, from Events and the groups' annotations.

use futures::future;
use jiff::Timestamp;

use super::args::absent::unknown_group;
use super::args::selection::{parse_names, readable};
use super::env::CommandEnv;
use crate::cli::{HistoryArgs, HistoryFormat};
use crate::cluster::queries::group_list::list_groups;
use crate::cluster::queries::history::{self, EventHistory};
use crate::cluster::{Cluster, RequestError};
use crate::error;
use crate::model::history::{Move, merge};
use crate::problem::Exit;
use crate::resource::{GroupName, Record};
use crate::text::clean;
use crate::view::age::age;
use crate::view::formats::{json, yaml};
use crate::view::history::{HistoryList, table};
use crate::view::status::table::TableStyle;

pub async fn run(env: &CommandEnv, args: &HistoryArgs) -> anyhow::Result<Exit> {
    parse_names(&args.names)?;
    let cluster = Cluster::connect(&env.connect_options()).await?;
    run_in(env, &cluster, args).await
}

/// Runs the command in a cluster that is connected.
pub async fn run_in(
    env: &CommandEnv,
    cluster: &Cluster,
    args: &HistoryArgs,
) -> anyhow::Result<Exit> {
    let names = parse_names(&args.names)?;
    let namespace = env.namespace(cluster);
    let namespace = namespace.as_deref();
    let (groups, events) = future::join(
        list_groups(cluster, namespace, args.selector.as_deref()),
        history::read(cluster, namespace),
    )
    .await;
    let groups = groups.map_err(|error| error::explain_group_list(cluster, &error))?;
    let groups = readable(&env.streams, cluster, groups);
    let (reported, failure) = match events {
        Ok(reported) => (reported, None),
        Err(error) => (EventHistory::default(), Some(error)),
    };
    let oldest = reported.oldest;
    let chosen = chosen(&groups, &names);
    let events = reported
        .moves
        .into_iter()
        .filter_map(|event| with_apex(event, args, &names, &groups, &chosen));
    let recorded = chosen.iter().flat_map(|record| record.moves());
    let moves = merge(recorded.chain(events).collect());
    if let Some(name) = names.iter().find(|name| is_unknown(name, &groups, &moves)) {
        let name = name.to_string();
        let problem = unknown_group(cluster, namespace, &name, &groups).await;
        return Err(problem.into());
    }
    let all_namespaces = env.flags.all_namespaces;
    env.print(&render(cluster, &moves, args.output, all_namespaces)?)?;
    for line in footer(cluster, moves.is_empty(), oldest, failure.as_ref()) {
        env.streams.say(&line);
    }
    Ok(Exit::Done)
}

/// Adds the group's apex to the move of an Event. Returns none if the arguments do not select it.
fn with_apex(
    event: Move,
    args: &HistoryArgs,
    names: &[GroupName],
    groups: &[Record],
    chosen: &[&Record],
) -> Option<Move> {
    let record = groups.iter().find(|record| record.id() == event.group);
    let is_meant = match record {
        Some(record) => chosen.iter().any(|chosen| chosen.id() == record.id()),
        // A deleted group has no labels and no apex, so only its name can match.
        None => args.selector.is_none() && (names.is_empty() || is_named(names, &event)),
    };
    is_meant.then(|| Move {
        apex: record.map(|record| record.apex.clone()),
        ..event
    })
}

fn chosen<'a>(groups: &'a [Record], names: &[GroupName]) -> Vec<&'a Record> {
    if names.is_empty() {
        return groups.iter().collect();
    }
    let picked = names.iter().flat_map(|name| name.pick(groups));
    let mut chosen: Vec<&Record> = picked.collect();
    chosen.sort_by_key(|record| record.id());
    chosen.dedup_by_key(|record| record.id());
    chosen
}

fn is_named(names: &[GroupName], event: &Move) -> bool {
    names
        .iter()
        .any(|name| name.name == event.group.name && name.allows(event.group.kind))
}

fn is_unknown(name: &GroupName, groups: &[Record], moves: &[Move]) -> bool {
    let name = std::slice::from_ref(name);
    chosen(groups, name).is_empty() && !moves.iter().any(|event| is_named(name, event))
}

fn render(
    cluster: &Cluster,
    moves: &[Move],
    format: HistoryFormat,
    namespaces: bool,
) -> anyhow::Result<String> {
    let list = || HistoryList::new(&cluster.context, &cluster.server, moves);
    Ok(match format {
        HistoryFormat::Json => json(&list())?,
        HistoryFormat::Yaml => yaml(&list())?,
        HistoryFormat::Table | HistoryFormat::Wide if moves.is_empty() => String::new(),
        HistoryFormat::Table | HistoryFormat::Wide => {
            let style = TableStyle {
                wide: format == HistoryFormat::Wide,
                namespaces,
                ..TableStyle::default()
            };
            table(moves, style, cluster.clock().now())
        }
    })
}

/// Says how far back the moves go.
fn footer(
    cluster: &Cluster,
    is_empty: bool,
    oldest: Option<Timestamp>,
    failure: Option<&RequestError>,
) -> Vec<String> {
    let mut lines = Vec::new();
    if is_empty {
        lines.push("No failovers recorded.".to_owned());
    }
    if let Some(failure) = failure {
        let problem = error::explain(cluster, failure);
        lines.push(format!("Cannot read Events: {}", clean(&problem.message)));
        lines.push("Without them, only each group's most recent move is known.".to_owned());
        return lines;
    }
    let basis = match oldest {
        Some(oldest) => format!(
            "Based on Events from the last {}",
            age(oldest, cluster.clock().now())
        ),
        None => "There are no Events".to_owned(),
    };
    lines.push(format!(
        "{basis} (clusters keep them for 1h by default). Older than that, only each group's most \
         recent move is known."
    ));
    lines
}
