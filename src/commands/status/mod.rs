//! `status`: where the traffic of each group goes, and why: once, until a condition holds, or for as long as anyone
//! looks.

pub mod lines;
pub mod live;
pub mod once;
pub mod print;
pub mod several;
pub mod wait;
pub mod waiting;

use clap::ColorChoice;

use super::args::contexts;
use super::args::contexts::ContextSelection;
use super::args::selection;
use super::scope;
use crate::access::rights::RbacCommand;
use crate::cli::{GlobalArgs, StatusArgs, StatusFormat};
use crate::observe::ObserveScope;
use crate::output::streams::Streams;
use crate::problem::{Exit, Problem};

pub async fn run(flags: &GlobalArgs, args: StatusArgs) -> anyhow::Result<Exit> {
    if args.watch && matches!(args.output, StatusFormat::Yaml | StatusFormat::Name) {
        return Err(Problem::usage("--watch prints a table, or JSON Lines")
            .next("use --output table, wide or json")
            .into());
    }
    let several = args.all_contexts || !args.contexts.is_empty();
    if several && args.output == StatusFormat::Name {
        return Err(
            Problem::usage("--output name does not say which cluster a group is in")
                .next("use --output json, or one context at a time")
                .into(),
        );
    }
    let page = StatusPage {
        format: args.output,
        namespaces: flags.all_namespaces,
        colour: flags.color,
    };
    if several {
        let wanted = if args.all_contexts {
            ContextSelection::All
        } else {
            ContextSelection::These(&args.contexts)
        };
        return several::run(&contexts::each(flags, wanted)?, &args, page).await;
    }
    let cluster = super::connect(RbacCommand::Status, flags, &args.remotes).await?;
    if !args.watch && args.conditions.is_empty() {
        return once::run(&cluster, scope(flags, &cluster), &args, page).await;
    }
    let names: anyhow::Result<_> = args
        .names
        .iter()
        .map(|name| selection::parse_name(name))
        .collect();
    let scope = ObserveScope {
        namespace: scope(flags, &cluster),
        selector: args.selector,
        names: names?,
    };
    if !args.watch {
        return wait::run(&cluster, scope, args.conditions, args.timeout, page).await;
    }
    let on_terminal = Streams::process().out_is_terminal();
    match page.format {
        StatusFormat::Table | StatusFormat::Wide if on_terminal => {
            live::run(&cluster, scope, page).await
        }
        _ => lines::run(&cluster, scope, page).await,
    }
}

/// How groups are to be printed.
#[derive(Debug, Clone, Copy)]
pub struct StatusPage {
    format: StatusFormat,
    /// With a column for the namespace.
    namespaces: bool,
    colour: ColorChoice,
}
