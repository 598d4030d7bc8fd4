use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::{Order, Plan, Refusal};
use crate::cluster::Cluster;
use crate::error::Problem;
use crate::resource::Record;
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
            Ok(Plan::Change { words, .. }) => Some(clean(&format!("  {}: {words}", record.id()))),
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
    eprintln!("context {} ({})", clean(&cluster.context), clean(&cluster.server));
    for change in changes {
        eprintln!("{change}");
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
