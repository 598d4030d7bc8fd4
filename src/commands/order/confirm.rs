use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::{Order, Plan, Refusal};
use crate::cluster::Cluster;
use crate::error::Problem;
use crate::resource::{Change, Record};
use crate::view::text::clean;

/// Asks once for all groups that are to change: on a terminal, unless `--yes` was given. Elsewhere `--yes` has to
/// be there.
///
/// # Errors
/// Where the answer is no, or nobody can be asked.
pub fn ask(
    cluster: &Cluster,
    order: &dyn Order,
    plans: &[(Record, Result<Plan, Refusal>)],
    yes: bool,
) -> anyhow::Result<()> {
    let changes: Vec<String> = plans
        .iter()
        .filter_map(|(record, plan)| match plan {
            Ok(Plan::Change { change, .. }) => {
                Some(clean(&format!("  {}: {}", record.id(), before_and_after(record, change))))
            }
            _ => None,
        })
        .collect();
    if yes || changes.is_empty() {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Problem::refused(format!(
            "{} asks first, and there is no terminal to ask on",
            order.name()
        ))
        .next("nothing was changed")
        .next("to go on without being asked, add --yes; to see what would change, --dry-run=client")
        .into());
    }
    eprintln!("{} in context {} ({})", order.name(), clean(&cluster.context), clean(&cluster.server));
    for change in changes {
        eprintln!("{change}");
    }
    for (record, plan) in plans {
        if let Err(refusal) = plan {
            eprintln!("{}", clean(&format!("  {} is refused: {}", record.id(), refusal.reason)));
        }
    }
    eprint!("Go on? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Problem::refused("nothing was changed").into()),
    }
}

/// Where the traffic is, and where it is to go.
fn before_and_after(record: &Record, change: &Change) -> String {
    let Ok(group) = &record.group else { return String::new() };
    let active = |weights: &[u64]| {
        let pairs = group.backends.iter().zip(weights).filter(|(_, weight)| **weight > 0);
        pairs.map(|(backend, _)| backend.service.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let before = active(&group.weights());
    match &change.weights {
        Some(weights) => format!("{before} -> {}", active(weights)),
        None => format!("the traffic stays on {before}"),
    }
}
