//! `status --watch` on a terminal: a view that follows the groups, and takes keys.

mod feed;
mod keys;
mod orders;
mod pacer;
mod session;
mod signals;

use std::time::Duration;

use futures::StreamExt as _;
use tokio::time::{Instant, sleep_until};

use super::print::StatusPage;
use crate::cli::StatusArgs;
use crate::cluster::Clusters;
use crate::commands::args::contexts;
use crate::commands::args::contexts::ContextSelection;
use crate::commands::env::CommandEnv;
use crate::output::screen::Screen;
use crate::problem::Exit;
use crate::process::signals::Interrupts;
use crate::view::status::live::app::Request;
use feed::{Source, follow};
use keys::Keys;
use pacer::FramePacer;
use session::Session;
use signals::TerminalSignals;

/// How long the first groups of several clusters may take before the screen appears without them.
const FIRST_SNAPSHOTS_TIMEOUT: Duration = Duration::from_secs(2);

/// Shows the groups of one cluster until someone quits or a signal arrives, and leaves the changes
/// and the last table on the terminal.
pub async fn run(
    env: &CommandEnv,
    cluster: Clusters,
    args: &StatusArgs,
    page: &StatusPage,
) -> anyhow::Result<Exit> {
    let mut session = Session::of_one(env, &cluster, page);
    let source = Source {
        env,
        args,
        cluster: Some(cluster),
    };
    show(&mut session, vec![source]).await
}

/// Shows the groups of several clusters.
pub async fn run_several(
    envs: &[CommandEnv],
    args: &StatusArgs,
    page: &StatusPage,
) -> anyhow::Result<Exit> {
    let selection = ContextSelection::of(&args.contexts);
    let flags = contexts::flags_everywhere(envs, selection);
    let mut session = Session::of_several(envs, flags, page);
    let source = |env| Source {
        env,
        args,
        cluster: None,
    };
    let sources = envs.iter().map(source).collect();
    show(&mut session, sources).await
}

async fn show(session: &mut Session<'_>, sources: Vec<Source<'_>>) -> anyhow::Result<Exit> {
    let mut interrupts = Interrupts::listen()?;
    let mut signals = TerminalSignals::listen()?;
    let mut feed = follow(sources);
    let patience = Instant::now() + FIRST_SNAPSHOTS_TIMEOUT;
    while !session.is_complete() {
        tokio::select! {
            _ = interrupts.next() => return Ok(Exit::Done),
            Some((index, event)) = feed.next() => {
                session.handle(index, event)?;
            }
            () = sleep_until(patience), if session.has_several() => break,
        }
    }
    session.say_warnings();
    let has_keys = session.has_keys();
    let mut screen = Screen::enter(session.streams(), has_keys)?;
    let mut keys = Keys::listen(has_keys);
    let mut pacer = FramePacer::start(Instant::now());
    loop {
        let request = tokio::select! {
            _ = interrupts.next() => Some(Request::Quit),
            key = keys.next() => {
                pacer.hurry(Instant::now());
                session.key(key)
            }
            () = sleep_until(pacer.due) => {
                session.tick();
                if screen.draw(|buffer| session.draw(buffer))? {
                    pacer.drew(Instant::now());
                } else {
                    pacer.wait(Instant::now());
                }
                None
            }
            Some((index, event)) = feed.next() => {
                session.handle(index, event)?;
                pacer.change();
                None
            }
            () = session.command_event() => {
                pacer.hurry(Instant::now());
                None
            }
            _ = signals.resized.recv() => {
                pacer.change();
                None
            }
            _ = signals.stopped.recv() => Some(Request::Suspend),
        };
        match request {
            Some(Request::Quit) => break,
            Some(Request::Suspend) => {
                screen.leave()?;
                signals::stop()?;
                screen.resume()?;
                pacer = FramePacer::start(Instant::now());
            }
            Some(request) => session.start(request),
            None => {}
        }
    }
    screen.leave()?;
    session.say_warnings();
    session.print()?;
    Ok(Exit::Done)
}
