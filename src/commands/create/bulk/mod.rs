//! `create --all` and `create -f`: many groups, with a plan, one prompt, and one report.

mod plan;
mod report;
mod requests;
mod said;
mod write;

use plan::{confirm, plan_all, say_notes};
use report::report;
use requests::{requests_of_all, requests_of_file};
use write::write_all;

use super::file;
use crate::cli::{CreateArgs, DryRun};
use crate::commands::env::CommandEnv;
use crate::problem::{Exit, Problem};
use crate::process::signals::Interrupts;

pub async fn run(env: &CommandEnv, args: &CreateArgs) -> anyhow::Result<Exit> {
    let from_file = args.filename.as_deref().map(file::read);
    if let Some(Ok(_)) = &from_file
        && env.flags.all_namespaces
    {
        return Err(Problem::usage(
            "-f does not take --all-namespaces: each group of the file is in one",
        )
        .next("name it in the file, with the key namespace, or with -n for all")
        .into());
    }
    let from_file = from_file.transpose()?;
    let cluster = env.connect(&args.remotes).await?;
    let requests = match from_file {
        Some(groups) => requests_of_file(&cluster, args, groups).await?,
        None => requests_of_all(env, &cluster, args).await?,
    };
    let is_all = args.all;
    for line in &requests.skipped {
        env.streams.say(line);
    }
    let planned = plan_all(&cluster, &env.streams, requests).await;
    say_notes(&env.streams, &planned);
    let interrupts = if args.yes || args.dry_run.mode != DryRun::None {
        None
    } else {
        confirm(env, &cluster, &planned).await?
    };
    let mut interrupts = interrupts.map_or_else(Interrupts::listen, Ok)?;
    let work = write_all(&cluster, &env.streams, planned, is_all);
    let ended = tokio::select! {
        ended = work => ended,
        interrupted = interrupts.next() => {
            let problem = interrupted.problem();
            return Err(problem.next("run the same command again: it goes on").into());
        }
    };
    report(env, &cluster, args, &ended).await
}
