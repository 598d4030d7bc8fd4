use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Signal as Posix, getpid, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::lines::changes;
use super::{StatusPage, print};
use crate::cluster::{Cluster, Clusters};
use crate::commands::args::selection::{place_of, say_forbidden};
use crate::observe::{ObserveScope, Observer, Snapshot};
use crate::output::screen::Screen;
use crate::output::streams::Streams;
use crate::problem::Exit;
use crate::process::signals::Interrupts;
use crate::view::ago::ago;
use crate::view::live::{Live, Transitions};

/// The shortest time from one frame to the next.
const PACE: Duration = Duration::from_millis(200);
/// How often ages are brought up to date.
const AGEING: Duration = Duration::from_secs(1);

/// Shows a table that is drawn again on each change, until a signal comes; what was seen last stays on the terminal.
pub async fn run(
    cluster: &Clusters,
    scope: ObserveScope,
    page: StatusPage,
) -> anyhow::Result<Exit> {
    let mut interrupts = Interrupts::listen()?;
    let mut signals = Signals::listen()?;
    let place = place_of(cluster, scope.namespace.as_deref());
    let home = super::selection::home(cluster, scope.namespace.as_deref());
    let mut observer = Observer::start(cluster, scope);
    let first = tokio::select! {
        _ = interrupts.next() => return Ok(Exit::Done),
        sight = observer.next() => sight?,
    };
    let mut table = LiveTable {
        cluster,
        page,
        place,
        scope: home,
        sight: first,
        transitions: Transitions::default(),
    };
    say_forbidden(cluster, observer.forbidden());
    let mut screen = Screen::enter(&Streams::process())?;
    let mut pace = Pace::start(Instant::now());
    loop {
        tokio::select! {
            _ = interrupts.next() => break,
            () = sleep_until(pace.due) => {
                screen.draw(table.frame(&observer))?;
                pace.drew(Instant::now());
            }
            sight = observer.next() => {
                table.take_in(sight?);
                pace.news();
            }
            _ = signals.resized.recv() => {
                screen.forget();
                pace.news();
            }
            _ = signals.stopped.recv() => {
                screen.leave()?;
                // This process rests here until it is told to go on.
                kill_process(getpid(), Posix::STOP).context("stopping")?;
                screen.resume()?;
                pace = Pace::start(Instant::now());
            }
        }
    }
    screen.leave()?;
    let seen = print::Printed {
        statuses: &table.sight.statuses,
        exit: None,
        missing: None,
    };
    print::print(cluster, &seen, page)?;
    Ok(Exit::Done)
}

/// When the next frame is due.
struct Pace {
    drawn: Instant,
    due: Instant,
}

impl Pace {
    fn start(now: Instant) -> Self {
        Self {
            drawn: now,
            due: now,
        }
    }

    fn drew(&mut self, now: Instant) {
        *self = Self {
            drawn: now,
            due: now + AGEING,
        };
    }

    /// There is something else to show.
    fn news(&mut self) {
        self.due = self.due.min(self.drawn + PACE);
    }
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
        Ok(Self {
            resized: listen(SignalKind::window_change())?,
            stopped: listen(stop)?,
        })
    }
}

struct LiveTable<'a> {
    cluster: &'a Cluster,
    page: StatusPage,
    place: String,
    scope: String,
    sight: Snapshot,
    transitions: Transitions,
}

impl LiveTable<'_> {
    fn take_in(&mut self, sight: Snapshot) {
        let at = self.cluster.clock().now();
        for change in changes(Some(&self.sight.statuses), &sight.statuses) {
            if change.is_transition() {
                self.transitions.add(&change, at);
            }
        }
        self.sight = sight;
    }

    fn frame(&self, observer: &Observer) -> Vec<String> {
        let (columns, rows) = Streams::process().terminal_size();
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
        let Snapshot { absent, lost, .. } = &self.sight;
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
        let names: Vec<String> = absent
            .iter()
            .map(|absent| absent.name.to_string())
            .collect();
        (!names.is_empty()).then(|| format!("no such group yet: {}", names.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws whenever a frame is due, with news every so often; gives the frames of ten seconds.
    fn frames(every: Duration) -> u32 {
        let start = Instant::now();
        let mut pace = Pace::start(start);
        let mut frames = 0;
        for millis in 0..10_000 {
            let passed = Duration::from_millis(millis);
            if millis % u64::try_from(every.as_millis()).unwrap() == 0 {
                pace.news();
            }
            if start + passed >= pace.due {
                frames += 1;
                pace.drew(start + passed);
            }
        }
        frames
    }

    #[test]
    fn however_much_changes_there_are_five_frames_a_second() {
        assert_eq!(frames(Duration::from_millis(1)), 50);
        assert_eq!(frames(Duration::from_millis(500)), 20);
        assert_eq!(
            frames(Duration::from_secs(60)),
            10,
            "ages are brought up to date"
        );
    }
}
