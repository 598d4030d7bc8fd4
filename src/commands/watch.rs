//! `watch`: the reconcile loop.

use std::io::Write as _;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::scope;
use crate::cli::{GlobalArgs, StreamFormat, WatchArgs};
use crate::cluster::Cluster;
use crate::error::{Exit, Problem};
use crate::model::Notice;
use crate::view::stream::{json_line, text_line};
use crate::view::terminal::say;
use crate::view::text::clean;
use crate::watch::{self, Options, Outcome};

pub async fn run(flags: &GlobalArgs, args: WatchArgs) -> anyhow::Result<Exit> {
    let cluster = Cluster::connect(flags).await?;
    let options = Options {
        namespace: scope(flags, &cluster),
        selector: args.selector,
        once: args.once,
        dry_run: args.dry_run,
    };
    let labels = options.selector.as_ref().map(|labels| format!(" with labels {labels}")).unwrap_or_default();
    let place = match &options.namespace {
        Some(namespace) => format!("{labels} in namespace {namespace}"),
        None => format!("{labels} in all namespaces"),
    };
    let context = cluster.context.clone();
    let mut say = |notice: Notice| tell(&notice, args.output, &context, &place);
    match watch::run(&cluster, &options, stopped()?, &mut say).await? {
        Outcome::Stopped | Outcome::Done { refused: 0 } => Ok(Exit::Done),
        Outcome::HeldByAnother { namespace, holder } => Err(Problem::not_met(format!(
            "namespace {} is run by {}, which keeps its traffic where it belongs",
            clean(&namespace),
            clean(&holder)
        ))
        .next("end that loop, or leave the groups to it")
        .into()),
        Outcome::Done { refused } => {
            Err(Problem::new(format!("{refused} group(s) could not be moved: see above")).into())
        }
    }
}

/// Moves go to standard output, everything else to standard error.
fn tell(notice: &Notice, format: StreamFormat, context: &str, place: &str) -> anyhow::Result<()> {
    let line = match notice {
        Notice::Started { .. } => {
            say(&format!("{}{place} of context {context}", text_line(notice)));
            return Ok(());
        }
        Notice::Moved(_) | Notice::WouldMove(_) => match format {
            StreamFormat::Text => text_line(notice),
            StreamFormat::Json => json_line(notice, context)?.unwrap_or_default(),
        },
        _ => {
            say(&text_line(notice));
            return Ok(());
        }
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

/// Ends with the first SIGINT or SIGTERM; the second one ends the process at once.
fn stopped() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for signals")?;
    Ok(async move {
        next(&mut interrupt, &mut terminate).await;
        say("ending; Ctrl-C again ends at once");
        tokio::spawn(async move {
            next(&mut interrupt, &mut terminate).await;
            std::process::exit(130);
        });
    })
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
