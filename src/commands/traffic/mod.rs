//! `traffic`: shows the requests that flow to each backend. Prints one window, waits for a
//! condition (`--for`), or goes on (`--watch`).

pub mod follow;
pub mod live;
pub mod measure;
mod measured_group;
mod meter_error;
pub mod print;
pub mod source;
#[cfg(test)]
mod tests;
pub mod unmatched;
pub mod wait;

use super::args::absent::no_groups;
use super::args::query::GroupQuery;
use super::args::selection::{choose, parse_selector};
use super::args::targets::ambiguous_name;
use super::env::CommandEnv;
use crate::cli::{TrafficArgs, TrafficFormat, TrafficSource};
use crate::cluster::Cluster;
use crate::output::spinner::Spinner;
use crate::problem::{Exit, Problem};
use crate::process::signals::Interrupts;
use crate::resource::Record;
use crate::text::clean;
use crate::traffic::clients::{ClientSelection, Workload};
use crate::traffic::proxies::{MIN_WINDOW, PROXIES_WINDOW};
use measure::{MeterOptions, TrafficMeter};
use measured_group::valid;
use print::TrafficPage;

pub async fn run(env: &CommandEnv, args: &TrafficArgs) -> anyhow::Result<Exit> {
    let options = check(args)?;
    let cluster = Cluster::connect(&env.connect_options()).await?;
    let records = groups(env, &cluster, args).await?;
    let meter = TrafficMeter::start(&cluster, records, options).await?;
    // Of a watch and of a condition, the pods may still come.
    if !args.watch && args.goals.is_empty() {
        unmatched::refuse(&meter).await?;
    }
    let mut meter = source::choose(&env.streams, meter, args).await?;
    let page = TrafficPage {
        streams: env.streams.clone(),
        format: args.output,
        is_list: args.names.len() != 1,
        reach: cluster.reach.clone(),
    };
    if args.watch {
        return live::run(&mut meter, &page).await;
    }
    let mut interrupts = Interrupts::listen()?;
    if !args.goals.is_empty() {
        return interrupts.or(wait::run(&mut meter, args, &page)).await;
    }
    let spinner = Spinner::new(&env.streams);
    spinner.show(&meter.in_progress());
    let reports = interrupts.or(meter.next()).await?;
    spinner.clear();
    page.print(&meter, &reports, None)?;
    Ok(Exit::Done)
}

/// Checks what can be checked before the cluster is contacted. Returns what to measure.
fn check(args: &TrafficArgs) -> anyhow::Result<MeterOptions> {
    if args.window.is_some_and(|window| window < MIN_WINDOW) {
        let least = MIN_WINDOW.as_secs();
        return Err(Problem::usage(format!("--window must be at least {least}s")).into());
    }
    if args.prometheus.is_some() && args.source == Some(TrafficSource::Proxies) {
        return Err(Problem::usage("--prometheus and --source proxies exclude each other").into());
    }
    if args.watch && args.output == TrafficFormat::Yaml {
        return Err(
            Problem::usage("--watch prints a table, lines, or JSON Lines")
                .next("use --output table, wide or json; yaml is for a single window")
                .into(),
        );
    }
    Ok(MeterOptions {
        selection: ClientSelection {
            workloads: workloads(&args.clients.from)?,
            labels: parse_selector(args.labels.as_deref())?,
        },
        from_namespace: args.clients.from_namespace.clone(),
        max_pods: usize::try_from(args.max_pods).unwrap_or(usize::MAX),
        window: args.window.unwrap_or(PROXIES_WINDOW),
    })
}

/// Parses the values of `--from`.
pub fn workloads(from: &[String]) -> Result<Vec<Workload>, Problem> {
    let workloads = from.iter().map(|text| {
        text.parse::<Workload>().map_err(|how| {
            Problem::usage(format!("invalid --from {:?}", clean(text))).next(how.to_string())
        })
    });
    workloads.collect()
}

/// Returns the groups that are named, or all. Of all groups, those that are not valid are left out.
async fn groups(
    env: &CommandEnv,
    cluster: &Cluster,
    args: &TrafficArgs,
) -> anyhow::Result<Vec<Record>> {
    let namespace = env.namespace(cluster);
    let query = GroupQuery {
        namespace: namespace.as_deref(),
        selector: None,
        names: &args.names,
    };
    let chosen = choose(&env.streams, cluster, query, false).await?;
    if let Some((name, groups)) = &chosen.ambiguous {
        return Err(ambiguous_name(name, groups)
            .next("name one of those, or no group to see all")
            .into());
    }
    let mut records = chosen.records;
    if records.is_empty() {
        return Err(no_groups(cluster, query).await.into());
    }
    if args.names.is_empty() {
        let invalid: Vec<Problem> = records.iter().filter_map(|it| valid(it).err()).collect();
        if invalid.len() < records.len() {
            records.retain(|record| record.group.is_ok());
            for problem in invalid {
                env.streams.say(&format!("left out: {}", problem.message));
            }
        }
    }
    records.sort_by_key(Record::id);
    Ok(records)
}
