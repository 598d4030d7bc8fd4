use std::io::{BufRead as _, IsTerminal as _};

use super::execute::PlannedChange;
use super::order::{ChangePlan, Order, paused};
use crate::cluster::Cluster;
use crate::output::streams::Streams;
use crate::output::terminal::say;
use crate::problem::Problem;
use crate::process::signals::Interrupts;
use crate::resource::Change;
use crate::text::{LONGEST_LINE, shorten};

/// Asks once for all groups that are to change: on a terminal, unless `--yes` was given. Elsewhere `--yes` has to
/// be there. Gives the signals from then on, where it had to ask: they no longer end the process by themselves.
///
/// # Errors
/// Where the answer is no, or nobody can be asked.
pub async fn ask(
    cluster: &Cluster,
    order: &dyn Order,
    tasks: &[PlannedChange],
    yes: bool,
) -> anyhow::Result<Option<Interrupts>> {
    let changes: Vec<String> = tasks
        .iter()
        .filter_map(|task| match &task.plan {
            Ok(ChangePlan::Change { change, words }) => {
                let line = format!(
                    "  {}: {}",
                    task.record.id(),
                    in_words(order, task, change, words)
                );
                Some(shorten(&line, LONGEST_LINE))
            }
            _ => None,
        })
        .collect();
    if yes || changes.is_empty() {
        return Ok(None);
    }
    if !std::io::stdin().is_terminal() || !Streams::process().err_is_terminal() {
        return Err(Problem::refused(format!(
            "{} asks first, and there is no terminal to ask on",
            order.name()
        ))
        .next("nothing was changed")
        .next("to go on without being asked, add --yes; to see what would change, --dry-run=client")
        .into());
    }
    say(&format!(
        "{} in context {} ({})",
        order.name(),
        cluster.context,
        cluster.server
    ));
    for change in changes {
        say(&change);
    }
    for PlannedChange { record, plan, .. } in tasks {
        if let Err(refusal) = plan {
            say(&shorten(
                &format!("  {} is refused: {}", record.id(), refusal.reason),
                LONGEST_LINE,
            ));
        }
    }
    let mut interrupts = Interrupts::listen()?;
    Streams::process().ask("Go on? [y/N] ")?;
    let answer = tokio::select! {
        answer = tokio::task::spawn_blocking(read_line) => answer??,
        _ = interrupts.next() => {
            say("");
            String::new()
        }
    };
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(Some(interrupts)),
        _ => Err(Problem::refused("nothing was changed").into()),
    }
}

fn read_line() -> std::io::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}

/// Where the traffic is, and where it is to go; where it stays, what changes. Then on what terms.
fn in_words(order: &dyn Order, task: &PlannedChange, change: &Change, words: &str) -> String {
    let Ok(group) = &task.record.group else {
        return words.to_owned();
    };
    let active = |weights: &[u64]| {
        let pairs = group
            .backends
            .iter()
            .zip(weights)
            .filter(|(_, weight)| **weight > 0);
        let names: Vec<&str> = pairs.map(|(backend, _)| backend.name.as_str()).collect();
        if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join(", ")
        }
    };
    let before = active(&group.weights());
    let moved = match &change.weights {
        Some(weights) => format!("{before} -> {}", active(weights)),
        None => format!("{words}; the traffic stays on {before}"),
    };
    let terms = order
        .terms(&task.seen)
        .into_iter()
        .filter(|term| !moved.contains(term));
    let pause = group
        .paused
        .as_ref()
        .filter(|pause| !pause.is_over(task.seen.now))
        .map(paused);
    std::iter::once(moved.clone())
        .chain(terms)
        .chain(pause)
        .collect::<Vec<_>>()
        .join("; ")
}
