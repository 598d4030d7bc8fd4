//! `history`: the moves that are known.

use futures::future;
use jiff::Timestamp;

use super::args::selection;
use super::scope;
use crate::access::rights::RbacCommand;
use crate::cli::{GlobalArgs, HistoryArgs, HistoryFormat};
use crate::cluster::queries::group_list::list_groups;
use crate::cluster::queries::history;
use crate::cluster::queries::history::ReportedMove;
use crate::cluster::{Cluster, RequestError};
use crate::error;
use crate::model::history::{Move, merge};
use crate::output::streams::Streams;
use crate::output::terminal::say;
use crate::problem::Exit;
use crate::resource::{GroupName, Record};
use crate::text::{clean, clean_json, clean_lines};
use crate::view::ago::ago;
use crate::view::history::{HistoryList, table};
use crate::view::table::TableStyle;

pub async fn run(flags: &GlobalArgs, args: &HistoryArgs) -> anyhow::Result<Exit> {
    let names: anyhow::Result<Vec<GroupName>> = args
        .names
        .iter()
        .map(|name| selection::parse_name(name))
        .collect();
    let names = names?;
    let cluster = Cluster::connect(&flags.connect_options(RbacCommand::History)).await?;
    let namespace = scope(flags, &cluster);
    let namespace = namespace.as_deref();
    let groups = list_groups(&cluster, namespace, args.selector.as_deref());
    let (groups, events) = future::join(groups, history::read(&cluster, namespace)).await;
    let groups = selection::readable(
        &cluster,
        groups.map_err(|error| error::explain_group_list(&cluster, &error))?,
    );
    let (told, failure) = match events {
        Ok(told) => (told, None),
        Err(error) => (ReportedMove::default(), Some(error)),
    };
    let oldest = told.oldest;
    let records: Vec<&Record> = chosen(&groups, &names);
    let events = told.moves.into_iter().filter_map(|told| {
        let record = groups.iter().find(|record| record.id() == told.group);
        let is_meant = match record {
            Some(record) => records.iter().any(|chosen| chosen.id() == record.id()),
            // What is gone has no labels and no apex, but it had a name.
            None => args.selector.is_none() && (names.is_empty() || is_named(&names, &told)),
        };
        is_meant.then(|| Move {
            apex: record.map(|record| record.apex.clone()),
            ..told
        })
    });
    let moves = merge(
        records
            .iter()
            .flat_map(|record| record.moves())
            .chain(events)
            .collect(),
    );
    if let Some(name) = names.iter().find(|name| is_unknown(name, &groups, &moves)) {
        return Err(
            selection::unknown(&cluster, namespace, &name.to_string(), &groups)
                .await
                .into(),
        );
    }
    print(&cluster, &moves, args.output, flags.all_namespaces)?;
    for line in footer(&cluster, moves.is_empty(), oldest, failure.as_ref()) {
        say(&line);
    }
    Ok(Exit::Done)
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

fn is_named(names: &[GroupName], told: &Move) -> bool {
    names
        .iter()
        .any(|name| name.name == told.group.name && name.allows(told.group.kind))
}

fn is_unknown(name: &GroupName, groups: &[Record], moves: &[Move]) -> bool {
    let name = std::slice::from_ref(name);
    chosen(groups, name).is_empty() && !moves.iter().any(|told| is_named(name, told))
}

fn print(
    cluster: &Cluster,
    moves: &[Move],
    format: HistoryFormat,
    namespaces: bool,
) -> anyhow::Result<()> {
    let list = || HistoryList::new(&cluster.context, &cluster.server, moves);
    let text = match format {
        HistoryFormat::Json => clean_json(&serde_json::to_string_pretty(&list())?) + "\n",
        HistoryFormat::Yaml => clean_lines(&serde_yaml::to_string(&list())?),
        HistoryFormat::Table | HistoryFormat::Wide if moves.is_empty() => String::new(),
        HistoryFormat::Table | HistoryFormat::Wide => {
            let wide = format == HistoryFormat::Wide;
            let style = TableStyle {
                wide,
                namespaces,
                ..TableStyle::default()
            };
            table(moves, style, cluster.clock().now())
        }
    };
    Streams::process().write(&text)
}

/// How far back all this goes.
fn footer(
    cluster: &Cluster,
    is_empty: bool,
    oldest: Option<Timestamp>,
    failure: Option<&RequestError>,
) -> Vec<String> {
    let mut lines = Vec::new();
    if is_empty {
        lines.push("No moves are known.".to_owned());
    }
    if let Some(failure) = failure {
        let problem = error::explain(cluster, failure);
        lines.push(format!(
            "Events cannot be read: {}",
            clean(&problem.message)
        ));
        lines.push("Without them, only the last move of each group is known.".to_owned());
        return lines;
    }
    let back = match oldest {
        Some(oldest) => format!("Events go back {}", ago(oldest, cluster.clock().now())),
        None => "There are no Events".to_owned(),
    };
    lines.push(format!(
        "{back}; a cluster keeps them for an hour by default. Of older moves only each group's last one is known."
    ));
    lines
}
