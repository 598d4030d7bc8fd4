//! The prompt: shows what is about to change and asks once for all groups.

use std::sync::Arc;

use super::order::{ChangePlan, Order, roles};
use super::plan::PlannedChange;
use super::precondition::paused;
use super::write::OrderContext;
use crate::cli::ChangeArgs;
use crate::model::fold::{FoldedText, GroupText, fold_texts};
use crate::model::{Group, Readiness};
use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::process::input::Input;
use crate::process::signals::Interrupts;
use crate::resource::Change;
use crate::text::{MAX_LINE_CHARS, shorten};

/// Asks for confirmation if anything would change. If there was a prompt, returns the signals since
/// then, which do not end the process by themselves.
///
/// # Errors
/// If the answer is no, or there is no terminal to ask on.
pub async fn confirm(
    context: OrderContext<'_>,
    planned: &[PlannedChange],
    args: &ChangeArgs,
    streams: &Streams,
    input: &Input,
) -> anyhow::Result<Option<Interrupts>> {
    let OrderContext { cluster, order, .. } = context;
    if !planned.iter().any(PlannedChange::is_change) {
        return Ok(None);
    }
    let name = order.spec().name;
    refuse_without_terminal(name, input)?;
    streams.say(&format!(
        "{name} in context {} ({})",
        cluster.context, cluster.server
    ));
    for line in lines(order, planned, args.max_single_groups()) {
        streams.say(&shorten(&line, MAX_LINE_CHARS));
    }
    ask(streams, input).await.map(Some)
}

/// # Errors
/// If there is no terminal on which the command could ask.
pub fn refuse_without_terminal(command: &str, input: &Input) -> Result<(), Problem> {
    if input.can_ask {
        return Ok(());
    }
    Err(Problem::refused(format!(
        "{command} asks for confirmation, and there is no terminal to ask on"
    ))
    .next("nothing was changed")
    .next("add --yes to skip the prompt, or --dry-run=client to see what would change"))
}

/// Asks whether to continue. Returns the signals since then, which do not end the process by
/// themselves.
///
/// # Errors
/// If the answer is no.
pub async fn ask(streams: &Streams, input: &Input) -> anyhow::Result<Interrupts> {
    let mut interrupts = Interrupts::listen()?;
    streams.write_err("Continue? [y/N] ")?;
    let read_line = Arc::clone(&input.read_line);
    let answer = tokio::select! {
        answer = tokio::task::spawn_blocking(move || read_line()) => answer??,
        _ = interrupts.next() => {
            streams.say("");
            String::new()
        }
    };
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(interrupts),
        _ => Err(Problem::refused("aborted: nothing was changed").into()),
    }
}

/// A line for each change, then one for each group that is refused or left alone; one line for many
/// groups with the same change.
fn lines(order: &dyn Order, planned: &[PlannedChange], max_single: usize) -> Vec<String> {
    let said = |planned: &PlannedChange, text: String| GroupText {
        id: planned.record.id(),
        roles: roles(&planned.record),
        text,
    };
    let changes = planned.iter().filter_map(|planned| match &planned.plan {
        Ok(ChangePlan::Change(write)) => {
            let what = describe(order, planned, &write.change, &write.words);
            Some(said(planned, what))
        }
        _ => None,
    });
    let refused = planned.iter().filter_map(|planned| {
        let refusal = planned.plan.as_ref().err()?;
        Some(said(planned, refusal.reason.clone()))
    });
    let left = planned.iter().filter_map(|planned| match &planned.plan {
        Ok(ChangePlan::Left(why)) => Some(said(planned, why.reason.clone())),
        _ => None,
    });
    let line = |it: FoldedText, what: &str| {
        let verb = match what {
            "" => String::new(),
            what if it.is_many => format!(" are {what}"),
            what => format!(" is {what}"),
        };
        format!("  {}{verb}: {}", it.subject, it.text)
    };
    let parts = [
        (fold_texts(changes, max_single), ""),
        (fold_texts(refused, max_single), "refused"),
        (fold_texts(left, max_single), "left alone"),
    ];
    let parts = parts.into_iter();
    parts
        .flat_map(|(texts, what)| texts.into_iter().map(move |it| line(it, what)))
        .collect()
}

/// Returns where the traffic goes or what else changes, then the terms.
fn describe(order: &dyn Order, planned: &PlannedChange, change: &Change, words: &str) -> String {
    let Ok(group) = &planned.record.group else {
        return words.to_owned();
    };
    let readiness = &planned.seen.readiness;
    let before = active(group, &group.weights(), readiness);
    let what = match &change.moves_to {
        Some(weights) => format!("{before} → {}", active(group, weights, readiness)),
        None if order.spec().deletes || !change.backends.is_empty() => words.to_owned(),
        None => format!("{words}; traffic stays on {before}"),
    };
    let terms = order.terms(&planned.seen).into_iter();
    let terms = terms.filter(|term| !what.contains(term));
    let pause = group.paused.as_ref();
    let pause = pause.filter(|pause| !pause.is_over(planned.seen.now));
    std::iter::once(what.clone())
        .chain(terms)
        .chain(pause.map(paused))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Such as `web-svc (0 of 1 ready), web-svc-east (2 of 2 ready)`.
fn active(group: &Group, weights: &[u64], readiness: &[Readiness]) -> String {
    let backends = group.backends.iter().zip(weights).enumerate();
    let carrying = backends.filter(|(_, (_, weight))| **weight > 0);
    let names = carrying.map(|(index, (backend, _))| match readiness.get(index) {
        Some(readiness) => format!("{} ({})", backend.name, in_short(readiness)),
        None => backend.name.clone(),
    });
    let names: Vec<String> = names.collect();
    carriers(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Such as `0 of 1 ready`.
pub fn in_short(readiness: &Readiness) -> String {
    match (readiness, readiness.counts()) {
        (Readiness::Missing, _) => "does not exist".to_owned(),
        (_, Some((ready, total))) => format!("{ready} of {total} ready"),
        (_, None) => "readiness unknown".to_owned(),
    }
}

/// The backends that carry traffic, in words.
pub fn carriers(active: &[&str]) -> String {
    match active {
        [] => "no backend".to_owned(),
        names => names.join(", "),
    }
}
