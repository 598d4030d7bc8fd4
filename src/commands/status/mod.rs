//! `status`: shows where each group's traffic goes, and why. Prints it once, waits for a condition
//! (`--for`), or runs live (`--watch`).

pub mod by_cluster;
mod evacuations;
pub mod lines;
pub mod live;
pub mod once;
pub mod print;
pub mod several;
pub mod wait;
pub mod waiting;

use super::args::contexts::{self, ContextSelection};
use super::args::selection::{parse_names, parse_selector};
use super::env::CommandEnv;
use crate::cli::{StatusArgs, StatusFormat};
use crate::observe::ObserveScope;
use crate::output::terminal;
use crate::problem::{Exit, Problem};
use print::StatusPage;

pub async fn run(env: &CommandEnv, mut args: StatusArgs) -> anyhow::Result<Exit> {
    let env = &in_scope(env, &args);
    let from_settings = shows_usual_contexts(env, &args);
    if from_settings {
        args.contexts.names = env.settings.contexts.value.clone();
    }
    if args.watch && matches!(args.output, StatusFormat::Yaml | StatusFormat::Name) {
        return Err(Problem::usage("--watch prints a table, or JSON Lines")
            .next("use --output table, wide or json")
            .into());
    }
    let several = !args.contexts.is_empty();
    if several && args.output == StatusFormat::Name && !args.by_cluster {
        return Err(
            Problem::usage("--output name does not say which cluster a group is in")
                .next("use --output json, or one context at a time")
                .into(),
        );
    }
    if !args.local_names.local_name.is_empty() && !args.by_cluster {
        return Err(
            Problem::usage("--local-name names clusters for --by-cluster")
                .next("add --by-cluster, or leave out --local-name")
                .into(),
        );
    }
    let page = StatusPage {
        streams: env.streams.clone(),
        format: args.output,
        namespaces: env.flags.all_namespaces,
        are_all: args.names.is_empty() && args.selector.is_none(),
        selector: args.selector.clone().filter(|_| args.names.is_empty()),
        colour: env.flags.color(),
    };
    if several {
        let wanted = ContextSelection::of(&args.contexts);
        let mut envs = contexts::each(env, wanted);
        if from_settings {
            envs = env.settings.contexts.source.blame("the context", envs);
        }
        let envs = envs?;
        return if args.by_cluster {
            by_cluster::run(&envs, &args, &page).await
        } else if !args.watch {
            several::run(&envs, &args, &page).await
        } else if is_live(&page) {
            live::run_several(&envs, &args, &page).await
        } else {
            Err(
                Problem::usage("--watch of several contexts needs a terminal")
                    .next("watch one context at a time, with --context")
                    .into(),
            )
        };
    }
    if args.by_cluster {
        return by_cluster::run(std::slice::from_ref(env), &args, &page).await;
    }
    let cluster = env.connect(&args.remotes).await?;
    if !args.watch && args.conditions.is_empty() {
        return once::run(&cluster, env.namespace(&cluster), &args, &page).await;
    }
    let scope = ObserveScope {
        namespace: env.namespace(&cluster),
        selector: parse_selector(args.selector.as_deref())?,
        names: parse_names(&args.names)?,
    };
    if !args.watch {
        return wait::run(&cluster, scope, args.conditions, args.timeout, &page).await;
    }
    if is_live(&page) {
        live::run(env, cluster, &args, &page).await
    } else {
        lines::run(&cluster, scope, &page).await
    }
}

/// What a cluster carries is a matter of all namespaces, unless the user names one, or groups.
fn in_scope(env: &CommandEnv, args: &StatusArgs) -> CommandEnv {
    let mut env = env.clone();
    if args.by_cluster && args.names.is_empty() && env.flags.namespace.is_none() {
        env.flags.all_namespaces = true;
    }
    env
}

/// Whether the output is a table on a terminal that can show a screen.
fn is_live(page: &StatusPage) -> bool {
    matches!(page.format, StatusFormat::Table | StatusFormat::Wide)
        && page.streams.out_is_terminal()
        && terminal::can_move_cursor()
}

/// Whether the contexts of the settings apply: if no flag chooses a cluster, for output that can show
/// several.
fn shows_usual_contexts(env: &CommandEnv, args: &StatusArgs) -> bool {
    let is_chosen = !args.contexts.is_empty();
    let is_named = args.output == StatusFormat::Name && !args.by_cluster;
    let is_for_one = args.watch || !args.conditions.is_empty() || is_named;
    !is_chosen && !is_for_one && contexts::flag_of_one_cluster(&env.flags).is_none()
}
