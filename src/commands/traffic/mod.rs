//! `traffic`: shows the requests that flow to each backend. Prints one window, waits for a
//! condition (`--for`), or goes on (`--watch`).

pub mod live;
pub mod measure;
pub mod print;
#[cfg(test)]
mod tests;
pub mod wait;

use super::args::query::{GroupQuery, place_in_context};
use super::args::selection::{choose, parse_selector};
use super::args::targets::ambiguous;
use super::env::CommandEnv;
use crate::cli::{TrafficArgs, TrafficFormat};
use crate::cluster::Cluster;
use crate::output::spinner::Spinner;
use crate::problem::{Exit, Problem};
use crate::resource::Record;
use crate::text::{clean, word};
use crate::traffic::clients::{ClientSelection, Workload};
use crate::traffic::proxies::MIN_WINDOW;
use measure::TrafficMeter;
use print::TrafficPage;

pub async fn run(env: &CommandEnv, args: &TrafficArgs) -> anyhow::Result<Exit> {
    let selection = check(args)?;
    let cluster = Cluster::connect(&env.connect_options()).await?;
    let record = group(env, &cluster, args).await?;
    let mut meter = TrafficMeter::start(&cluster, record, args, selection).await?;
    let page = TrafficPage {
        streams: env.streams.clone(),
        format: args.output,
        flags: cluster.reach.for_plugin(&meter.group().id.namespace),
    };
    if args.watch {
        return live::run(&mut meter, &page).await;
    }
    if !args.goals.is_empty() {
        return wait::run(&mut meter, args, &page).await;
    }
    let spinner = Spinner::new(&env.streams);
    spinner.show(&meter.in_progress());
    let report = meter.next().await?;
    spinner.clear();
    page.print(&meter, &report, None)?;
    Ok(Exit::Done)
}

/// Checks what can be checked before the cluster is contacted. Returns the clients to ask.
fn check(args: &TrafficArgs) -> anyhow::Result<ClientSelection> {
    if args.window < MIN_WINDOW {
        let least = MIN_WINDOW.as_secs();
        return Err(Problem::usage(format!("--window must be at least {least}s")).into());
    }
    if args.watch && args.output == TrafficFormat::Yaml {
        return Err(
            Problem::usage("--watch prints a table, lines, or JSON Lines")
                .next("use --output table, wide or json")
                .into(),
        );
    }
    let workloads = args.from.iter().map(|text| {
        text.parse::<Workload>().map_err(|how| {
            Problem::usage(format!("invalid --from {:?}", clean(text))).next(how.to_string())
        })
    });
    Ok(ClientSelection {
        workloads: workloads.collect::<Result<_, _>>()?,
        labels: parse_selector(args.selector.as_deref())?,
    })
}

/// Returns the group that is named, or the only one.
async fn group(env: &CommandEnv, cluster: &Cluster, args: &TrafficArgs) -> anyhow::Result<Record> {
    let namespace = env.namespace(cluster);
    let names: Vec<String> = args.name.iter().cloned().collect();
    let query = GroupQuery {
        namespace: namespace.as_deref(),
        selector: None,
        names: &names,
    };
    let chosen = choose(&env.streams, cluster, query, false).await?;
    if let Some((name, groups)) = &chosen.ambiguous {
        return Err(ambiguous(name, groups).into());
    }
    let mut records = chosen.records.into_iter();
    match (records.next(), records.next()) {
        (Some(record), None) => Ok(record),
        (None, _) => {
            let place = place_in_context(cluster, namespace.as_deref());
            Err(Problem::new(format!("there are no groups in {place}"))
                .next("create one with: kubectl failover create")
                .into())
        }
        (Some(first), Some(second)) => {
            let others = records.map(|record| record.meta.name);
            let names = [first.meta.name, second.meta.name]
                .into_iter()
                .chain(others);
            let names: Vec<String> = names.map(|name| word(&name)).collect();
            Err(Problem::usage("specify a group: there are several")
                .there_are("groups", names.iter().map(String::as_str))
                .into())
        }
    }
}
