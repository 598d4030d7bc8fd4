//! `status --watch` on a terminal: a table that is redrawn on each change.

use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Signal as Posix, getpid, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::lines::changes;
use super::print::{Printed, StatusPage};
use crate::cluster::{Cluster, Clusters};
use crate::commands::args::absent::flags_of;
use crate::commands::args::query::place_in_context;
use crate::commands::args::selection::warn_of_forbidden;
use crate::observe::{ObserveScope, Observer, Snapshot};
use crate::output::screen::Screen;
use crate::problem::Exit;
use crate::process::signals::Interrupts;
use crate::view::age::age;
use crate::view::status::screen::{RecentChanges, StatusFrame};

/// The shortest time from one frame to the next.
const MIN_FRAME_INTERVAL: Duration = Duration::from_millis(200);
/// How often to redraw the ages.
const AGE_INTERVAL: Duration = Duration::from_secs(1);

/// Shows the table until a signal arrives, and leaves the last frame on the terminal.
pub async fn run(
    cluster: &Clusters,
    scope: ObserveScope,
    page: &StatusPage,
) -> anyhow::Result<Exit> {
    let mut interrupts = Interrupts::listen()?;
    let mut signals = TerminalSignals::listen()?;
    let place = place_in_context(cluster, scope.namespace.as_deref());
    let home = flags_of(cluster, scope.namespace.as_deref());
    let mut observer = Observer::start(cluster, scope);
    let first = tokio::select! {
        _ = interrupts.next() => return Ok(Exit::Done),
        next = observer.next() => next?,
    };
    let mut table = LiveTable {
        cluster,
        page,
        place,
        scope: home,
        snapshot: first,
        recent: RecentChanges::default(),
    };
    warn_of_forbidden(&page.streams, cluster, observer.forbidden());
    let mut screen = Screen::enter(&page.streams)?;
    let mut pacer = FramePacer::start(Instant::now());
    loop {
        tokio::select! {
            _ = interrupts.next() => break,
            () = sleep_until(pacer.due) => {
                screen.draw(table.frame(&observer))?;
                pacer.drew(Instant::now());
            }
            next = observer.next() => {
                table.update(next?);
                pacer.change();
            }
            _ = signals.resized.recv() => {
                screen.forget();
                pacer.change();
            }
            _ = signals.stopped.recv() => {
                screen.leave()?;
                // Returns when the process is continued.
                kill_process(getpid(), Posix::STOP).context("stopping")?;
                screen.resume()?;
                pacer = FramePacer::start(Instant::now());
            }
        }
    }
    screen.leave()?;
    let printed = Printed {
        statuses: &table.snapshot.statuses,
        exit: None,
        missing: None,
    };
    page.print(cluster, &printed)?;
    Ok(Exit::Done)
}

/// When the next frame is due.
struct FramePacer {
    drawn: Instant,
    due: Instant,
}

impl FramePacer {
    fn start(now: Instant) -> Self {
        Self {
            drawn: now,
            due: now,
        }
    }

    fn drew(&mut self, now: Instant) {
        *self = Self {
            drawn: now,
            due: now + AGE_INTERVAL,
        };
    }

    /// Records that there is a change to show.
    fn change(&mut self) {
        self.due = self.due.min(self.drawn + MIN_FRAME_INTERVAL);
    }
}

/// The terminal's signals.
struct TerminalSignals {
    resized: Signal,
    /// Ctrl-Z.
    stopped: Signal,
}

impl TerminalSignals {
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
    page: &'a StatusPage,
    place: String,
    scope: String,
    snapshot: Snapshot,
    recent: RecentChanges,
}

impl LiveTable<'_> {
    fn update(&mut self, snapshot: Snapshot) {
        let at = self.cluster.clock().now();
        for change in changes(Some(&self.snapshot.statuses), &snapshot.statuses) {
            if change.is_transition() {
                self.recent.add(&change, at);
            }
        }
        self.snapshot = snapshot;
    }

    fn frame(&self, observer: &Observer) -> Vec<String> {
        let (columns, rows) = self.page.streams.terminal_size();
        let now = self.cluster.clock().now();
        let frame = StatusFrame {
            place: &self.place,
            connection: &self.cluster.reach,
            scope: &self.scope,
            statuses: &self.snapshot.statuses,
            warning: self.warning(observer),
            recent: &self.recent,
            style: self.page.style(),
            now,
            // Clearing the rest of a line would clear its last column.
            columns: columns.saturating_sub(1),
            rows,
        };
        frame.lines()
    }

    fn warning(&self, observer: &Observer) -> Option<String> {
        let Snapshot { absent, lost, .. } = &self.snapshot;
        if let Some(lost) = lost {
            let silent = observer.since(lost.since);
            let now = self.cluster.clock().now();
            let then = now.checked_sub(silent).unwrap_or(now);
            return Some(format!(
                "CONNECTION LOST, last heard {} ago: {}; reconnecting",
                age(then, now),
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

    /// Returns the number of frames in ten seconds, with a change in each interval.
    fn frames(every: Duration) -> u32 {
        let start = Instant::now();
        let mut pacer = FramePacer::start(start);
        let mut frames = 0;
        for millis in 0..10_000 {
            let passed = Duration::from_millis(millis);
            if millis % u64::try_from(every.as_millis()).unwrap() == 0 {
                pacer.change();
            }
            if start + passed >= pacer.due {
                frames += 1;
                pacer.drew(start + passed);
            }
        }
        frames
    }

    #[test]
    fn many_changes_draw_at_most_five_frames_per_second() {
        assert_eq!(frames(Duration::from_millis(1)), 50);
        assert_eq!(frames(Duration::from_millis(500)), 20);
        assert_eq!(
            frames(Duration::from_secs(60)),
            10,
            "ages are brought up to date"
        );
    }
}
