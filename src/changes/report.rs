//! Reports the outcomes of a change, as text or JSON.

use serde::Serialize;
use serde_json::Value;

use super::confirm::carriers;
use super::execute::Execution;
use super::order::{ChangeOutcome, ChangeResult, Order};
use super::read_back::all_met;
use super::report_lines::{Reported, lines};
use super::write::place_of;
use crate::model::{GroupId, State, Status};
use crate::problem::Exit;
use crate::text::{ConnectionFlags, MAX_LINE_CHARS, clean, shorten};
use crate::view::formats::{API_VERSION, json};

/// The JSON report.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangeList<'a> {
    api_version: &'static str,
    kind: &'static str,
    command: &'static str,
    context: &'a str,
    server: &'a str,
    exit_code: u8,
    items: Vec<ChangeItem<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangeItem<'a> {
    namespace: &'a str,
    object: &'a str,
    name: &'a str,
    /// `changed`, `wouldChange`, `unchanged`, `refused`, `left`, `notMet` or `failed`.
    result: &'static str,
    message: String,
    /// The value of `--allow` that overrides a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<String>,
    /// The state and the active backends as they were read back.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<Vec<&'a str>>,
    /// What flows, with --traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    traffic: Option<&'a Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    next: Vec<String>,
}

impl Execution<'_> {
    /// Prints a line for each group, or for many with the same result: successes on standard output, the rest on standard error, with
    /// a summary for several groups. A closed standard output is not an error, since the changes
    /// are done. Returns the exit code.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn report(&self, outcomes: &[ChangeOutcome]) -> anyhow::Result<Exit> {
        let Self {
            cluster,
            order,
            streams,
            ..
        } = *self;
        let exit = exit(outcomes, order);
        let items = outcomes
            .iter()
            .map(|outcome| item(order, outcome, &cluster.reach));
        let items: Vec<ChangeItem> = items.collect();
        if self.args.prints_json() {
            let list = ChangeList {
                api_version: API_VERSION,
                kind: "ChangeList",
                command: order.spec().name,
                context: &cluster.context,
                server: &cluster.server,
                exit_code: exit.code(),
                items,
            };
            streams.print_if_read(json(&list)?.trim_end())?;
            return Ok(exit);
        }
        let left: Vec<&GroupId> = outcomes.iter().filter_map(ChangeOutcome::left).collect();
        let reported = outcomes.iter().zip(&items);
        let reported = reported.map(|(outcome, item)| Reported {
            outcome,
            result: item.result,
            message: &item.message,
            next: &item.next,
        });
        let reported: Vec<Reported> = reported.collect();
        for line in lines(&reported, self.args.max_single_groups()) {
            let text = clean(&format!("{}: {}", line.subject, line.message));
            let text = shorten(&text, MAX_LINE_CHARS);
            match line.result {
                "refused" => streams.say(&format!("refused: {text}")),
                "left" => streams.say(&format!("left alone: {text}")),
                "notMet" => streams.say(&format!("not ready in time: {text}")),
                "failed" => streams.say(&format!("error: {text}")),
                "wouldChange" => {
                    let mode = self.args.dry_run.mode.suffix();
                    streams.print_if_read(&format!("{text}{mode}"))?;
                }
                _ => streams.print_if_read(&text)?,
            }
            // One command, below, is for all that were left alone.
            let next = line.next.iter();
            for next in next.filter(|_| line.result != "left" || left.len() == 1) {
                streams.say(&format!("  {}", shorten(next, MAX_LINE_CHARS)));
            }
        }
        if items.len() > 1 {
            streams.say(&summary(&items));
        }
        if let [_, _, ..] = left.as_slice()
            && let Some(command) = order.command_for_left(&place_of(cluster, &left))
        {
            streams.say(&format!("to fail back those left alone too: {command}"));
        }
        Ok(exit)
    }
}

/// 0 if all is well; 3 if a group is not as ordered in time; 4 if every group was refused or left
/// alone; else 1. A group that was left alone beside others was not meant.
fn exit(outcomes: &[ChangeOutcome], order: &dyn Order) -> Exit {
    let (mut refused, mut left, mut failed, mut late) = (0, 0, 0, 0);
    for outcome in outcomes {
        match outcome.result {
            ChangeResult::Refused(_) => refused += 1,
            ChangeResult::Left(_) => left += 1,
            ChangeResult::Failed(_) | ChangeResult::Gone(_) => failed += 1,
            ChangeResult::NotMet(_) => late += 1,
            _ => {}
        }
    }
    if refused + left > 0 && refused + left == outcomes.len() {
        return Exit::Refused;
    }
    if refused + failed == 0 {
        let follows = |outcome: &ChangeOutcome| outcome.traffic.as_ref().is_none_or(|it| it.is_met);
        let is_late = late > 0
            || !outcomes.iter().all(follows)
            || order.spec().wait.is_some() && !all_met(outcomes, order);
        return if is_late { Exit::NotMet } else { Exit::Done };
    }
    Exit::Failed
}

/// A result as the report has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedResult {
    /// Its name in JSON.
    pub result: &'static str,
    pub message: String,
    /// The value of `--allow` that overrides a refusal.
    pub allow: Option<String>,
    pub next: Vec<String>,
}

impl ReportedResult {
    pub fn of(result: &ChangeResult) -> Self {
        let mut allow = None;
        let mut next = Vec::new();
        let (result, message) = match result {
            ChangeResult::Changed(words) => ("changed", words.clone()),
            ChangeResult::WouldChange(words) => ("wouldChange", words.clone()),
            ChangeResult::Unchanged(words) => ("unchanged", words.clone()),
            ChangeResult::Refused(refusal) => {
                allow.clone_from(&refusal.allow);
                let anyway = |danger: &String| format!("to do it anyway, add --allow={danger}");
                next.extend(refusal.next.iter().cloned());
                next.extend(allow.as_ref().map(anyway));
                ("refused", refusal.reason.clone())
            }
            ChangeResult::Left(why) => {
                allow.clone_from(&why.allow);
                next.extend(why.next.iter().cloned());
                ("left", why.reason.clone())
            }
            ChangeResult::NotMet(refusal) => {
                next.extend(refusal.next.iter().cloned());
                ("notMet", refusal.reason.clone())
            }
            ChangeResult::Failed(problem) | ChangeResult::Gone(problem) => {
                next.clone_from(&problem.next);
                ("failed", problem.message.clone())
            }
        };
        next.retain(|line| !line.is_empty());
        Self {
            result,
            message,
            allow,
            next,
        }
    }
}

fn item<'a>(
    order: &dyn Order,
    outcome: &'a ChangeOutcome,
    reach: &ConnectionFlags,
) -> ChangeItem<'a> {
    let ReportedResult {
        result,
        mut message,
        allow,
        mut next,
    } = ReportedResult::of(&outcome.result);
    match &outcome.now {
        Some(Ok(now)) => {
            message += &format!("; {}", summarize(now));
            next.extend(order.after(now, reach));
        }
        Some(Err(problem)) => {
            message += &match order.spec().deletes {
                true => format!("; {}", problem.message),
                false => format!("; the group could not be read back: {}", problem.message),
            };
            next.extend(problem.next.iter().cloned());
        }
        None => {}
    }
    if let Some(traffic) = &outcome.traffic {
        message += &format!("; {}", traffic.words);
        next.extend(traffic.next.iter().cloned());
    }
    let now = outcome.now.as_ref().and_then(|now| now.as_ref().ok());
    let (state, active) = (now.map(|now| now.state), now.map(Status::active));
    next.retain(|line| !line.is_empty());
    let id = &outcome.id;
    ChangeItem {
        namespace: &id.namespace,
        object: id.kind,
        name: &id.name,
        result,
        message,
        allow,
        state,
        active,
        traffic: outcome.traffic.as_ref().and_then(|it| it.document.as_ref()),
        next,
    }
}

fn summarize(now: &Status) -> String {
    if now.state == State::Invalid {
        return format!(
            "this may have no effect, since the group is Invalid: {}",
            now.reason
        );
    }
    format!("traffic is on {} ({})", carriers(&now.active()), now.state)
}

fn summary(items: &[ChangeItem]) -> String {
    let results = [
        ("changed", "changed"),
        ("wouldChange", "would change"),
        ("unchanged", "unchanged"),
        ("refused", "refused"),
        ("left", "left alone"),
        ("notMet", "not ready in time"),
        ("failed", "failed"),
    ];
    let part = |(result, what)| {
        let count = items.iter().filter(|item| item.result == result).count();
        (count > 0).then(|| format!("{count} {what}"))
    };
    let parts: Vec<String> = results.into_iter().filter_map(part).collect();
    format!("{} groups: {}", items.len(), parts.join(", "))
}
