//! The groups whose traffic nobody would bring back, or which nobody would resume, without a `watch`.

use std::collections::BTreeSet;

use clap::ValueEnum as _;
use jiff::Timestamp;

use crate::cli::UninstallDanger;
use crate::cluster::Clusters;
use crate::cluster::api::workloads::Deployment;
use crate::cluster::queries::group_list::list_groups;
use crate::commands::args::selection::parse_selector;
use crate::error;
use crate::model::traffic_findings::are;
use crate::model::{OverrideStatus, State, Status};
use crate::problem::Problem;
use crate::readiness::prefetch::PrefetchedSlices;
use crate::readiness::survey::survey;
use crate::resource::Record;
use crate::text::{ConnectionFlags, clean};
use crate::view::command_line::return_command;

/// How many groups the refusal names.
const MAX_NAMED_GROUPS: usize = 10;

/// # Errors
/// If nobody would bring back the traffic of groups, or resume them.
pub async fn check(
    cluster: &Clusters,
    deployment: &Deployment,
    allowed: &[UninstallDanger],
) -> anyhow::Result<()> {
    let selector = deployment.selector();
    let namespaces = deployment.watched_namespaces();
    let groups = list_groups(cluster, None, selector).await;
    let groups = groups.map_err(|error| error::explain_group_list(cluster, &error))?;
    let selector = parse_selector(selector)?;
    let is_run = |record: &Record| {
        let is_within = namespaces.is_empty() || namespaces.contains(&record.meta.namespace);
        is_within && selector.matches(&record.meta.labels)
    };
    let records: Vec<Record> = groups.records.into_iter().filter(is_run).collect();
    let statuses = survey(cluster, &records, &records, PrefetchedSlices::default()).await;
    let mut dangers: Vec<(UninstallDanger, &Status)> = statuses
        .iter()
        .filter_map(|status| Some((danger(status)?, status)))
        .filter(|(danger, _)| !allowed.contains(danger))
        .collect();
    dangers.sort_by_key(|(danger, _)| *danger);
    if dangers.is_empty() {
        return Ok(());
    }
    let mut names: Vec<UninstallDanger> = dangers.iter().map(|(danger, _)| *danger).collect();
    names.dedup();
    let names: Vec<String> = names.into_iter().map(name).collect();
    let lines = dangers.iter().map(|(danger, status)| {
        let id = clean(&status.id.to_string());
        format!("{id} is {}", clean(&describe(*danger, status)))
    });
    let more = dangers.len().saturating_sub(MAX_NAMED_GROUPS);
    Err(Problem::refused(format!(
        "{} away from home, overridden or paused; without a watch, nobody brings their traffic \
         back",
        are(dangers.len(), "group")
    ))
    .next_all(lines.take(MAX_NAMED_GROUPS))
    .next_all((more > 0).then(|| format!("and {more} more")))
    .next_all(
        ways_back(&dangers, &cluster.reach)
            .into_iter()
            .map(|command| format!("bring them back first: {command}")),
    )
    .next(format!(
        "to uninstall all the same: --allow {}",
        names.join(",")
    ))
    .into())
}

/// Returns the commands after which the groups need no watch.
fn ways_back(dangers: &[(UninstallDanger, &Status)], reach: &ConnectionFlags) -> Vec<String> {
    let entries = dangers.iter().flat_map(|(_, status)| &status.avoid);
    let returns = entries.map(|it| return_command(&it.entry, reach));
    let all = reach.all();
    let others = dangers
        .iter()
        .filter(|(danger, status)| *danger == UninstallDanger::Paused || status.avoid.is_empty())
        .map(|(danger, status)| match danger {
            UninstallDanger::Paused => format!("kubectl failover resume --all -A {all}"),
            UninstallDanger::Away if status.state != State::Failover => {
                format!("kubectl failover watch --once -A {all}")
            }
            _ => format!("kubectl failover failback --all -A {all}"),
        });
    let ways: BTreeSet<String> = returns.chain(others).collect();
    ways.into_iter().collect()
}

fn danger(status: &Status) -> Option<UninstallDanger> {
    if status.paused.is_some() || status.state == State::Paused {
        Some(UninstallDanger::Paused)
    } else if status.order.is_some() {
        Some(UninstallDanger::Overridden)
    } else if is_away(status) {
        Some(UninstallDanger::Away)
    } else {
        None
    }
}

/// Whether only a watch, or a command, would move the traffic to where the rules want it.
fn is_away(status: &Status) -> bool {
    let states = [
        State::Failover,
        State::Down,
        State::OutOfSync,
        State::Waiting,
    ];
    states.contains(&status.state)
}

/// Says what the danger is, and who ordered it until when.
fn describe(danger: UninstallDanger, status: &Status) -> String {
    let forced = match &status.order {
        Some(
            OverrideStatus::InForce(order)
            | OverrideStatus::Expired(order)
            | OverrideStatus::WithoutHome(order)
            | OverrideStatus::Broken {
                order: Some(order), ..
            },
        ) => Some(order),
        _ => None,
    };
    match (danger, forced, &status.paused) {
        (UninstallDanger::Overridden, Some(order), _) => {
            let what = format!("forced to {}", order.to);
            ordered(&what, &order.by, order.until, order.reason.as_deref())
        }
        (UninstallDanger::Overridden, None, _) => format!("overridden: {}", status.reason),
        (UninstallDanger::Paused, _, Some(pause)) => {
            ordered("paused", &pause.by, pause.until, pause.reason.as_deref())
        }
        (UninstallDanger::Paused, _, None) => "paused".to_owned(),
        (UninstallDanger::Away, ..) if status.state != State::Failover => {
            format!("{}: {}", status.state, status.reason)
        }
        (UninstallDanger::Away, ..) if status.reason.starts_with("away from home") => {
            status.reason.clone()
        }
        (UninstallDanger::Away, ..) => format!("away from home: {}", status.reason),
    }
}

fn ordered(what: &str, by: &str, until: Option<Timestamp>, reason: Option<&str>) -> String {
    let by = match by {
        "" => String::new(),
        by => format!(" by {by}"),
    };
    let until = until.map_or(String::new(), |until| format!(" until {until:.0}"));
    let reason = reason.map_or(String::new(), |reason| format!(" ({reason})"));
    format!("{what}{by}{until}{reason}")
}

fn name(danger: UninstallDanger) -> String {
    let value = danger.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_named_with_who_gave_it_and_until_when() {
        let until = "2026-11-26T22:00:10Z".parse().ok();
        let words = ordered("forced to web-east", "a@b", until, Some("INC-1"));
        assert_eq!(
            words,
            "forced to web-east by a@b until 2026-11-26T22:00:10Z (INC-1)"
        );
        assert_eq!(ordered("paused", "", None, None), "paused");
    }
}
