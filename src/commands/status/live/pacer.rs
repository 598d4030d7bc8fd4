//! When the next frame of the live view is due.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest time from one frame to the next, unless a key asks for one.
const MIN_FRAME_INTERVAL: Duration = Duration::from_millis(200);
/// How often to redraw the ages.
const AGE_INTERVAL: Duration = Duration::from_secs(1);
/// How long to leave a terminal alone that has not taken the last frame.
const BUSY_TERMINAL_INTERVAL: Duration = Duration::from_millis(50);

pub struct FramePacer {
    drawn: Instant,
    pub due: Instant,
}

impl FramePacer {
    pub fn start(now: Instant) -> Self {
        Self {
            drawn: now,
            due: now,
        }
    }

    pub fn drew(&mut self, now: Instant) {
        *self = Self {
            drawn: now,
            due: now + AGE_INTERVAL,
        };
    }

    /// Records that the terminal is busy.
    pub fn wait(&mut self, now: Instant) {
        self.due = now + BUSY_TERMINAL_INTERVAL;
    }

    /// Records that there is a change to show.
    pub fn change(&mut self) {
        self.due = self.due.min(self.drawn + MIN_FRAME_INTERVAL);
    }

    /// Records that someone waits for the next frame.
    pub fn hurry(&mut self, now: Instant) {
        self.due = self.due.min(now);
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
