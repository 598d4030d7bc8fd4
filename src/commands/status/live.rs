use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Signal as Posix, getpid, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::lines::changes;
use super::{Page, print};
use crate::cluster::Cluster;
use crate::commands::selection::place_of;
use crate::error::Exit;
use crate::observe::{Observer, Scope, Sight};
use crate::sandbox::interrupt::Interrupts;
use crate::view::ago::ago;
use crate::view::live::{Live, Transitions};
use crate::view::screen::Screen;
use crate::view::terminal;

/// The shortest time from one frame to the next.
const PACE: Duration = Duration::from_millis(200);
/// How often ages are brought up to date.
const AGEING: Duration = Duration::from_secs(1);

/// Shows a table that is drawn again on each change, until a signal comes; what was seen last stays on the terminal.
pub async fn run(cluster: &Cluster, scope: Scope, page: Page) -> anyhow::Result<Exit> {
    let mut interrupts = Interrupts::listen()?;
    let mut signals = Signals::listen()?;
    let place = place_of(cluster, scope.namespace.as_deref());
    let home = super::selection::home(cluster, scope.namespace.as_deref());
    let mut observer = Observer::start(cluster, scope);
    let first = tokio::select! {
        _ = interrupts.next() => return Ok(Exit::Done),
        sight = observer.next() => sight?,
    };
    let mut table =
        LiveTable { cluster, page, place, scope: home, sight: first, transitions: Transitions::default() };
    let mut screen = Screen::enter()?;
    let mut drawn = Instant::now();
    let mut due = drawn;
    loop {
        tokio::select! {
            _ = interrupts.next() => break,
            () = sleep_until(due) => {
                screen.draw(table.frame(&observer))?;
                drawn = Instant::now();
                due = drawn + AGEING;
            }
            sight = observer.next() => {
                table.take_in(sight?);
                due = due.min(drawn + PACE);
            }
            _ = signals.resized.recv() => {
                screen.forget();
                due = due.min(drawn + PACE);
            }
            _ = signals.stopped.recv() => {
                screen.leave()?;
                // This process rests here until it is told to go on.
                kill_process(getpid(), Posix::STOP).context("stopping")?;
                screen.resume()?;
                due = Instant::now();
            }
        }
    }
    screen.leave()?;
    let seen = print::Printed { statuses: &table.sight.statuses, exit: None, missing: None };
    print::print(cluster, &seen, page)?;
    Ok(Exit::Done)
}

/// What a terminal tells of itself.
struct Signals {
    resized: Signal,
    /// Ctrl-Z.
    stopped: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("listening for signals");
        let stop = SignalKind::from_raw(Posix::TSTP.as_raw());
        Ok(Self { resized: listen(SignalKind::window_change())?, stopped: listen(stop)? })
    }
}

struct LiveTable<'a> {
    cluster: &'a Cluster,
    page: Page,
    place: String,
    scope: String,
    sight: Sight,
    transitions: Transitions,
}

impl LiveTable<'_> {
    fn take_in(&mut self, sight: Sight) {
        let at = self.cluster.clock().now();
        for change in changes(Some(&self.sight.statuses), &sight.statuses) {
            if change.is_transition() {
                self.transitions.add(&change, at);
            }
        }
        self.sight = sight;
    }

    fn frame(&self, observer: &Observer) -> Vec<String> {
        let (columns, rows) = terminal::size();
        let now = self.cluster.clock().now();
        let live = Live {
            place: &self.place,
            reach: &self.cluster.reach,
            scope: &self.scope,
            statuses: &self.sight.statuses,
            warning: self.warning(observer),
            transitions: &self.transitions,
            style: print::style(self.page),
            now,
            // The rest of a line is cleared after it, which would take what stands in the last column.
            columns: columns.saturating_sub(1),
            rows,
        };
        live.frame()
    }

    fn warning(&self, observer: &Observer) -> Option<String> {
        let Sight { absent, lost, .. } = &self.sight;
        if let Some(lost) = lost {
            let silent = observer.since(lost.since);
            let now = self.cluster.clock().now();
            let then = now.checked_sub(silent).unwrap_or(now);
            return Some(format!(
                "CONNECTION LOST, last heard {} ago: {}; trying again",
                ago(then, now),
                lost.why
            ));
        }
        let names: Vec<String> = absent.iter().map(ToString::to_string).collect();
        (!names.is_empty()).then(|| format!("no such group yet: {}", names.join(", ")))
    }
}
