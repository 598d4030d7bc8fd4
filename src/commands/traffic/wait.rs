//! `traffic --for`: counts window after window until the conditions hold in one of them.

use std::time::Duration;

use tokio::time::Instant;

use super::measure::TrafficMeter;
use super::print::TrafficPage;
use crate::cli::{TrafficArgs, TrafficFormat};
use crate::commands::status::waiting::Waiting;
use crate::model::traffic::TrafficReport;
use crate::model::traffic_findings::seconds;
use crate::model::{Group, TrafficCondition};
use crate::problem::{Exit, Problem};
use crate::text::clean;
use crate::view::traffic::Ending;

/// The default of --timeout.
const DEFAULT_TRAFFIC_TIMEOUT: Duration = Duration::from_secs(120);

pub async fn run(
    meter: &mut TrafficMeter,
    args: &TrafficArgs,
    page: &TrafficPage,
) -> anyhow::Result<Exit> {
    let groups: Vec<&Group> = meter.groups().collect();
    check(&args.goals, &groups)?;
    let timeout = args.timeout.unwrap_or(DEFAULT_TRAFFIC_TIMEOUT);
    let goals: Vec<String> = args.goals.iter().map(ToString::to_string).collect();
    let asked = goals.join(" and ");
    let started = Instant::now();
    let end = started + timeout;
    let waiting = Waiting::start(&page.streams, asked.clone(), timeout);
    let mut reports = meter.next().await?;
    let mut windows = 1;
    loop {
        let missing = missing(&args.goals, &reports);
        // A window that ends too late is not begun.
        if missing.is_empty() || Instant::now() + meter.interval() > end {
            break;
        }
        waiting.say(&found(&missing, reports.len()));
        let say = |line: &str| waiting.say(&[line.to_owned()]);
        reports = meter.again(Some(end), say).await?;
        windows += 1;
    }
    waiting.end();
    let missing = missing(&args.goals, &reports);
    let exit = if missing.is_empty() {
        Exit::Done
    } else {
        Exit::NotMet
    };
    let ending = Ending {
        exit_code: exit.code(),
        missing: missing
            .iter()
            .map(|unmet| unmet.name(reports.len()))
            .collect(),
    };
    let is_data = matches!(page.format, TrafficFormat::Json | TrafficFormat::Yaml);
    page.print(meter, &reports, Some(&ending))?;
    if missing.is_empty() {
        return Ok(Exit::Done);
    }
    // One window is always counted: it can take longer, and that of Prometheus has ended already.
    let waited = started.elapsed();
    let (waited, only) = match windows {
        1 if waited < timeout => (timeout, Some(meter.interval())),
        _ => (waited, None),
    };
    let only = only.map(|interval| {
        let interval = seconds(interval.as_secs_f64());
        format!("only one window was counted, since another one takes {interval}; use a longer --timeout")
    });
    let waited = seconds(waited.as_secs_f64());
    let problem = Problem::not_met(format!("timed out after {waited} waiting for {asked}"))
        .next_all(found(&missing, reports.len()))
        .next_all(only);
    Err(Problem {
        is_printed: is_data,
        ..problem
    }
    .into())
}

/// A condition that a group does not meet.
struct Unmet<'a> {
    goal: &'a TrafficCondition,
    report: &'a TrafficReport,
}

impl Unmet<'_> {
    /// Returns the condition; of several groups, with the group.
    fn name(&self, groups: usize) -> String {
        self.of_group(groups, self.goal.to_string())
    }

    fn of_group(&self, groups: usize, text: String) -> String {
        match groups {
            1 => text,
            _ => format!("{}: {text}", clean(&self.report.id.to_string())),
        }
    }
}

/// Returns what is missing. A condition on a backend is about the groups that have it.
fn missing<'a>(goals: &'a [TrafficCondition], reports: &'a [TrafficReport]) -> Vec<Unmet<'a>> {
    let pairs = reports
        .iter()
        .flat_map(|report| goals.iter().map(move |goal| Unmet { goal, report }));
    let is_about = |unmet: &Unmet<'_>| {
        let backend = unmet.goal.backend();
        backend.is_none_or(|backend| unmet.report.row(backend).is_some())
    };
    pairs
        .filter(|pair| is_about(pair) && !pair.goal.holds(pair.report))
        .collect()
}

/// Refuses conditions about backends that no group has.
fn check(goals: &[TrafficCondition], groups: &[&Group]) -> Result<(), Problem> {
    let is_known = |backend: &str| groups.iter().any(|it| it.position(backend).is_some());
    let mut backends = goals.iter().filter_map(TrafficCondition::backend);
    let Some(unknown) = backends.find(|backend| !is_known(backend)) else {
        return Ok(());
    };
    let names = || groups.iter().flat_map(|group| group.backend_names());
    let whose = match groups {
        [only] => clean(&only.id.to_string()),
        _ => "these groups".to_owned(),
    };
    let problem = Problem::usage(format!("{:?} is not a backend of {whose}", clean(unknown)));
    Err(problem
        .did_you_mean(unknown, names())
        .there_are("backends", names()))
}

fn found(missing: &[Unmet<'_>], groups: usize) -> Vec<String> {
    let found = missing.iter();
    found
        .map(|unmet| unmet.of_group(groups, unmet.goal.found(unmet.report)))
        .collect()
}
