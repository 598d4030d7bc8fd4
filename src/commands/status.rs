//! `status`: where the traffic of each group goes, and why: once, until a condition holds, or for as long as anyone
//! looks.

mod lines;
mod live;
mod once;
mod print;
mod wait;
mod waiting;

use std::io::IsTerminal as _;

use clap::ColorChoice;

use super::{scope, selection};
use crate::cli::{GlobalArgs, StatusArgs, StatusFormat};
use crate::cluster::Cluster;
use crate::error::{Exit, Problem};
use crate::observe::Scope;
use crate::view::text::clean;

pub async fn run(flags: &GlobalArgs, args: StatusArgs) -> anyhow::Result<Exit> {
    if args.watch && matches!(args.output, StatusFormat::Yaml | StatusFormat::Name) {
        return Err(Problem::usage("--watch prints a table, or JSON Lines")
            .next("use --output table, wide or json")
            .into());
    }
    let cluster = Cluster::connect(flags).await?;
    let page = Page { format: args.output, namespaces: flags.all_namespaces, colour: flags.color };
    if !args.watch && args.conditions.is_empty() {
        return once::run(&cluster, scope(flags, &cluster), &args, page).await;
    }
    let names: anyhow::Result<_> = args.names.iter().map(|name| selection::parse_name(name)).collect();
    let scope = Scope { namespace: scope(flags, &cluster), selector: args.selector, names: names? };
    if !args.watch {
        return wait::run(&cluster, scope, args.conditions, args.timeout, page).await;
    }
    let on_terminal = std::io::stdout().is_terminal();
    match page.format {
        StatusFormat::Table | StatusFormat::Wide if on_terminal => live::run(&cluster, scope, page).await,
        _ => lines::run(&cluster, scope, page).await,
    }
}

/// How groups are to be printed.
#[derive(Debug, Clone, Copy)]
struct Page {
    format: StatusFormat,
    /// With a column for the namespace.
    namespaces: bool,
    colour: ColorChoice,
}

/// Where the groups are, for people.
fn place(cluster: &Cluster, namespace: Option<&str>) -> String {
    format!("{} of context {}", clean(&selection::place(namespace)), clean(&cluster.context))
}
