//! `traffic --for`: counts window after window until the conditions hold in one of them.

use std::time::Duration;

use tokio::time::Instant;

use super::measure::TrafficMeter;
use super::print::{TrafficPage, Verdict};
use crate::cli::{TrafficArgs, TrafficFormat};
use crate::commands::status::waiting::Waiting;
use crate::model::traffic::TrafficReport;
use crate::model::traffic_findings::findings;
use crate::model::{Group, TrafficCondition};
use crate::problem::{Exit, Problem};
use crate::text::clean;

/// The default of --timeout.
const DEFAULT_TRAFFIC_TIMEOUT: Duration = Duration::from_secs(120);

pub async fn run(
    meter: &mut TrafficMeter,
    args: &TrafficArgs,
    page: &TrafficPage,
) -> anyhow::Result<Exit> {
    check(&args.goals, meter.group())?;
    let timeout = args.timeout.unwrap_or(DEFAULT_TRAFFIC_TIMEOUT);
    let goals: Vec<String> = args.goals.iter().map(ToString::to_string).collect();
    let asked = goals.join(" and ");
    let end = Instant::now() + timeout;
    let waiting = Waiting::start(&page.streams, asked.clone(), timeout);
    let mut report = meter.next().await?;
    let (report, missing) = loop {
        let unmet = args.goals.iter().filter(|goal| !goal.holds(&report));
        let missing: Vec<&TrafficCondition> = unmet.collect();
        // A window that ends too late is not begun.
        if missing.is_empty() || Instant::now() + meter.window() > end {
            break (report, missing);
        }
        waiting.say(&found(&missing, &report));
        let say = |line: &str| waiting.say(&[line.to_owned()]);
        report = meter.again(Some(end), say).await?;
    };
    waiting.end();
    let verdict = Verdict {
        exit: if missing.is_empty() {
            Exit::Done
        } else {
            Exit::NotMet
        },
        missing: missing.iter().map(ToString::to_string).collect(),
    };
    let is_data = matches!(page.format, TrafficFormat::Json | TrafficFormat::Yaml);
    if missing.is_empty() || is_data {
        page.print(meter, &report, Some(&verdict))?;
    }
    if missing.is_empty() {
        return Ok(Exit::Done);
    }
    let seconds = timeout.as_secs_f64();
    let words = findings(&report, &page.flags)
        .into_iter()
        .map(|finding| clean(&finding.message));
    let problem = Problem::not_met(format!("timed out after {seconds} s waiting for {asked}"))
        .next_all(found(&missing, &report))
        .next_all(words);
    Err(Problem {
        is_printed: is_data,
        ..problem
    }
    .into())
}

/// Refuses conditions about backends that the group does not have.
fn check(goals: &[TrafficCondition], group: &Group) -> Result<(), Problem> {
    let mut backends = goals.iter().filter_map(TrafficCondition::backend);
    match backends.find(|backend| group.position(backend).is_none()) {
        Some(unknown) => Err(Problem::usage(format!(
            "{:?} is not a backend of {}",
            clean(unknown),
            clean(&group.id.to_string())
        ))
        .did_you_mean(unknown, group.backend_names())
        .there_are("backends", group.backend_names())),
        None => Ok(()),
    }
}

fn found(missing: &[&TrafficCondition], report: &TrafficReport) -> Vec<String> {
    missing.iter().map(|goal| goal.found(report)).collect()
}
